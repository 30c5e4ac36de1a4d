"""The problem of Shwartz-Ziv & Tishby 2017: twelve points of a sphere, and a symmetric rule."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from minbits.distributions.boolean import Bits, BooleanFunction, all_patterns

POINTS = 12
_DEGREES = 3
_DIGITS = 9  # values of one class of patterns differ by rounding alone


@cache
def _cosines() -> npt.NDArray[np.float64]:
    """Return the cosines between the vertices of an icosahedron, shape ``(points, points)``."""
    golden = (1 + 5**0.5) / 2
    signs = [(a, b) for a in (-1.0, 1.0) for b in (-golden, golden)]
    vertices = np.array([p for a, b in signs for p in ((0, a, b), (a, b, 0), (b, 0, a))])
    return np.asarray(vertices @ vertices.T / (1 + golden**2))


def spherical_power(patterns: Bits) -> npt.NDArray[np.float64]:
    """Return the power of patterns in the spherical harmonics of degree 0, 1 and 2 together.

    A pattern is a sum of unit masses at vertices of an icosahedron. Its power of one degree is the
    sum of its squared coefficients, which no rotation and no reflection changes (Kazhdan et al.
    2003); by the addition theorem it is a sum over pairs of vertices.

    Args:
        patterns: zeros and ones, shape ``(patterns, 12)``.
    """
    cosines, ones = _cosines(), patterns.astype(np.float64)
    legendre = (np.ones_like(cosines), cosines, (3 * cosines**2 - 1) / 2)
    kernel = sum((2 * d + 1) / (4 * np.pi) * legendre[d] for d in range(_DEGREES))
    return np.asarray(np.einsum("ni,ij,nj->n", ones, kernel, ones)).round(_DIGITS)


@cache
def balanced_threshold() -> float:
    """Return the power between two patterns at which the classes are as equal as they can be."""
    values, counts = np.unique(spherical_power(all_patterns(POINTS)), return_counts=True)
    above = counts[::-1].cumsum()[::-1]
    at = int(np.abs(2 * above - counts.sum()).argmin())
    return float((values[at - 1] + values[at]) / 2)


def _classify(patterns: Bits) -> npt.NDArray[np.int64]:
    return (spherical_power(patterns) > balanced_threshold()).astype(np.int64)


def spherical_rule() -> BooleanFunction:
    """Return the source: fair bits at the vertices, and whether their power is above a threshold.

    The paper asks for a rule that is symmetric under rotations, evaluated through the power in
    spherical harmonics, with balanced classes. It leaves open where the twelve points lie, which
    degrees count, and how. Here they are the vertices of an icosahedron, and degrees 0 to 2 count
    alike: the power then tells 64 classes of patterns apart, as many as the paper names. The
    paper's rule draws the label from a steep sigmoid of the power, with I(X;Y) near 0.99 bit; its
    published labels are a function of the pattern, as ours are.
    """
    return BooleanFunction("tishby", POINTS, POINTS, _classify)
