"""The heat map of the question: how often each pixel is on."""

from __future__ import annotations

import matplotlib.figure

from minbits.information.binary_pixels import PixelCounts
from minbits.views.pictures import drawing, name_text, picture


@drawing()
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
        f"{name_text(data_name)}, binarised at > {pixels.threshold:g}: "
        f"{pixels.examples:,} images summed"
    )
    return picture(figure)
