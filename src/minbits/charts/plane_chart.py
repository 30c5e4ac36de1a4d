"""The information plane: paths of layers, the limit of the bottleneck, and what bins do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import matplotlib.figure
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from minbits.charts.chart import Chart, name_text
from minbits.information.bottleneck import BottleneckCurve

_COLOURS = ("#1d3557", "#2a9d8f", "#e07a1f", "#c1121f", "#7b2cbf", "#577590", "#8a5a44", "#444444")
_TITLES = {
    "fixed": "30 bins from -1 to 1",
    "edges": "30 edges from -1 to 1",
    "adaptive": "30 bins, range of the layer",
    "float32": "values as they are (float32)",
    "density_low": "kernel density, lower bound",
    "density_high": "kernel density, upper bound",
    "exact": "quantised activations, exact",
    "probe": "held-out probe, I(T;Y) at least",
}

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PlaneNumbers:
    """The numbers of the charts.

    Attributes:
        data_name: the data set.
        activation: of hidden layers.
        sizes: inputs, units of each hidden layer, classes.
        ceiling_bits: the largest I(X;T) that the examples can show.
        curve: the information bottleneck.
        measures: names of the measures.
        results: of the trainings.
    """

    data_name: str
    activation: str
    sizes: tuple[int, ...]
    ceiling_bits: float
    curve: BottleneckCurve
    measures: Sequence[str]
    results: Sequence[Mapping[str, Any]]

    @property
    def epochs(self) -> npt.NDArray[np.int64]:
        """At which layers were measured."""
        return np.array(self.results[0]["measured_epochs"], np.int64)

    @property
    def title(self) -> str:
        """What all charts begin with."""
        network = "-".join(map(str, self.sizes))
        count = len(self.results)
        return (
            f"{name_text(self.data_name)}: {network}, {self.activation}, {count:,} "
            f"training{'s' if count > 1 else ''}"
        )

    def series(self, key: str) -> Values:
        """Return a series of all trainings, shape ``(trainings, epochs, layers)``."""
        return np.array([result[key] for result in self.results])

    def layer_name(self, place: int) -> str:
        """Return what a layer is called."""
        units = self.sizes[place + 1]
        is_last = place == len(self.sizes) - 2
        return f"output, {units} classes" if is_last else f"layer {place + 1}, {units} units"


def colour(place: int) -> str:
    """Return the colour of a layer."""
    return _COLOURS[place % len(_COLOURS)]


def draw_plane(numbers: PlaneNumbers) -> Chart[PlaneNumbers]:
    """Return the chart: the plane of each measure, and below it I(X;T) against the epoch."""
    return Chart(numbers, _draw_plane)


def _draw_plane(numbers: PlaneNumbers) -> matplotlib.figure.Figure:
    columns = len(numbers.measures)
    figure = matplotlib.figure.Figure(figsize=(max(3.1 * columns, 6.4), 7.0), layout="constrained")
    grid = figure.subplots(2, columns, squeeze=False)
    for column, measure in enumerate(numbers.measures):
        inputs, labels = numbers.series(f"{measure}_input"), numbers.series(f"{measure}_label")
        draw_limit(grid[0, column], numbers, measure)
        for place in range(inputs.shape[2]):
            x, y = inputs[:, :, place].mean(axis=0), labels[:, :, place].mean(axis=0)
            grid[0, column].plot(x, y, color=colour(place), linewidth=1, alpha=0.8)
            grid[0, column].scatter(
                x, y, s=4 + 22 * np.linspace(0, 1, len(x)) ** 2, color=colour(place), linewidths=0,
                label=numbers.layer_name(place), zorder=3,
            )  # fmt: skip
        _draw_epochs(grid[1, column], numbers, inputs)
    grid[0, 0].set_ylabel("I(T;Y) [bits]")
    grid[1, 0].set_ylabel("I(X;T) [bits]")
    figure.legend(
        *grid[0, 0].get_legend_handles_labels(), loc="outside lower center", fontsize=8,
        ncols=min(columns * 2, inputs.shape[2] + 1),
    )  # fmt: skip
    figure.suptitle(
        f"{numbers.title}: means; points grow with the epoch, bands hold four fifths of the "
        "trainings" if columns > 2 else f"{numbers.title}\nmeans; points grow with the epoch",
        fontsize=10,
    )  # fmt: skip
    return figure


def draw_limit(axes: Axes, numbers: PlaneNumbers, measure: str) -> None:
    """Draw the limit of the bottleneck and the axes of a plane."""
    most = max(numbers.ceiling_bits, 1e-9)
    at = np.unique(
        np.concatenate([np.linspace(0, most, 400), [numbers.curve.points[-1].input_bits]])
    )
    axes.plot(at, numbers.curve.limit(at), color="#999999", linewidth=1.5, label="limit")
    axes.axvline(most, color="#cccccc", linestyle=":", linewidth=1)
    axes.set_title(_TITLES[measure], fontsize=9)
    axes.set_xlim(-0.03 * most, 1.04 * most)
    top = numbers.curve.points[-1].label_bits
    axes.set_ylim(-0.03 * top, 1.08 * top)
    axes.set_xlabel("I(X;T) [bits]")
    axes.grid(True, color="#eeeeee")
    axes.set_axisbelow(True)


def _draw_epochs(axes: Axes, numbers: PlaneNumbers, inputs: Values) -> None:
    shown = np.maximum(numbers.epochs, 0.5)  # epoch 0 has no logarithm
    for place in range(inputs.shape[2]):
        low, high = np.quantile(inputs[:, :, place], (0.1, 0.9), axis=0)
        axes.fill_between(shown, low, high, color=colour(place), alpha=0.15, linewidth=0)
        axes.plot(shown, inputs[:, :, place].mean(axis=0), color=colour(place), linewidth=1.2)
    axes.axhline(numbers.ceiling_bits, color="#cccccc", linestyle=":", linewidth=1)
    axes.set_xscale("log")
    axes.set_ylim(-0.03 * numbers.ceiling_bits, 1.04 * numbers.ceiling_bits)
    axes.set_xlabel("epoch (leftmost: before training)")
    axes.grid(True, color="#eeeeee")
    axes.set_axisbelow(True)


def draw_bins(numbers: PlaneNumbers) -> Chart[PlaneNumbers]:
    """Return the chart: I(X;T) at the end, and its fall, against the number of bins."""
    return Chart(numbers, _draw_bins)


def _draw_bins(numbers: PlaneNumbers) -> matplotlib.figure.Figure:
    bins = np.array(numbers.results[0]["scanned_bins"])
    last = np.mean([result["scanned_last"] for result in numbers.results], axis=0)
    largest = np.mean([result["scanned_largest"] for result in numbers.results], axis=0)
    figure = matplotlib.figure.Figure(figsize=(10, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, values, text in (
        (left, last, "I(X;T) at the end [bits]"),
        (right, largest - last, "fall of I(X;T) from its largest value [bits]"),
    ):
        for place in range(values.shape[1]):
            axes.plot(
                bins, values[:, place], marker="o", markersize=4, color=colour(place),
                label=numbers.layer_name(place),
            )  # fmt: skip
        axes.set_xscale("log", base=2)
        axes.set_xticks(bins, [f"{count:,}" for count in bins])
        axes.minorticks_off()
        axes.set_xlabel("bins over the range of the layer")
        axes.set_ylabel(text)
        axes.grid(True, color="#eeeeee")
        axes.set_axisbelow(True)
    left.axhline(numbers.ceiling_bits, color="#999999", linestyle=":", linewidth=1)
    left.annotate(
        f"ceiling: {numbers.ceiling_bits:.2f} bits of an example", (bins[0], numbers.ceiling_bits),
        (0, 4), textcoords="offset points", fontsize=8, color="#666666",
    )  # fmt: skip
    left.set_ylim(-0.03 * numbers.ceiling_bits, 1.1 * numbers.ceiling_bits)
    figure.legend(
        *left.get_legend_handles_labels(), loc="outside lower center", fontsize=8,
        ncols=min(last.shape[1], 6),
    )  # fmt: skip
    figure.suptitle(f"{numbers.title}: the same networks, other bins", fontsize=10)
    return figure
