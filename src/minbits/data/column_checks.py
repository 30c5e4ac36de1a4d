"""What is odd about single columns of a table: dates, texts, keys, and columns that give the label.

Every check looks at all rows, in time that grows with their number alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from minbits.data.encoding import MAX_CATEGORIES
from minbits.data.notations import find_notation
from minbits.data.typed_columns import is_number, listed, shorten
from minbits.types import Column, DataSet, Remark

_MIN_ROWS = 20
_ROWS_A_VALUE = 4  # fewer rows for a value determine a label by chance
_MOSTLY = 0.8
_WORDS_OF_FREE_TEXT = 4
_MAX_RANGE = 4096
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_TIME = r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AP]M)?(?:Z| ?[+-]\d{2}:?\d{2})?)?"
_DATE = re.compile(
    rf"(?:\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{1,2}}[-/.]\d{{1,2}}[-/.](?:\d{{4}}|\d{{2}})"
    rf"|\d{{1,2}}[- .]{_MONTH}[- .,]+\d{{2,4}}|{_MONTH}\.? \d{{1,2}},? \d{{4}}){_TIME}"
    r"|\d{1,2}:\d{2}(?::\d{2})?",
    re.IGNORECASE,
)

FloatArray = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


def column_remarks(data: DataSet) -> tuple[Remark, ...]:
    """Return what is odd about each column of a table, and what to do about it."""
    if data.table is None:
        return ()
    labels = np.concatenate([data.train_labels, data.test_labels])
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    found: list[Remark | None] = [_header_remark(data.table.columns)]
    for place, column in enumerate(data.table.columns):
        values = np.concatenate(
            [data.table.train_values[:, place], data.table.test_values[:, place]]
        )
        if column.kind == "categorical":
            found.append(_text_remark(column, int((~np.isnan(values)).sum())))
            found.append(_label_remark(column, values, labels, len(data.class_names)))
            continue
        sorts = len(values) >= _MIN_ROWS and _sorts_by_class(values[order], starts)
        remark = _number_remark(column, values, sorts)
        found.append(remark or _label_remark(column, values, labels, len(data.class_names)))
    return tuple(remark for remark in found if remark is not None)


def _header_remark(columns: tuple[Column, ...]) -> Remark | None:
    """Return that names of columns are values of theirs, as where a first row of data was taken."""
    names = tuple(column.name for column in columns if column.name in column.categories)
    if len(names) < 2:
        return None
    text = f"The names of the columns {listed(names)} occur among their values: if the first row "
    return Remark("header", f"{text}is data, say so with `header=False`.", names)


def _drop(column: Column, verb: str = "leave") -> str:
    return f"{verb} it out with `drop` '{column.name}'"


def _share(texts: tuple[str, ...], fits: Callable[[str], object]) -> float:
    return sum(bool(fits(text)) for text in texts) / len(texts)


def _text_remark(column: Column, rows: int) -> Remark | None:
    """Return what is odd about a column of text."""
    if not column.categories:
        return None
    checks = (_date_text, _number_text, _free_text, _key_text, _many_texts)
    found = ((key, text(column, rows)) for key, text in zip(_TEXT_KEYS, checks, strict=True))
    return next((Remark(key, text, (column.name,)) for key, text in found if text), None)


_TEXT_KEYS = ("date", "numbers_as_text", "free_text", "id", "too_many_categories")


def _fate(column: Column) -> str:
    return f"is {len(column.categories):,} inputs" if column.channels else "is no input"


def _date_text(column: Column, rows: int) -> str | None:
    texts = column.categories
    if _share(texts, _DATE.fullmatch) < _MOSTLY:
        return None
    return (
        f"Column '{column.name}' holds dates or times, such as {shorten(texts[0])}, and "
        f"{_fate(column)}. Write year, month or hour as columns of numbers, or {_drop(column)}."
    )


def _number_text(column: Column, rows: int) -> str | None:
    texts = column.categories
    # Plain numbers are text because the user said so.
    if len(texts) < 3 or all(map(is_number, texts)) or _share(texts, _is_noted) < _MOSTLY:
        return None
    other = next((text for text in texts if not _is_noted(text)), None)
    why = "in several notations" if other is None else f"but also {shorten(other)}"
    return (
        f"Column '{column.name}' holds numbers, such as {shorten(texts[0])}, {why}: it is read as "
        f"text, and {_fate(column)}. Mend it, or {_drop(column)}."
    )


def _free_text(column: Column, rows: int) -> str | None:
    texts = column.categories
    words = sum(len(text.split()) for text in texts) / len(texts)
    if words < _WORDS_OF_FREE_TEXT or 2 * len(texts) <= rows:
        return None
    return (
        f"Column '{column.name}' holds free text, and {_fate(column)}. No word of it is looked at: "
        f"{_drop(column)}."
    )


def _key_text(column: Column, rows: int) -> str | None:
    if len(column.categories) < rows or rows < _MIN_ROWS:
        return None
    return (
        f"Column '{column.name}' holds another text in every row, as a name or a key does, and "
        f"{_fate(column)}. {_drop(column, 'Leave')}."
    )


def _many_texts(column: Column, rows: int) -> str | None:
    if column.channels:
        return None
    return (
        f"Column '{column.name}' holds {len(column.categories):,} different texts, more than the "
        f"{MAX_CATEGORIES} that are encoded, and is no input. Group them into fewer."
    )


def _is_noted(text: str) -> bool:
    return is_number(text) or find_notation([text]) is not None


def _number_remark(column: Column, values: FloatArray, sorts: bool) -> Remark | None:
    """Return what is odd about a column of numbers."""
    present = values[~np.isnan(values)]
    if len(present) < _MIN_ROWS:
        return None
    spread = float(present.max()) - float(present.min())
    what = f"Column '{column.name}'"
    may_be_key = column.kind == "integer" and spread >= len(present) - 1
    if may_be_key and len(np.unique(present)) == len(present):
        text = f"{what} holds another whole number in every row, as a row number or a key does"
        text += ", and the rows of each class follow one another in it." if sorts else "."
        return Remark("id", f"{text} {_drop(column, 'Leave')}.", (column.name,))
    if sorts and spread > 0:
        text = f"{what} determines the label: each class is an interval of it. If it is not known "
        text += f"before the label, {_drop(column)}."
        return Remark("determines_label", text, (column.name,))
    return None


def _sorts_by_class(ordered: FloatArray, starts: npt.NDArray[np.intp]) -> bool:
    """Return whether the values of each class are an interval that no other class's values enter.

    Args:
        ordered: values of the first class, then of the second, and so on.
        starts: where each class begins.
    """
    if np.isnan(ordered).any():
        return False
    lows, highs = np.minimum.reduceat(ordered, starts), np.maximum.reduceat(ordered, starts)
    rank = np.argsort(lows)
    return bool((highs[rank][:-1] < lows[rank][1:]).all())


def _label_remark(
    column: Column, values: FloatArray, labels: Labels, classes: int
) -> Remark | None:
    """Return that each of a column's values, which are few, is found with one label alone."""
    present = ~np.isnan(values)
    codes = values[present]
    if len(codes) < max(_MIN_ROWS, 0.9 * len(values)) or column.kind == "real":
        return None
    codes = codes - codes.min()
    count = codes.max() + 1
    if count > _MAX_RANGE:
        return None
    numbers = np.unique(codes.astype(np.int64) * classes + labels[present])
    different = len(np.unique(numbers // classes))
    if different < 2 or different != len(numbers) or different * _ROWS_A_VALUE > len(codes):
        return None
    text = f"Column '{column.name}' determines the label: each of its {different:,} values occurs "
    text += f"with one class alone. If it is not known before the label, {_drop(column)}."
    return Remark("determines_label", text, (column.name,))
