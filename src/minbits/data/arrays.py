"""Data sets from what is already in memory: arrays, or anything like a PyTorch ``Dataset``."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from minbits.data.array_pairs import as_inputs, single_labels
from minbits.data.assemble import Pair, assemble
from minbits.data.labels import as_labels
from minbits.data.large_arrays import allocate
from minbits.errors import DataError
from minbits.types import DataSet


class IndexedExamples(Protocol):
    """What a map-style PyTorch ``Dataset`` offers: a length, and examples by number."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


def from_arrays(
    inputs: npt.ArrayLike,
    labels: npt.ArrayLike,
    test: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    *,
    name: str = "arrays",
) -> DataSet:
    """Return a data set of arrays.

    Args:
        inputs: shape ``(examples, features)``, ``(examples, height, width)`` or images with
            channels first or last.
        labels: shape ``(examples,)``, integers or text; also ``(examples, 1)``, or one 0/1 column
            a class.
        test: inputs and labels of the test set; None takes a fifth of every class.
        name: used in file names and in the ledger.

    Raises:
        DataError: if arrays do not fit together, hold NaN, or have fewer than two classes.
    """
    pair = _pair(inputs, labels, name)
    test_pair = None if test is None else _pair(*test, f"{name}, test set")
    return assemble(name, pair, test_pair, where=name, origin="arrays given to the library")


def _pair(inputs: npt.ArrayLike, labels: npt.ArrayLike, where: str) -> Pair:
    return as_inputs(inputs, where), single_labels(as_labels(labels))


def from_dataset(
    train: IndexedExamples, test: IndexedExamples | None = None, *, name: str = "dataset"
) -> DataSet:
    """Return a data set of a map-style PyTorch ``Dataset`` of pairs (input, label).

    Examples are read one by one into one array, which moves to disk beyond 1 GiB. PyTorch itself
    is not needed: an input may be anything that ``numpy.asarray`` takes, an image of Pillow too.

    Args:
        train: the examples.
        test: the test examples; None takes a fifth of every class.
        name: used in file names and in the ledger.

    Raises:
        DataError: if an example is no pair or differs in shape or type from the first.
    """
    test_pair = None if test is None else _gather(test, f"{name}, test set")
    origin = f"dataset of type {type(train).__name__} given to the library"
    return assemble(name, _gather(train, name), test_pair, where=name, origin=origin)


def _example(examples: IndexedExamples, index: int, where: str) -> tuple[npt.NDArray[Any], Any]:
    item = examples[index]
    if not isinstance(item, tuple | list) or len(item) != 2:
        raise DataError(
            f"{where}, example {index}", type(item).__name__, "a pair (input, label)", "Wrap it."
        )
    label = item[1].item() if hasattr(item[1], "item") else item[1]
    return np.asarray(item[0]), label


def _gather(examples: IndexedExamples, where: str) -> Pair:
    if len(examples) == 0:
        raise DataError(where, "no examples", "at least one", "Check the dataset.")
    first, _ = _example(examples, 0, where)
    if first.dtype.kind not in "buif":
        raise DataError(f"{where}, example 0", f"type {first.dtype}", "numbers", "Convert it.")
    inputs = allocate((len(examples), *first.shape), first.dtype)
    labels = []
    for index in range(len(examples)):
        value, label = _example(examples, index, where)
        if value.shape != first.shape or value.dtype != first.dtype:
            raise DataError(
                f"{where}, example {index}",
                f"shape {value.shape} of {value.dtype}",
                f"shape {first.shape} of {first.dtype}, as example 0 has",
                "Bring all examples to one shape and type.",
            )
        inputs[index] = value
        labels.append(label)
    return inputs, as_labels(labels)
