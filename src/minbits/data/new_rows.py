"""What a program hands to a network: data frames, dictionaries, arrays, lists."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.data.assemble import as_images
from minbits.data.companion import Companion
from minbits.data.stored_encoding import Cells, NewExamples, TableCells, encode_rows
from minbits.errors import DataError

_WHERE = "rows"
_LARGEST_BYTE = 255


def new_examples(companion: Companion, rows: Any, where: str = _WHERE) -> NewExamples:
    """Return rows or arrays as the inputs of a network.

    Args:
        companion: of the network file.
        rows: of a table, a data frame of pandas or Polars, a list of dictionaries (one a row), a
            dictionary of columns, or an array or list of shape ``(rows, columns)`` with the columns
            in the order of training. An array of four axes is taken as encoded inputs, as
            ``DataSet.test_inputs`` are. Of images and arrays, an array ``(examples, …)``.
        where: what to call the source in an error.

    Raises:
        DataError: if columns, cells or shapes do not fit; row and column are named.
    """
    if companion.columns is None:
        return array_examples(companion, _plain_array(rows, where), where)
    named = _named_columns(rows, where)
    if named is not None:
        return encode_rows(companion, _table(named, where))
    array = _plain_array(rows, where)
    if array.ndim == 4:
        return array_examples(companion, array, where)
    names = [column.name for column in companion.columns]
    if array.ndim != 2 or array.shape[1] != len(names):
        raise DataError(
            where, f"an array of shape {array.shape}",
            f"(rows, {len(names)}), the columns in the order of training",
            "Give the columns by their names, as a data frame or dictionaries.",
        )  # fmt: skip
    return encode_rows(companion, _table(dict(zip(names, array.T, strict=True)), where))


def _table(columns: Mapping[str, Cells], where: str) -> TableCells:
    lengths = {len(cells) for cells in columns.values()}
    if len(lengths) > 1:
        raise DataError(
            where, f"columns of {min(lengths)} and {max(lengths)} rows", "as many in each",
            "Match the columns.",
        )  # fmt: skip
    return TableCells(
        where, list(columns), [*columns.values()], range(1, max(lengths, default=0) + 1)
    )


def _named_columns(rows: Any, where: str) -> dict[str, Cells] | None:
    """Return columns by name, None where they have none."""
    if hasattr(rows, "columns") and hasattr(rows, "__getitem__"):
        return {str(name): _column_of(rows, name, where) for name in rows.columns}
    if isinstance(rows, np.ndarray):
        names = rows.dtype.names
        return None if names is None else {name: rows[name] for name in names}
    if isinstance(rows, Mapping):
        if all(isinstance(cells, list | tuple | np.ndarray) for cells in rows.values()):
            return {str(name): cells for name, cells in rows.items()}
        return _of_dictionaries([rows], where)
    if isinstance(rows, Iterable) and not isinstance(rows, str | bytes):
        given = list(rows)
        if given and all(isinstance(row, Mapping) for row in given):
            return _of_dictionaries(given, where)
    return None


def _column_of(frame: Any, name: Any, where: str) -> Cells:
    cells = np.asarray(frame[name])
    if cells.ndim != 1:
        raise DataError(where, f"column {name!r} more than once", "names that differ", "Rename it.")
    return cells


def _of_dictionaries(rows: Sequence[Mapping[Any, Any]], where: str) -> dict[str, Cells]:
    names = dict.fromkeys(str(name) for row in rows for name in row)
    plain = [{str(name): value for name, value in row.items()} for row in rows]
    return {name: [row.get(name) for row in plain] for name in names}


def _plain_array(rows: Any, where: str) -> npt.NDArray[Any]:
    if rows is None or isinstance(rows, str | bytes):
        raise DataError(where, type(rows).__name__, "rows or arrays", "Give the inputs themselves.")
    try:
        return np.asarray(rows)
    except ValueError as error:
        raise DataError(
            where, "rows of different lengths", "as many values in each", "Mend it."
        ) from error


# --- arrays and images


def array_examples(
    companion: Companion,
    array: npt.NDArray[Any],
    where: str,
    channels_first: bool = False,
) -> NewExamples:
    """Return an array ``(examples, …)`` as the inputs of a network.

    Args:
        companion: of the network file.
        array: of the examples.
        where: what to call the source in an error.
        channels_first: whether four axes are known to have the channels first.

    Raises:
        DataError: if shape or type do not fit what the network was trained on.
    """
    if array.dtype.kind == "O" and array.ndim:
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(
                where, "values that are no numbers", "numbers", "Convert them."
            ) from error
    if array.ndim < 2:
        raise DataError(
            where, f"an array of shape {array.shape}", f"(examples, {_sides(companion)})",
            "Put one example into a list of its own.",
        )  # fmt: skip
    images = as_images(array, where, channels_first) if array.ndim <= 4 else array
    if math.prod(images.shape[1:]) != math.prod(companion.input_shape):
        raise DataError(
            where, f"examples of shape {array.shape[1:]}",
            f"{_sides(companion)}, as in training", "Bring them to that shape.",
        )  # fmt: skip
    remarks = _check_range(companion, images, where)
    inputs = images.reshape(len(images), *companion.input_shape)
    found = range(1, len(images) + 1)
    return NewExamples(inputs, found, [None] * len(images), remarks)


def _sides(companion: Companion) -> str:
    return " x ".join(map(str, companion.input_shape))


def _check_range(companion: Companion, images: npt.NDArray[Any], where: str) -> tuple[str, ...]:
    """Refuse numbers that cannot be what the network was trained on."""
    if companion.input_type != "uint8" or images.dtype == np.uint8 or not images.size:
        return ()
    low, high = float(images.min()), float(images.max())
    if low < 0 or high > _LARGEST_BYTE or (images != np.floor(images)).any():
        raise DataError(
            where, f"numbers from {low:g} to {high:g}", "whole numbers from 0 to 255",
            "Give the images as bytes, as in training: the network has its own scale.",
        )  # fmt: skip
    return ()
