"""Files with one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from minbits.data.limits import check_column_count, check_ratio
from minbits.data.options import TABLE, LoadOptions
from minbits.data.table_builder import TableBuilder, table_data_set
from minbits.data.text_lines import TextLines, open_text, stem_of
from minbits.data.text_rows import TextRow, add_rows
from minbits.errors import DataError
from minbits.types import DataSet

_CELL_BYTES = 8


def _objects(path: Path, options: LoadOptions) -> Iterator[tuple[int, dict[str, Any], int]]:
    """Yield the number of each row, its object, and the bytes of all lines up to it."""
    read_bytes = 0
    with open_text(path, options.encoding) as file:
        lines = TextLines(file, str(path), options.encoding)
        for line in lines:
            read_bytes += len(line)
            if line.strip():
                yield lines.row, _object(line, lines.place(line)), read_bytes
            lines.row += 1
            lines.current = []


def _object(line: str, place: str) -> dict[str, Any]:
    try:
        # Numbers stay as they are written, so that none loses its last digits here.
        found = json.loads(line, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise DataError(
            place, f"a line that is no JSON ({error})", "one JSON object a line",
            "Mend it, or write the table as CSV.",
        ) from error  # fmt: skip
    if not isinstance(found, dict):
        raise DataError(place, "a value that is no object", "one JSON object a line", "Mend it.")
    return found


def _text(value: Any, place: str, name: str) -> str:
    if value is None:
        return ""
    if isinstance(value, dict | list):
        what = "several values" if isinstance(value, list) else "an object"
        raise DataError(
            f"{place}, column '{name}'", what, "a number or a text",
            f"Leave it out with `drop` '{name}', or write its parts as columns.",
        )  # fmt: skip
    return without_halves(str(value))


def without_halves(text: str) -> str:
    """Return text without halves of characters, which JSON may hold and no file can."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _rows(path: Path, names: list[str], options: LoadOptions) -> Iterator[TextRow]:
    dropped = set(options.drop)
    for count, (row, item, read_bytes) in enumerate(_objects(path, options), 1):
        # An object may leave out all columns: a short line would become a long row.
        check_ratio(str(path), read_bytes, count * len(names) * _CELL_BYTES)
        place = f"{path}, row {row}"
        yield TextRow(
            row,
            ["" if name in dropped else _text(item.get(name), place, name) for name in names],
        )


def load_json_lines(path: Path, options: LoadOptions) -> DataSet:
    """Load a file with one JSON object a line; the keys of all of them are the columns.

    Raises:
        DataError: if a line is no object, a value no number or text, or as `load_csv` does.
    """
    where = str(path)
    options.only("a file of JSON lines", *TABLE, "encoding")
    names: dict[str, None] = {}
    for _, item, _ in _objects(path, options):
        names.update(dict.fromkeys(item))
        check_column_count(where, len(names))
    if not names:
        raise DataError(where, "an empty file", "one JSON object a line", "Check the file.")
    builder = TableBuilder(list(names), options, where)
    add_rows(builder, _rows(path, list(names), options), where)
    read = builder.finish(None, where)
    return table_data_set(stem_of(path), read, options, where, f"file {path.name}")
