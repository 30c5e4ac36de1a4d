"""The information of a layer whose values are discrete, or are made so by bins, counted exactly.

A layer T of a network is a function of its input X. Where its values are discrete, I(X;T) = H(T),
and the examples at hand decide it: where these are all inputs that there are, nothing is estimated.
Of real values the figure depends on the bins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from minbits.information.discrete import entropy_bits

Values = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]
Discretise = Callable[[Values], npt.NDArray[np.integer]]

TISHBY_BINS = 30


def counted_information(levels: npt.NDArray[np.generic], labels: Int) -> tuple[float, float]:
    """Return I(X;T) = H(T) and I(T;Y) in bits, of equally likely examples.

    Args:
        levels: the discrete values of T, shape ``(examples, units)``.
        labels: shape ``(examples,)``, from 0.
    """
    rows = np.ascontiguousarray(levels)
    keys = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1])))[:, 0]
    _, state = np.unique(keys, return_inverse=True)
    classes = int(labels.max()) + 1
    joint = np.bincount(state * classes + labels, minlength=(state.max() + 1) * classes)
    table = joint.reshape(-1, classes)
    layer, label = entropy_bits(table.sum(axis=1)), entropy_bits(table.sum(axis=0))
    return layer, max(layer + label - entropy_bits(joint), 0.0)


def fixed_bins(values: Values, bins: int = TISHBY_BINS) -> npt.NDArray[np.int16]:
    """Return bins of equal width from -1 to 1; what lies outside goes to the first or last one."""
    found = np.floor((values.astype(np.float64) + 1) * (bins / 2))
    return np.clip(found, 0, bins - 1).astype(np.int16)


def thirty_edges(values: Values) -> npt.NDArray[np.int16]:
    """Return the bins of the published code: 30 edges from -1 to 1, so 29 bins between them.

    What reaches 1 has a thirtieth bin of its own, and what is below -1 shares it: in the code the
    index -1 of the edge before the first stands for the last one.
    """
    edges = np.linspace(-1, 1, TISHBY_BINS, dtype=np.float32)
    return ((np.digitize(values, edges) - 1) % TISHBY_BINS).astype(np.int16)


def adaptive_bins(values: Values, bins: int = TISHBY_BINS) -> npt.NDArray[np.int16]:
    """Return bins of equal width from the smallest to the largest value of the layer."""
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return np.zeros(values.shape, np.int16)
    found = np.floor((values.astype(np.float64) - low) * (bins / (high - low)))
    return np.clip(found, 0, bins - 1).astype(np.int16)


BINNINGS: Mapping[str, Discretise] = {
    "fixed": fixed_bins,
    "edges": thirty_edges,
    "adaptive": adaptive_bins,
}
