"""Barriers between minima, losses along the paths, and slices around a minimum."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes

from minbits.charts.chart import Chart, name_text
from minbits.studies.surface_statistics import SurfaceRow

_Numbers = tuple[str, Sequence[SurfaceRow]]
_LINE, _CURVE = "#c1121f", "#1d3557"


def draw_surface(data_name: str, rows: Sequence[SurfaceRow]) -> Chart[_Numbers]:
    """Return the chart: barriers by width, paths and slices of the narrowest and widest."""
    return Chart((data_name, rows), _draw)


def _draw(numbers: _Numbers) -> matplotlib.figure.Figure:
    data_name, rows = numbers
    figure = matplotlib.figure.Figure(figsize=(12, 8), layout="constrained")
    places = figure.subplots(2, 3)
    _draw_barriers(places[0, 0], rows)
    _draw_sharpness(places[1, 0], rows)
    for column, row in ((1, rows[0]), (2, rows[-1])):
        _draw_paths(places[0, column], row)
        _draw_plane(figure, places[1, column], row)
    figure.suptitle(f"{name_text(data_name)}: the training loss between minima", fontsize=11)
    return figure


def _draw_barriers(axes: Axes, rows: Sequence[SurfaceRow]) -> None:
    widths = [row.width for row in rows]
    for name, colour, label in (
        ("line", _LINE, "straight line"), ("curve", _CURVE, "Bézier curve"),
    ):  # fmt: skip
        found = [getattr(row, f"{name}_barrier") for row in rows]
        means = np.array([item.value for item in found])
        ends = np.array([(item.low, item.high) for item in found])
        axes.errorbar(
            widths, means, np.abs(ends - means[:, None]).T, marker="o", color=colour, capsize=2,
            label=label,
        )  # fmt: skip
    axes.set_ylabel("barrier [nats an example]")
    axes.legend(fontsize=8)
    _of_width(axes)


def _draw_sharpness(axes: Axes, rows: Sequence[SurfaceRow]) -> None:
    for row in rows:
        axes.scatter([row.width] * row.pairs, row.sharpnesses, color=_CURVE, s=14)
    axes.set_ylabel("largest eigenvalue of the Hessian")
    _of_width(axes)


def _of_width(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.set_xlabel("units of the hidden layer")
    axes.grid(True, which="both", color="#eeeeee")
    axes.set_axisbelow(True)


def _draw_paths(axes: Axes, row: SurfaceRow) -> None:
    places = np.linspace(0, 1, row.lines.shape[1])
    for losses, colour, label in (
        (row.lines, _LINE, "straight line"), (row.curves, _CURVE, "Bézier curve"),
    ):  # fmt: skip
        axes.plot(
            places, losses.T, color=colour, linewidth=1, label=[label, *[""] * (row.pairs - 1)]
        )
    axes.set_title(f"{row.width:,} units", fontsize=10)
    axes.set_xlabel("place on the path")
    axes.set_ylabel("training loss [nats an example]")
    axes.grid(True, color="#eeeeee")
    axes.legend(fontsize=8)


def _draw_plane(figure: matplotlib.figure.Figure, axes: Axes, row: SurfaceRow) -> None:
    steps = np.linspace(-1, 1, len(row.plane))
    drawn = axes.contourf(steps, steps, np.log10(row.plane + 1e-12), levels=20, cmap="viridis")
    figure.colorbar(drawn, ax=axes, label="log10 of the loss")
    axes.set_title(f"{row.width:,} units: slice around a minimum", fontsize=10)
    axes.set_xlabel("along a random direction, filter-normalised")
    axes.set_ylabel("along another one")
