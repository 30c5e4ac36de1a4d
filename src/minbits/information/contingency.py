"""The information of a table of joint counts, with limits that hold far out in the tails.

Where X and Y are independent, 2N times the plug-in information is about a chi-squared variable;
where they tell a little, a non-central one; where they tell much, the mean of log2 p(x,y)/p(x)p(y)
over the examples is about normal. Limits take whichever of the two reaches farther.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import chndtrinc, gammaln

FloatArray = npt.NDArray[np.float64]
# Beyond this the non-central chi-squared distribution is normal for all purposes.
_MAX_DEVIANCE = 1e4
_MAX_EXPECTED = 60.0
_FEW = 40


@dataclass(frozen=True)
class TableInformation:
    """I(X;Y) of a table of joint counts, in nats.

    Attributes:
        value_nats: the estimate; may be slightly negative.
        low_nats: lower limit, at least 0.
        high_nats: upper limit.
    """

    value_nats: float
    low_nats: float
    high_nats: float


@cache
def _deviances() -> tuple[FloatArray, FloatArray]:
    """Return expected counts, and the mean deviance of a Poisson count with each expectation."""
    expected = np.concatenate([np.geomspace(1e-6, 1e-2, 60), np.geomspace(0.0101, 60, 500)])
    counts = np.arange(200.0)
    logs = counts * np.log(np.maximum(counts, 1))
    chances = np.exp(counts * np.log(expected)[:, None] - expected[:, None] - gammaln(counts + 1))
    terms = logs - counts * np.log(expected)[:, None] - counts + expected[:, None]
    return expected, 2 * (chances * terms).sum(axis=1)


def mean_deviance(expected: npt.ArrayLike) -> FloatArray:
    """Return E[2 (C ln(C / m) - C + m)] of Poisson counts C, given their expectations m.

    It is 1 in large cells, up to 1.15 in cells of one or two examples, and 0 in empty ones.
    """
    m = np.asarray(expected, np.float64)
    known, means = _deviances()
    small = np.interp(np.log(np.clip(m, known[0], known[-1])), np.log(known), means)
    large = 1 + 1 / (6 * np.maximum(m, 1.0))
    return np.where(m > _MAX_EXPECTED, large, np.where(m > 0, small, 0.0))


class IndependentDeviance:
    """What 2N times the plug-in information comes to where X tells nothing about Y.

    (K_x - 1) (K_y - 1) in large tables. In sparse ones it is the mean over multinomial rows of the
    same totals: a state of X that was seen once seems to tell all of Y.
    """

    def __init__(self, y_counts: npt.NDArray[Any]) -> None:
        """Prepare for labels of these counts, shape ``(states of Y,)``."""
        present = np.asarray(y_counts, np.float64)[np.asarray(y_counts) > 0]
        self._shares = present / present.sum()
        self._few = np.array([_row_deviance(total, self._shares) for total in range(_FEW + 1)])

    def __call__(self, x_counts: npt.NDArray[Any]) -> float:
        """Return the expected deviance for states of X of these counts, 0 for a single state."""
        rows = np.asarray(x_counts)[np.asarray(x_counts) > 0]
        columns = len(self._shares)
        if min(len(rows), columns) < 2:
            return 0.0
        many = rows[rows > _FEW].astype(np.float64)
        total = float(self._few[rows[rows <= _FEW]].sum()) - (columns - 1)
        total += float((mean_deviance(np.outer(many, self._shares)) - self._shares).sum())
        return max(0.0, total)


def _row_deviance(total: int, shares: FloatArray) -> float:
    """Return E[2 sum_j C_j ln(C_j / r p_j)] of multinomial counts with total r and chances p."""
    if len(shares) < 2 or total == 0:
        return 0.0
    counts = np.arange(1.0, total + 1)[:, None]
    ways = gammaln(total + 1) - gammaln(counts + 1) - gammaln(total - counts + 1)
    logs = ways + counts * np.log(shares) + (total - counts) * np.log1p(-shares)
    return float((2 * np.exp(logs) * counts * np.log(counts / (total * shares))).sum())


def plug_in_nats(joint: npt.NDArray[Any]) -> float:
    """Return the plug-in information of joint counts, shape ``(states of X, states of Y)``."""

    def n_log_n(counts: npt.NDArray[Any]) -> float:
        positive = counts[counts > 0].astype(np.float64)
        return float((positive * np.log(positive)).sum())

    n = joint.sum()
    total = n_log_n(joint.sum(axis=1)) + n_log_n(joint.sum(axis=0)) - n_log_n(joint)
    return float(np.log(n) - total / n)


def miller_bias_nats(joint: npt.NDArray[Any]) -> float:
    """Return (K_xy - K_x - K_y + 1) / 2N, the plug-in's bias by states seen (Miller 1955)."""
    states = (joint > 0).sum() - joint.any(axis=1).sum() - joint.any(axis=0).sum() + 1
    return float(states) / (2 * float(joint.sum()))


def _variance(joint: npt.NDArray[Any]) -> float:
    """Return the variance over the examples of ln p(x,y) / p(x)p(y)."""
    n = float(joint.sum())
    x, y = np.nonzero(joint)
    counts = joint[x, y].astype(np.float64)
    ratios = np.log(counts * n / (joint.sum(axis=1)[x] * joint.sum(axis=0)[y].astype(np.float64)))
    mean = counts @ ratios / n
    return float(counts @ (ratios - mean) ** 2 / n)


def _non_central(deviance: float, degrees: float, chance: float, z: float) -> float:
    """Return the non-centrality at which a deviance so small has this chance.

    Args:
        deviance: 2N times the plug-in information.
        degrees: of freedom.
        chance: of a deviance at most as large.
        z: the normal deviate of that chance.
    """
    if deviance > _MAX_DEVIANCE:
        # d = m + z sqrt(2 (m + nc)) with m = degrees + nc, solved for the square root.
        root = math.sqrt(2 * degrees + 4 * max(0.0, deviance - degrees))
        return max(0.0, deviance - degrees - z * root)
    return float(chndtrinc(max(deviance, 1e-9), degrees, chance))


class InformationTables:
    """Information of tables of joint counts that share the counts of Y, in nats."""

    def __init__(self, y_counts: npt.NDArray[Any]) -> None:
        """Prepare for labels of these counts, shape ``(states of Y,)``."""
        present = np.asarray(y_counts, np.float64)[np.asarray(y_counts) > 0]
        p = present / present.sum()
        self._entropy = float(-(p * np.log(p)).sum())
        # Of a label that never changed, another state may be as rare as one example.
        self._most_told = float(-np.log(p.min() if len(p) > 1 else 1 / (present.sum() + 1)))
        self._expected = IndependentDeviance(y_counts)

    def _biases(self, joint: npt.NDArray[Any]) -> tuple[float, float]:
        """Return the plug-in's bias by cells seen, and that of independent variables."""
        independent = self._expected(joint.sum(axis=1)) / (2 * float(joint.sum()))
        return miller_bias_nats(joint), independent

    def value(self, joint: npt.NDArray[Any]) -> float:
        """Return the plug-in estimate less its bias; may be slightly negative.

        Miller's bias by cells seen holds where Y follows from X, and in large tables. In sparse
        tables without information it is too small by far, and that of independent variables holds.
        Between the two the estimate passes by how much of H(Y) is told.

        Args:
            joint: counts, shape ``(states of X, states of Y)``.
        """
        if _is_single(joint):
            return 0.0
        plug_in = plug_in_nats(joint)
        seen, independent = self._biases(joint)
        told = min(1.0, max(0.0, (plug_in - independent) / self._entropy))
        return plug_in - max(seen, told * seen + (1 - told) * independent)

    def limits(
        self, joint: npt.NDArray[Any], low_tail: float, high_tail: float
    ) -> TableInformation:
        """Return the estimate with its limits.

        The lower limit takes off the larger bias, the upper one the smaller. States that were never
        seen may have up to 3 / N of the probability (the rule of three, Hanley & Lippman-Hand
        1983), and may tell the rarest state of Y: the upper limit allows for that.

        Args:
            joint: counts, shape ``(states of X, states of Y)``.
            low_tail: chance that the truth lies below the lower limit.
            high_tail: chance that it lies above the upper one.
        """
        n = float(joint.sum())
        unseen = min(1.0, 3 / n) * self._most_told
        if _is_single(joint):
            return TableInformation(0.0, 0.0, unseen)
        plug_in = max(0.0, plug_in_nats(joint))
        seen, independent = self._biases(joint)
        degrees = max(1.0, 2 * n * independent)
        spread = math.sqrt(_variance(joint) / n + degrees / (2 * n * n))
        down, up = (NormalDist().inv_cdf(1 - tail) for tail in (low_tail, high_tail))
        low = min(
            plug_in - max(seen, independent) - down * spread,
            _non_central(2 * n * plug_in, degrees, 1 - low_tail, down) / (2 * n),
        )
        high = max(
            plug_in - min(seen, independent) + up * spread,
            _non_central(2 * n * plug_in, degrees, high_tail, -up) / (2 * n),
        )
        return TableInformation(self.value(joint), max(0.0, low), max(0.0, high) + unseen)


def _is_single(joint: npt.NDArray[Any]) -> bool:
    return min(int(joint.any(axis=1).sum()), int(joint.any(axis=0).sum())) < 2
