"""One table of a ledger as a file for other programs: CSV or Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from minbits.errors import LedgerError
from minbits.files import atomic_file
from minbits.ledger.queries import LedgerReader
from minbits.ledger.rows import Row
from minbits.ledger.schema import TABLES

_ROWS_AT_ONCE = 10_000


def _write_csv(file: BinaryIO, table: str, rows: Iterator[Row]) -> int:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.DictWriter(text, TABLES[table].c.keys())
    writer.writeheader()
    count = 0
    for row in rows:
        writer.writerow(row)
        count += 1
    text.detach()
    return count


def _pyarrow() -> tuple[Any, Any]:
    try:
        # An extra: 150 MB that nothing else in a ledger needs.
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise LedgerError(
            "export to Parquet",
            "no package pyarrow",
            "the extra 'parquet'",
            "Install it: pip install 'minbits[parquet]'.",
        ) from error
    return pyarrow, pyarrow.parquet


def _write_parquet(file: BinaryIO, table: str, rows: Iterator[Row]) -> int:
    pyarrow, parquet = _pyarrow()
    types = {int: pyarrow.int64(), float: pyarrow.float64(), str: pyarrow.string()}
    # Written down, not guessed: a column of NULLs alone has its type, too.
    schema = pyarrow.schema(
        [
            pyarrow.field(column.name, types[column.type.python_type], nullable=column.nullable)
            for column in TABLES[table].c
        ]
    )
    count = 0
    with parquet.ParquetWriter(file, schema) as writer:
        while batch := list(islice(rows, _ROWS_AT_ONCE)):
            writer.write_batch(pyarrow.RecordBatch.from_pylist(batch, schema=schema))
            count += len(batch)
    return count


TABLE_WRITERS: dict[str, Callable[[BinaryIO, str, Iterator[Row]], int]] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
}


def write_table(ledger: LedgerReader, table: str, path: Path) -> int:
    """Write one table, its format given by the file's suffix; return how many rows it has.

    Raises:
        LedgerError: if the ledger cannot be read, or a package is missing.
        OutputError: if the file cannot be written.
    """
    writer = TABLE_WRITERS[path.suffix.lower()]
    with atomic_file(path) as file, ledger.snapshot() as rows_of:
        return writer(file, table, rows_of(table))
