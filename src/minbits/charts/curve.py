"""The front of test accuracy against the bits of the file, with published networks beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.figure
from matplotlib.ticker import FuncFormatter

from minbits.charts.chart import Chart, name_text
from minbits.charts.published import PublishedNetwork, published_networks

_LOWEST_ACCURACY = 0.89
_LABEL_RATIO = 1.2


@dataclass(frozen=True)
class CurveData:
    """The numbers of the curve.

    Attributes:
        data_name: the data set.
        found: target, test accuracy and bits of each verified file, from strict to loose.
        published: networks of others on the same data.
    """

    data_name: str
    found: tuple[tuple[float, float, int], ...]
    published: tuple[PublishedNetwork, ...]


def curve_data(data_name: str, found: Sequence[tuple[float, float, int]]) -> CurveData:
    """Return the numbers of the curve for targets, test accuracies and bits of verified files."""
    return CurveData(data_name, tuple(found), published_networks(data_name, _LOWEST_ACCURACY))


def _spread(sizes: Sequence[int]) -> list[float]:
    """Move labels on the logarithmic axis apart, keeping the order of their sizes."""
    places = [0.0] * len(sizes)
    last = 0.0
    for index in sorted(range(len(sizes)), key=lambda index: sizes[index]):
        last = places[index] = max(float(sizes[index]), last * _LABEL_RATIO)
    return places


def _percent(error: float, position: object) -> str:
    return f"{100 * (1 - error):g} %"


def draw_curve(data: CurveData) -> Chart[CurveData]:
    """Return the chart of the curve; the accuracy's axis is that of the errors."""
    return Chart(data, _draw)


def _draw(data: CurveData) -> matplotlib.figure.Figure:
    figure = matplotlib.figure.Figure(figsize=(10, 6.2), layout="constrained")
    axes = figure.add_subplot()
    axes.set_yscale("log")
    labels = _spread([item.size_bits for item in data.published])
    for item, label in zip(data.published, labels, strict=True):
        axes.scatter([1 - item.test_accuracy], [item.size_bits], c="#8a8a8a", s=30, zorder=3)
        # To the left, where weaker networks would be: none of that size is.
        axes.annotate(
            item.name, (1 - item.test_accuracy, item.size_bits), (0.024, label),
            ha="right", va="center", fontsize=8, color="#555555",
            arrowprops={"arrowstyle": "-", "color": "#d5d5d5", "lw": 0.6, "relpos": (1, 0.5)},
        )  # fmt: skip
    # A file is claimed at its target, not at what it happens to have on the test set. A
    # logarithmic axis has no place for a file without errors: it stands at the edge.
    errors = [max(1 - target, 1e-4) for target, _, _ in data.found]
    reached = [max(1 - accuracy, 1e-4) for _, accuracy, _ in data.found]
    bits = [size for _, _, size in data.found]
    axes.plot(errors, bits, color="#c1121f", marker="*", ms=12, lw=1.2, zorder=4)
    axes.hlines(bits, errors, reached, color="#c1121f", lw=0.8, ls=":", zorder=3)
    axes.scatter(reached, bits, c="#c1121f", marker="|", s=40, lw=1.2, zorder=3)
    for error, size in dict.fromkeys(zip(errors, bits, strict=True)):
        axes.annotate(
            f"{size:,}", (error, size), (4, 9), textcoords="offset points", ha="right",
            fontsize=8.5, color="#c1121f", fontweight="bold",
        )  # fmt: skip
    axes.set_xscale("log")
    strictest = min(0.004, *(0.8 * error for error in (*errors, *reached)))
    axes.set_xlim(1.15 * (1 - _LOWEST_ACCURACY), strictest)
    axes.set_xticks([0.1, 0.05, 0.03, 0.02, 0.015, 0.01, 0.008, 0.006])
    axes.minorticks_off()
    axes.xaxis.set_major_formatter(FuncFormatter(_percent))
    axes.set_xlabel(
        "accuracy; stars: reached on validation and on test, with the test accuracy as a tick"
    )
    axes.set_ylabel("size of the network [bits]")
    axes.set_title(
        f"{name_text(data.data_name)}: bits of the smallest verified file at each accuracy"
    )
    axes.grid(True, which="major", color="#eeeeee", zorder=0)
    return figure
