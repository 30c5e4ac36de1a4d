"""Learning rate as a function of progress in [0, 1]."""

from __future__ import annotations

import math
from collections.abc import Callable

from minbits.types import ScheduleName

Schedule = Callable[[float], float]

WARM_UP = 0.1


def one_cycle(peak: float) -> Schedule:
    """Return a linear rise over the first tenth, then a cosine fall to zero (Smith 2018)."""

    def rate(progress: float) -> float:
        if progress < WARM_UP:
            return peak * max(progress / WARM_UP, 0.02)
        return cosine(peak)((progress - WARM_UP) / (1 - WARM_UP))

    return rate


def cosine(first: float) -> Schedule:
    """Return a cosine fall from ``first`` to zero (Loshchilov & Hutter 2017)."""
    return lambda progress: first * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


def make_schedule(name: ScheduleName, rate: float) -> Schedule:
    """Return the schedule of that name with its highest learning rate."""
    return one_cycle(rate) if name == "one_cycle" else cosine(rate)
