"""Losses of many initialisations against the width, and train against test loss."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import StrMethodFormatter

from minbits.charts.chart import Chart, name_text
from minbits.studies.losses import LOSS_UNITS
from minbits.studies.trainability_statistics import WIDTH_NAMES, WidthRow

_Numbers = tuple[str, Sequence[WidthRow], str, str]
_COLOURS = ("#1d3557", "#2a9d8f", "#e07a1f", "#c1121f", "#7b2cbf", "#577590", "#8a5a44", "#444444")


def draw_trainability(
    data_name: str,
    rows: Sequence[WidthRow],
    unit: str = LOSS_UNITS["cross-entropy"],
    width_name: str = WIDTH_NAMES["linear"],
) -> Chart[_Numbers]:
    """Return the chart: the distribution of test losses by width, and test against train loss.

    Args:
        data_name: of the data set.
        rows: by width.
        unit: of the losses.
        width_name: what a width counts.
    """
    return Chart((data_name, rows, unit, width_name), _draw)


def _draw(numbers: _Numbers) -> matplotlib.figure.Figure:
    data_name, rows, unit, width_name = numbers
    figure = matplotlib.figure.Figure(figsize=(12, 5.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_losses(left, rows, unit, width_name)
    _draw_pairs(right, rows, unit, width_name)
    seeds = min(len(row.test_losses) for row in rows)
    figure.suptitle(
        f"{name_text(data_name)}: where {seeds:,} or more trainings of each width end", fontsize=11
    )
    return figure


def _draw_losses(axes: Axes, rows: Sequence[WidthRow], unit: str, width_name: str) -> None:
    places = list(range(len(rows)))
    parts = axes.violinplot(
        [row.test_losses for row in rows], places, widths=0.8, showextrema=False
    )
    for body in parts["bodies"]:  # type: ignore[attr-defined]  # a list of collections
        body.set_facecolor("#a8b7c7")
        body.set_alpha(0.9)
    generator = np.random.default_rng(0)
    for place, row in zip(places, rows, strict=True):
        scatter = place + generator.uniform(-0.12, 0.12, len(row.test_losses))
        axes.scatter(scatter, row.test_losses, s=5, color="#1d3557", alpha=0.5, linewidths=0)
        text = f"sd {row.test_loss_deviation.value:.4f}"
        axes.annotate(
            text, (place, row.test_losses.max()), (0, 5), textcoords="offset points",
            ha="center", fontsize=8, color="#444444",
        )  # fmt: skip
    axes.set_xticks(places, [f"{row.width:,}\n{row.parameters:,}" for row in rows])
    axes.set_xlabel(f"{width_name} of a hidden layer; parameters")
    axes.set_ylabel(f"test loss [{unit}]")
    axes.margins(y=0.1)
    axes.grid(True, axis="y", color="#eeeeee")
    axes.set_axisbelow(True)


def _draw_pairs(axes: Axes, rows: Sequence[WidthRow], unit: str, width_name: str) -> None:
    for index, row in enumerate(rows):
        known = row.correlation
        ending = "" if known is None else f", ρ = {known.value:.2f}"
        axes.scatter(
            row.train_losses, row.test_losses, s=8, alpha=0.6, linewidths=0,
            color=_COLOURS[index % len(_COLOURS)], marker="os^Dvp*h"[index % 8],
            label=f"{row.width:,} {width_name}{ending}",
        )  # fmt: skip
    least = min(row.train_losses.min() for row in rows)
    if least > 0:
        axes.set_xscale("log")
        plain = StrMethodFormatter("{x:g}")
        axes.xaxis.set_major_formatter(plain)
        # Within a decade, powers of ten alone would leave one label.
        if max(row.train_losses.max() for row in rows) < 10 * least:
            axes.xaxis.set_minor_formatter(plain)
    axes.set_xlabel(f"training loss [{unit}]")
    axes.set_ylabel(f"test loss [{unit}]")
    axes.grid(True, color="#eeeeee")
    axes.set_axisbelow(True)
    axes.legend(fontsize=8, loc="best")
