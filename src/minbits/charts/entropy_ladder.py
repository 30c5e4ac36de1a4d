"""The ladder as a chart: from the naive figure down to the tightest bound."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib.figure
from matplotlib.axes import Axes

from minbits.charts.chart import Chart, name_text
from minbits.charts.published_entropies import PublishedEntropy, published_entropies
from minbits.information.input_ladder import InputLadder

_BAR = "#1d3557"
_COST = "#a8b7c7"
_MARK = "#c1121f"


@dataclass(frozen=True)
class LadderBar:
    """One rung as it is drawn.

    Attributes:
        name: of the model.
        example_bits: mean code length of a test example.
        interval_bits: its 95 % interval; None for a compressor.
        model_bits: the model's cost amortised over its training examples.
        is_loose: whether examples were too few for the model.
    """

    name: str
    example_bits: float
    interval_bits: tuple[float, float] | None
    model_bits: float
    is_loose: bool


@dataclass(frozen=True)
class LadderChart:
    """The numbers of the chart.

    Attributes:
        title: of the chart.
        bars: longest first.
        marks: published code lengths under the same binarisation.
        note: where the climb stopped, or None.
    """

    title: str
    bars: tuple[LadderBar, ...]
    marks: tuple[PublishedEntropy, ...]
    note: str | None


def ladder_chart(ladder: InputLadder, data_name: str, binarise: str) -> LadderChart:
    """Return the numbers of the chart of a ladder."""
    rungs = sorted(ladder.rungs, key=lambda rung: -rung.example_bits)
    bars = tuple(
        LadderBar(
            rung.title,
            rung.example_bits,
            rung.interval_bits,
            rung.amortised_model_bits,
            rung.warning is not None,
        )
        for rung in rungs
    )
    title = (
        f"{name_text(data_name)}, {ladder.what}: upper bounds of the entropy of one example\n"
        f"mean over {ladder.test_examples:,} test examples, models fitted to "
        f"{ladder.train_examples:,} others"
    )
    note = None if ladder.stopped is None else f"stopped {ladder.stopped}"
    return LadderChart(title, bars, published_entropies(data_name, binarise), note)


def _draw_bar(axes: Axes, place: int, bar: LadderBar) -> None:
    axes.barh(place, bar.example_bits, color=_BAR, height=0.62, zorder=3)
    axes.barh(
        place, bar.model_bits, left=bar.example_bits, color=_COST, height=0.62, zorder=2,
        hatch="///", edgecolor="white", linewidth=0,
    )  # fmt: skip
    if bar.interval_bits is not None:
        low, high = bar.interval_bits
        half = [[bar.example_bits - low], [high - bar.example_bits]]
        axes.errorbar(bar.example_bits, place, xerr=half, color="#e07a1f", capsize=3, zorder=4)
    text = f" {bar.example_bits:,.2f}"
    if bar.model_bits:
        text += f" + {bar.model_bits:,.2f} for the model"
    if bar.is_loose:
        text += " (too few examples)"
    axes.text(bar.example_bits + bar.model_bits, place, text, va="center", fontsize=9)


def _draw_mark(axes: Axes, place: int, mark: PublishedEntropy) -> None:
    axes.scatter([mark.bits], [place], marker="D", s=34, color=_MARK, zorder=4)
    text = f"   {mark.bits:,.1f} · {mark.source}"
    axes.text(mark.bits, place, text, va="center", fontsize=8, color=_MARK)


def draw_entropy_ladder(numbers: LadderChart) -> Chart[LadderChart]:
    """Return the chart of a ladder.

    The code length is dark, the model's share hatched, the 95 % interval orange. Published code
    lengths under the same binarisation are diamonds below the bars.
    """
    return Chart(numbers, _draw)


def _draw(chart: LadderChart) -> matplotlib.figure.Figure:
    rows = len(chart.bars) + len(chart.marks)
    figure = matplotlib.figure.Figure(figsize=(10.5, 1.9 + 0.42 * rows), layout="constrained")
    axes = figure.add_subplot()
    for place, bar in enumerate(chart.bars):
        _draw_bar(axes, place, bar)
    for place, mark in enumerate(chart.marks, len(chart.bars)):
        _draw_mark(axes, place, mark)
    longest = max(bar.example_bits + bar.model_bits for bar in chart.bars)
    axes.set_xlim(0, 1.6 * max([longest, *(mark.bits for mark in chart.marks)]))
    names = [bar.name for bar in chart.bars] + [mark.name for mark in chart.marks]
    axes.set_yticks(range(rows), names)
    axes.set_ylim(rows - 0.4, -0.6)
    axes.set_xlabel(
        "bits of one example; hatched: the model's file, shared among its training examples"
    )
    axes.set_title(chart.title, fontsize=10, loc="left")
    if chart.note is not None:
        figure.supxlabel(chart.note, fontsize=8, color="#666666", x=0.01, ha="left")
    axes.grid(True, axis="x", color="#eeeeee", zorder=0)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
