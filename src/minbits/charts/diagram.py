"""The diagram of the question: entropy of a data set against the smallest network so far."""

from __future__ import annotations

import math
from dataclasses import dataclass

import matplotlib.figure
from matplotlib.axes import Axes

from minbits.charts.chart import Chart, name_text
from minbits.charts.published import PublishedNetwork, published_networks
from minbits.evaluation.accuracy import accuracy_reaches
from minbits.information.baselines import Baseline
from minbits.information.entropy_table import EntropyTable
from minbits.studies.kept import KnownLabelCode

DEFAULT_X = "label_entropy_total"
LABEL_CODE = "label_code_bits"

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
        usual: usual classifiers of this data set, whatever accuracy they reach.
        question_bits: what the question's neurons hold at two bits a neuron; None without pixels.
        question_neurons: how many neurons those are.
    """

    data_name: str
    accuracy: float
    chosen: EntropyMark
    marks: tuple[EntropyMark, ...]
    found_bits: int
    references: tuple[PublishedNetwork, ...]
    usual: tuple[Baseline, ...]
    question_bits: float | None
    question_neurons: int | None


def diagram_data(
    table: EntropyTable,
    accuracy: float,
    found_bits: int,
    x_key: str | None = None,
    usual: tuple[Baseline, ...] = (),
    label_code: KnownLabelCode | None = None,
) -> DiagramData:
    """Return the numbers of the diagram for one data set.

    Args:
        table: the data set's entropies.
        accuracy: the accuracy asked for.
        found_bits: size of the smallest verified file so far.
        x_key: the entropy that points stand at; None takes the code of the labels where one is
            known, and else the entropy of all labels.
        usual: usual classifiers of this data set.
        label_code: the shortest real code of the labels that is known.

    Raises:
        ArgumentError: if ``x_key`` is no figure of the table.
    """
    values = {figure.key: figure.value for figure in table.figures}
    names = dict(_X_NAMES)
    if label_code is not None:
        values[LABEL_CODE] = float(label_code.size_bits)
        names[LABEL_CODE] = f"all labels given the inputs, {label_code.code} code"
    if x_key is None:
        x_key = DEFAULT_X if label_code is None else LABEL_CODE
    if x_key not in values:
        table.figure(x_key)
    marks = tuple(
        EntropyMark(key, name, values[key]) for key, name in names.items() if key in values
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
        usual=usual,
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


@dataclass(frozen=True)
class _Point:
    bits: float
    text: str
    colour: str
    is_filled: bool = True

    @property
    def is_found(self) -> bool:
        return self.colour == _FOUND_COLOUR


_FOUND_COLOUR = "#c1121f"
_OTHER_COLOUR = "#8a8a8a"
# No line runs through a name.
_ON_PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
# Heights of a name and decades beside the points, as parts of an axis.
_NAME_HEIGHT = 0.03
_DECADES_OF_NAMES = 3.2


def _points(data: DiagramData) -> list[_Point]:
    """Return what is drawn, the largest first."""
    found = _Point(
        data.found_bits, f"minbits, found so far · {data.found_bits:,} bits", _FOUND_COLOUR
    )
    published = [
        _Point(item.size_bits, f"{item.name} · {item.size_bits:,} bits", _OTHER_COLOUR)
        for item in data.references
    ]
    usual = [
        _Point(
            item.size_bits,
            f"{item.name} · {item.size_bits:,} bits · {_percent(round(item.accuracy, 3))} held out",
            _OTHER_COLOUR,
            accuracy_reaches(item.accuracy, data.accuracy),
        )
        for item in data.usual
    ]
    return sorted([found, *published, *usual], key=lambda point: -point.bits)


def _draw_points(axes: Axes, data: DiagramData) -> None:
    points = _points(data)
    bottom, top = axes.get_ylim()
    labels = _spread_labels([point.bits for point in points], (top / bottom) ** _NAME_HEIGHT)
    for point, label in zip(points, labels, strict=True):
        axes.scatter(
            [data.chosen.bits], [point.bits], s=260 if point.is_found else 38, zorder=4,
            c=point.colour if point.is_filled else "white", edgecolors=point.colour,
            marker="*" if point.is_found else "o",
        )  # fmt: skip
        axes.annotate(
            point.text,
            (data.chosen.bits, point.bits),
            (data.chosen.bits * 4, label),
            va="center",
            fontsize=9,
            color=point.colour if point.is_found else "#444444",
            fontweight="bold" if point.is_found else "normal",
            bbox=_ON_PAPER,
            # At the left edge of the name, so that no line crosses another name.
            arrowprops={"arrowstyle": "-", "color": "#c9c9c9", "lw": 0.7, "relpos": (0, 0.5)},
        )


def _draw_marks(axes: Axes, data: DiagramData) -> None:
    bottom, top = axes.get_ylim()
    middle = math.sqrt(bottom * top)
    # The chosen mark has its points' names on the right: its own goes to the left, away from the
    # points.
    is_low = sum(point.bits > middle for point in _points(data)) * 2 > len(_points(data))
    for mark in data.marks:
        is_chosen = mark.key == data.chosen.key
        at_bottom = is_chosen and is_low
        axes.axvline(
            mark.bits,
            color="#1d3557" if is_chosen else "#a8b7c7",
            lw=1.4 if is_chosen else 0.9,
            ls="-" if is_chosen else ":",
            zorder=1,
        )
        axes.annotate(
            f"{mark.name} · {mark.bits:,.2f} bits",
            (mark.bits, bottom if at_bottom else top),
            (-9 if is_chosen else 4, 8 if at_bottom else -8),
            textcoords="offset points",
            rotation=90,
            va="bottom" if at_bottom else "top",
            ha="right" if is_chosen else "left",
            fontsize=8,
            color="#1d3557" if is_chosen else "#6b7c8d",
            bbox=_ON_PAPER,
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


def _limits(data: DiagramData) -> tuple[float, float, float, float]:
    """Return left, right, bottom and top of the plane: what is in it, and room for names."""
    across = [mark.bits for mark in data.marks if mark.bits > 0] + [data.chosen.bits]
    up = [point.bits for point in _points(data)]
    if data.question_bits is not None:
        up.append(data.question_bits)
    right = max(*across, data.chosen.bits * 10**_DECADES_OF_NAMES) * 2
    return min(across) / 2, right, min(up) / 6, max(up) * 4


def _draw(data: DiagramData) -> matplotlib.figure.Figure:
    left, right, bottom, top = _limits(data)
    figure = matplotlib.figure.Figure(figsize=(11, 6.6), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    _draw_lines(axes, data, right)
    _draw_marks(axes, data)
    _draw_points(axes, data)
    hollow = "" if all(point.is_filled for point in _points(data)) else "; hollow: below the target"
    axes.set_xlabel(f"X: entropy [bits]; points stand at “{data.chosen.name}”{hollow}")
    axes.set_ylabel("Y: size of the network file [bits]")
    axes.set_title(
        f"{name_text(data.data_name)} at {_percent(data.accuracy)} test accuracy: "
        "what the data carries, and what networks spend"
    )
    axes.grid(True, which="major", color="#eeeeee", zorder=0)
    return figure
