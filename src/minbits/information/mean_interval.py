"""The 95 % interval of a mean of code lengths, whose long ones may not have been drawn yet."""

from __future__ import annotations

import math

from scipy.special import stdtrit

from minbits.information.entropy_estimators import CONFIDENCE

_TAIL = (1 - CONFIDENCE) / 2


def mean_ends(
    mean: float,
    variance: float,
    examples: int,
    surprise: float | None = None,
    tail: float = _TAIL,
) -> tuple[float, float]:
    """Return both ends of the interval of a mean, by Student's distribution.

    Code lengths are heavy to one side: among few examples the rare and long ones are missing, and
    nothing shows it. The upper end is that of the examples and one more, as long as any that the
    model has met elsewhere (in the spirit of Agresti & Coull 1998).

    Args:
        mean: of the code lengths, in any unit.
        variance: of one code length, with one degree of freedom taken off.
        examples: how many there are, at least 2.
        surprise: the length of the one more; None adds none.
        tail: chance that the truth lies beyond an end.
    """
    n = examples
    low = mean - float(stdtrit(n - 1, 1 - tail)) * math.sqrt(variance / n)
    if surprise is None:
        return low, 2 * mean - low
    gap = max(0.0, surprise - mean)
    centre = mean + gap / (n + 1)
    widened = ((n - 1) * variance + gap * gap * n / (n + 1)) / n
    return low, centre + float(stdtrit(n, 1 - tail)) * math.sqrt(widened / (n + 1))
