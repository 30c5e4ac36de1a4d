"""How heavy the tails of real-valued data are."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

_TAIL_SHARE = 0.05
_MIN_TAIL = 5


def tail_index(values: npt.NDArray[np.float64]) -> float:
    """Estimate by which power of distance examples get rare, from the farthest twentieth.

    Hill 1975: the a for which the chance to lie farther than t from the median falls as t^-a.

    Student's distribution of n degrees of freedom has a = n; a normal sample shows 4 to 9. Below 2
    the variance is infinite.

    Args:
        values: shape ``(examples,)``; finite.

    Returns:
        The exponent; infinite where the farthest values are all as far, or examples are too few.
    """
    distances = np.sort(np.abs(values - np.median(values)))
    tail = max(_MIN_TAIL, round(_TAIL_SHARE * len(values)))
    if tail >= len(values) or distances[-tail - 1] <= 0:
        return math.inf
    excess = float(np.log(distances[-tail:] / distances[-tail - 1]).mean())
    return 1 / excess if excess > 0 else math.inf
