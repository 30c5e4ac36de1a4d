"""Success of trainings, and what it takes to have one, against the size of the file."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, StrMethodFormatter

from minbits.charts.chart import Chart, name_text
from minbits.studies.price_statistics import Price, PriceRow, success_probability

_Numbers = tuple[str, float, Sequence[PriceRow], Sequence[Price]]
_LOOKS = {
    "size": ("#1d3557", "o", "networks of different sizes"),
    "compression": ("#e07a1f", "s", "the largest one, compressed harder"),
}
_SHORT_AXIS = 4.0  # of the largest number over the smallest one


def draw_price(
    data_name: str, accuracy: float, rows: Sequence[PriceRow], prices: Sequence[Price]
) -> Chart[_Numbers]:
    """Return the chart: the share of successes, and CPU-seconds to one, against the file's size."""
    return Chart((data_name, accuracy, rows, prices), _draw)


def _draw(numbers: _Numbers) -> matplotlib.figure.Figure:
    data_name, accuracy, rows, prices = numbers
    figure = matplotlib.figure.Figure(figsize=(12, 5.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for route, (colour, marker, label) in _LOOKS.items():
        part = [row for row in rows if row.kind.route == route]
        if part:
            _draw_shares(left, part, colour, marker, label)
            _draw_seconds(right, part, colour, marker)
    for price in prices:
        if price.unit == "bits":
            _draw_fit(left, price, [row.median_bits for row in rows])
    left.set_ylabel("share of trainings that succeed (Wilson 95 %)")
    left.set_ylim(-0.03, 1.03)
    right.set_ylabel("CPU-seconds to a success, expected")
    right.margins(x=0.12, y=0.12)
    if any(row.seconds_to_success is not None for row in rows):
        right.set_yscale("log")
        _write_numbers(right.yaxis)
        right.set_xscale("log")
    else:  # no logarithmic axis can be drawn without a value
        right.text(0.5, 0.5, "no success yet", ha="center", transform=right.transAxes)
    left.set_xscale("log")
    for axes in (left, right):
        _write_numbers(axes.xaxis)
        axes.set_xlabel("size of the file, median [bits]")
        axes.grid(True, which="both", color="#eeeeee")
        axes.set_axisbelow(True)
    left.legend(fontsize=8, loc="best")
    figure.suptitle(
        f"{name_text(data_name)}: trainings whose file reaches {100 * accuracy:g} % of the "
        "validation examples",
        fontsize=11,
    )
    return figure


def _write_numbers(axis: Axis) -> None:
    """Write the numbers of a logarithmic axis in full; not all of them where it is long."""

    def between_powers_of_ten(number: float, _: int | None) -> str:
        low, high = axis.get_view_interval()
        shown = "23456789" if high < _SHORT_AXIS * low else "235"
        return f"{number:,g}" if f"{number:e}"[0] in shown else ""

    axis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axis.set_minor_formatter(FuncFormatter(between_powers_of_ten))


def _draw_shares(
    axes: Axes, rows: Sequence[PriceRow], colour: str, marker: str, label: str
) -> None:
    shares = np.array([row.probability.value for row in rows])
    ends = np.array([(row.probability.low, row.probability.high) for row in rows])
    axes.errorbar(
        [row.median_bits for row in rows], shares,
        np.abs(ends - shares[:, None]).T, fmt=marker, color=colour, capsize=2, label=label,
    )  # fmt: skip


def _draw_fit(axes: Axes, price: Price, sizes: Sequence[float]) -> None:
    places = np.geomspace(min(sizes), max(sizes), 200)
    axes.plot(places, success_probability(price.half, places), color="#1d3557", linewidth=1)
    axes.axvline(price.half.value, color="#1d3557", linestyle=":", linewidth=1)
    axes.axvline(price.smallest, color="#8a8a8a", linestyle=":", linewidth=1)
    found = price.price
    axes.annotate(
        f"price {found.value:.2f} ({found.low:.2f}–{found.high:.2f})",
        (price.half.value, 0.5), (8, -12), textcoords="offset points", fontsize=8,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )  # fmt: skip


def _draw_seconds(axes: Axes, rows: Sequence[PriceRow], colour: str, marker: str) -> None:
    known = [row for row in rows if row.seconds_to_success is not None]
    axes.plot(
        [row.median_bits for row in known], [row.seconds_to_success or 0.0 for row in known],
        marker=marker, color=colour, linewidth=1,
    )  # fmt: skip
    for row in known:
        what = "units" if row.kind.route == "size" else "rate"
        below = row.kind.route == "compression"
        axes.annotate(
            f"{what} × {row.kind.factor:g}", (row.median_bits, row.seconds_to_success or 0.0),
            (0, -14 if below else 7), textcoords="offset points", ha="center", fontsize=7,
            color=colour, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )  # fmt: skip
