"""MacKay's figure: the fraction of labellings that a threshold unit realises, against N / K."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.figure
import numpy as np
import numpy.typing as npt

from minbits.capacity.cover import separable_probabilities
from minbits.capacity.linear_separability import SeparablePoint
from minbits.charts.chart import Chart


@dataclass(frozen=True, eq=False)
class CoverCurve:
    """One curve.

    Attributes:
        weights: K.
        loads: N / K, shape ``(points,)``.
        probabilities: Cover's, shape ``(points,)``.
    """

    weights: int
    loads: npt.NDArray[np.float64]
    probabilities: npt.NDArray[np.float64]


def cover_curves(weights: Sequence[int], most_load: float = 4.0) -> tuple[CoverCurve, ...]:
    """Return the curve of each K, from N = 1 to ``most_load`` times K.

    Raises:
        ArgumentError: for K outside ``1 .. 10 ** 9``.
    """
    curves = []
    for count in weights:
        points = np.unique(np.geomspace(1, most_load * count, 2000).astype(np.int64))
        if most_load * count < 10_000:
            points = np.arange(1, int(most_load * count) + 1)
        curves.append(CoverCurve(count, points / count, separable_probabilities(points, count)))
    return tuple(curves)


_Numbers = tuple[Sequence[CoverCurve], Sequence[SeparablePoint]]


def draw_cover_curves(
    curves: Sequence[CoverCurve], measured: Sequence[SeparablePoint] = ()
) -> Chart[_Numbers]:
    """Return the chart of the curves, with measured points and their 95 % intervals on them."""
    return Chart((curves, measured), _draw)


def _draw(numbers: _Numbers) -> matplotlib.figure.Figure:
    curves, measured = numbers
    figure = matplotlib.figure.Figure(figsize=(9.5, 5.6), layout="constrained")
    axes = figure.add_subplot()
    for index, curve in enumerate(curves):
        colour = f"C{index % 10}"
        axes.plot(
            curve.loads, curve.probabilities, color=colour, lw=1.5, label=f"K = {curve.weights:,}"
        )
        points = [point for point in measured if point.weights == curve.weights]
        if points:
            axes.errorbar(
                [point.points / point.weights for point in points],
                [point.measured for point in points],
                yerr=[
                    [point.measured - point.interval.low for point in points],
                    [point.interval.high - point.measured for point in points],
                ],
                fmt="o",
                ms=4,
                capsize=2,
                lw=1,
                color=colour,
            )
    axes.axvline(2.0, color="#9aa5b1", lw=1.0, ls="--", zorder=0)
    axes.axhline(0.5, color="#9aa5b1", lw=1.0, ls="--", zorder=0)
    axes.annotate(
        "N = 2K: one half, for every K", (2.0, 0.5), (2.25, 0.58), color="#444444", fontsize=9,
        arrowprops={"arrowstyle": "->", "color": "#9aa5b1"},
    )  # fmt: skip
    axes.set_xlim(0, 4)
    axes.set_ylim(-0.02, 1.05)
    axes.set_xlabel("N / K: labels a weight")
    axes.set_ylabel("probability that N random labels are separable")
    title = "Cover's curve: the step at two labels a weight"
    axes.set_title(f"{title}; points measured by linear programming" if measured else title)
    axes.grid(True, color="#eeeeee", zorder=0)
    axes.legend()
    return figure
