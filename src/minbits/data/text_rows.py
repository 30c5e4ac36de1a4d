"""Rows of text, from whatever file they come, handed to a table in blocks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from minbits.data.limits import rows_at_once
from minbits.data.table_builder import TableBuilder
from minbits.data.typed_columns import shorten
from minbits.errors import DataError

CHUNK_ROWS = 16_384


@dataclass(frozen=True)
class TextRow:
    """A row of a file: its number there, and its values as text."""

    number: int
    values: Sequence[str]


def add_rows(builder: TableBuilder, rows: Iterable[TextRow], where: str) -> None:
    """Add rows to a table.

    Raises:
        DataError: if a row has another number of values than there are columns.
    """
    names = builder.names
    chunk_rows = rows_at_once(len(names), CHUNK_ROWS)
    pending: list[TextRow] = []
    for row in rows:
        if len(row.values) != len(names):
            raise ragged(row, names, where)
        pending.append(row)
        if len(pending) >= chunk_rows:
            _flush(builder, pending, where)
    _flush(builder, pending, where)


def _flush(builder: TableBuilder, pending: list[TextRow], where: str) -> None:
    if not pending:
        return
    first, last = pending[0].number, pending[-1].number
    numbers: Sequence[int] = range(first, last + 1)
    if len(numbers) != len(pending):  # blank lines between them
        numbers = [row.number for row in pending]
    columns = list(zip(*(row.values for row in pending), strict=True))
    builder.add_text(columns, where, numbers)
    pending.clear()


def ragged(row: TextRow, names: list[str], where: str) -> DataError:
    """Return the error for a row of too few or too many values."""
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
