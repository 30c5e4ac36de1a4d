"""Code lengths of labels as bars on a logarithmic axis, beside published ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import matplotlib.figure
import numpy as np

from minbits.charts.chart import Chart, name_text


@dataclass(frozen=True)
class PublishedCodeLength:
    """A code length of a data set's training labels from the literature; none of them is a file.

    Attributes:
        name: of the code.
        data_name: the data set.
        labels: how many there are.
        bits: of all of them.
        source: where it was read.
    """

    name: str
    data_name: str
    labels: int
    bits: float
    source: str


# Colour and words of each kind of bar.
_FILE = ("#c1121f", "minbits: 8 × the bytes of a file that was decoded")
_COMPUTED = ("#e9a3a6", "minbits: computed, no file")
_OTHERS = ("#8a8a8a", "published: computed, no file")
_DEEP = "Blier & Ollivier 2018"
PUBLISHED: tuple[PublishedCodeLength, ...] = (
    PublishedCodeLength("uniform", "mnist", 60_000, 199_000, _DEEP),
    PublishedCodeLength("variational", "mnist", 60_000, 22_200, _DEEP),
    PublishedCodeLength("prequential", "mnist", 60_000, 4_100, _DEEP),
)


@dataclass(frozen=True)
class CodeLengthNumbers:
    """The numbers of the chart.

    Attributes:
        data_name: the data set.
        labels: how many it has.
        found: bits of our files, by code.
        computed: bits of our codes that were computed and not written.
        published: of others, on the same labels; computed, not written.
    """

    data_name: str
    labels: int
    found: tuple[tuple[str, int], ...]
    computed: tuple[tuple[str, float], ...]
    published: tuple[PublishedCodeLength, ...]


def code_length_numbers(
    data_name: str, labels: int, found: Mapping[str, int], computed: Mapping[str, float]
) -> CodeLengthNumbers:
    """Return the numbers of the chart for the bits of files and of computed codes, by code."""
    published = tuple(
        item for item in PUBLISHED if (item.data_name, item.labels) == (data_name, labels)
    )
    return CodeLengthNumbers(
        data_name, labels, tuple(found.items()), tuple(computed.items()), published
    )


def draw_code_lengths(numbers: CodeLengthNumbers) -> Chart[CodeLengthNumbers]:
    """Return the chart of the bars."""
    return Chart(numbers, _draw)


def _draw(numbers: CodeLengthNumbers) -> matplotlib.figure.Figure:
    ours = [(name, float(bits), _FILE) for name, bits in numbers.found]
    computed = [(name, bits, _COMPUTED) for name, bits in numbers.computed]
    theirs = [(f"{item.name}, {item.source}", item.bits, _OTHERS) for item in numbers.published]
    bars = sorted([*ours, *computed, *theirs], key=lambda bar: -bar[1])
    figure = matplotlib.figure.Figure(figsize=(9, 1.5 + 0.45 * len(bars)), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(bars))
    for kind in (_FILE, _COMPUTED, _OTHERS):
        color, label = kind
        chosen = [index for index, bar in enumerate(bars) if bar[2] is kind]
        if chosen:
            axes.barh(chosen, [bars[index][1] for index in chosen], 0.65, color=color, label=label)
    axes.set_xscale("log")
    axes.set_xlim(min(bar[1] for bar in bars) / 3, max(bar[1] for bar in bars) * 4)
    for place, (_, bits, _) in zip(places, bars, strict=True):
        axes.annotate(
            f"{bits:,.0f}", (bits, place), (4, 0), textcoords="offset points", va="center"
        )
    axes.set_yticks(places, [bar[0] for bar in bars])
    axes.invert_yaxis()
    axes.set_xlabel("bits of all training labels, given the inputs (logarithmic)")
    figure.suptitle(f"{name_text(numbers.data_name)}: {numbers.labels:,} labels in several codes")
    figure.legend(loc="outside lower center", ncols=1, frameon=False, fontsize=9)
    return figure
