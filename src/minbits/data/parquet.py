"""Parquet files, read batch by batch; their schema gives the types."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.data.limits import check_ratio, rows_at_once
from minbits.data.options import TABLE, LoadOptions
from minbits.data.parquet_pages import read_footer, unpacked_page_bytes
from minbits.data.reading import extra_module, reading
from minbits.data.stored_encoding import TableCells
from minbits.data.table_builder import TableBuilder, table_data_set
from minbits.data.typed_columns import ColumnTyper
from minbits.errors import DataError
from minbits.files import open_regular
from minbits.types import DataSet

_BATCH_ROWS = 65_536


def _pyarrow(where: str) -> tuple[Any, Any]:
    parquet = extra_module("pyarrow.parquet", "pyarrow", "parquet", where)
    return extra_module("pyarrow", "pyarrow", "parquet", where), parquet


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
        f"Convert it, or leave it out with `drop` '{field.name}'.",
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
    arrow: Any, typer: ColumnTyper, array: Any, where: str, rows: range
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
        return typer.add_numbers(values, where, rows)
    if types.is_decimal(plain.type) and typer.may_be_label and not typer.declared:
        _check_decimals(typer, plain.to_pylist(), values, where, rows)
    return typer.add_numbers(values, where, rows, lambda: _exact_texts(plain))


def _exact_texts(array: Any) -> list[str]:
    """Return whole numbers or decimals as text, empty where missing."""
    return ["" if value is None else str(value) for value in array.to_pylist()]


def _check_decimals(
    typer: ColumnTyper,
    decimals: list[Any],
    values: npt.NDArray[np.float64],
    where: str,
    rows: range,
) -> None:
    """Note a label whose fraction float64 drops."""
    for row, decimal, value in zip(rows, decimals, values, strict=True):
        if decimal is not None and float(value).is_integer() and decimal != int(value):
            typer.note_inexact(where, row, str(decimal))
            return


def load_parquet(path: Path, options: LoadOptions) -> DataSet:
    """Load a Parquet file; a fifth of it becomes the test set.

    Raises:
        DataError: if the file cannot be read, would fill the memory, a type is no number, text or
            boolean, or labels cannot be used.
    """
    where = str(path)
    options.only("a Parquet file", *TABLE)
    arrow, parquet = _pyarrow(where)
    with reading(path, "a whole Parquet file"):
        _check_size(path)
        with parquet.ParquetFile(path) as file:
            builder = _read(arrow, parquet, path, file.schema_arrow, options)
    read = builder.finish(None, where)
    return table_data_set(path.stem, read, options, where, f"file {path.name}")


def parquet_cells(path: Path) -> TableCells:
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
    return TableCells(where, names, cells, range(1, table.num_rows + 1))


def _read(arrow: Any, parquet: Any, path: Path, schema: Any, options: LoadOptions) -> TableBuilder:
    """Return a builder with all rows of a file whose size was checked."""
    where = str(path)
    if len(schema) == 0:
        raise DataError(where, "no columns", "a table", "Check the file.")
    kept = [field for field in schema if field.name not in options.drop]
    kinds = {field.name: _kind(arrow, field, where) for field in kept}
    builder = TableBuilder(list(schema.names), options, where)
    # Repeated text stays there once, as the file has it.
    texts = [name for name, kind in kinds.items() if kind == "text"]
    with parquet.ParquetFile(path, read_dictionary=texts) as file:
        for batch in file.iter_batches(batch_size=rows_at_once(len(schema), _BATCH_ROWS)):
            _add_batch(arrow, builder, batch, where)
    return builder


def _add_batch(arrow: Any, builder: TableBuilder, batch: Any, where: str) -> None:
    first_row = builder.store.rows + 1
    rows = range(first_row, first_row + len(batch))
    builder.add(
        lambda typer: _add_column(arrow, typer, batch.columns[typer.place], where, rows),
        where, rows,
    )  # fmt: skip
