"""Measured memorisation of the perceptron: is there a separating hyperplane? Exactly, by LP."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog

from minbits.capacity.cover import check_points_and_weights, separable_probability
from minbits.errors import ArgumentError
from minbits.intervals import Interval, wilson_interval

MAX_MEASURED_POINTS = 10_000
_FEASIBLE, _INFEASIBLE = 0, 2
# Far above the solver's tolerance, far below the margins of random points.
_MIN_MARGIN = 1e-6


def is_separable(inputs: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> bool:
    """Return whether some weights classify every point strictly right, with no bias.

    Points are separable if and only if no convex combination of the vectors ``label * input`` is
    zero (Gordan's theorem); the linear program looks for such a combination with HiGHS.

    Args:
        inputs: shape ``(points, weights)``, finite.
        labels: shape ``(points,)``, each -1 or +1.

    Raises:
        ArgumentError: if shapes or values are not these.
        RuntimeError: if the solver decides neither way.
    """
    finite = bool(np.isfinite(inputs).all())
    if inputs.ndim != 2 or labels.shape != inputs.shape[:1] or not len(labels) or not finite:
        raise ArgumentError(
            "is_separable",
            f"inputs of shape {inputs.shape} and labels of shape {labels.shape}",
            "finite inputs (points, weights) and as many labels, at least one",
            "Match the arrays.",
        )
    if not np.isin(labels, (-1, 1)).all():
        raise ArgumentError("is_separable", "other labels", "-1 and +1", "Map the labels.")
    signed = inputs * labels[:, None]
    points, weights = signed.shape
    # Scaled rows do not change the answer and keep the solver's tolerances meaningful.
    norms = np.linalg.norm(signed, axis=1, keepdims=True)
    if (norms == 0).any():
        return False
    equations = np.vstack([(signed / norms).T, np.ones(points)])
    right = np.append(np.zeros(weights), 1.0)
    found = linprog(np.zeros(points), A_eq=equations, b_eq=right, bounds=(0, None), method="highs")
    if found.status in (_FEASIBLE, _INFEASIBLE):
        return bool(found.status == _INFEASIBLE)
    return _largest_margin(signed / norms) > _MIN_MARGIN


def _largest_margin(signed: npt.NDArray[np.float64]) -> float:
    """Return the largest margin of weights in [-1, 1]: the same question, asked the other way.

    Rarely HiGHS cannot tell whether the first program is feasible. This one always is, with weights
    of zero, and bounded.
    """
    points, weights = signed.shape
    objective = np.append(np.zeros(weights), -1.0)
    rows = np.hstack([-signed, np.ones((points, 1))])
    bounds = [(-1.0, 1.0)] * weights + [(0.0, None)]
    found = linprog(objective, A_ub=rows, b_ub=np.zeros(points), bounds=bounds, method="highs")
    if found.status != _FEASIBLE:
        raise RuntimeError(f"HiGHS ended with status {found.status}: {found.message}")
    return float(-found.fun)


@dataclass(frozen=True)
class SeparablePoint:
    """Random labellings of one size that were tried.

    Attributes:
        points: N.
        weights: K.
        draws: labellings tried, each with inputs of its own.
        separable: how many of them were separable.
        predicted: Cover's probability.
        interval: 95 % Wilson interval of the measured probability.
    """

    points: int
    weights: int
    draws: int
    separable: int
    predicted: float
    interval: Interval

    @property
    def measured(self) -> float:
        """The measured probability."""
        return self.separable / self.draws


def measure_separability(points: int, weights: int, draws: int, seed: int) -> SeparablePoint:
    """Draw Gaussian inputs and fair labels ``draws`` times and count the separable ones.

    Raises:
        ArgumentError: outside ``1 <= N, K <= 10,000`` or with no draws.
    """
    check_points_and_weights("measure_separability", points, weights, MAX_MEASURED_POINTS)
    if draws < 1:
        raise ArgumentError("measure_separability", f"{draws} draws", "at least 1", "Draw more.")
    generator = np.random.default_rng([seed, points, weights])
    separable = 0
    for _ in range(draws):
        inputs = generator.standard_normal((points, weights))
        labels = 2 * generator.integers(0, 2, points) - 1
        separable += is_separable(inputs, labels)
    return SeparablePoint(
        points,
        weights,
        draws,
        separable,
        separable_probability(points, weights),
        wilson_interval(separable, draws),
    )
