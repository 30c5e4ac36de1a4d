"""Parquet files, read batch by batch; their schema gives the types."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.data.assemble import read_failure
from minbits.data.options import LoadOptions
from minbits.data.tables import assemble_table
from minbits.data.typed_columns import ColumnTyper, TableBuilder
from minbits.errors import DataError
from minbits.records import DataSet

_BATCH_ROWS = 65_536


def _pyarrow(where: str) -> tuple[Any, Any]:
    try:
        # An extra: 150 MB that only this loader needs.
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise DataError(
            where,
            "no package pyarrow",
            "the extra 'parquet'",
            "Install it: pip install 'minbits[parquet]'.",
        ) from error
    return pyarrow, pyarrow.parquet


def _kind(arrow: Any, field: Any, where: str) -> str:
    types = arrow.types
    kind = field.type.value_type if types.is_dictionary(field.type) else field.type
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return "numbers"
    if types.is_string(kind) or types.is_large_string(kind) or types.is_boolean(kind):
        return "text"
    raise DataError(
        f"{where}, column '{field.name}'",
        f"the type {field.type}",
        "numbers, text or booleans",
        "Convert or drop the column.",
    )


def _values(
    typer: ColumnTyper, kind: str, array: Any, where: str, first_row: int
) -> npt.NDArray[np.float64]:
    if kind == "numbers":
        numbers = array.cast("float64", safe=False).to_numpy(zero_copy_only=False)
        return typer.add_numbers(np.asarray(numbers, np.float64), where, first_row)
    typer.declared, typer.holds = True, "text"  # the schema says so
    texts = ["" if value is None else str(value) for value in array.to_pylist()]
    return typer.add_text(texts, where, first_row)


def load_parquet(path: Path, options: LoadOptions) -> DataSet:
    """Load a Parquet file; a fifth of it becomes the test set.

    Raises:
        DataError: if the file cannot be read, a type is no number, text or boolean, or labels
            cannot be used.
    """
    where = str(path)
    options.refuse("a table", "resize")
    arrow, parquet = _pyarrow(where)
    try:
        with parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            kinds = [_kind(arrow, field, where) for field in schema]
            builder = TableBuilder([str(name) for name in schema.names], options.categorical, where)
            if not kinds:
                raise DataError(where, "no columns", "a table", "Check the file.")
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                first_row = builder.store.rows + 1
                block = []
                for typer, kind, array in zip(builder.typers, kinds, batch.columns, strict=True):
                    coded = arrow.types.is_dictionary(array.type)
                    plain = array.dictionary_decode() if coded else array
                    block.append(_values(typer, kind, plain, where, first_row))
                builder.add_block(block)
    except OSError as error:
        if error.strerror:
            raise read_failure(path, error) from error
        raise _broken(path, error) from error
    except arrow.ArrowException as error:
        raise _broken(path, error) from error
    columns, train, test, label = builder.finish(options.label, None, where, header_rows=0)
    origin = f"file {path.name}, label column '{label}'"
    return assemble_table(path.stem, columns, train, test, where, origin)


def _broken(path: Path, error: Exception) -> DataError:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return DataError(str(path), text, "a whole Parquet file", "Write the file anew.")
