"""The heat map of the question: how often each pixel is on."""

from __future__ import annotations

import matplotlib.figure

from minbits.charts.chart import Chart, name_text
from minbits.information.binary_pixels import PixelCounts

MAX_CHANNELS = 12
_CHANNELS_A_ROW = 4
_SIDE_INCHES = 4.6


_Numbers = tuple[PixelCounts, str]


def draw_heat_map(pixels: PixelCounts, data_name: str) -> Chart[_Numbers]:
    """Return the chart of the probability that each pixel is on; channels in rows of four.

    Of more than twelve channels the first twelve are drawn, and the title says so.
    """
    return Chart((pixels, data_name), _draw)


def _draw(numbers: _Numbers) -> matplotlib.figure.Figure:
    pixels, data_name = numbers
    probabilities = pixels.probabilities[:MAX_CHANNELS]
    channels = len(pixels.probabilities)
    columns = min(len(probabilities), _CHANNELS_A_ROW)
    rows = -(-len(probabilities) // columns)
    size = (_SIDE_INCHES * columns + 0.8, _SIDE_INCHES * rows)
    figure = matplotlib.figure.Figure(figsize=size, layout="constrained")
    all_axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in all_axes[len(probabilities) :]:
        axes.set_axis_off()
    for channel, axes in zip(probabilities, all_axes, strict=False):
        image = axes.imshow(channel, vmin=0, vmax=1, cmap="magma")
        axes.set_xlabel("column")
        axes.set_ylabel("row")
    figure.colorbar(image, ax=list(all_axes), label="probability that the pixel is on")
    left_out = "" if channels <= MAX_CHANNELS else f", channels 1 to {MAX_CHANNELS} of {channels}"
    figure.suptitle(
        f"{name_text(data_name)}, binarised at > {pixels.threshold:g}: "
        f"{pixels.examples:,} images summed{left_out}"
    )
    return figure
