"""The figure of an audit: each layer by its bits, as stored, compressed and quantised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.figure

from minbits.charts.chart import Chart, name_text

MAX_BARS = 24


@dataclass(frozen=True)
class LayersNumbers:
    """The numbers of the chart.

    Attributes:
        name: of the model.
        rows: one a layer.
        sufficient_bits: of the smallest file known for the data; None for none.
    """

    name: str
    rows: tuple[LayerBits, ...]
    sufficient_bits: int | None


@dataclass(frozen=True)
class LayerBits:
    """One row of bars; ``quantised`` is None where it is not known."""

    name: str
    stored: int
    lossless: int
    quantised: int | None


def fold_layers(layers: Sequence[LayerBits]) -> tuple[LayerBits, ...]:
    """Return at most 24 rows: the largest layers in order, the rest added up in one."""
    if len(layers) <= MAX_BARS:
        return tuple(layers)
    largest = sorted(layers, key=lambda layer: -layer.stored)[: MAX_BARS - 1]
    kept = [layer for layer in layers if layer in largest]
    rest = [layer for layer in layers if layer not in largest]
    known = [layer.quantised for layer in rest if layer.quantised is not None]
    folded = LayerBits(
        f"{len(rest)} smaller layers",
        sum(layer.stored for layer in rest),
        sum(layer.lossless for layer in rest),
        sum(known) if len(known) == len(rest) else None,
    )
    return (*kept, folded)


def draw_layer_bits(
    name: str, layers: Sequence[LayerBits], sufficient_bits: int | None = None
) -> Chart[LayersNumbers]:
    """Return the chart of the bits of every layer, on a logarithmic scale.

    Args:
        name: of the model.
        layers: in order.
        sufficient_bits: of the smallest file known for the data, drawn as a line; None for none.
    """
    return Chart(LayersNumbers(name, fold_layers(layers), sufficient_bits), _draw)


def _draw(numbers: LayersNumbers) -> matplotlib.figure.Figure:
    rows, sufficient_bits = numbers.rows, numbers.sufficient_bits
    height = 1.9 + 0.42 * len(rows)
    figure = matplotlib.figure.Figure(figsize=(9.5, height), layout="constrained")
    axes = figure.add_subplot()
    places = range(len(rows))
    series = (
        ("as stored", [float(row.stored) for row in rows], "#a8b7c7", -0.27),
        ("compressed as it is", [float(row.lossless) for row in rows], "#577590", 0.0),
        ("quantised without loss", [float(row.quantised or 0) for row in rows], "#c1121f", 0.27),
    )
    for label, values, colour, shift in series:
        if any(values):
            axes.barh(
                [place + shift for place in places], values, height=0.25, color=colour, label=label
            )
    axes.set_yticks(list(places), [name_text(row.name, 32) for row in rows], fontsize=8)
    axes.invert_yaxis()
    axes.set_xscale("log")
    if sufficient_bits is not None:
        axes.axvline(sufficient_bits, color="#2a9d8f", lw=1.6)
        axes.plot(
            [], [], color="#2a9d8f", label=f"whole network sufficient: {sufficient_bits:,} bits"
        )
    axes.set_xlabel("bits")
    axes.set_title(f"{name_text(numbers.name)}: where the bits are")
    axes.grid(True, axis="x", color="#eeeeee")
    axes.set_axisbelow(True)
    # Below the bars: nothing of theirs is hidden.
    figure.legend(loc="outside lower center", ncols=4, fontsize=8)
    return figure
