"""Confidence intervals for a proportion."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from minbits.errors import ArgumentError


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
