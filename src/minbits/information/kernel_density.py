"""Bounds of the information in noisy values, from the pairwise distances of their means.

Each example becomes a Gaussian around its values. The entropy of the mixture of all of them is
bounded from both sides by the distances alone: Kolchinsky & Tracey 2017, *Estimating Mixture
Entropy with Pairwise Distances*. Without noise the information of real values is infinite; the
variance of the noise is a choice, and every figure depends on it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.compilation import compiled
from minbits.errors import ArgumentError

NOISE_VARIANCE = 1e-3  # that of Saxe et al. 2018
_FARTHEST = np.float32(32.0)  # exp(-32) is nothing beside the 1 that each example adds itself
_FAST = {"contract", "reassoc", "nsz"}

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]


@dataclass(frozen=True)
class DensityBounds:
    """Bounds in bits, of the noisy values T with the example X and with its label Y.

    ``input_low`` and ``input_high`` enclose I(X;T), where X is an example drawn at random. The two
    figures of I(T;Y) are differences of bounds of one kind, which bound nothing themselves.
    """

    input_low: float
    input_high: float
    label_low: float
    label_high: float


@compiled(fastmath=_FAST)
def _kernel_sums(values: Float, scale: np.float32, starts: Int, far: Float, near: Float) -> None:
    """Add up kernels of every example around all examples of each class.

    Args:
        values: shape ``(units, examples)``, the examples sorted by class.
        scale: what a squared distance is multiplied by: 1 over eight times the variance.
        starts: where each class begins, and the number of examples.
        far: sums of ``exp(-scale d^2)``, shape ``(examples, classes)``.
        near: likewise of its fourth power.
    """
    units, examples = values.shape
    distances = np.empty(examples, np.float32)
    for i in range(examples):
        for j in range(examples):
            distances[j] = 0
        for c in range(units):
            row, mine = values[c], values[c, i]
            for j in range(examples):
                apart = row[j] - mine
                distances[j] += apart * apart
        for k in range(len(starts) - 1):
            slow, fast = np.float32(0), np.float32(0)
            for j in range(starts[k], starts[k + 1]):
                # exp(-64 y) as the 64th power of a polynomial that is exact to 1e-7 in [0, 1/2].
                y = min(distances[j] * scale, _FARTHEST) * np.float32(1 / 64)
                e = np.float32(1 / 5040)
                e = np.float32(1 / 720) - y * e
                e = np.float32(1 / 120) - y * e
                e = np.float32(1 / 24) - y * e
                e = np.float32(1 / 6) - y * e
                e = np.float32(0.5) - y * e
                e = np.float32(1) - y * e
                e = np.float32(1) - y * e
                e *= e
                e *= e
                e *= e
                e *= e
                e *= e
                e *= e
                slow += e
                e *= e
                fast += e * e
            far[i, k], near[i, k] = slow, fast


def density_bounds(
    values: npt.NDArray[np.floating], labels: Int, variance: float = NOISE_VARIANCE
) -> DensityBounds:
    """Return the bounds of noisy values with their examples and labels.

    Args:
        values: shape ``(examples, units)``; Gaussian noise of ``variance`` is added to each value.
        labels: shape ``(examples,)``, from 0.
        variance: of the noise.

    Raises:
        ArgumentError: if the variance is not positive.
    """
    if not variance > 0:
        raise ArgumentError("variance", f"{variance}", "a positive number", "Choose another one.")
    order = np.argsort(labels, kind="stable")
    counts = np.bincount(labels)
    counts = counts[counts > 0]
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    sums = [np.empty((len(labels), len(counts)), np.float32) for _ in range(2)]
    rows = np.ascontiguousarray(values[order].T, np.float32)
    _kernel_sums(rows, np.float32(1 / (8 * variance)), starts, *sums)
    (input_low, label_low), (input_high, label_high) = (_bits(part, counts) for part in sums)
    return DensityBounds(input_low, input_high, label_low, label_high)


def _bits(sums: Float, counts: Int) -> tuple[float, float]:
    """Return the information with the example, and with the label, of sums of one kind."""
    examples = len(sums)
    own = np.repeat(np.arange(len(counts)), counts)
    whole = -np.log2(sums.sum(axis=1, dtype=np.float64) / examples).mean()
    given = -np.log2(sums[np.arange(examples), own].astype(np.float64) / counts[own]).mean()
    # Of independent T the two are equal but for rounding.
    return min(float(whole), math.log2(examples)), max(float(whole - given), 0.0)
