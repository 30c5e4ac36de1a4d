"""An upper confidence limit of a discrete entropy that rests on no estimator and no prior."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from minbits.errors import ArgumentError

FloatArray = npt.NDArray[np.float64]
ERROR_RATE = 0.05


def probability_limits(
    counts: npt.NDArray[np.integer], error_rate: float = ERROR_RATE
) -> tuple[FloatArray, FloatArray]:
    """Return limits within which all probabilities lie together, by Clopper and Pearson (1934).

    Each of the 2K limits fails with probability ``error_rate / 2K`` at most, so that all hold
    together with probability ``1 - error_rate`` or more (Bonferroni).

    Args:
        counts: examples of each class, shape ``(classes,)``; classes never seen count 0.
        error_rate: in (0, 1).

    Returns:
        Lower and upper limits, each of shape ``(classes,)``.

    Raises:
        ArgumentError: without an example, or outside the range of the error rate.
    """
    examples = int(counts.sum())
    if counts.ndim != 1 or examples < 1 or counts.min() < 0 or not 0 < error_rate < 1:
        raise ArgumentError(
            "probability_limits", f"counts {counts.shape} of {examples} examples, {error_rate}",
            "at least one example and an error rate in (0, 1)", "Count again.",
        )  # fmt: skip
    tail = error_rate / (2 * len(counts))
    hits = counts.astype(np.float64)
    misses = examples - hits
    # Where an argument of the beta function would be 0, the limit is the end of the range.
    low = np.where(hits > 0, special.betaincinv(np.maximum(hits, 1), misses + 1, tail), 0.0)
    high = np.where(misses > 0, special.betaincinv(hits + 1, np.maximum(misses, 1), 1 - tail), 1.0)
    return low, high


def entropy_upper_limit_bits(
    counts: npt.NDArray[np.integer], error_rate: float = ERROR_RATE
) -> float:
    """Return the largest entropy in bits that the counts allow, at a confidence of 95 %.

    It is the maximum of H over all distributions within `probability_limits`: every probability
    comes as near to one common level as its limits let it. Never above log2 of the classes.

    Args:
        counts: examples of each class, shape ``(classes,)``; classes never seen count 0.
        error_rate: how often the limit may fall below the entropy, at most.

    Raises:
        ArgumentError: as `probability_limits`.
    """
    low, high = probability_limits(counts, error_rate)

    def excess(level: float) -> float:
        return float(np.clip(level, low, high).sum()) - 1.0

    # The lower limits sum to 1 at most, the upper ones to 1 at least.
    level = optimize.brentq(excess, 0.0, 1.0, xtol=1e-15) if len(counts) > 1 else 1.0
    shares = np.clip(level, low, high)
    shares /= shares.sum()
    positive = shares[shares > 0]
    return min(float(np.log2(len(counts))), float(-(positive * np.log2(positive)).sum()) + 0.0)
