"""What pairs of trainings say about the surface of the loss, width by width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minbits.studies.ended_well import ended_well
from minbits.studies.trainability_statistics import (
    Estimate,
    Statement,
    Values,
    falls_with_width,
    mean_interval,
)


def barrier(losses: Sequence[float]) -> float:
    """Return by how much losses along a path rise over the line between those of its ends."""
    straight = np.linspace(losses[0], losses[-1], len(losses))
    return float((np.asarray(losses) - straight).max())


@dataclass(frozen=True, eq=False)
class SurfaceRow:
    """What was measured at one width.

    Attributes:
        width: units of the hidden layer.
        parameters: weights and biases of one network.
        pairs: of networks.
        failed: pairs of which a training diverged.
        line_barriers: nats that the loss rises on the straight line, one a pair.
        curve_barriers: likewise, on the curve.
        sharpnesses: largest eigenvalue of the Hessian at the first end, one a pair.
        least_shares: least eigenvalue over the largest one, one a pair.
        index: share of negative eigenvalues, mean; None where networks are too large to count.
        lines: losses along the straight lines, ``(pairs, points)``.
        curves: likewise, of the curves.
        plane: losses around an end of the first pair, ``(points, points)``.
    """

    width: int
    parameters: int
    pairs: int
    failed: int
    line_barriers: Values
    curve_barriers: Values
    sharpnesses: Values
    least_shares: Values
    index: float | None
    lines: Values
    curves: Values
    plane: Values

    @property
    def line_barrier(self) -> Estimate:
        """The mean, with Student's interval."""
        return mean_interval(self.line_barriers)

    @property
    def curve_barrier(self) -> Estimate:
        """The mean, with Student's interval."""
        return mean_interval(self.curve_barriers)

    @property
    def sharpness(self) -> Estimate:
        """The mean, with Student's interval."""
        return mean_interval(self.sharpnesses)


def surface_row(width: int, parameters: int, results: Sequence[Mapping[str, Any]]) -> SurfaceRow:
    """Return what the results of one width say.

    Raises:
        ArgumentError: with fewer than two pairs that ended well.
    """
    remedy = "Take more `pairs`, or a smaller `learning_rate`."
    good = ended_well(results, f"width {width}", "pairs ended well", 2, remedy)
    lines = np.array([row["line"] for row in good])
    curves = np.array([row["curve"] for row in good])
    largest = np.array([row["largest"] for row in good])
    negative = [row["negative"] for row in good if row["negative"] is not None]
    return SurfaceRow(
        width, parameters, len(good), len(results) - len(good),
        np.array([barrier(losses) for losses in lines.tolist()]),
        np.array([barrier(losses) for losses in curves.tolist()]),
        largest, np.array([row["least"] for row in good]) / largest,
        float(np.mean(negative)) / parameters if negative else None,
        lines, curves, np.array(good[0]["plane"]),
    )  # fmt: skip


def surface_statements(rows: Sequence[SurfaceRow]) -> list[Statement]:
    """Return what is said of barriers and sharpness against the width, each tested.

    Args:
        rows: two widths or more.
    """
    widths = np.concatenate([np.full(row.pairs, float(row.width)) for row in rows])
    said = {
        "line_barrier_falls": ("the barrier on the straight line", "line_barriers"),
        "curve_barrier_falls": ("the barrier on the curve", "curve_barriers"),
        "sharpness_falls": ("the largest eigenvalue of the Hessian", "sharpnesses"),
    }
    return [
        falls_with_width(
            key, f"{text} falls with the width", widths,
            np.concatenate([getattr(row, name) for row in rows]),
            "Spearman's rank correlation with the width over all pairs",
        )
        for key, (text, name) in said.items()
    ]  # fmt: skip
