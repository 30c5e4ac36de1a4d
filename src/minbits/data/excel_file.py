"""The first sheet of an Excel workbook, read row by row."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from minbits.data.limits import check_column_count, check_ratio
from minbits.data.options import TABLE, LoadOptions
from minbits.data.reading import extra_module, reading
from minbits.data.table_builder import TableBuilder, table_data_set
from minbits.data.text_rows import TextRow, add_rows
from minbits.errors import DataError
from minbits.files import open_regular
from minbits.types import DataSet, Remark

_CELL_BYTES = 8


def _unpacked_bytes(path: Path) -> int:
    """Return how long all parts of a workbook are, refusing bombs before one is unpacked."""
    with open_regular(path) as file, zipfile.ZipFile(file) as archive:
        packed = path.stat().st_size
        # A part is never read beyond the length that it states.
        total = sum(member.file_size for member in archive.infolist())
    check_ratio(str(path), packed, total)
    return total


def _text(value: Any) -> str:
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()  # a date is stored as its midnight
    return "" if value is None else str(value)


def _cells(sheet: Any, path: Path) -> Iterator[TextRow]:
    """Yield the rows that are not empty, without the empty cells at their ends."""
    sheet.reset_dimensions()  # a file may state any
    rows = iter(sheet.iter_rows(values_only=True))
    number = 0
    while True:
        with reading(path, "a whole .xlsx workbook"):
            values = next(rows, None)
        if values is None:
            return
        number += 1
        texts = [_text(value) for value in values]
        while texts and not texts[-1]:
            texts.pop()
        if texts:
            yield TextRow(number, texts)


def _filled(rows: Iterator[TextRow], width: int, where: str, most_bytes: int) -> Iterator[TextRow]:
    for count, row in enumerate(rows, 1):
        # Cells that are empty take no place in the file.
        check_ratio(where, most_bytes, count * width * _CELL_BYTES)
        yield TextRow(row.number, [*row.values, *[""] * (width - len(row.values))])


def load_excel(path: Path, options: LoadOptions) -> DataSet:
    """Load the first sheet of an ``.xlsx`` workbook, whose first row holds the names.

    Of a formula, the value that was stored with it is taken.

    Raises:
        DataError: if the file cannot be read or would fill the memory, or as `load_csv` does.
    """
    where = str(path)
    options.only("a workbook", *TABLE)
    openpyxl = extra_module("openpyxl", "openpyxl", "excel", where)
    with reading(path, "a whole .xlsx workbook"):
        unpacked = _unpacked_bytes(path)
        book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
    try:
        sheets = book.worksheets
        if not sheets:
            raise DataError(where, "no sheet", "a sheet with a table", "Check the file.")
        rows = _cells(sheets[0], path)
        first = next(rows, None)
        if first is None:
            raise DataError(
                f"{where}, sheet '{sheets[0].title}'", "an empty sheet", "a header row",
                "Move the table to the first sheet.",
            )  # fmt: skip
        check_column_count(where, len(first.values))
        names = [name.strip() or f"column {place + 1}" for place, name in enumerate(first.values)]
        builder = TableBuilder(names, options, where)
        add_rows(builder, _filled(rows, len(names), where, unpacked), where)
    finally:
        book.close()
    if len(sheets) > 1:
        text = f"Of {len(sheets)} sheets, the first is read: '{sheets[0].title}'."
        builder.remarks.append(Remark("sheet", text))
    read = builder.finish(None, where)
    return table_data_set(path.stem, read, options, where, f"file {path.name}")
