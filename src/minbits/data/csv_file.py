"""Comma-separated files, read row by row: no row is kept as text, and none can fill the memory."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from minbits.data.notations import find_notation
from minbits.data.options import CSV_TABLE, LoadOptions
from minbits.data.stored_encoding import TableCells
from minbits.data.table_builder import TableBuilder, table_data_set
from minbits.data.text_lines import LINE_BYTES, TextLines, open_text, stem_of
from minbits.data.text_rows import TextRow, add_rows, ragged
from minbits.data.typed_columns import is_number, listed
from minbits.errors import DataError
from minbits.types import DataSet, Remark

_DELIMITERS = ",;\t|"
_YEARS = range(1900, 2100)


def _last_field(lines: list[str], last_line: str) -> int:
    """Return the index of the field that reaches the end of the text."""
    field, quoted = 0, False
    for character in "".join([*lines, last_line]):
        if character == '"':
            quoted = not quoted
        elif character in _DELIMITERS and not quoted:
            field += 1
    return field


class _Lines(TextLines):
    """The lines of a file, in which a place is a row and a column."""

    def place(self, last_line: str) -> str:
        """Return row and column at the end of ``last_line``."""
        return f"{super().place(last_line)}, column {_last_field(self.current, last_line) + 1}"

    def too_long(self, last_line: str) -> DataError:
        """Return the error for a field or line that ends nowhere."""
        return DataError(
            self.place(last_line),
            f"a field or line beyond {csv.field_size_limit():,} or {LINE_BYTES:,} characters",
            "fields that a table can hold",
            "Check for a quote that never closes, or shorten the field.",
        )


def _sniff_delimiter(line: str) -> str:
    """Return the delimiter that stands most often in the first line, outside quotes.

    A line without any of them may hold values that are separated by spaces.
    """
    bare = "".join(line.split('"')[::2])
    if any(sign in bare for sign in _DELIMITERS):
        return max(_DELIMITERS, key=bare.count)
    return " " if len(bare.split()) > 1 else ","


def _rows(file: BinaryIO, where: str, encoding: str = "utf-8") -> Iterator[TextRow]:
    lines = _Lines(file, where, encoding)
    start = file.tell()
    first = next(lines, None)
    if first is None or not first.strip():
        raise DataError(where, "an empty file or first line", "a header row", "Check the file.")
    delimiter = _sniff_delimiter(first)
    file.seek(start)
    lines.current = []
    reader = csv.reader(
        lines if delimiter != " " else (line.strip() for line in lines),
        delimiter=delimiter, skipinitialspace=True, strict=True,
    )  # fmt: skip
    while True:
        try:
            values = next(reader, None)
        except csv.Error as error:
            last = lines.current.pop() if lines.current else ""
            if "field limit" in str(error):
                raise lines.too_long(_until_long_field(last, delimiter)) from error
            raise DataError(
                lines.place(last), str(error), "well-formed CSV", "Mend the quotes there."
            ) from error
        if values is None:
            return
        if values:
            yield TextRow(lines.row, values)
        lines.row += 1
        lines.current = []


def read_rows(path: Path, encoding: str) -> Iterator[TextRow]:
    """Yield the rows of a file as they stand there.

    Raises:
        DataError: if it cannot be read; the message names row and column.
    """
    with open_text(path, encoding) as file:
        yield from _rows(file, str(path), encoding)


def _until_long_field(line: str, delimiter: str) -> str:
    """Return the line up to the field that is too long."""
    done = ""
    for field in line.split(delimiter):
        if len(field) > csv.field_size_limit():
            return done
        done += field + delimiter
    return line


def _is_header(first: Sequence[str], second: Sequence[str]) -> bool:
    """Return whether a first row looks like names of columns.

    Names differ, and are mostly no numbers. Where some are, they count or are years, as in 0, 1, 2,
    label, or the second row has text in their place.
    """
    are_numbers = [_is_written_number(value) for value in first]
    if all(are_numbers):
        return False
    if [_is_written_number(value) for value in second] != are_numbers:
        return True
    if not any(are_numbers):
        # Two columns of one name are an error, unless these are values of the second row, too.
        return len(set(first)) == len(first) or not set(first) & set(second)
    numbers = [value.strip() for value, is_one in zip(first, are_numbers, strict=True) if is_one]
    if len(numbers) < 2 or not all(len(text) < 5 and text.isdecimal() for text in numbers):
        return False
    whole = [int(number) for number in numbers]
    counts = all(after == before + 1 for before, after in itertools.pairwise(whole))
    return counts and (whole[0] in (0, 1) or whole[0] in _YEARS)


def _is_written_number(text: str) -> bool:
    return is_number(text) or find_notation([text]) is not None


def _names(first: TextRow, second: TextRow | None, options: LoadOptions) -> tuple[list[str], bool]:
    """Return the columns' names, and whether the first row holds them."""
    numbered = [f"column {index + 1}" for index in range(len(first.values))]
    has_header = options.header
    if has_header is None:
        has_header = _is_header(first.values, () if second is None else second.values)
    if not has_header:
        return numbered, False
    names = [value.strip() for value in first.values]
    return [name or number for name, number in zip(names, numbered, strict=True)], True


def read_csv(path: Path, builder: TableBuilder | None, options: LoadOptions) -> TableBuilder:
    """Add the rows of a file to ``builder``, or to a new one.

    Raises:
        DataError: if the file cannot be read, a row is ragged, a field too long, a byte of another
            encoding, or a column mixes numbers and text; the message names row and column.
    """
    where = str(path)
    options.only("a text table", *CSV_TABLE)
    rows = read_rows(path, options.encoding)
    first = next(rows, None)
    if first is None:
        raise DataError(where, "an empty file", "a header row", "Check the file.")
    second = next(rows, None)
    names, has_header = _names(first, second, options)
    if builder is None:
        builder = TableBuilder(names, options, where, has_header)
        builder.remarks += _header_remarks(first, has_header, options)
    elif names != builder.names:
        raise _other_names(names, builder, where)
    start = [row for row in (None if has_header else first, second) if row is not None]
    add_rows(builder, itertools.chain(start, rows), where)
    return builder


def _header_remarks(first: TextRow, has_header: bool, options: LoadOptions) -> list[Remark]:
    """Return what is to be said of the first row, where the user didn't say it."""
    numbers = [value for value in first.values if _is_written_number(value)]
    if options.header is not None or (has_header and not numbers):
        return []
    why = f"it holds {numbers[0]!r}" if numbers else "values in it repeat"
    if has_header:
        text = f"The first row is taken for the names of the columns, such as {numbers[0]!r}; if "
        return [Remark("header", f"{text}it is data, say so with `header=False`.")]
    text = f"The first row is data, since {why}: columns are called column 1, "
    return [Remark("header", f"{text}column 2 …; if it is names, say so with `header=True`.")]


def _other_names(names: list[str], builder: TableBuilder, where: str) -> DataError:
    remedy = "Match them."
    if [name for name in builder.names if name in names] == names:
        remedy = "Add what is missing, or load the training file alone: a part of it becomes a test"
        remedy += " set."
    return DataError(f"{where}, row 1", listed(names), listed(builder.names), remedy)


def csv_cells(path: Path) -> TableCells:
    """Return the cells of a file as text.

    Raises:
        DataError: if the file cannot be read, a row is ragged, a field too long, or a byte
            not UTF-8.
    """
    where, options = str(path), LoadOptions()
    rows = list(read_rows(path, options.encoding))
    if not rows:
        raise DataError(where, "an empty file", "a header row", "Check the file.")
    names, has_header = _names(rows[0], rows[1] if len(rows) > 1 else None, options)
    rows = rows[1:] if has_header else rows
    for row in rows:
        if len(row.values) != len(names):
            raise ragged(row, names, where)
    cells = list(zip(*(row.values for row in rows), strict=True)) or [()] * len(names)
    return TableCells(where, names, cells, [row.number for row in rows])


def load_csv(path: Path, options: LoadOptions) -> DataSet:
    """Load a CSV file; a fifth of it becomes the test set.

    Raises:
        DataError: as `read_csv` does, or if labels cannot be used.
    """
    read = read_csv(path, None, options).finish(None, str(path))
    return table_data_set(stem_of(path), read, options, str(path), f"file {path.name}")


def _find(path: Path, stem: str) -> Path | None:
    """Return the file of a folder that is called ``stem.csv``, in capitals or not, or zipped."""
    wanted = {f"{stem}.csv", f"{stem}.csv.gz"}
    found = sorted(item for item in path.iterdir() if item.name.lower() in wanted)
    # A pipe or a device of that name is refused where it is opened.
    return next((item for item in found if not item.is_dir()), None)


def is_csv_folder(path: Path) -> bool:
    """Return whether a folder holds a file ``train.csv``."""
    return path.is_dir() and _find(path, "train") is not None


def load_csv_folder(path: Path, options: LoadOptions) -> DataSet:
    """Load a folder with ``train.csv``, and mostly a ``test.csv`` of the same columns.

    Raises:
        DataError: as `load_csv` does, or if the columns differ.
    """
    train, test = _find(path, "train"), _find(path, "test")
    builder = read_csv(path / "train.csv" if train is None else train, None, options)
    train_rows = None if test is None else builder.store.rows
    if test is not None:
        read_csv(test, builder, options)
    name = path.resolve().name
    read = builder.finish(train_rows, str(path))
    return table_data_set(name, read, options, str(path), f"folder {name}")
