"""The information bottleneck of a discrete joint distribution: the limit that no T(X) crosses.

Tishby, Pereira & Bialek 1999: the most I(T;Y) that any T, made from X alone, has at each I(X;T).
Solutions follow from the Blahut-Arimoto iteration at a weight beta of I(T;Y). Beta falls slowly
from one where T keeps all that X says (reverse annealing), so that each solution starts from the
one before. The deterministic bottleneck (Strouse & Schwab 2017) has H(T) in place of I(X;T) and
gives the points that functions of X reach.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.errors import ArgumentError

Table = npt.NDArray[np.float64]

_TINY = 1e-300
_MAX_ROUNDS = 5_000
_CONVERGED = 1e-12


@dataclass(frozen=True)
class BottleneckPoint:
    """One representation T of X.

    Attributes:
        beta: the weight of I(T;Y) that it was found at.
        input_bits: I(X;T); that of the deterministic bottleneck is H(T), the same.
        label_bits: I(T;Y).
    """

    beta: float
    input_bits: float
    label_bits: float


@dataclass(frozen=True)
class BottleneckCurve:
    """The most I(T;Y) at each I(X;T), enclosed from both sides.

    Attributes:
        points: reached by some T, by rising I(X;T), from nothing to all. Two representations can be
            mixed, so that all on the lines between them is reached, too.
        tangents: solutions of which each lays a line of slope 1 / beta on the curve. Nothing is
            above the lines where the solutions are the best ones at their weights.
    """

    points: tuple[BottleneckPoint, ...]
    tangents: tuple[BottleneckPoint, ...]

    def reached(self, input_bits: npt.ArrayLike) -> Table:
        """Return the largest I(T;Y) that was found at some I(X;T), in bits."""
        known = [(point.input_bits, point.label_bits) for point in self.points]
        at, most = np.array(known).T
        return np.asarray(np.interp(np.asarray(input_bits, np.float64), at, most))

    def limit(self, input_bits: npt.ArrayLike) -> Table:
        """Return what no I(T;Y) exceeds at some I(X;T), in bits."""
        at = np.asarray(input_bits, np.float64)
        most = np.minimum(at, self.points[-1].label_bits)
        for point in self.tangents:
            most = np.minimum(most, point.label_bits + (at - point.input_bits) / point.beta)
        return np.asarray(most)


def mutual_information(joint: Table) -> float:
    """Return the mutual information of a joint distribution, in bits."""
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    there = joint > 0
    return max(float((joint[there] * np.log2(joint[there] / apart[there])).sum()), 0.0)


def sufficient_table(joint: Table) -> Table:
    """Return the joint distribution in which inputs with the same p(y|x) are one input.

    The curve stays the same: such inputs say the same about Y.
    """
    joint = joint[joint.sum(axis=1) > 0]
    shares = np.round(joint / joint.sum(axis=1, keepdims=True), 12)
    _, groups = np.unique(shares, axis=0, return_inverse=True)
    found = np.zeros((groups.max() + 1, joint.shape[1]))
    np.add.at(found, groups.ravel(), joint)
    return found


def checked_joint(joint: npt.ArrayLike) -> Table:
    """Return a joint distribution of X and Y as a table of shape ``(inputs, labels)``.

    Raises:
        ArgumentError: if it is no distribution of two variables.
    """
    table = np.asarray(joint, np.float64)
    if table.ndim != 2 or table.size == 0 or not (table >= 0).all():
        raise ArgumentError(
            "joint", f"an array of shape {table.shape}", "probabilities of shape (inputs, labels)",
            "Correct it.",
        )  # fmt: skip
    if abs(table.sum() - 1) > 1e-9:
        raise ArgumentError("joint", f"a sum of {table.sum():.9g}", "1", "Normalise it.")
    return table


def _divergences(given: Table, centres: Table) -> Table:
    """Return the Kullback-Leibler divergences of p(y|x) from p(y|t) in nats, ``(inputs, T)``."""
    own = (given * np.log(np.maximum(given, _TINY))).sum(axis=1)
    return np.asarray(own[:, None] - given @ np.log(np.maximum(centres, _TINY)).T)


def _soft_step(scores: Table) -> Table:
    scores = scores - scores.max(axis=1, keepdims=True)
    weights = np.exp(scores)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _hard_step(scores: Table) -> Table:
    found = np.zeros_like(scores)
    found[np.arange(len(scores)), scores.argmax(axis=1)] = 1
    return found


def _anneal(
    joint: Table, betas: Sequence[float], step: Callable[[Table], Table]
) -> list[BottleneckPoint]:
    """Return a solution for each weight, each one started from that before."""
    table = sufficient_table(joint)
    inputs = table.sum(axis=1)
    given = table / inputs[:, None]
    encoder = np.eye(len(table))
    points = []
    for beta in betas:
        for _ in range(_MAX_ROUNDS):
            shares = inputs @ encoder
            kept = shares > 1e-12
            encoder, shares = encoder[:, kept], shares[kept]
            centres = (encoder * inputs[:, None]).T @ given / shares[:, None]
            new = step(np.log(shares) - beta * _divergences(given, centres))
            moved = np.abs(new - encoder).max()
            encoder = new
            if moved < _CONVERGED:
                break
        with_input = encoder * inputs[:, None]
        points.append(
            BottleneckPoint(
                float(beta),
                mutual_information(with_input),
                mutual_information(with_input.T @ given),
            )
        )
    return points


def annealed_points(joint: npt.ArrayLike, betas: Sequence[float]) -> list[BottleneckPoint]:
    """Return a solution of the bottleneck for each weight of I(T;Y), in the order given.

    Give falling weights: the first solution starts from T = X.

    Args:
        joint: of X and Y, shape ``(inputs, labels)``.
        betas: weights above 0.

    Raises:
        ArgumentError: if ``joint`` is no distribution.
    """
    return _anneal(checked_joint(joint), betas, _soft_step)


def deterministic_points(joint: npt.ArrayLike, betas: Sequence[float]) -> list[BottleneckPoint]:
    """Return functions T of X for each weight; arguments as those of `annealed_points`.

    Raises:
        ArgumentError: if ``joint`` is no distribution.
    """
    return _anneal(checked_joint(joint), betas, _hard_step)


def bottleneck_curve(joint: npt.ArrayLike, count: int = 40) -> BottleneckCurve:
    """Return the limit of I(T;Y) at each I(X;T).

    The points are the upper concave hull of all solutions, of (0, 0) and of (H(X'), I(X;Y)), where
    X' is X with inputs of the same p(y|x) as one.

    Args:
        joint: of X and Y, shape ``(inputs, labels)``.
        count: of weights: 1 plus numbers from 1,000 to 0.001, by equal factors.

    Raises:
        ArgumentError: if ``joint`` is no distribution.
    """
    table = checked_joint(joint)
    betas = (1 + np.geomspace(1e3, 1e-3, count)).tolist()
    soft = annealed_points(table, betas)
    whole = mutual_information(np.diag(sufficient_table(table).sum(axis=1)))
    ends = [
        BottleneckPoint(0.0, 0.0, 0.0), BottleneckPoint(np.inf, whole, mutual_information(table)),
    ]  # fmt: skip
    hull = _hull(ends + soft + deterministic_points(table, betas))
    return BottleneckCurve(tuple(hull), tuple(soft))


def _hull(points: Sequence[BottleneckPoint]) -> list[BottleneckPoint]:
    """Return the upper concave hull, by rising I(X;T)."""
    hull: list[BottleneckPoint] = []
    for point in sorted(points, key=lambda item: (item.input_bits, item.label_bits)):
        while len(hull) >= 2 and _is_below(hull[-1], hull[-2], point):
            hull.pop()
        if len(hull) == 1 and point.input_bits <= hull[0].input_bits + 1e-15:
            hull.pop()
        hull.append(point)
    return hull


def _is_below(middle: BottleneckPoint, left: BottleneckPoint, right: BottleneckPoint) -> bool:
    """Return whether a point lies on or below the line between two others."""
    width = right.input_bits - left.input_bits
    rise = (right.label_bits - left.label_bits) * (middle.input_bits - left.input_bits)
    return (middle.label_bits - left.label_bits) * width <= rise
