"""Where a falling probability crosses one half, with an interval from its likelihood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from minbits.errors import ArgumentError

# Half of the 95 % quantile of chi squared with one degree of freedom (Wilks 1938).
_LIKELIHOOD_DROP = 1.9207
_GRID_POINTS = 401
_SLOPES = np.geomspace(2.0, 400.0, 60)


@dataclass(frozen=True)
class HalfPoint:
    """The size at which the probability is one half, with a 95 % interval, and the best slope."""

    value: float
    low: float
    high: float
    slope: float


def fit_half_point(
    sizes: npt.NDArray[np.int64],
    successes: npt.NDArray[np.int64],
    trials: npt.NDArray[np.int64],
) -> HalfPoint:
    """Fit ``1 / (1 + (size / half) ** slope)`` by maximum likelihood.

    The interval holds every half point whose best slope lowers the log likelihood by less than
    1.92 (profile likelihood). It ends at the edge of what was tried, a quarter beyond the smallest
    and largest size, where the data do not bound it.

    Args:
        sizes: shape ``(points,)``, positive.
        successes: how often it worked, shape ``(points,)``.
        trials: how often it was tried, shape ``(points,)``.

    Raises:
        ArgumentError: if the counts are not counts.
    """
    if not len(sizes) or sizes.min() < 1 or (successes > trials).any() or successes.min() < 0:
        raise ArgumentError(
            "fit_half_point",
            f"sizes {sizes.tolist()}, successes {successes.tolist()} of {trials.tolist()}",
            "positive sizes and 0 <= successes <= trials",
            "Count again.",
        )
    halves = np.geomspace(sizes.min() / 1.25, sizes.max() * 1.25, _GRID_POINTS)
    ratios = np.log(sizes[None, None, :] / halves[:, None, None])
    exponents = _SLOPES[None, :, None] * ratios
    likelihoods = (
        successes * special.log_expit(-exponents)
        + (trials - successes) * special.log_expit(exponents)
    ).sum(2)
    profile = likelihoods.max(1)
    best = profile.max()
    # A flat top, where sizes leave a gap, is represented by its middle.
    top = halves[profile >= best - 1e-6]
    inside = halves[profile >= best - _LIKELIHOOD_DROP]
    value = float(np.exp(np.log(top).mean()))
    slope = float(_SLOPES[likelihoods[np.abs(halves - value).argmin()].argmax()])
    return HalfPoint(value, float(inside.min()), float(inside.max()), slope)
