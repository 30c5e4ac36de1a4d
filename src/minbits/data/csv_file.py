"""Comma-separated files, read row by row: no row is kept as text, and none can fill the memory."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from minbits.data.assemble import read_failure
from minbits.data.limits import rows_at_once
from minbits.data.options import LoadOptions
from minbits.data.stored_encoding import RawTable
from minbits.data.tables import assemble_table
from minbits.data.typed_columns import TableBuilder, is_number, listed, shorten
from minbits.errors import DataError
from minbits.files import open_regular
from minbits.types import DataSet

LINE_BYTES = 2**24
CHUNK_ROWS = 16_384
_DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class _Row:
    number: int
    values: list[str]


class _Lines:
    """The lines of a file as text, none longer than ``LINE_BYTES``; the current row's are kept."""

    def __init__(self, file: BinaryIO, where: str) -> None:
        self.file = file
        self.where = where
        self.row = 1
        self.current: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = self.file.readline(LINE_BYTES + 1)
        if not raw:
            raise StopIteration
        if self.row == 1 and not self.current:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        try:
            line = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            if len(raw) <= LINE_BYTES:
                before = raw[: error.start].decode("utf-8", "replace")
                raise DataError(
                    self.place(before),
                    f"the byte {raw[error.start]:#04x}, which is not UTF-8",
                    "a file in UTF-8",
                    "Save it as UTF-8.",
                ) from error
            line = raw.decode("utf-8", "replace")
        if len(raw) > LINE_BYTES:
            raise self.too_long(line)
        self.current.append(line)
        return line

    def place(self, last_line: str) -> str:
        """Return row and column at the end of ``last_line``."""
        return f"{self.where}, row {self.row}, column {_last_field(self.current, last_line) + 1}"

    def too_long(self, last_line: str) -> DataError:
        return DataError(
            self.place(last_line),
            f"a field or line beyond {csv.field_size_limit():,} or {LINE_BYTES:,} characters",
            "fields that a table can hold",
            "Check for a quote that never closes, or shorten the field.",
        )


def _last_field(lines: list[str], last_line: str) -> int:
    """Return the index of the field that reaches the end of the text."""
    field, quoted = 0, False
    for character in "".join([*lines, last_line]):
        if character == '"':
            quoted = not quoted
        elif character in _DELIMITERS and not quoted:
            field += 1
    return field


def _sniff_delimiter(line: str) -> str:
    """Return the delimiter that stands most often in the first line, outside quotes."""
    bare = "".join(line.split('"')[::2])
    return max(_DELIMITERS, key=bare.count) if any(d in bare for d in _DELIMITERS) else ","


def _rows(file: BinaryIO, where: str) -> Iterator[_Row]:
    lines = _Lines(file, where)
    start = file.tell()
    first = next(lines, None)
    if first is None or not first.strip():
        raise DataError(where, "an empty file or first line", "a header row", "Check the file.")
    delimiter = _sniff_delimiter(first)
    file.seek(start)
    lines.current = []
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
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
            yield _Row(lines.row, values)
        lines.row += 1
        lines.current = []


def _until_long_field(line: str, delimiter: str) -> str:
    """Return the line up to the field that is too long."""
    done = ""
    for field in line.split(delimiter):
        if len(field) > csv.field_size_limit():
            return done
        done += field + delimiter
    return line


def _names(first: _Row) -> tuple[list[str], bool]:
    """Return the columns' names, and whether the first row holds them."""
    if all(is_number(value) for value in first.values):
        return [f"column {index + 1}" for index in range(len(first.values))], False
    return [
        value.strip() or f"column {index + 1}" for index, value in enumerate(first.values)
    ], True


def _ragged(row: _Row, names: list[str], where: str) -> DataError:
    got = len(row.values)
    if got < len(names):
        place, what = f"column '{names[got]}'", "a row that ends before it"
    else:
        place = f"column {len(names) + 1}"
        what = f"a value too many, {shorten(row.values[len(names)])}"
    return DataError(
        f"{where}, row {row.number}, {place}",
        f"{what} ({got} values)",
        f"{len(names)} values, as in the header",
        "Mend the row; quote text that holds the delimiter.",
    )


def read_csv(path: Path, builder: TableBuilder | None, options: LoadOptions) -> TableBuilder:
    """Add the rows of a file to ``builder``, or to a new one.

    Raises:
        DataError: if the file cannot be read, a row is ragged, a field too long, a byte not UTF-8,
            or a column mixes numbers and text; the message names row and column.
    """
    where = str(path)
    options.refuse("a table", "resize")
    try:
        with open_regular(path) as file:
            rows = _rows(file, where)
            first = next(rows, None)
            if first is None:
                raise DataError(where, "an empty file", "a header row", "Check the file.")
            names, has_header = _names(first)
            if builder is None:
                builder = TableBuilder(names, options.categorical, options.label, where)
            elif names != builder.names:
                raise DataError(
                    f"{where}, row 1", listed(names), listed(builder.names), "Match them."
                )
            pending = [] if has_header else [first]
            chunk_rows = rows_at_once(len(names), CHUNK_ROWS)
            for row in rows:
                if len(row.values) != len(names):
                    raise _ragged(row, names, where)
                # A skipped blank line would shift the row numbers of a chunk.
                if pending and row.number != pending[-1].number + 1:
                    _flush(builder, pending, where)
                pending.append(row)
                if len(pending) >= chunk_rows:
                    _flush(builder, pending, where)
            _flush(builder, pending, where)
    except OSError as error:
        raise read_failure(path, error) from error
    return builder


def _flush(builder: TableBuilder, pending: list[_Row], where: str) -> None:
    if pending:
        columns = list(zip(*(row.values for row in pending), strict=True))
        builder.add_text(columns, where, pending[0].number)
        pending.clear()


def csv_cells(path: Path) -> RawTable:
    """Return the cells of a file as text.

    Raises:
        DataError: if the file cannot be read, a row is ragged, a field too long, or a byte
            not UTF-8.
    """
    where = str(path)
    try:
        with open_regular(path) as file:
            rows = list(_rows(file, where))
    except OSError as error:
        raise read_failure(path, error) from error
    names, has_header = _names(rows[0])
    rows = rows[1:] if has_header else rows
    for row in rows:
        if len(row.values) != len(names):
            raise _ragged(row, names, where)
    cells = list(zip(*(row.values for row in rows), strict=True)) or [()] * len(names)
    return RawTable(where, names, cells, [row.number for row in rows])


def load_csv(path: Path, options: LoadOptions) -> DataSet:
    """Load a CSV file; a fifth of it becomes the test set.

    Raises:
        DataError: as `read_csv` does, or if labels cannot be used.
    """
    builder = read_csv(path, None, options)
    columns, train, test, label = builder.finish(None, str(path))
    origin = f"file {path.name}, label column '{label}'"
    found = assemble_table(path.stem, columns, train, test, str(path), origin)
    return dataclasses.replace(found, label_column=label)


def load_csv_folder(path: Path, options: LoadOptions) -> DataSet:
    """Load a folder with ``train.csv`` and ``test.csv`` of the same columns.

    Raises:
        DataError: as `load_csv` does, or if the columns differ.
    """
    builder = read_csv(path / "train.csv", None, options)
    train_rows = builder.store.rows
    read_csv(path / "test.csv", builder, options)
    columns, train, test, label = builder.finish(train_rows, str(path))
    name = path.resolve().name
    origin = f"folder {name}, label column '{label}'"
    found = assemble_table(name, columns, train, test, str(path), origin)
    return dataclasses.replace(found, label_column=label)
