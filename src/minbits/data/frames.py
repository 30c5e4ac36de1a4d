"""Columns in memory, of numbers or text, as a data set of training examples alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.data.assemble import assemble
from minbits.data.encoding import encode, fit_encoding
from minbits.data.limits import check_channel_count, check_column_count
from minbits.data.splits import VALIDATION_SEED, stratified_holdout, validation_fraction
from minbits.data.stored_encoding import Cells, category_texts
from minbits.data.tables import number_columns
from minbits.errors import DataError
from minbits.types import Column, DataSet, Table

_NAME = "rows"
_MIN_ROWS = 32  # a batch of the engine that trains small networks fast


def frame_columns(frame: Any, *, always: bool = False) -> dict[str, Cells] | None:
    """Return the columns of a data frame by name.

    Args:
        frame: anything with ``columns`` that are found by their names.
        always: whether to return them where all hold numbers, too; else that gives None.
    """
    if not (hasattr(frame, "columns") and hasattr(frame, "__getitem__")):
        return None
    columns = {str(name): np.asarray(frame[name]) for name in frame.columns}
    if not always and all(cells.dtype.kind in "buif" for cells in columns.values()):
        return None
    return columns  # type: ignore[return-value]


def data_of_columns(columns: Mapping[str, Cells], labels: npt.NDArray[np.int64]) -> DataSet:
    """Return a data set whose training examples are all rows; its test set is the same again.

    A class of one row alone has it twice, so that it is in training and in validation. Rows are
    repeated, too, where there would be fewer than 32 to train on.

    Args:
        columns: by name; numbers, or objects of which text makes categories.
        labels: the number of each row's class.

    Raises:
        DataError: if there is no column that can be used, or an infinite number.
    """
    check_column_count(_NAME, len(columns))
    typed = [_typed(name, cells) for name, cells in columns.items()]
    counts = np.bincount(labels)
    rows = np.sort(np.concatenate([np.arange(len(labels)), np.flatnonzero(counts[labels] == 1)]))
    while len(_kept(labels[rows])) < _MIN_ROWS:
        rows = np.sort(np.concatenate([rows, rows]))
    values = np.stack([found for _, found in typed], axis=1)[rows]
    fitted = fit_encoding(tuple(column for column, _ in typed), values)
    channels = sum(column.channels for column in fitted)
    check_channel_count(_NAME, channels)
    if not channels:
        raise DataError(_NAME, "no column to learn from", "one at least", "Add a column.")
    pair = (encode(fitted, values), labels[rows])
    table = Table(fitted, values, values)
    return assemble(_NAME, pair, pair, _NAME, "rows given to the library", table=table)


def _kept(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return stratified_holdout(labels, validation_fraction(len(labels)), VALIDATION_SEED)[0]


def _typed(name: str, cells: Cells) -> tuple[Column, npt.NDArray[np.float64]]:
    array = np.asarray(cells)
    if array.dtype.kind in "buif":
        values = array.astype(np.float64)
        if np.isinf(values).any():
            raise DataError(
                f"{_NAME}, column '{name}'", "an infinite number", "finite ones", "Mend it."
            )
        return number_columns([name], values[:, None])[0], values
    texts = category_texts(cells, _NAME, name)
    names = sorted({text for text in texts if text})
    codes = {text: float(code) for code, text in enumerate(names)} | {"": np.nan}
    column = Column(name, "categorical", tuple(names))
    return column, np.array([codes[text] for text in texts])
