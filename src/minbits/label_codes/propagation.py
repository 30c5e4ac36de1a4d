"""Label propagation: labels spread along a graph of near inputs, those without a label included.

Zhou et al. 2004 (local and global consistency); local scales of Zelnik-Manor & Perona 2004.
Inputs of later blocks are known to the receiver, too; with few labels seen, they say most.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.label_codes.task import Floats, Task

# How much of a prediction comes from neighbours; the rest from the example's own label.
SHARES = (0.95, 0.99)
_NEIGHBOURS = 10
_SCALE_AT = 7
_ROUNDS = 300
_ROWS_AT_ONCE = 1000
MAX_VALUES = 8_000_000
MAX_EXAMPLES = 12_000
_TINY = 1e-12


def _nearest(flat: npt.NDArray[np.float32], count: int) -> tuple[Any, Floats]:
    """Return the nearest other examples of each, and their squared distances, nearest first."""
    examples = len(flat)
    lengths = (flat * flat).sum(1)
    indices = np.empty((examples, count), np.intp)
    distances = np.empty((examples, count), np.float64)
    for start in range(0, examples, _ROWS_AT_ONCE):
        rows = slice(start, min(start + _ROWS_AT_ONCE, examples))
        found = lengths[rows, None] + lengths - 2 * (flat[rows] @ flat.T)
        found[np.arange(len(found)), np.arange(examples)[rows]] = np.inf
        near = np.argpartition(found, count - 1, axis=1)[:, :count]
        values = np.take_along_axis(found, near, 1)
        order = np.argsort(values, axis=1, kind="stable")
        indices[rows] = np.take_along_axis(near, order, 1)
        distances[rows] = np.maximum(np.take_along_axis(values, order, 1), 0)
    return indices, distances


def _graph(flat: npt.NDArray[np.float32]) -> Any:
    """Return the normalised adjacency matrix of near examples, sparse and symmetric."""
    # Heavy, and imported where it is used.
    from scipy import sparse

    examples = len(flat)
    count = min(_NEIGHBOURS, examples - 1)
    indices, distances = _nearest(flat, count)
    scales = np.sqrt(distances[:, min(_SCALE_AT, count) - 1]) + _TINY
    weights = np.exp(-distances / (scales[:, None] * scales[indices])) + _TINY
    rows = np.repeat(np.arange(examples), count)
    one_way = sparse.csr_matrix((weights.ravel(), (rows, indices.ravel())), (examples, examples))
    both_ways = one_way.maximum(one_way.T)
    roots = sparse.diags(1 / np.sqrt(np.asarray(both_ways.sum(1)).ravel()))
    return (roots @ both_ways @ roots).tocsr()


def propagated(task: Task) -> Floats:
    """Predict by labels that spread along the graph, at several shares.

    Returns:
        Probabilities, shape ``(shares, new, classes)``.
    """
    seen, new = len(task.seen_labels), len(task.new_inputs)
    values = int(np.prod(task.new_inputs.shape[1:]))
    most = max(seen + new, min(MAX_EXAMPLES, MAX_VALUES // values))
    later = task.later_inputs[: most - seen - new]
    inputs = np.concatenate([task.seen_inputs, task.new_inputs, later])
    graph = _graph(np.ascontiguousarray(inputs.reshape(len(inputs), -1)))
    own = np.zeros((len(inputs), task.classes))
    own[np.arange(seen), task.seen_labels] = 1
    # Classes are equally heavy, however often each was drawn so far.
    own /= np.maximum(own.sum(0), 1)
    found = np.empty((len(SHARES), new, task.classes))
    for place, share in enumerate(SHARES):
        spread = own
        for _ in range(_ROUNDS):
            spread = share * (graph @ spread) + (1 - share) * own
        chosen = spread[seen : seen + new] + _TINY
        found[place] = chosen / chosen.sum(1, keepdims=True)
    return found
