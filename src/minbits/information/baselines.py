"""Usual classifiers of a data set, each with its size in bits: what people spend without thinking.

The sizes are those of the numbers alone, stored as they are used. No file is written, so they are
marks for comparison and never claims.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.information.classifiers import (
    HIDDEN_UNITS,
    LOGISTIC,
    NETWORK,
    ClassifierKind,
    held_out_accuracy,
    held_out_fit,
)
from minbits.types import DataSet

FLOAT_BITS = 32
_MAX_VALUES = 5_000_000  # seconds, not minutes


@dataclass(frozen=True)
class Baseline:
    """A classifier as people use it.

    Attributes:
        name: what it is.
        size_bits: of its numbers.
        accuracy: on held-out training examples, in [0, 1].
        counting: what was counted.
    """

    name: str
    size_bits: int
    accuracy: float
    counting: str


def _tree(inputs: npt.NDArray[Any], labels: npt.NDArray[np.int64]) -> Any:
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(min_samples_leaf=2, random_state=0).fit(inputs, labels)


def _affine_bits(inputs: int, outputs: int) -> int:
    return FLOAT_BITS * (inputs + 1) * outputs


def _tree_bits(leaves: int, inputs: int, classes: int) -> int:
    inner = int(leaves) - 1
    question = FLOAT_BITS + math.ceil(math.log2(max(2, inputs)))
    return inner * question + (inner + 1) * math.ceil(math.log2(classes)) + 2 * inner + 1


_FOUND: dict[str, tuple[Baseline, ...]] = {}


def baselines(data: DataSet) -> tuple[Baseline, ...]:
    """Return what usual classifiers of a data set take and reach, the smallest first.

    A decision tree stores, for each inner node, which input it asks about and a threshold of 32
    bits; for each leaf its class; and for each node a bit that says which of the two it is. The
    test set is not used. The answer for a data set is worked out once a process; where that would
    take long, there is none.

    Raises:
        DataError: if the inputs are too many to hold as numbers in memory.
    """
    if data.digest not in _FOUND:
        is_quick = math.prod(data.train_inputs.shape) <= _MAX_VALUES
        _FOUND[data.digest] = _baselines(data) if is_quick else ()
    return _FOUND[data.digest]


def _baselines(data: DataSet) -> tuple[Baseline, ...]:
    inputs, classes = math.prod(data.train_inputs.shape[1:]), data.class_count
    logits = 1 if classes == 2 else classes
    hidden = _affine_bits(inputs, HIDDEN_UNITS) + _affine_bits(HIDDEN_UNITS, logits)
    found = [
        Baseline(kind.name, size_bits, accuracy, "float32 numbers")
        for kind, size_bits in ((LOGISTIC, _affine_bits(inputs, logits)), (NETWORK, hidden))
        if (accuracy := held_out_accuracy(data, kind)) is not None
    ]
    tree = held_out_fit(data, ClassifierKind("decision tree", _tree))
    if tree is not None:
        accuracy, model = tree
        size_bits = _tree_bits(model.get_n_leaves(), inputs, classes)
        counting = "thresholds of 32 bits, inputs, classes and structure"
        found.append(Baseline("decision tree", size_bits, accuracy, counting))
    return tuple(sorted(found, key=lambda item: item.size_bits))
