"""Real labels against random ones, in bits: what is left to learn, and what is told of new ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.figure

from minbits.charts.chart import Chart


@dataclass(frozen=True)
class LabelCurve:
    """One fraction of labels drawn at random.

    Attributes:
        random_fraction: of the training labels.
        steps: at which the code length was taken.
        residual_bits: code length of a training label given the network, mean over seeds.
        told_bits: bits that the network tells of a held-out label, mean over seeds.
    """

    random_fraction: float
    steps: tuple[int, ...]
    residual_bits: tuple[float, ...]
    told_bits: float


_Numbers = tuple[Sequence[LabelCurve], float]


def draw_random_labels(curves: Sequence[LabelCurve], label_bits: float) -> Chart[_Numbers]:
    """Return a chart: residual bits a label against steps, and told bits against the fraction.

    Args:
        curves: one for each fraction.
        label_bits: log2 of the classes.
    """
    return Chart((curves, label_bits), _draw)


def _draw(numbers: _Numbers) -> matplotlib.figure.Figure:
    curves, label_bits = numbers
    figure = matplotlib.figure.Figure(figsize=(11, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for index, curve in enumerate(curves):
        shade = f"C{index % 10}"
        name = f"{100 * curve.random_fraction:.0f} % random"
        left.plot(curve.steps, curve.residual_bits, color=shade, lw=1.6, label=name)
    left.axhline(label_bits, color="#9aa5b1", ls="--", lw=1)
    left.set_xlabel("steps")
    left.set_ylabel("bits left of a training label")
    left.set_title("Memorising: random labels take longer")
    left.set_ylim(0, None)
    left.legend(fontsize=8)
    right.plot(
        [100 * curve.random_fraction for curve in curves],
        [curve.told_bits for curve in curves],
        "o-",
        color="#c1121f",
    )
    right.axhline(label_bits, color="#9aa5b1", ls="--", lw=1)
    right.text(0, label_bits + 0.05, "all of a label", fontsize=8, color="#6b7c8d")
    right.set_xlabel("training labels drawn at random [%]")
    right.set_ylabel("bits told of a held-out label")
    right.set_title("Generalising: what is memorised tells nothing")
    right.set_ylim(-0.1, label_bits * 1.15)
    for axes in (left, right):
        axes.grid(True, color="#eeeeee")
        axes.set_axisbelow(True)
    return figure
