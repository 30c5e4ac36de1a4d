"""The diagram of the question: entropy of a data set against the smallest network so far."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib.figure
from matplotlib.axes import Axes

from minbits.charts.chart import Chart, name_text
from minbits.charts.published import PublishedNetwork, published_networks
from minbits.information.ladder import EntropyTable

DEFAULT_X = "label_entropy_total"

_X_NAMES = {
    "pixel_sum_without_complement": "the question's “entropy” (a term is missing)",
    "independent_pixels": "one image, pixels independent",
    "histogram_over_pixels": "which pixel is on",
    "label_entropy": "one label, H(Y)",
    "label_entropy_total": "all labels, N · H(Y)",
}


@dataclass(frozen=True)
class EntropyMark:
    """One choice for the X axis."""

    key: str
    name: str
    bits: float


@dataclass(frozen=True)
class DiagramData:
    """The numbers of the diagram.

    Attributes:
        data_name: the data set.
        accuracy: the accuracy asked for.
        chosen: the entropy that points stand at.
        marks: all choices for X.
        found_bits: size of the smallest verified file so far.
        references: published networks at this accuracy.
        question_bits: what the question's neurons hold at two bits a neuron; None without pixels.
        question_neurons: how many neurons those are.
    """

    data_name: str
    accuracy: float
    chosen: EntropyMark
    marks: tuple[EntropyMark, ...]
    found_bits: int
    references: tuple[PublishedNetwork, ...]
    question_bits: float | None
    question_neurons: int | None


def diagram_data(
    table: EntropyTable, accuracy: float, found_bits: int, x_key: str = DEFAULT_X
) -> DiagramData:
    """Return the numbers of the diagram for one data set.

    Raises:
        ArgumentError: if ``x_key`` is no figure of the table.
    """
    values = {figure.key: figure.value for figure in table.figures}
    table.figure(x_key)
    marks = tuple(
        EntropyMark(key, name, values[key]) for key, name in _X_NAMES.items() if key in values
    )
    chosen = next((mark for mark in marks if mark.key == x_key), None)
    if chosen is None:
        chosen = EntropyMark(x_key, x_key, values[x_key])
    neurons = values.get("question_estimate_neurons")
    return DiagramData(
        data_name=table.data_name,
        accuracy=accuracy,
        chosen=chosen,
        marks=marks,
        found_bits=found_bits,
        references=published_networks(table.data_name, accuracy),
        question_bits=None if neurons is None else values["pixel_sum_without_complement"],
        question_neurons=None if neurons is None else int(neurons),
    )


def _percent(accuracy: float) -> str:
    return f"{100 * accuracy:g} %"


def _spread_labels(values: list[float], least_ratio: float) -> list[float]:
    """Move label positions on a logarithmic axis apart, keeping their order (highest first)."""
    placed: list[float] = []
    for value in values:
        placed.append(min(value, placed[-1] / least_ratio) if placed else value)
    return placed


def _draw_points(axes: Axes, data: DiagramData, right: float) -> None:
    points = [
        (float(item.size_bits), f"{item.name} · {item.size_bits:,} bits", "#8a8a8a", "o")
        for item in data.references
    ]
    found = f"minbits, found so far · {data.found_bits:,} bits"
    points.append((float(data.found_bits), found, "#c1121f", "*"))
    points.sort(key=lambda point: -point[0])
    labels = _spread_labels([point[0] for point in points], 1.42)
    for (bits, text, colour, marker), label in zip(points, labels, strict=True):
        size = 260 if marker == "*" else 38
        axes.scatter([data.chosen.bits], [bits], s=size, c=colour, marker=marker, zorder=4)
        axes.annotate(
            text,
            (data.chosen.bits, bits),
            (right, label),
            va="center",
            fontsize=9,
            color=colour if marker == "*" else "#444444",
            fontweight="bold" if marker == "*" else "normal",
            # At the left edge of the name, so that no line crosses another name.
            arrowprops={"arrowstyle": "-", "color": "#c9c9c9", "lw": 0.7, "relpos": (0, 0.5)},
        )


def _draw_marks(axes: Axes, data: DiagramData, bottom: float, top: float) -> None:
    for mark in data.marks:
        is_chosen = mark.key == data.chosen.key
        axes.axvline(
            mark.bits,
            color="#1d3557" if is_chosen else "#a8b7c7",
            lw=1.4 if is_chosen else 0.9,
            ls="-" if is_chosen else ":",
            zorder=1,
        )
        axes.text(
            # The chosen mark has its points' names on the right: its own goes to the left.
            mark.bits / 1.08 if is_chosen else mark.bits * 1.08,
            bottom * 1.4 if is_chosen else top / 1.4,
            f"{mark.name} · {mark.bits:,.2f} bits",
            rotation=90,
            va="bottom" if is_chosen else "top",
            ha="right" if is_chosen else "left",
            fontsize=8,
            color="#1d3557" if is_chosen else "#6b7c8d",
        )


def _draw_lines(axes: Axes, data: DiagramData, right: float) -> None:
    (bottom, top), (left, _) = axes.get_ylim(), axes.get_xlim()
    low, high = max(left, bottom), min(right, top)
    axes.plot([low, high], [low, high], color="#2a9d8f", lw=1.2, zorder=2)
    # Named where the line leaves the picture: nothing else is there.
    axes.annotate(
        "y = x", (high, high), (-26, -3), textcoords="offset points", color="#2a9d8f", ha="right",
        va="top", fontsize=9,
    )  # fmt: skip
    if data.question_bits is None:
        return
    axes.axhline(data.question_bits, color="#e07a1f", lw=1.2, ls="--", zorder=2)
    axes.text(
        right / 1.4,
        data.question_bits * 1.08,
        f"the question's {data.question_neurons} neurons at 2 bits each",
        color="#b65d0d",
        fontsize=9,
        ha="right",
    )


def draw_diagram(data: DiagramData) -> Chart[DiagramData]:
    """Return the chart of the diagram."""
    return Chart(data, _draw)


def _draw(data: DiagramData) -> matplotlib.figure.Figure:
    right = max(6e8, 3e3 * data.chosen.bits)
    top = max(4e6, 4.0 * data.found_bits)
    bottom = min(30.0, data.found_bits / 8, (data.question_bits or 60.0) / 2)
    figure = matplotlib.figure.Figure(figsize=(11, 6.6), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(1.0, right)
    axes.set_ylim(bottom, top)
    _draw_lines(axes, data, right)
    _draw_marks(axes, data, bottom, top)
    _draw_points(axes, data, data.chosen.bits * 4)
    axes.set_xlabel(f"X: entropy [bits]; points stand at “{data.chosen.name}”")
    axes.set_ylabel("Y: size of the network file [bits]")
    axes.set_title(
        f"{name_text(data.data_name)} at {_percent(data.accuracy)} test accuracy: "
        "what the data carries, and what networks spend"
    )
    axes.grid(True, which="major", color="#eeeeee", zorder=0)
    return figure
