"""The heat map of the question: how often each pixel is on."""

from __future__ import annotations

import io

import matplotlib.figure

from minbits.information.binary_pixels import PixelCounts

_DOTS_PER_INCH = 150


def draw_heat_map(pixels: PixelCounts, data_name: str) -> bytes:
    """Return a PNG of the probability that each pixel is on; channels side by side."""
    probabilities = pixels.probabilities
    count = probabilities.shape[0]
    figure = matplotlib.figure.Figure(figsize=(4.6 * count + 0.8, 4.6), layout="constrained")
    all_axes = figure.subplots(1, count, squeeze=False)[0]
    for channel, axes in enumerate(all_axes):
        image = axes.imshow(probabilities[channel], vmin=0, vmax=1, cmap="magma")
        axes.set_xlabel("column")
        axes.set_ylabel("row")
    figure.colorbar(image, ax=list(all_axes), label="probability that the pixel is on")
    figure.suptitle(
        f"{data_name}, binarised at > {pixels.threshold:g}: {pixels.examples:,} images summed"
    )
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DOTS_PER_INCH)
    return buffer.getvalue()
