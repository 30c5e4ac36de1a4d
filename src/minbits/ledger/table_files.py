"""One table of a ledger as a file for other programs: CSV or Parquet, which can be taken back."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from minbits.errors import LedgerError
from minbits.files import atomic_file
from minbits.ledger.exchange import Taken, take
from minbits.ledger.queries import LedgerReader
from minbits.ledger.rows import Row
from minbits.ledger.schema import TABLES
from minbits.ledger.source import Found, RowsOf
from minbits.ledger.store import Ledger

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
            "a file of Parquet",
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
    # Settings, libraries and machines repeat: a third of what the usual compression leaves.
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        while batch := list(islice(rows, _ROWS_AT_ONCE)):
            writer.write_batch(pyarrow.RecordBatch.from_pylist(batch, schema=schema))
            count += len(batch)
    return count


TABLE_WRITERS: dict[str, Callable[[BinaryIO, str, Iterator[Row]], int]] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
}


def write_table(
    ledger: LedgerReader,
    table: str,
    path: Path,
    is_wanted: Callable[[Row], bool] = lambda row: True,
) -> int:
    """Write one table, its format given by the file's suffix; return how many rows were written.

    Args:
        ledger: to read.
        table: its name.
        path: the file; an older one is replaced when all is written.
        is_wanted: whether a row is written.

    Raises:
        LedgerError: if the ledger cannot be read, or a package is missing.
        OutputError: if the file cannot be written.
    """
    writer = TABLE_WRITERS[path.suffix.lower()]
    with atomic_file(path) as file, ledger.snapshot() as rows_of:
        return writer(file, table, filter(is_wanted, rows_of(table)))


class ParquetSource:
    """A table that `write_table` wrote as Parquet, to take its rows from.

    It has no network files: rows of ``trials`` and ``claims`` can be taken only where the ledger
    has what they name. What the rows say is checked by `take`. For files of one's own: nothing
    bounds what a file from elsewhere may unpack to.

    Attributes:
        name: the file's path.
        remedy: what to do where a row is bad.

    Raises:
        LedgerError: if it cannot be read, or its columns are not those of a table.
    """

    remedy = "Export the table again."

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._arrow, parquet = _pyarrow()
        try:
            self._file = parquet.ParquetFile(path)
        except (OSError, self._arrow.ArrowException) as error:
            raise self._bad(str(error).splitlines()[0], "a table as Parquet") from error
        names = self._file.schema_arrow.names
        found = [name for name, table in TABLES.items() if table.c.keys() == names]
        if not found:
            raise self._bad(f"columns {', '.join(names)[:200]}", f"those of {' or '.join(TABLES)}")
        self._table = found[0]

    @contextmanager
    def snapshot(self) -> Iterator[RowsOf]:
        """Give a function that yields the rows of a table."""
        yield self._rows_of

    def read_file(self, sha256: str) -> bytes:
        """Refuse: a table has no files.

        Raises:
            LedgerError: always.
        """
        where = f"{self.name}, artifact {sha256[:16]}"
        raise LedgerError(where, "a table alone", "its content", "Export JSON lines, with files.")

    def _rows_of(self, table: str) -> Iterator[Found]:
        if table != self._table:
            return
        number = 0
        try:
            for batch in self._file.iter_batches(batch_size=_ROWS_AT_ONCE):
                for row in batch.to_pylist():
                    number += 1
                    yield Found(row, f"row {number}")
        except (OSError, self._arrow.ArrowException) as error:
            raise self._bad(str(error).splitlines()[0], "a whole file") from error

    def _bad(self, got: str, expected: str) -> LedgerError:
        return LedgerError(self.name, got, expected, self.remedy)


def import_parquet(path: Path, target: Ledger) -> Taken:
    """Append what a table as Parquet holds and the ledger does not; see `take`.

    Raises:
        LedgerError: if the file or a row is bad, before anything is appended; or if the ledger
            cannot be used.
    """
    return take(ParquetSource(path), target)
