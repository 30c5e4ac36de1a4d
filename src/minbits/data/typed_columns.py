"""Typing the columns of a table while its rows stream by.

A column's first value that is not missing decides whether it holds numbers or text; a value of the
other kind further down is an error that names row and column, never a silent change of type.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.data.labels import FLOAT64_WHOLE_END, text_labels
from minbits.data.large_arrays import BlockStore, take_columns
from minbits.data.limits import check_column_count
from minbits.data.tables import RawTable
from minbits.errors import DataError
from minbits.types import Column

MISSING = frozenset(
    ["", "?", "NA", "N/A", "n/a", "NaN", "nan", "NAN", "null", "NULL", "None", "none"]
)
LABEL_NAMES = ("label", "class", "target", "y")
_CHUNK = 65_536
_SHOWN = 40
_SAFE_DIGITS = 15  # every decimal number of so many digits is told apart by float64

FloatArray = npt.NDArray[np.float64]


def shorten(text: str) -> str:
    """Return text short enough for an error message."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def is_number(text: str) -> bool:
    """Return whether a text is written as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


class ColumnTyper:
    """Turns the values of one column into float64, block by block, and remembers its kind."""

    def __init__(self, name: str, categorical: bool, is_label: bool = False) -> None:
        self.name = name
        self.is_label = is_label
        self.declared = categorical
        self.holds: str | None = "text" if categorical else None
        self.first_row = 0
        self.whole = True
        self._codes: dict[str, int] = {}

    def _place(self, where: str, row: int) -> str:
        return f"{where}, row {row}, column '{self.name}'"

    def _mixed(self, where: str, row: int, text: str, expected: str) -> DataError:
        since = f" as in row {self.first_row}" if self.first_row else ""
        return DataError(
            self._place(where, row),
            shorten(text),
            f"{expected}{since}",
            f"Mend the value, or read the column as text with `categorical` '{self.name}'.",
        )

    def _decide(self, kind: str, row: int) -> None:
        if self.holds is None:
            self.holds, self.first_row = kind, row

    def add_coded(self, texts: Sequence[str], codes: npt.NDArray[np.int64]) -> FloatArray:
        """Return values for text that comes as numbers of some texts, -1 where missing.

        The column is one of text: whoever calls knows that from elsewhere.
        """
        self.declared, self.holds = True, "text"
        used = np.zeros(len(texts) + 1, bool)
        used[codes] = True
        values = np.full(len(texts) + 1, np.nan)  # the last one is what -1 stands for
        for place in np.flatnonzero(used[:-1]).tolist():
            values[place] = self._categories([texts[place]], "", 0)[0]
        return values[codes]

    def add_text(self, texts: Sequence[str], where: str, first_row: int) -> FloatArray:
        """Return values for texts as they stand in a file, of which row ``first_row`` is first.

        Raises:
            DataError: if numbers and text are mixed, or a number is infinite.
        """
        if self.holds is None:
            for offset, text in enumerate(texts):
                if text not in MISSING and text.strip() not in MISSING:
                    self._decide("numbers" if is_number(text) else "text", first_row + offset)
                    break
            else:
                return np.full(len(texts), np.nan)
        if self.holds == "numbers":
            return self._numbers(texts, where, first_row)
        return self._categories(texts, where, first_row)

    def _numbers(self, texts: Sequence[str], where: str, first_row: int) -> FloatArray:
        plain = ["nan" if text in MISSING else text for text in texts]
        try:
            if any("_" in text for text in plain):
                raise ValueError  # Python would read 1_000 as a number
            values = np.array(plain, dtype=np.float64)
        except ValueError:
            values = np.empty(len(plain))
            for offset, text in enumerate(plain):
                if text.strip() in MISSING:
                    values[offset] = math.nan
                elif is_number(text):
                    values[offset] = float(text)
                else:
                    raise self._mixed(where, first_row + offset, text, "a number") from None
        self.check_numbers(values, where, first_row)
        if self.is_label:
            self._check_written(plain, values, where, first_row)
        return values

    def _check_written(
        self, texts: Sequence[str], values: FloatArray, where: str, first_row: int
    ) -> None:
        """Refuse a label whose number float64 rounds: it might become another one's class."""
        for offset, text in enumerate(texts):
            value = float(values[offset])
            if (text.isdigit() and len(text) <= _SAFE_DIGITS) or not value.is_integer():
                continue  # a fraction is an error of its own
            if Decimal(text) != Decimal(value):
                raise self.inexact(where, first_row + offset, text)

    def inexact(self, where: str, row: int, text: str) -> DataError:
        """Return the error for a label that float64 does not tell from its neighbours."""
        return DataError(
            self._place(where, row),
            f"the label {shorten(text)}, which float64 would round",
            f"whole numbers below {FLOAT64_WHOLE_END:,} in size",
            f"Read the labels as text with `categorical` '{self.name}'.",
        )

    def check_numbers(self, values: FloatArray, where: str, first_row: int) -> None:
        """Remember whether all numbers are whole.

        Raises:
            DataError: if one is infinite.
        """
        infinite = np.flatnonzero(np.isinf(values))
        if len(infinite):
            raise DataError(
                self._place(where, first_row + int(infinite[0])),
                "an infinite number",
                "a finite number, or nothing where it is missing",
                "Mend the value.",
            )
        if self.is_label:
            large = np.flatnonzero(np.abs(values) >= FLOAT64_WHOLE_END)  # NaN is not
            if len(large):
                value = float(values[large[0]])
                raise self.inexact(where, first_row + int(large[0]), f"{value:.17g}")
        if self.whole:
            present = values[~np.isnan(values)]
            self.whole = bool((present == np.floor(present)).all())

    def _categories(self, texts: Sequence[str], where: str, first_row: int) -> FloatArray:
        codes = self._codes
        values = np.empty(len(texts))
        for offset, raw in enumerate(texts):
            text = raw.strip()
            if text in MISSING:
                values[offset] = math.nan
                continue
            code = codes.get(text)
            if code is None:
                if not self.declared and is_number(text):
                    raise self._mixed(where, first_row + offset, text, "text")
                code = codes[text] = len(codes)
            values[offset] = code
        return values

    def add_numbers(
        self,
        values: FloatArray,
        where: str,
        first_row: int,
        exact: Callable[[], Sequence[str]] | None = None,
    ) -> FloatArray:
        """Return values that come as numbers, NaN where missing.

        Args:
            values: as float64.
            where: what to call the source in an error.
            first_row: number of the first value's row.
            exact: gives the numbers as text, empty where missing, of a type that holds numbers
                which float64 does not; they are the categories of a column that is declared so.

        Raises:
            DataError: if one is infinite, or a label that float64 rounds.
        """
        if self.declared:
            if exact is not None:
                return self._categories(exact(), where, first_row)
            texts = ["" if math.isnan(value) else f"{value:.17g}" for value in values]
            return self._categories(texts, where, first_row)
        self._decide("numbers", first_row)
        self.check_numbers(values, where, first_row)
        return values

    def column(self) -> tuple[Column, FloatArray | None]:
        """Return the column, and for text the final code of each code given so far."""
        if self.holds != "text":
            return Column(self.name, "integer" if self.whole else "real"), None
        names = sorted(self._codes, key=_category_order)
        final = np.empty(len(names))
        for place, name in enumerate(names):
            final[self._codes[name]] = place
        return Column(self.name, "categorical", tuple(names)), final


def _category_order(name: str) -> tuple[bool, float, str]:
    """Sort numbers by value and before text."""
    return (False, float(name), name) if is_number(name) else (True, 0.0, name)


class TableBuilder:
    """Gathers the rows of one table, from one file or from a training and a test file.

    Args:
        names: of the columns.
        categorical: those of them that are read as categories even where they hold numbers.
        label: name of the label column; None takes the default.
        where: what to call the source in an error.

    Raises:
        DataError: if there are too many columns, two of one name, or none of a given name.
    """

    def __init__(
        self, names: Sequence[str], categorical: Sequence[str], label: str | None, where: str
    ) -> None:
        check_column_count(where, len(names))
        seen: set[str] = set()
        for place, name in enumerate(names):
            if name in seen:
                raise DataError(
                    f"{where}, row 1, column {place + 1}",
                    f"a second column named {shorten(name)}",
                    "names that differ",
                    "Rename it.",
                )
            seen.add(name)
            if not _is_text(name):
                raise DataError(
                    f"{where}, row 1, column {place + 1}", "a name that is not Unicode",
                    "a name that can be written", "Rename it.",
                )  # fmt: skip
        for name in categorical:
            if name not in seen:
                raise DataError(where, f"no column '{name}'", listed(names), "Name one of these.")
        self.names = list(names)
        self.label = find_label(self.names, label, where)
        declared = set(categorical)
        self.typers = [
            ColumnTyper(name, name in declared, place == self.label)
            for place, name in enumerate(names)
        ]
        self.store = BlockStore(len(names))

    def add_text(self, columns: Sequence[Sequence[str]], where: str, first_row: int) -> None:
        """Add rows given column by column as text."""
        block = [
            typer.add_text(texts, where, first_row)
            for typer, texts in zip(self.typers, columns, strict=True)
        ]
        self.store.append(np.stack(block, axis=1))

    def add_block(self, columns: Sequence[FloatArray]) -> None:
        """Add rows given column by column as values that the typers have returned."""
        self.store.append(np.stack(columns, axis=1))

    def finish(
        self, train_rows: int | None, where: str, header_rows: int = 1
    ) -> tuple[tuple[Column, ...], RawTable, RawTable | None, str]:
        """Return columns, training and test table, and the name of the label column.

        Args:
            train_rows: how many rows are for training, where the rest is a test set.
            where: what to call the source in an error.
            header_rows: rows before the first example, for the row numbers in errors.

        Raises:
            DataError: if there are no rows, a label is missing or a label has a fraction.
        """
        if self.store.rows == 0:
            raise DataError(where, "no rows below the header", "examples", "Check the file.")
        values = self.store.finish()
        columns = []
        for index, typer in enumerate(self.typers):
            column, final = typer.column()
            columns.append(column)
            if final is not None and len(final):
                _recode(values[:, index], final)
        place = self.label
        labels = _labels(columns[place], values[:, place], where, header_rows)
        kept = [index for index in range(len(columns)) if index != place]
        inputs = take_columns(values, kept)
        described = tuple(columns[index] for index in kept)
        if train_rows is None:
            return described, RawTable(inputs, labels), None, self.names[place]
        return (
            described,
            RawTable(inputs[:train_rows], labels[:train_rows]),
            RawTable(inputs[train_rows:], labels[train_rows:]),
            self.names[place],
        )


def _recode(values: FloatArray, final: FloatArray) -> None:
    for start in range(0, len(values), _CHUNK):
        part = values[start : start + _CHUNK]
        present = ~np.isnan(part)
        part[present] = final[part[present].astype(np.int64)]


def _is_text(name: str) -> bool:
    """Return whether a name is made of whole characters."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def listed(names: Sequence[str]) -> str:
    """Return names for an error message, the first ones where there are many."""
    shown = ", ".join(name if len(name) <= _SHOWN else name[:_SHOWN] + "…" for name in names[:12])
    return f"{shown}, … ({len(names)} columns)" if len(names) > 12 else shown


def find_label(names: Sequence[str], label: str | None, where: str) -> int:
    """Return the index of the label column.

    Raises:
        DataError: if there is no column of that name.
    """
    if label is not None:
        if label in names:
            return list(names).index(label)
        raise DataError(
            where, f"no label column '{label}'", listed(names), "Name one with `label`."
        )
    lowered = [name.strip().lower() for name in names]
    for name in LABEL_NAMES:
        if name in lowered:
            return lowered.index(name)
    return len(names) - 1


def _labels(column: Column, values: FloatArray, where: str, header_rows: int) -> npt.NDArray[Any]:
    """Return integers or text, one a row."""
    place = f"column '{column.name}'"
    missing = np.flatnonzero(np.isnan(values))
    if len(missing):
        raise DataError(
            f"{where}, row {int(missing[0]) + 1 + header_rows}, {place}",
            "no label",
            "a label in every row",
            "Fill it in, drop the row, or name another column with `label`.",
        )
    if column.kind == "categorical":
        return text_labels(column.categories, f"{where}, {place}")[values.astype(np.int64)]
    fractions = np.flatnonzero(values != np.floor(values))
    if len(fractions):
        first = int(fractions[0])
        raise DataError(
            f"{where}, row {first + 1 + header_rows}, {place}",
            f"the label {values[first]:g}",
            "classes: text or whole numbers",
            "Name the label column with `label`, or bin its values.",
        )
    return values.astype(np.int64)
