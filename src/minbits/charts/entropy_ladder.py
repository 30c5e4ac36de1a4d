"""The ladder as a chart: from the naive figure down to the tightest bound."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import matplotlib.figure
from matplotlib.axes import Axes

from minbits.charts.chart import Chart, name_text
from minbits.charts.published_entropies import PublishedEntropy, published_entropies
from minbits.information.input_ladder import InputLadder
from minbits.plain_text import shortened, visible

_BAR = "#1d3557"
_COST = "#a8b7c7"
_MARK = "#c1121f"
_TITLE_WIDTH = 100  # characters
_LONGEST_WHAT = 3 * _TITLE_WIDTH
# Of the axis, in longest code lengths: a model's cost beyond it would press all bars together.
_MAX_SPAN = 3.0


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
        limit_bits: where bars are cut.
        marks: published code lengths under the same binarisation.
        note: where the climb stopped, or None.
    """

    title: str
    bars: tuple[LadderBar, ...]
    limit_bits: float
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
    what = shortened(visible(ladder.what), _LONGEST_WHAT)
    title = (
        f"{name_text(data_name)}: upper bounds of the entropy of one example\n"
        f"{textwrap.fill(what, _TITLE_WIDTH)}\n"
        f"mean over {ladder.test_examples:,} test examples, models fitted to "
        f"{ladder.train_examples:,} others"
    )
    note = None if ladder.stopped is None else f"stopped {ladder.stopped}"
    marks = published_entropies(data_name, binarise)
    ends = [bar.example_bits + bar.model_bits for bar in bars] + [mark.bits for mark in marks]
    limit = min(max(ends), _MAX_SPAN * max(bar.example_bits for bar in bars))
    return LadderChart(title, bars, limit, marks, note)


def _draw_bar(axes: Axes, place: int, bar: LadderBar, limit: float) -> None:
    axes.barh(place, bar.example_bits, color=_BAR, height=0.62, zorder=3)
    end = min(bar.example_bits + bar.model_bits, limit)
    is_cut = end < bar.example_bits + bar.model_bits
    axes.barh(
        place, end - bar.example_bits, left=bar.example_bits, color=_COST, height=0.62, zorder=2,
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
    axes.text(end, place, f" ⟫{text}" if is_cut else text, va="center", fontsize=9)


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
    figure = matplotlib.figure.Figure(figsize=(10.5, 2.1 + 0.42 * rows), layout="constrained")
    axes = figure.add_subplot()
    for place, bar in enumerate(chart.bars):
        _draw_bar(axes, place, bar, chart.limit_bits)
    for place, mark in enumerate(chart.marks, len(chart.bars)):
        _draw_mark(axes, place, mark)
    axes.set_xlim(0, 1.6 * chart.limit_bits)
    names = [bar.name for bar in chart.bars] + [mark.name for mark in chart.marks]
    axes.set_yticks(range(rows), names)
    axes.set_ylim(rows - 0.4, -0.6)
    is_cut = any(bar.example_bits + bar.model_bits > chart.limit_bits for bar in chart.bars)
    axes.set_xlabel(
        "bits of one example; hatched: the model's file, shared among its training examples"
        + "; ⟫: cut" * is_cut
    )
    axes.set_title(chart.title, fontsize=10, loc="left")
    if chart.note is not None:
        figure.supxlabel(chart.note, fontsize=8, color="#666666", x=0.01, ha="left")
    axes.grid(True, axis="x", color="#eeeeee", zorder=0)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
