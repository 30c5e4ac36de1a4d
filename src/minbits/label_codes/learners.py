"""Learners of labels: each learns from the labels seen and predicts those of a block to come.

A learner is a part of the program, so that it costs no bits. It may use all inputs, and the labels
of the examples before the block. A new learner is a function and an entry of `LEARNERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.label_codes.network_learner import network_probabilities
from minbits.label_codes.propagation import MAX_VALUES, SHARES, propagated
from minbits.label_codes.task import Floats, Task
from minbits.registry import Registry

_NEIGHBOURS = (1, 3, 10)
_DISTANCES_AT_ONCE = 20_000_000
_STRENGTHS = (0.01, 1.0)
# Numbers in the inputs seen up to which a learner takes part: beyond them it is slow, and of images
# networks learn more.
_NEIGHBOUR_VALUES = 8_000_000
_LOGISTIC_VALUES = 2_000_000
_TREE_VALUES = 8_000_000
_BOOSTING_VALUES = 2_000_000
_SMALL_NETWORK_SEEN = 3000
# Beyond so many labels, learners of inputs alone know as much.
_PROPAGATION_SEEN = 1000


FEWEST_SEEN = 1


# Gives probabilities of shape ``(variants, new, classes)``.
Predict = Callable[[Task], Floats]


@dataclass(frozen=True)
class Learner:
    """A way to learn labels.

    Attributes:
        key: stable, since archives name it by its place in the registry.
        name: for people.
        predict: learns and predicts.
        least_seen: fewer labels than this are not enough for it.
        suits: whether it takes examples of a shape; the number of labels seen comes second.
        members: how many copies with seeds of their own are averaged.
        variants: how many predictions it gives.
        is_network: whether effort counts.
    """

    key: str
    name: str
    predict: Predict
    least_seen: int = FEWEST_SEEN
    suits: Callable[[tuple[int, int, int], int], bool] = lambda shape, seen: True
    members: int = 1
    variants: int = 1
    is_network: bool = False


def _flat(inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return inputs.reshape(len(inputs), -1)


def _frequencies(task: Task) -> Floats:
    """Predict by the frequencies of classes, each with half an example more."""
    counts = np.bincount(task.seen_labels, minlength=task.classes) + 0.5
    return np.tile(counts / counts.sum(), (1, len(task.new_inputs), 1))


def _neighbours(task: Task) -> Floats:
    """Predict by the classes of the nearest examples, in Euclidean distance.

    The k nearest vote with weights 1 / (1 + rank); one part of a vote is spread evenly.
    """
    seen, new = _flat(task.seen_inputs), _flat(task.new_inputs)
    most = min(max(_NEIGHBOURS), len(seen))
    lengths = (seen.astype(np.float64) ** 2).sum(1).astype(np.float32)
    found = np.empty((len(_NEIGHBOURS), len(new), task.classes))
    at_once = max(1, _DISTANCES_AT_ONCE // len(seen))
    for start in range(0, len(new), at_once):
        rows = slice(start, min(start + at_once, len(new)))
        distances = lengths - 2 * (new[rows] @ seen.T)
        nearest = np.argpartition(distances, most - 1, axis=1)[:, :most]
        order = np.argsort(np.take_along_axis(distances, nearest, 1), axis=1, kind="stable")
        labels = task.seen_labels[np.take_along_axis(nearest, order, 1)]
        votes = np.zeros((labels.shape[0], task.classes))
        counted = 0
        for place, count in enumerate(_NEIGHBOURS):
            for rank in range(counted, min(count, most)):
                np.add.at(votes, (np.arange(len(labels)), labels[:, rank]), 1.0 / (1 + rank))
            counted = min(count, most)
            spread = votes + 0.1 / task.classes
            found[place, rows] = spread / spread.sum(1, keepdims=True)
    return found


def _of_all_classes(model: Any, inputs: npt.NDArray[np.float32], classes: int) -> Floats:
    """Return probabilities of all classes; those that the model never saw share one example."""
    out = np.zeros((len(inputs), classes))
    out[:, model.classes_] = model.predict_proba(inputs)
    return out[None]


def _needs_two(task: Task) -> bool:
    return bool((task.seen_labels != task.seen_labels[0]).any())


def _logistic(task: Task) -> Floats:
    """Predict by logistic regression on the flat inputs, at several strengths of the penalty."""
    # scikit-learn is slow to import, and is imported where it is used.
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    if not _needs_two(task):
        return _frequencies(task)
    scaler = StandardScaler().fit(_flat(task.seen_inputs))
    seen, new = scaler.transform(_flat(task.seen_inputs)), scaler.transform(_flat(task.new_inputs))
    parts = []
    for strength in _STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=200, tol=1e-3)
        parts.append(_of_all_classes(model.fit(seen, task.seen_labels), new, task.classes))
    return np.concatenate(parts)


def _trees(task: Task) -> Floats:
    """Predict by extremely randomised trees (Geurts, Ernst & Wehenkel 2006)."""
    from sklearn.ensemble import ExtraTreesClassifier

    if not _needs_two(task):
        return _frequencies(task)
    model = ExtraTreesClassifier(200, min_samples_leaf=1, random_state=task.seed)
    fitted = model.fit(_flat(task.seen_inputs), task.seen_labels)
    return _of_all_classes(fitted, _flat(task.new_inputs), task.classes)


def _boosting(task: Task) -> Floats:
    """Predict by gradient boosting of histogram trees."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    if not _needs_two(task):
        return _frequencies(task)
    model = HistGradientBoostingClassifier(
        max_iter=100, learning_rate=0.1, min_samples_leaf=5, early_stopping=False,
        random_state=task.seed,
    )  # fmt: skip
    fitted = model.fit(_flat(task.seen_inputs), task.seen_labels)
    return _of_all_classes(fitted, _flat(task.new_inputs), task.classes)


def _values_below(most: int) -> Callable[[tuple[int, int, int], int], bool]:
    return lambda shape, seen: seen * int(np.prod(shape)) <= most


def _small_network(task: Task) -> Floats:
    return network_probabilities(task, "small")


def _large_network(task: Task) -> Floats:
    return network_probabilities(task, "large")


LEARNERS: Registry[Learner] = Registry(
    "learner of labels",
    Learner("frequencies", "frequencies of the classes", _frequencies, least_seen=0),
    Learner(
        "neighbours", "nearest neighbours", _neighbours,
        suits=_values_below(_NEIGHBOUR_VALUES), variants=len(_NEIGHBOURS),
    ),
    Learner(
        "propagation", "label propagation", propagated,
        suits=lambda shape, seen: 3 * seen * int(np.prod(shape)) <= 2 * MAX_VALUES
        and seen <= _PROPAGATION_SEEN,
        variants=len(SHARES),
    ),
    Learner(
        "logistic", "logistic regression", _logistic, suits=_values_below(_LOGISTIC_VALUES),
        variants=len(_STRENGTHS),
    ),
    Learner("trees", "extremely randomised trees", _trees, suits=_values_below(_TREE_VALUES)),
    Learner(
        "boosting", "gradient boosting", _boosting, least_seen=50,
        suits=lambda shape, seen: min(shape[1:]) == 1 and seen * shape[0] <= _BOOSTING_VALUES,
    ),
    Learner(
        "small", "small network", _small_network, least_seen=20,
        suits=lambda shape, seen: seen <= _SMALL_NETWORK_SEEN, members=2, is_network=True,
    ),
    Learner(
        "large", "larger network", _large_network, least_seen=20, members=4, is_network=True
    ),
)  # fmt: skip
