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
from minbits.records import Figure

_CHUNK = 4096


@dataclass(frozen=True, eq=False)
class PixelCounts:
    """How often each pixel exceeds a threshold.

    Attributes:
        ones: int64 of the shape of one example.
        examples: how many examples were counted.
        threshold: a pixel is one where its value is strictly greater.
    """

    ones: npt.NDArray[np.int64]
    examples: int
    threshold: float

    @property
    def probabilities(self) -> FloatArray:
        """The relative frequency of ones, of the shape of one example."""
        return self.ones / np.float64(self.examples)


def count_pixels(inputs: npt.NDArray[Any], threshold: float) -> PixelCounts:
    """Binarise inputs of shape ``(examples, …)`` and count ones per pixel, chunk by chunk."""
    ones = np.zeros(inputs.shape[1:], np.int64)
    for start in range(0, len(inputs), _CHUNK):
        ones += (inputs[start : start + _CHUNK] > threshold).sum(axis=0, dtype=np.int64)
    return PixelCounts(ones, len(inputs), threshold)


def pixel_figures(counts: PixelCounts) -> tuple[Figure, ...]:
    """Return the figures that the per-pixel counts allow."""
    p = counts.probabilities
    binarised = f"inputs binarised at > {counts.threshold:g}, {counts.examples:,} examples"
    figures = [
        Figure(
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
        Figure(
            key="independent_pixels",
            value=float(binary_entropy_bits(p).sum()),
            unit="bits",
            of="X",
            scope="example",
            kind="upper bound",
            method=(
                f"sum over pixels of the binary entropy H_b(p); {binarised}. Bounds the joint "
                "entropy from above, since pixels depend on each other; p is plugged in from the "
                "same examples"
            ),
        ),
    ]
    if counts.ones.sum() > 0:
        figures.append(
            Figure(
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
