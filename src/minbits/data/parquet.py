"""Parquet files, read batch by batch; their schema gives the types."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.data.limits import check_ratio, rows_at_once
from minbits.data.options import LoadOptions
from minbits.data.parquet_pages import read_footer, unpacked_page_bytes
from minbits.data.reading import reading
from minbits.data.stored_encoding import RawTable
from minbits.data.tables import assemble_table
from minbits.data.typed_columns import ColumnTyper, TableBuilder
from minbits.errors import DataError
from minbits.files import open_regular
from minbits.types import DataSet

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


def _check_size(path: Path) -> None:
    """Refuse by its footer and page headers a file that would unpack to far more than its size.

    A column of equal values takes a few bytes however many rows it has; a text that is repeated is
    there once, but may be long and well packed.
    """
    where = str(path)
    remedy = "If the file is to be trusted, convert it to CSV, or to .npz with x and y."
    with open_regular(path) as file:
        footer = read_footer(file, where)
        values = footer.rows * footer.columns * np.dtype(np.float64).itemsize
        file_bytes = os.fstat(file.fileno()).st_size
        check_ratio(where, file_bytes, values, remedy)
        check_ratio(where, file_bytes, unpacked_page_bytes(file, footer, where), remedy)


def _plain(arrow: Any, array: Any) -> Any:
    """Return an array without a dictionary; text keeps its one, or gets one."""
    types = arrow.types
    coded = types.is_dictionary(array.type)
    kind = array.type.value_type if coded else array.type
    if types.is_string(kind) or types.is_large_string(kind):
        return array if coded else array.dictionary_encode()
    return array.dictionary_decode() if coded else array


def _add_column(
    arrow: Any, typer: ColumnTyper, array: Any, where: str, first_row: int
) -> npt.NDArray[np.float64]:
    """Return the values of some rows of a column."""
    types = arrow.types
    plain = _plain(arrow, array)
    if types.is_dictionary(plain.type):
        codes = plain.indices.cast("int64").fill_null(-1).to_numpy(zero_copy_only=False)
        texts = ["" if text is None else text for text in plain.dictionary.to_pylist()]
        return typer.add_coded(texts, codes)
    if types.is_boolean(plain.type):
        codes = plain.cast("int64").fill_null(-1).to_numpy(zero_copy_only=False)
        return typer.add_coded(["False", "True"], codes)
    numbers = plain.cast("float64", safe=False).to_numpy(zero_copy_only=False)
    values = np.asarray(numbers, np.float64)
    if types.is_floating(plain.type):
        return typer.add_numbers(values, where, first_row)
    if types.is_decimal(plain.type) and typer.is_label and not typer.declared:
        _check_decimals(typer, plain.to_pylist(), values, where, first_row)
    return typer.add_numbers(values, where, first_row, lambda: _exact_texts(plain))


def _exact_texts(array: Any) -> list[str]:
    """Return whole numbers or decimals as text, empty where missing."""
    return ["" if value is None else str(value) for value in array.to_pylist()]


def _check_decimals(
    typer: ColumnTyper,
    decimals: list[Any],
    values: npt.NDArray[np.float64],
    where: str,
    first_row: int,
) -> None:
    """Refuse a label whose fraction float64 drops."""
    for offset, (decimal, value) in enumerate(zip(decimals, values, strict=True)):
        if decimal is not None and float(value).is_integer() and decimal != int(value):
            raise typer.inexact(where, first_row + offset, str(decimal))


def load_parquet(path: Path, options: LoadOptions) -> DataSet:
    """Load a Parquet file; a fifth of it becomes the test set.

    Raises:
        DataError: if the file cannot be read, would fill the memory, a type is no number, text or
            boolean, or labels cannot be used.
    """
    where = str(path)
    options.refuse("a table", "resize")
    arrow, parquet = _pyarrow(where)
    with reading(path, "a whole Parquet file"):
        _check_size(path)
        with parquet.ParquetFile(path) as file:
            builder = _read(arrow, parquet, path, file.schema_arrow, options)
    columns, train, test, label = builder.finish(None, where, header_rows=0)
    origin = f"file {path.name}, label column '{label}'"
    found = assemble_table(path.stem, columns, train, test, where, origin)
    return dataclasses.replace(found, label_column=label)


def parquet_cells(path: Path) -> RawTable:
    """Return the cells of a file: numbers, text and booleans, None where missing.

    Raises:
        DataError: if the file cannot be read, or would fill the memory.
    """
    where = str(path)
    _, parquet = _pyarrow(where)
    with reading(path, "a whole Parquet file"):
        _check_size(path)
        with parquet.ParquetFile(path) as file:
            table = file.read()
            cells = [column.to_pylist() for column in table.columns]
            names = list(table.column_names)
    return RawTable(where, names, cells, range(1, table.num_rows + 1))


def _read(arrow: Any, parquet: Any, path: Path, schema: Any, options: LoadOptions) -> TableBuilder:
    """Return a builder with all rows of a file whose size was checked."""
    where = str(path)
    if len(schema) == 0:
        raise DataError(where, "no columns", "a table", "Check the file.")
    kinds = {field.name: _kind(arrow, field, where) for field in schema}
    builder = TableBuilder(list(schema.names), options.categorical, options.label, where)
    # Repeated text stays there once, as the file has it.
    texts = [name for name, kind in kinds.items() if kind == "text"]
    with parquet.ParquetFile(path, read_dictionary=texts) as file:
        for batch in file.iter_batches(batch_size=rows_at_once(len(schema), _BATCH_ROWS)):
            first_row = builder.store.rows + 1
            builder.add_block(
                [
                    _add_column(arrow, typer, array, where, first_row)
                    for typer, array in zip(builder.typers, batch.columns, strict=True)
                ]
            )
    return builder
