"""The question's pipeline on inputs: binarise, count, normalise, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.information.discrete import (
    FloatArray,
    binary_entropy_bits,
    entropy_bits,
    minus_p_log2_p,
)
from minbits.information.mean_interval import mean_ends
from minbits.types import Quantity

_CHUNK = 4096


@dataclass(frozen=True, eq=False)
class PixelCounts:
    """How often each pixel exceeds a threshold.

    Attributes:
        ones: int64 of the shape of one example.
        examples: how many examples were counted.
        threshold: a pixel is one where its value is strictly greater.
        code_variance: variance over the examples of the code length of all pixels, each by its own
            frequency, in bits squared; 0 for a single example.
    """

    ones: npt.NDArray[np.int64]
    examples: int
    threshold: float
    code_variance: float = 0.0

    @property
    def probabilities(self) -> FloatArray:
        """The relative frequency of ones, of the shape of one example."""
        return self.ones / np.float64(self.examples)


def count_pixels(inputs: npt.NDArray[Any], threshold: float) -> PixelCounts:
    """Binarise inputs of shape ``(examples, …)`` and count ones per pixel, chunk by chunk."""
    ones = np.zeros(inputs.shape[1:], np.int64)
    for start in range(0, len(inputs), _CHUNK):
        ones += (inputs[start : start + _CHUNK] > threshold).sum(axis=0, dtype=np.int64)
    # One pixel on instead of off makes the code longer by the logarithm of the odds.
    p = np.clip(ones.ravel() / len(inputs), 1e-300, None)
    odds = np.where((ones.ravel() > 0) & (p < 1), np.log2((1 - p) / p, where=p < 1, out=p * 0), 0)
    lengths = [
        (inputs[start : start + _CHUNK].reshape(-1, ones.size) > threshold).astype(np.float32)
        @ odds.astype(np.float32)
        for start in range(0, len(inputs), _CHUNK)
    ]
    variance = float(np.concatenate(lengths).var(ddof=1)) if len(inputs) > 1 else 0.0
    return PixelCounts(ones, len(inputs), threshold, variance)


def _independent_ends(counts: PixelCounts) -> tuple[float | None, float | None]:
    """Return the ends of the interval of the sum of the pixels' entropies, in bits.

    The plug-in entropy of a pixel is too low by at most log2(1 + 1 / N) on average (Paninski 2003).
    """
    if counts.examples < 2:
        return None, None
    n, p = counts.examples, counts.probabilities
    rarer = np.minimum(p, 1 - p)
    longest = -np.log2(np.where(rarer > 0, rarer, 1 / (n + 1)))
    value = float(binary_entropy_bits(p).sum())
    low, high = mean_ends(value, counts.code_variance, n, float(longest.sum()))
    return max(0.0, low), min(float(p.size), high + p.size * float(np.log2(1 + 1 / n)))


def pixel_quantities(counts: PixelCounts) -> tuple[Quantity, ...]:
    """Return the figures that the per-pixel counts allow."""
    p = counts.probabilities
    low, high = _independent_ends(counts)
    binarised = f"inputs binarised at > {counts.threshold:g}, {counts.examples:,} examples"
    figures = [
        Quantity(
            key="pixel_sum_without_complement",
            value=float(minus_p_log2_p(p).sum()),
            unit="bits",
            of="X",
            scope="example",
            kind="not an entropy",
            method=(
                f"sum over pixels of -p log2 p; {binarised}. Each binary pixel also needs its "
                "other term -(1-p) log2(1-p), which was dropped: no random variable has this "
                "entropy"
            ),
        ),
        Quantity(
            key="independent_pixels",
            value=float(binary_entropy_bits(p).sum()),
            unit="bits",
            of="X",
            scope="example",
            kind="upper bound",
            method=(
                f"sum over pixels of the binary entropy H_b(p); {binarised}. Bounds the joint "
                "entropy of all binarised pixels from above, since pixels depend on each other; p "
                "is plugged in from the same examples; what holds is the high end, which adds what "
                "that is too low by (Paninski 2003)"
            ),
            low=low,
            high=high,
        ),
    ]
    if counts.ones.sum() > 0:
        figures.append(
            Quantity(
                key="histogram_over_pixels",
                value=entropy_bits(counts.ones.ravel()),
                unit="bits",
                of="X",
                scope="example",
                kind="not an entropy",
                method=(
                    "entropy of the histogram normalised to sum 1: of WHICH pixel is on, when one "
                    f"on-pixel is drawn from all images; {binarised}. An entropy, but not of an "
                    "image"
                ),
            )
        )
    return tuple(figures)
