"""The learning curve in bits: what all labels so far took, under the mixture and each learner."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib.figure

from minbits.charts.chart import Chart, name_text


@dataclass(frozen=True)
class LearningCurve:
    """The numbers of the chart.

    Attributes:
        data_name: the data set.
        ends: labels coded when a block ended.
        mixture_bits: of all labels until then, under the mixture.
        learner_bits: the same under each learner alone, by its name; it ends where the learner
            was left out for good. Of a learner, each block is counted with the variant and the
            temperature that suit it best, and blocks before it took part as uniform labels.
    """

    data_name: str
    ends: tuple[int, ...]
    mixture_bits: tuple[float, ...]
    learner_bits: tuple[tuple[str, tuple[float, ...]], ...]


def draw_learning_curve(curve: LearningCurve) -> Chart[LearningCurve]:
    """Return the chart of the curve."""
    return Chart(curve, _draw)


def _draw(curve: LearningCurve) -> matplotlib.figure.Figure:
    figure = matplotlib.figure.Figure(figsize=(9, 5.6), layout="constrained")
    axes = figure.subplots()
    for name, bits in curve.learner_bits:
        axes.plot(curve.ends[: len(bits)], bits, lw=1.2, marker=".", label=name)
    axes.plot(
        curve.ends, curve.mixture_bits, color="black", lw=2.2, label="the mixture, as it was coded"
    )
    axes.annotate(
        f"{curve.mixture_bits[-1]:,.0f} bits", (curve.ends[-1], curve.mixture_bits[-1]), (0, 8),
        textcoords="offset points", ha="right", va="bottom", fontweight="bold",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
    )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("labels coded")
    axes.set_ylabel("bits of all labels so far")
    axes.set_title(
        f"{name_text(curve.data_name)}: learning curve in bits "
        "(learners alone: best temperature in each block)"
    )
    axes.grid(True, which="major", color="#eeeeee", zorder=0)
    axes.legend(frameon=False, fontsize=9)
    return figure
