"""Typing the columns of a table while its rows stream by.

A column's first value that is not missing decides whether it holds numbers or text; a value of the
other kind further down is an error that names row and column, never a silent change of type. Text
that is a number in another notation, such as ``1.234,5`` or ``12 %``, is one where all values of
the column are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from minbits.data.labels import FLOAT64_WHOLE_END
from minbits.data.notations import Notation, find_notation
from minbits.errors import DataError
from minbits.types import Column, Remark

MISSING = frozenset(
    ["", "?", "NA", "N/A", "n/a", "NaN", "nan", "NAN", "null", "NULL", "None", "none"]
)
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
    """Turns the values of one column into float64, block by block, and remembers its kind.

    Args:
        name: of the column.
        place: its index in a row.
        categorical: whether the user wants categories.
        may_be_label: whether the labels may stand in it; then every value has to be exact.
        decimal: the decimal sign of numbers.
    """

    def __init__(
        self,
        name: str,
        place: int = 0,
        categorical: bool = False,
        may_be_label: bool = False,
        decimal: str = ".",
    ) -> None:
        self.name = name
        self.place = place
        self.may_be_label = may_be_label
        self.declared = categorical
        self.decimal = decimal
        self.holds: str | None = "text" if categorical else None
        self.first_row = 0
        self.whole = True
        self.notation: Notation | None = None
        self.noted_text = ""  # a number in that notation
        # Why the column can't be the label, and why it can't be text; None where it can.
        self.inexact_label: DataError | None = None
        self.mixed_text: DataError | None = None
        self._codes: dict[str, int] = {}

    def _place(self, where: str, row: int) -> str:
        return f"{where}, row {row}, column '{self.name}'"

    def _mixed(self, where: str, row: int, text: str, expected: str) -> DataError:
        since = f" as in row {self.first_row}" if self.first_row else ""
        return DataError(
            self._place(where, row),
            shorten(text),
            f"{expected}{since}",
            f"Mend the value, read the column as text with `categorical` '{self.name}', or leave "
            f"it out with `drop` '{self.name}'.",
        )

    def _decide(self, kind: str, row: int) -> None:
        if self.holds is None:
            self.holds, self.first_row = kind, row

    def add_coded(self, texts: Sequence[str], codes: npt.NDArray[np.int64]) -> FloatArray:
        """Return values for text that comes as numbers of some texts, -1 where missing.

        The column is one of text: whoever calls knows that from elsewhere.
        """
        self.holds = "text"
        used = np.zeros(len(texts) + 1, bool)
        used[codes] = True
        values = np.full(len(texts) + 1, np.nan)  # the last one is what -1 stands for
        for place in np.flatnonzero(used[:-1]).tolist():
            values[place] = self._code(texts[place].strip())
        return values[codes]

    def add_text(self, texts: Sequence[str], where: str, rows: Sequence[int]) -> FloatArray:
        """Return values for texts as they stand in a file.

        Args:
            texts: the values.
            where: what to call the source in an error.
            rows: the number of each value's row.

        Raises:
            DataError: if numbers and text are mixed, or a number is infinite.
        """
        if self.holds is None:
            for row, text in zip(rows, texts, strict=True):
                if text not in MISSING and text.strip() not in MISSING:
                    self._decide("numbers" if self._is_number(text) else "text", row)
                    break
            else:
                return np.full(len(texts), np.nan)
        if self.holds == "numbers":
            return self._numbers(texts, where, rows)
        return self._categories(texts, where, rows)

    def _is_number(self, text: str) -> bool:
        # With a decimal comma, 1.234 may be more than one thousand: its notation is found below.
        return self.decimal == "." and is_number(text)

    def _numbers(self, texts: Sequence[str], where: str, rows: Sequence[int]) -> FloatArray:
        plain = ["nan" if text in MISSING else text for text in texts]
        try:
            if any("_" in text for text in plain):
                raise ValueError  # Python would read 1_000 as a number
            values = np.array(plain, dtype=np.float64)
        except ValueError:
            values = self._noted_numbers(plain, where, rows)
        self.check_numbers(values, where, rows)
        if self.may_be_label and self.inexact_label is None and self.notation is None:
            self._check_written(plain, values, where, rows)
        return values

    def _noted_numbers(self, texts: list[str], where: str, rows: Sequence[int]) -> FloatArray:
        """Return numbers some of which are not plain: in another notation, or none at all."""
        present = [text for text in texts if text != "nan" and text.strip() not in MISSING]
        if self.notation is None and self.whole:
            self.notation = find_notation(present)
        values = np.full(len(texts), np.nan)
        for offset, text in enumerate(texts):
            if text == "nan" or text.strip() in MISSING:
                continue
            value = float(text) if is_number(text) else None
            if self.notation is not None:
                value = self.notation.read(text)
                self.noted_text = self.noted_text or ("" if is_number(text) else text)
            if value is None:
                raise self._mixed(where, rows[offset], text, "a number")
            values[offset] = value
        return values

    def _check_written(
        self, texts: Sequence[str], values: FloatArray, where: str, rows: Sequence[int]
    ) -> None:
        """Note a label whose number float64 rounds: it might become another one's class."""
        for offset, text in enumerate(texts):
            value = float(values[offset])
            if (text.isdigit() and len(text) <= _SAFE_DIGITS) or not value.is_integer():
                continue  # a fraction is an error of its own
            if Decimal(text) != Decimal(value):
                self.note_inexact(where, rows[offset], text)
                return

    def note_inexact(self, where: str, row: int, text: str) -> None:
        """Note the error for a label that float64 does not tell from its neighbours."""
        self.inexact_label = self.inexact_label or DataError(
            self._place(where, row),
            f"the label {shorten(text)}, which float64 would round",
            f"whole numbers below {FLOAT64_WHOLE_END:,} in size",
            f"Read the labels as text with `categorical` '{self.name}'.",
        )

    def check_numbers(self, values: FloatArray, where: str, rows: Sequence[int]) -> None:
        """Remember whether all numbers are whole.

        Raises:
            DataError: if one is infinite.
        """
        infinite = np.flatnonzero(np.isinf(values))
        if len(infinite):
            raise DataError(
                self._place(where, rows[int(infinite[0])]),
                "an infinite number",
                "a finite number, or nothing where it is missing",
                "Mend the value.",
            )
        if self.may_be_label and self.inexact_label is None:
            large = np.flatnonzero(np.abs(values) >= FLOAT64_WHOLE_END)  # NaN is not
            if len(large):
                value = float(values[large[0]])
                self.note_inexact(where, rows[int(large[0])], f"{value:.17g}")
        if self.whole:
            present = values[~np.isnan(values)]
            self.whole = bool((present == np.floor(present)).all())

    def _code(self, text: str) -> float:
        if text in MISSING:
            return math.nan
        return self._codes.setdefault(text, len(self._codes))

    def _categories(self, texts: Sequence[str], where: str, rows: Sequence[int]) -> FloatArray:
        codes = self._codes
        values = np.empty(len(texts))
        for offset, raw in enumerate(texts):
            text = raw.strip()
            if text in MISSING:
                values[offset] = math.nan
                continue
            code = codes.get(text)
            if code is None:
                if not self.declared and self.mixed_text is None and is_number(text):
                    # An error only if the others are no numbers in another notation.
                    self.mixed_text = self._mixed(where, rows[offset], text, "text")
                code = codes[text] = len(codes)
            values[offset] = code
        return values

    def add_numbers(
        self,
        values: FloatArray,
        where: str,
        rows: Sequence[int],
        exact: Callable[[], Sequence[str]] | None = None,
    ) -> FloatArray:
        """Return values that come as numbers, NaN where missing.

        Args:
            values: as float64.
            where: what to call the source in an error.
            rows: the number of each value's row.
            exact: gives the numbers as text, empty where missing, of a type that holds numbers
                which float64 does not; they are the categories of a column that is declared so.

        Raises:
            DataError: if one is infinite.
        """
        if self.declared:
            if exact is not None:
                return self._categories(exact(), where, rows)
            texts = ["" if math.isnan(value) else f"{value:.17g}" for value in values]
            return self._categories(texts, where, rows)
        self._decide("numbers", rows[0] if len(rows) else 0)
        self.check_numbers(values, where, rows)
        return values

    def column(self, is_label: bool = False) -> tuple[Column, FloatArray | None]:
        """Return the column, and for text what each code given so far becomes.

        Text becomes the code of its category, or the number that it is in another notation.

        Raises:
            DataError: if there are numbers among text.
        """
        if self.holds != "text":
            return self._number_column(self.whole), None
        numbers = None if self.declared or is_label else self._noted_categories()
        if numbers is not None:
            whole = bool((numbers == np.floor(numbers)).all())
            return self._number_column(whole), numbers
        if self.mixed_text is not None:
            raise self.mixed_text
        names = sorted(self._codes, key=_category_order)
        final = np.empty(len(names))
        for place, name in enumerate(names):
            final[self._codes[name]] = place
        return Column(self.name, "categorical", tuple(names)), final

    def _number_column(self, is_whole: bool) -> Column:
        notation = self.notation.key if self.notation is not None and self.noted_text else ""
        return Column(self.name, "integer" if is_whole else "real", notation=notation)

    def _noted_categories(self) -> FloatArray | None:
        """Return the number that each text is, None where not all are numbers in one notation."""
        found = find_notation(self._codes, self.decimal)
        # A schema that says text means it: numbers in plain notation stay categories.
        if found is None or (not found.name and self.decimal == "."):
            return None
        numbers = np.array([found.read(text) for text in self._codes], np.float64)
        if not np.isfinite(numbers).all():
            return None
        self.notation = found
        self.noted_text = next((text for text in self._codes if not is_number(text)), "")
        return numbers

    @property
    def category_count(self) -> int:
        """How many different texts there were."""
        return len(self._codes)

    def remark(self) -> Remark | None:
        """Return what is to be said of the notation of its numbers."""
        if self.notation is None or not self.noted_text:
            return None
        return Remark(
            "notation",
            f"Column '{self.name}' is read as numbers with {self.notation.name}: "
            f"{shorten(self.noted_text)} is {self.notation.read(self.noted_text):.6g}. "
            f"`categorical` '{self.name}' reads it as text.",
            (self.name,),
        )


def _category_order(name: str) -> tuple[bool, float, str]:
    """Sort numbers by value and before text."""
    return (False, float(name), name) if is_number(name) else (True, 0.0, name)


def listed(names: Sequence[str]) -> str:
    """Return names for an error message, the first ones where there are many."""
    shown = ", ".join(name if len(name) <= _SHOWN else name[:_SHOWN] + "…" for name in names[:12])
    return f"{shown}, … ({len(names):,} in all)" if len(names) > 12 else shown
