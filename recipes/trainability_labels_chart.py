"""Labels that are fitted: steps against the width, and losses against the number of parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes

from minbits.charts.chart import Chart
from minbits.studies.trainability_statistics import Estimate

_COLOURS = {"real": "#1d3557", "random": "#c1121f"}


@dataclass(frozen=True)
class FitLine:
    """How long one kind of labels takes until all are right.

    Attributes:
        name: ``real`` or ``random``.
        widths: units of the hidden layer, those at which they were fitted.
        steps: mean over seeds, with interval.
        seconds: of the processor, mean over seeds.
    """

    name: str
    widths: list[int]
    steps: list[Estimate]
    seconds: list[float]


@dataclass(frozen=True)
class NoisyLine:
    """What becomes of noisy labels under one loss.

    Attributes:
        loss: its name.
        threshold: examples times classes.
        parameters: of each network.
        train_losses: mean over seeds.
        test_losses: mean over seeds, with interval.
    """

    loss: str
    threshold: int
    parameters: list[int]
    train_losses: list[float]
    test_losses: list[Estimate]


_Numbers = tuple[Sequence[FitLine], Sequence[NoisyLine]]


def draw_fits(fits: Sequence[FitLine], noisy: Sequence[NoisyLine]) -> Chart[_Numbers]:
    """Return a chart: steps until all labels are right, then one panel for each loss."""
    return Chart((fits, noisy), _draw)


def _draw(numbers: _Numbers) -> matplotlib.figure.Figure:
    fits, noisy = numbers
    figure = matplotlib.figure.Figure(figsize=(14, 4.6), layout="constrained")
    first, *others = figure.subplots(1, 1 + len(noisy))
    for fit in fits:
        _band(first, fit.widths, fit.steps, _COLOURS[fit.name], f"{fit.name} labels")
    first.set_xscale("log", base=2)
    first.set_yscale("log")
    first.set_xlabel("units of the hidden layer")
    first.set_ylabel("steps until all labels are right")
    first.set_title("Random labels take longer to fit", fontsize=10)
    first.legend(fontsize=8)
    for axes, line in zip(others, noisy, strict=True):
        _band(axes, line.parameters, line.test_losses, "#c1121f", "new examples")
        axes.plot(line.parameters, line.train_losses, "o-", ms=3, color="#1d3557", label="training")
        axes.axvline(line.threshold, color="#6b7c8d", ls="--", lw=1)
        axes.text(
            line.threshold, 0.98, " n·C", fontsize=8, color="#6b7c8d", va="top",
            transform=axes.get_xaxis_transform(),
        )  # fmt: skip
        axes.set_xscale("log")
        axes.set_ylim(0, None)
        axes.set_xlabel("parameters")
        axes.set_ylabel(f"{line.loss} loss an example")
        axes.set_title(f"A fifth of the labels is random: {line.loss}", fontsize=10)
        axes.legend(fontsize=8)
    for axes in (first, *others):
        axes.grid(True, color="#eeeeee")
        axes.set_axisbelow(True)
    return figure


def _band(
    axes: Axes, places: Sequence[int], values: Sequence[Estimate], colour: str, label: str
) -> None:
    axes.plot(places, [item.value for item in values], "o-", ms=3, color=colour, label=label)
    low, high = ([getattr(item, end) for item in values] for end in ("low", "high"))
    axes.fill_between(places, np.maximum(low, 1e-9), high, color=colour, alpha=0.15, lw=0)
