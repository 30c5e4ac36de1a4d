"""Which inputs carry the bits: a heat map of pixels, or ranked bars of columns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import matplotlib.figure
import numpy as np
import numpy.typing as npt

from minbits.charts.chart import Chart, name_text
from minbits.information.features import FeatureInformation

MAX_BARS = 24
MAX_CHANNELS = 12
_LONGEST_NAME = 32


@dataclass(frozen=True, eq=False)
class FeatureNumbers:
    """The numbers of the chart, in bits.

    Attributes:
        names: of the bars, the most informative first; none for images.
        information_bits: of the bars, or of all pixels, shape ``(channels, height, width)``.
        added_bits: the same, beside the most informative input.
        left_out: how many columns have no bar, or channels of images no map.
        label_entropy_bits: the most that any input can tell.
        note: why the numbers say little, such as that chance alone may show as much; or None.
    """

    names: tuple[str, ...]
    information_bits: npt.NDArray[np.float64]
    added_bits: npt.NDArray[np.float64]
    left_out: int
    label_entropy_bits: float
    note: str | None = None


def feature_numbers(features: FeatureInformation) -> FeatureNumbers:
    """Return what the chart shows: pixels of twelve channels, or the most informative columns."""
    information, added = features.information_bits, features.added_bits
    if features.shape is not None:
        return FeatureNumbers(
            (),
            information.reshape(features.shape)[:MAX_CHANNELS],
            added.reshape(features.shape)[:MAX_CHANNELS],
            max(0, features.shape[0] - MAX_CHANNELS),
            features.label_entropy_bits,
            features.best.warning,
        )
    order = features.ranked()[:MAX_BARS]
    names = tuple(features.names[index] for index in order)
    return FeatureNumbers(
        names,
        information[order],
        added[order],
        len(information) - len(order),
        features.label_entropy_bits,
        features.best.warning,
    )


def _second_line(numbers: FeatureNumbers) -> str:
    return "" if numbers.note is None else f"\n{numbers.note}"


def _draw_bars(numbers: FeatureNumbers, data_name: str) -> matplotlib.figure.Figure:
    count = len(numbers.names)
    figure = matplotlib.figure.Figure(figsize=(7, 1.6 + 0.32 * count), layout="constrained")
    axes = figure.subplots()
    places = np.arange(count)
    axes.barh(places - 0.2, numbers.information_bits, 0.4, label="alone: I(X_i;Y)")
    axes.barh(places + 0.2, numbers.added_bits, 0.4, label="beside the first: I(X_i;Y | X_1)")
    axes.set_yticks(places, [name_text(name, _LONGEST_NAME) for name in numbers.names])
    axes.invert_yaxis()
    axes.axvline(numbers.label_entropy_bits, color="black", linewidth=1, linestyle="--")
    axes.set_xlabel(f"bits a label; dashed: H(Y) = {numbers.label_entropy_bits:.3f}")
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    more = f" (and {numbers.left_out} columns more)" if numbers.left_out else ""
    title = f"{data_name}: what each column tells about the label{more}"
    figure.suptitle(title + _second_line(numbers))
    return figure


def _draw_maps(numbers: FeatureNumbers, data_name: str) -> matplotlib.figure.Figure:
    channels = len(numbers.information_bits)
    figure = matplotlib.figure.Figure(figsize=(4.2 * 2, 4.0 * channels + 0.6), layout="constrained")
    grid = figure.subplots(channels, 2, squeeze=False)
    titles = ("alone: I(X_i;Y)", "beside the best pixel: I(X_i;Y | X_best)")
    top = max(float(numbers.information_bits.max()), 1e-6)
    for channel in range(channels):
        for column, values in enumerate((numbers.information_bits, numbers.added_bits)):
            axes = grid[channel][column]
            image = axes.imshow(values[channel], vmin=0, vmax=top, cmap="magma", aspect="auto")
            axes.set_title(titles[column], fontsize=10)
            axes.set_xlabel("column")
            axes.set_ylabel("row")
    figure.colorbar(image, ax=[axes for row in grid for axes in row], label="bits a label")
    more = f" (and {numbers.left_out} channels more)" if numbers.left_out else ""
    figure.suptitle(
        f"{data_name}: what each pixel tells about the label, H(Y) = "
        f"{numbers.label_entropy_bits:.3f} bits{more}{_second_line(numbers)}"
    )
    return figure


def draw_feature_chart(numbers: FeatureNumbers, data_name: str) -> Chart[FeatureNumbers]:
    """Return the chart of the numbers."""
    draw = _draw_bars if numbers.names else _draw_maps
    return Chart(numbers, partial(draw, data_name=name_text(data_name)))
