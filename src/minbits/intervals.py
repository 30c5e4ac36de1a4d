"""Confidence intervals for a proportion, and p values in words."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from statistics import NormalDist

from scipy.special import betaincinv

from minbits.errors import ArgumentError

CLAIM_ERROR_RATE = 0.05  # the chance, over all looks together, that a claim's limit is too high


@dataclass(frozen=True)
class Interval:
    """A closed interval ``[low, high]``."""

    low: float
    high: float


def wilson_interval(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Return the Wilson score interval of a proportion (Wilson 1927).

    Args:
        successes: number of successes, ``0 <= successes <= trials``.
        trials: number of trials, at least 1.
        confidence: two-sided coverage in (0, 1).

    Raises:
        ArgumentError: if an argument lies outside its range.
    """
    if trials < 1 or not 0 <= successes <= trials or not 0 < confidence < 1:
        raise ArgumentError(
            "wilson_interval",
            f"{successes} successes in {trials} trials at confidence {confidence}",
            "0 <= successes <= trials, trials >= 1 and confidence in (0, 1)",
            "Count the trials again.",
        )
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    rate = successes / trials
    scale = 1 + z * z / trials
    centre = (rate + z * z / (2 * trials)) / scale
    half = z / scale * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    # The exact bound at an end point is the end point itself; rounding must not move it inside.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == trials else min(1.0, centre + half)
    return Interval(low=low, high=high)


def claim_lower_limit(correct: int, n: int, looks: int) -> float:
    """Return the one-sided lower limit of a claimed accuracy after several looks at one test set.

    It is the exact limit of Clopper and Pearson (1934) at the level ``1 - 0.05 / looks``: the
    accuracy at which ``correct`` or more hits among ``n`` examples have the probability
    ``0.05 / looks``. By Bonferroni's inequality the limits of all ``looks`` files hold together
    with probability 95 % or more, so the limit of the one that is claimed holds too, by whatever
    rule it was picked among them. The looks may depend on one another.

    The number of looks must not depend on what they showed. A search that ends at the first file
    that passes needs `anytime_lower_limit` (recipes/claim_protocol.py).

    Args:
        correct: test examples that the file gets right, ``0 <= correct <= n``.
        n: number of test examples, at least 1.
        looks: number of runs on this test set among which the claim was picked, at least 1;
            the claimed one counts.

    Returns:
        The limit, an accuracy in [0, 1]: 0 where nothing is right, and below ``correct / n``
        everywhere else.

    Raises:
        ArgumentError: if an argument lies outside its range.
    """
    error_rate = CLAIM_ERROR_RATE / looks if looks > 0 else math.nan
    return _lower_limit("claim_lower_limit", correct, n, looks, error_rate)


def anytime_lower_limit(correct: int, n: int, looks: int) -> float:
    """Return the one-sided lower limit of an accuracy that holds whenever the looks end.

    As `claim_lower_limit`, at the level ``1 - 0.05 / (looks (looks + 1))``. The chances of all
    looks that may ever come sum up to 0.05, so that with probability 95 % or more no limit that is
    printed is too high, though the number of looks depends on what they showed: a search goes on
    until a file passes.

    Args:
        correct: test examples that the file gets right, ``0 <= correct <= n``.
        n: number of test examples, at least 1.
        looks: number of runs on this test set so far, at least 1; the claimed one counts.

    Raises:
        ArgumentError: if an argument lies outside its range.
    """
    error_rate = CLAIM_ERROR_RATE / (looks * (looks + 1)) if looks > 0 else math.nan
    return _lower_limit("anytime_lower_limit", correct, n, looks, error_rate)


def _lower_limit(where: str, correct: int, n: int, looks: int, error_rate: float) -> float:
    if n < 1 or not 0 <= correct <= n or looks < 1:
        raise ArgumentError(
            where,
            f"{correct} correct of {n} examples after {looks} looks",
            "0 <= correct <= n, n >= 1 and looks >= 1",
            "Count the examples and the looks again.",
        )
    if correct == 0:
        return 0.0
    # The quantile of the beta distribution: scipy.stats.beta.ppf without the second that
    # importing scipy.stats takes at every start of the command line.
    return float(betaincinv(correct, n - correct + 1, error_rate))


def p_value_text(p_value: float) -> str:
    """Return a p value in words: one too small for a number is below the smallest number."""
    least = sys.float_info.min
    return f"p = {p_value:.2g}" if p_value >= least else f"p < {least:.2g}"
