"""The chart of measured memory: bits a parameter against the number of parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.figure

from minbits.charts.chart import Chart, name_text

# Each reference with its source; drawn as horizontal lines.
REFERENCES: tuple[tuple[float, str], ...] = (
    (2.0, "2: a threshold unit's weight (Cover 1965, MacKay 2003, Gardner 1988)"),
    (0.833, "0.833: a binary weight (Krauth & Mézard 1989)"),
    (3.6, "≈ 3.6: GPT-style nets (Morris et al. 2025)"),
)


@dataclass(frozen=True)
class MemorySeries:
    """One line of the chart: networks of one kind and growing size.

    Attributes:
        name: of the kind.
        parameters: of each network.
        bits_per_parameter: measured.
        low: lower ends of the 95 % intervals.
        high: upper ends.
    """

    name: str
    parameters: tuple[int, ...]
    bits_per_parameter: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def draw_memorisation(series: Sequence[MemorySeries]) -> Chart[Sequence[MemorySeries]]:
    """Return the chart of bits a parameter where half of the seeds fit random labels perfectly."""
    return Chart(series, _draw)


def _draw(series: Sequence[MemorySeries]) -> matplotlib.figure.Figure:
    figure = matplotlib.figure.Figure(figsize=(10.5, 6.2), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xscale("log")
    for value, name in REFERENCES:
        axes.axhline(value, color="#9aa5b1", lw=1.0, ls="--", zorder=1)
        axes.text(
            0.99, value + 0.04, name, color="#6b7c8d", fontsize=8, ha="right",
            transform=axes.get_yaxis_transform(), zorder=5,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1.0},
        )  # fmt: skip
    for index, line in enumerate(series):
        spread = [
            [middle - low for middle, low in zip(line.bits_per_parameter, line.low, strict=True)],
            [
                high - middle
                for middle, high in zip(line.bits_per_parameter, line.high, strict=True)
            ],
        ]
        axes.errorbar(
            line.parameters,
            line.bits_per_parameter,
            yerr=spread,
            label=name_text(line.name),
            # Of thirteen series none shares colour and marker with another.
            marker="osD^v<>ph*XPd"[index % 13],
            color=f"C{index % 10}",
            capsize=2.5,
            lw=1.3,
            ms=5,
        )
    axes.set_ylim(0, 4.2)
    axes.set_xlabel("parameters of the network")
    axes.set_ylabel("bits a parameter: random labels that half of the seeds fit")
    axes.set_title("Measured memory of small networks, 95 % intervals")
    axes.grid(True, color="#eeeeee", zorder=0)
    axes.legend(fontsize=8, loc="upper left", ncols=2)
    return figure
