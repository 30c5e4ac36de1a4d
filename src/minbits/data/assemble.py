"""Turns arrays into a checked `DataSet`, whatever file they came from."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.data.labels import class_codes
from minbits.data.large_arrays import take
from minbits.data.rare_classes import check_no_single
from minbits.data.splits import stratified_holdout
from minbits.errors import DataError
from minbits.types import DataSet, Table

TEST_FRACTION = 0.2
TEST_SPLIT_SEED = 0
_CHUNK = 4096

Pair = tuple[npt.NDArray[Any], npt.NDArray[Any]]


def read_failure(path: Path, error: OSError) -> DataError:
    """Return the error for a file that the operating system does not let us read."""
    return DataError(
        str(path), error.strerror or str(error), "a readable file", "Check the path and its rights."
    )


def as_images(
    inputs: npt.NDArray[Any], where: str, channels_first: bool = False
) -> npt.NDArray[Any]:
    """Bring inputs to ``(examples, channels, height, width)`` and to uint8 or float32.

    Args:
        inputs: of two to four axes.
        where: what to call the source in an error.
        channels_first: whether four axes are known to be those; else their sizes tell.

    Raises:
        DataError: if they are no numbers, not finite, or of another shape.
    """
    if inputs.dtype.kind not in "buif":
        raise DataError(where, f"inputs of type {inputs.dtype}", "numbers", "Convert them first.")
    if inputs.ndim == 2:
        inputs = inputs[:, :, None, None]
    elif inputs.ndim == 3:
        inputs = inputs[:, None]
    elif inputs.ndim == 4:
        # Colour images mostly come with the channels last; the smaller end is the channels.
        is_last = inputs.shape[3] in (1, 3, 4) and inputs.shape[1] not in (1, 3, 4)
        if is_last and not channels_first:
            inputs = inputs.transpose(0, 3, 1, 2)
    else:
        raise DataError(
            where,
            f"inputs of shape {inputs.shape}",
            "(examples, features), (examples, height, width) or images with channels",
            "Reshape the inputs.",
        )
    if 0 in inputs.shape[1:]:
        raise DataError(
            where, f"examples of shape {inputs.shape[1:]}", "one input at least", "Add inputs."
        )
    if inputs.dtype == np.bool_:
        inputs = inputs.astype(np.uint8)
    if inputs.dtype != np.uint8:
        count = sum(
            int((~np.isfinite(inputs[i : i + _CHUNK])).sum()) for i in range(0, len(inputs), _CHUNK)
        )
        if count:
            raise DataError(
                where, f"{count} inputs that are NaN or infinite", "finite numbers", "Impute them."
            )
        if _largest(inputs) > float(np.finfo(np.float32).max):
            raise DataError(where, "inputs beyond float32", "numbers below 3e38", "Rescale them.")
        inputs = inputs.astype(np.float32, copy=False)
    # A file on disk stays there; only a copy in memory could be laid out anew.
    return inputs if isinstance(inputs, np.memmap) else np.ascontiguousarray(inputs)


def _largest(inputs: npt.NDArray[Any]) -> float:
    """Return the largest magnitude, without a copy of the whole array."""
    if inputs.size == 0:
        return 0.0
    return max(abs(float(inputs.max())), abs(float(inputs.min())))


def _check_pair(pair: Pair, where: str) -> None:
    inputs, labels = pair
    if labels.ndim != 1:
        raise DataError(where, f"labels of shape {labels.shape}", "one label an example", "Reshape")
    if len(inputs) != len(labels):
        raise DataError(
            where, f"{len(inputs)} inputs and {len(labels)} labels", "as many", "Match the files."
        )
    if len(labels) == 0:
        raise DataError(where, "no examples", "at least one", "Check the file.")


def _input_exponent(inputs: npt.NDArray[Any]) -> int:
    if inputs.dtype == np.uint8 and inputs.max() > 1:
        return 8
    largest = _largest(inputs)
    return min(64, max(-64, math.ceil(math.log2(largest)))) if largest > 0 else 0


def _digest(arrays: dict[str, npt.NDArray[Any]], table: Table | None) -> str:
    digest = hashlib.sha256()
    if table is not None:
        arrays = arrays | {"train table": table.train_values, "test table": table.test_values}
        for column in table.columns:
            digest.update(f"{column.name!r} {column.kind} {column.categories!r}\n".encode())
    for name, array in arrays.items():
        order = array.dtype.newbyteorder("<")
        digest.update(f"{name} {order.str} {array.shape}\n".encode())
        # Chunk by chunk, so that an array on disk need not fit in memory.
        for start in range(0, len(array), _CHUNK):
            part = np.ascontiguousarray(array[start : start + _CHUNK].astype(order, copy=False))
            digest.update(part.data)
    return digest.hexdigest()


def split_description(test_given: bool) -> str:
    """Return how the test set was chosen."""
    if test_given:
        return "as given"
    return f"a fifth of each class drawn by PCG64, seed {TEST_SPLIT_SEED}"


def assemble(
    name: str,
    train: Pair,
    test: Pair | None,
    where: str,
    origin: str,
    *,
    table: Table | None = None,
    channels_first: bool = False,
) -> DataSet:
    """Return a checked data set.

    Args:
        name: the data set's name.
        train: inputs and labels.
        test: inputs and labels; None splits off one fifth of ``train``, class by class, by a fixed
            seed, so that the same file always has the same test set.
        where: what to call the source in an error.
        origin: where the data came from.
        table: the typed columns that the inputs encode.
        channels_first: whether inputs of four axes are known to have the channels first.

    Raises:
        DataError: if arrays do not fit together, hold NaN, have fewer than two classes, or labels
            that cannot be told apart.
    """
    _check_pair(train, where)
    if test is not None:
        _check_pair(test, f"{where}, test set")
    names, labels, known = class_codes(train[1], None if test is None else test[1], where)
    inputs = as_images(train[0], where, channels_first)
    train_rows = None
    if test is None or known is None:
        check_no_single(labels, names, where)
        train_rows, held_out = stratified_holdout(labels, TEST_FRACTION, TEST_SPLIT_SEED)
        test_inputs, test_labels = take(inputs, held_out), labels[held_out]
        inputs, labels = take(inputs, train_rows), labels[train_rows]
    else:
        test_inputs = as_images(test[0], f"{where}, test set", channels_first)
        test_labels = known
    if test_inputs.shape[1:] != inputs.shape[1:]:
        raise DataError(
            f"{where}, test set",
            f"examples of shape {test_inputs.shape[1:]}",
            f"{inputs.shape[1:]} as in training",
            "Match the files.",
        )
    arrays = {
        "train inputs": inputs,
        "train labels": labels,
        "test inputs": test_inputs,
        "test labels": test_labels,
    }
    return DataSet(
        name=name,
        train_inputs=inputs,
        train_labels=labels,
        test_inputs=test_inputs,
        test_labels=test_labels,
        class_names=names,
        input_exponent=_input_exponent(inputs) if table is None else 0,
        digest=_digest(arrays, table),
        origin=origin,
        split=split_description(test is not None),
        table=table,
        train_rows=train_rows,
    )
