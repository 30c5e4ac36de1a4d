"""Rows that were never seen before, encoded as a companion says: nothing is fitted again.

Columns are found by their names. A column that is missing and a cell that cannot be read are errors
that name row and column. Everything else is handled, and told in remarks: other columns, unknown
categories, values that are missing where training had none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.data.companion import Companion
from minbits.data.encoding import encode
from minbits.data.notations import Notation, notation_of
from minbits.data.typed_columns import MISSING, is_number, listed, shorten
from minbits.errors import DataError
from minbits.types import Column

FloatArray = npt.NDArray[np.float64]
Cells = Sequence[Any] | npt.NDArray[Any]
_FLOAT32_MAX = float(np.finfo(np.float32).max)
_TRUTH = ("False", "True")


@dataclass(frozen=True, eq=False)
class TableCells:
    """The cells of a table as they were given.

    Attributes:
        where: what to call the source in an error.
        names: of the columns.
        cells: of each column: text, or whatever numbers or objects the source holds.
        row_numbers: what each row is called in an error.
    """

    where: str
    names: Sequence[str]
    cells: Sequence[Cells]
    row_numbers: Sequence[int]


@dataclass(frozen=True, eq=False)
class NewExamples:
    """Examples that a network can be run on.

    Attributes:
        inputs: shape ``(examples, channels, height, width)``.
        names: what each example is called: the number of its row, or the path of its image.
        labels: the label that stands beside each one, None where there is none.
        remarks: what was handled, in sentences.
    """

    inputs: npt.NDArray[Any]
    names: Sequence[int | str]
    labels: Sequence[str | None]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Place:
    """Where a column is, for messages."""

    table: TableCells
    name: str

    def error(self, index: int, got: str, expected: str) -> DataError:
        where = f"{self.table.where}, row {self.table.row_numbers[index]}, column '{self.name}'"
        return DataError(where, got, expected, "Mend the value, or leave the cell empty.")

    def remark(self, chosen: npt.NDArray[np.bool_], what: str, then: str) -> str:
        count, first = int(chosen.sum()), self.table.row_numbers[int(np.argmax(chosen))]
        rows = "1 row has" if count == 1 else f"{count:,} rows have"
        first_row = f"row {first}" if count == 1 else f"the first in row {first}"
        return f"Column '{self.name}': {rows} {what} ({first_row}); {then}."


def encode_rows(companion: Companion, table: TableCells) -> NewExamples:
    """Return the rows of a table as the inputs of a network.

    Args:
        companion: of the network file, with columns.
        table: with the same columns in any order, and others.

    Raises:
        DataError: if there are no rows, a column is missing or there twice, or a cell cannot be
            read; row and column are named.
    """
    assert companion.columns is not None
    if not len(table.row_numbers):
        raise DataError(table.where, "no rows", "rows to predict", "Give at least one.")
    places = _places(companion, table)
    values = np.full((len(table.row_numbers), len(companion.columns)), math.nan)
    unknown = np.zeros(values.shape, bool)
    remarks = _unread_remarks(companion, table, places)
    for index, column in enumerate(companion.columns):
        if column.channels:
            cells = table.cells[places[column.name]]
            found = _column_values(column, cells, _Place(table, column.name), remarks)
            values[:, index], unknown[:, index] = found
    inputs = encode(companion.columns, values)
    firsts = np.cumsum([0, *(column.channels for column in companion.columns)])
    for index in np.flatnonzero(unknown.any(axis=0)).tolist():
        # What is unknown is not missing: all channels are 0.
        inputs[unknown[:, index], firsts[index] : firsts[index + 1]] = 0
    labels = _labels(companion, table, places)
    return NewExamples(inputs[:, :, None, None], table.row_numbers, labels, tuple(remarks))


def _plain_channels(column: Column) -> int:
    return len(column.categories) if column.kind == "categorical" else 1


# --- columns


def _places(companion: Companion, table: TableCells) -> dict[str, int]:
    """Return the place of each column by the name that it had in training.

    Raises:
        DataError: if a column that is read is missing, or one is there twice.
    """
    assert companion.columns is not None
    names = _called(companion, table.names)
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        if name in places:
            raise DataError(
                f"{table.where}, column {place + 1}", f"a second column named {shorten(name)}",
                "names that differ", "Rename it.",
            )  # fmt: skip
        places[name] = place
    wanted = [column.name for column in companion.columns if column.channels]
    missing = [name for name in wanted if name not in places]
    if missing:
        raise DataError(
            table.where, f"no column {_quoted(missing)} among {listed(list(names))}",
            f"the columns that the network was trained on, {listed(wanted)}",
            "Add it, or name it as in training; the order does not matter.",
        )  # fmt: skip
    return places


def _called(companion: Companion, names: Sequence[str]) -> Sequence[str]:
    """Return the names that columns had in training.

    Columns without a header are called by their places. Where the label column is left out, those
    behind it have moved up by one.
    """
    assert companion.columns is not None
    trained = [column.name for column in companion.columns]
    whole = [f"column {place + 1}" for place in range(len(trained) + 1)]
    without_header = {*trained, companion.label_column} == set(whole)
    return trained if without_header and list(names) == whole[:-1] else names


def _unread_remarks(companion: Companion, table: TableCells, places: dict[str, int]) -> list[str]:
    assert companion.columns is not None
    known = {companion.label_column, *(column.name for column in companion.columns)}
    others = [name for name in places if name not in known]
    if not others:
        return []
    return [f"Not read, since the network was not trained on it: column {_quoted(others)}."]


def _quoted(names: Sequence[str]) -> str:
    return listed([f"'{name}'" for name in names])


# --- cells


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        return value in MISSING or value.strip() in MISSING
    if isinstance(value, float | Decimal):
        return math.isnan(value)
    return value is None or type(value).__name__ in ("NAType", "NaTType")  # of pandas


def _text(value: Any, index: int, place: _Place) -> str:
    """Return a cell as text, as the loaders write it; empty where it is missing."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if _is_missing(value):
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return _TRUTH[value]
    if isinstance(value, int | float | Decimal):
        return f"{value:.17g}" if isinstance(value, float) else str(value)
    raise place.error(index, f"a value of type {type(value).__name__}", "a number or text")


def _texts(cells: Cells, place: _Place) -> list[str]:
    return [_text(value, index, place) for index, value in enumerate(cells)]


def _column_values(
    column: Column, cells: Cells, place: _Place, remarks: list[str]
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Return numbers or codes, NaN where there is none, and which categories are unknown."""
    unknown = np.zeros(len(cells), bool)
    if column.kind == "categorical":
        values, unknown = _codes(column, cells, place, remarks)
    else:
        values = _numbers(column, cells, place)
    gaps = np.isnan(values) & ~unknown
    if gaps.any() and column.channels == _plain_channels(column):
        read_as = "no category" if column.kind == "categorical" else "the middle of its range"
        remarks.append(
            place.remark(gaps, "no value, which training always had", f"read as {read_as}")
        )
    return values, unknown


def category_texts(cells: Cells, where: str, name: str) -> list[str]:
    """Return the cells of a column as text, empty where missing; numbers as the loaders write them.

    Raises:
        DataError: if one is neither number nor text; row and column are named.
    """
    return _texts(cells, _Place(TableCells(where, [name], [cells], range(1, len(cells) + 1)), name))


def _codes(
    column: Column, cells: Cells, place: _Place, remarks: list[str]
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Return codes of categories, NaN where there is none, and which categories are unknown."""
    codes: dict[str, float] = {name: code for code, name in enumerate(column.categories)}
    codes[""] = math.nan
    if not set(_TRUTH) & set(codes):
        # A table of NumPy's holds truth values as 0 and 1.
        for code, name in enumerate(_TRUTH):
            codes[name] = codes.get(str(code), math.inf)
    texts = _texts(cells, place)
    found = np.array([codes.get(text, math.inf) for text in texts])
    unknown = np.isinf(found)
    if unknown.any():
        name = shorten(texts[int(np.argmax(unknown))])
        remarks.append(
            place.remark(unknown, f"a category unknown to training, such as {name}", "read as none")
        )
    return np.where(unknown, math.nan, found), unknown


def _numbers(column: Column, cells: Cells, place: _Place) -> FloatArray:
    """Return numbers, NaN where missing."""
    if isinstance(cells, np.ndarray) and cells.dtype.kind in "buif":
        with np.errstate(over="ignore"):  # beyond float64 is infinite, which is refused
            values = cells.astype(np.float64)
    else:
        notation = notation_of(column.notation)
        values = np.array(
            [_number(value, index, place, notation) for index, value in enumerate(cells)]
        )
    infinite = np.isinf(values)
    if infinite.any():
        raise place.error(int(np.argmax(infinite)), "an infinite number", "a finite number")
    with np.errstate(over="ignore"):
        far = np.abs(np.ldexp(values, -column.exponent) - column.offset) > _FLOAT32_MAX
    if far.any():
        index = int(np.argmax(far))
        raise place.error(
            index, f"{values[index]:g}", "a number that float32 holds on the scale of training"
        )
    return values


def _number(value: Any, index: int, place: _Place, notation: Notation | None) -> float:
    if isinstance(value, str):
        if _is_missing(value):
            return math.nan
        noted = None if notation is None else notation.read(value)
        if noted is not None:
            return noted
        if is_number(value):
            return float(value)
        raise place.error(index, shorten(value), "a number, as in training")
    text = _text(value, index, place)
    if text in _TRUTH:
        return float(_TRUTH.index(text))
    return float(text) if text else math.nan


# --- labels


def _labels(companion: Companion, table: TableCells, places: dict[str, int]) -> list[str | None]:
    place = places.get(companion.label_column or "")
    if companion.label_column is None or place is None:
        return [None] * len(table.row_numbers)
    texts = _texts(table.cells[place], _Place(table, companion.label_column))
    return known_labels(texts, companion.class_names)


def known_labels(texts: Sequence[str], names: Sequence[str]) -> list[str | None]:
    """Return labels as the classes are written: of whole numbers, 3.0 is 3; None where empty."""
    known = set(names)
    are_numbers = all(name.removeprefix("-").isdigit() for name in names)

    def written(text: str) -> str | None:
        if not text:
            return None
        if text in known or not (are_numbers and is_number(text)):
            return text
        value = float(text)
        return str(int(value)) if math.isfinite(value) and value == int(value) else text

    return [written(text) for text in texts]
