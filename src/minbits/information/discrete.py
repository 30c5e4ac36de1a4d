"""Shannon entropies of given probabilities, in bits (Shannon 1948)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def minus_p_log2_p(probabilities: FloatArray) -> FloatArray:
    """Return ``-p log2 p`` element by element, 0 where p is 0."""
    p = np.asarray(probabilities, dtype=np.float64)
    logarithms = np.log2(p, out=np.zeros_like(p), where=p > 0)
    return -p * logarithms


def binary_entropy_bits(probabilities: FloatArray) -> FloatArray:
    """Return ``H_b(p) = -p log2 p - (1 - p) log2 (1 - p)`` element by element."""
    p = np.asarray(probabilities, dtype=np.float64)
    return minus_p_log2_p(p) + minus_p_log2_p(1.0 - p)


def entropy_bits(counts: npt.NDArray[np.int64]) -> float:
    """Return the entropy of the relative frequencies of ``counts``, shape ``(outcomes,)``.

    This is the plug-in estimate of a source's entropy, and the exact entropy of a draw from the
    counted set itself.
    """
    return float(minus_p_log2_p(counts / counts.sum()).sum())
