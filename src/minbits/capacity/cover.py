"""Cover's count of linear dichotomies, and the capacity that MacKay reads from it.

Of the ``2 ** N`` labellings of ``N`` points in general position in ``K`` dimensions, a threshold
unit with ``K`` weights and no bias realises ``T(N, K) = 2 sum_{k < K} C(N - 1, k)`` (Cover 1965;
MacKay 2003, chapter 40). A bias is one more weight on a constant input: ``K = inputs + 1``.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from minbits.errors import ArgumentError

MAX_POINTS = 10**9
MAX_EXACT_POINTS = 100_000

# MacKay 2003, chapter 40: the step of the curve lies at N = 2 K for every K.
MEMORISATION_BITS_PER_WEIGHT = 2.0


def check_points_and_weights(where: str, points: int, weights: int, most: int) -> None:
    """Refuse numbers of points or weights outside ``1 .. most``.

    Raises:
        ArgumentError: naming the domain.
    """
    for name, value in (("points N", points), ("weights K", weights)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise ArgumentError(where, f"{name} = {value!r}", "an integer", "Give a whole number.")
        if not 1 <= value <= most:
            raise ArgumentError(
                where, f"{name} = {value:,}", f"1 <= {name} <= {most:,}", "Give one in the domain."
            )


def dichotomy_count(points: int, weights: int) -> int:
    """Return T(N, K) exactly.

    Args:
        points: N, at least 1.
        weights: K, at least 1, a bias included.

    Raises:
        ArgumentError: outside ``1 <= N, K <= 100,000``; `log2_dichotomies` goes further.
    """
    check_points_and_weights("dichotomy_count", points, weights, MAX_EXACT_POINTS)
    if weights >= points:
        return 1 << points
    # The shorter side of the binomial row is summed: the two sides add up to 2 ** (N - 1).
    short = min(weights, points - weights)
    term, total = 1, 0
    for k in range(short):
        total += term
        term = term * (points - 1 - k) // (k + 1)
    return 2 * (total if short == weights else (1 << (points - 1)) - total)


def log2_dichotomies(points: int, weights: int) -> float:
    """Return log2 T(N, K), the counting capacity in bits, without overflow up to N, K = 10 ** 9.

    Raises:
        ArgumentError: outside ``1 <= N, K <= 10 ** 9``.
    """
    check_points_and_weights("log2_dichotomies", points, weights, MAX_POINTS)
    if weights >= points:
        return float(points)
    if 2 * weights <= points:
        return 1.0 + _log2_lower_sum(points - 1, weights)
    # Beyond the middle the missing side is small: T = 2 ** N (1 - missing / 2 ** (N - 1)).
    missing = _log2_lower_sum(points - 1, points - weights) - (points - 1)
    return points + math.log1p(-(2.0**missing)) / math.log(2.0)


def _log2_lower_sum(row: int, terms: int) -> float:
    """Return log2 of the first ``terms`` binomials of ``row``, ``2 * terms <= row + 1``.

    The largest term is factored out; the others follow from it by ratios below 1, so that the sum
    is finite and needs only as many of them as a float can tell apart.
    """
    last = terms - 1
    largest = _log2_binomial(row, last)
    total, product = 1.0, 1.0
    chunk = 4096
    for start in range(0, last, chunk):
        steps = np.arange(start, min(start + chunk, last), dtype=np.float64)
        products = product * np.cumprod((last - steps) / (row - last + 1 + steps))
        total += float(products.sum())
        product = float(products[-1])
        if product < 1e-18 * total:
            break
    return largest + math.log2(total)


def _log2_binomial(row: int, k: int) -> float:
    if k == 0 or row == 0:
        return 0.0
    if row <= 1000:
        return math.log2(math.comb(row, k))
    # Through the beta function: the difference of three large logarithms would lose digits.
    return float(-special.betaln(k + 1, row - k + 1) - math.log(row + 1)) / math.log(2.0)


def separable_probability(points: int, weights: int) -> float:
    """Return the probability that N random labels of points in general position are separable.

    It is T(N, K) / 2 ** N, that is the distribution function of a fair binomial, computed by the
    regularised incomplete beta function.

    Raises:
        ArgumentError: outside ``1 <= N, K <= 10 ** 9``.
    """
    check_points_and_weights("separable_probability", points, weights, MAX_POINTS)
    if weights >= points:
        return 1.0
    return float(special.betainc(points - weights, weights, 0.5))


def separable_probabilities(points: npt.NDArray[np.int64], weights: int) -> npt.NDArray[np.float64]:
    """Return `separable_probability` for an array of numbers of points."""
    if len(points):
        check_points_and_weights("separable_probabilities", int(points.min()), weights, MAX_POINTS)
    result = np.ones(len(points))
    beyond = points > weights
    result[beyond] = special.betainc(points[beyond] - weights, weights, 0.5)
    return result
