"""Where a normalised image lies in the given one: what its moments say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from minbits.front_ends.base import Integers

# Places in an image are in units of 2^-16 pixel, of which 2^-8 count where pixels are mixed.
PLACE_BITS = 16
MIX_BITS = 8
# The variance of a pixel's own area, in half pixels: no density is thinner than that.
PIXEL_VARIANCE = 1 / 3
MIN_WIDTH, USUAL_WIDTH = 0.25, 0.8


class Frame(NamedTuple):
    """Where a normalised image lies in the given one, of each example, in units of 2^-16 pixel.

    Attributes:
        top, left: the place of its middle.
        down: rows from one half sample to the next.
        slant: columns from one half sample to the next one down.
        across: columns from one half sample to the next one across.
    """

    top: Integers
    left: Integers
    down: Integers
    slant: Integers
    across: Integers


def doubled_places(count: int) -> Integers:
    """Return twice the places of lines, counted from the middle of so many."""
    return 2 * np.arange(count, dtype=np.int64) - (count - 1)


def frame_of(means: Sequence[Any], samples: int, spread: int) -> tuple[Any, Any, Any, Any, Any]:
    """Return the frame of a density, in pixels, its middle counted from that of the image.

    Only sums, products, quotients and square roots of doubles are taken, one after the other: each
    is rounded in one way.

    Args:
        means: of twice the place down, its square, twice the place across, its square, and their
            product, under the density; numbers, or arrays of one an example.
        samples: down the whole of the normalised image.
        spread: the standard deviation down in sixty-fourths of the normalised image.
    """
    y, yy, x, xx, xy = means
    variance_down, variance_across = yy - y * y + PIXEL_VARIANCE, xx - x * x + PIXEL_VARIANCE
    covariance = xy - x * y
    slant = np.minimum(np.maximum(covariance / variance_down, -1.0), 1.0)
    upright = variance_across - slant * (2.0 * covariance - slant * variance_down)
    deviation_down = np.sqrt(variance_down)
    deviation_across = np.sqrt(np.maximum(upright, PIXEL_VARIANCE))
    ratio = np.minimum(deviation_across / deviation_down, 1.0)
    width = USUAL_WIDTH * np.sqrt(ratio * (3.0 - ratio * ratio) / 2.0)
    # Deviations are in half pixels, and steps are half samples: 64 / (2 * 2 * spread * samples).
    size = 16.0 / (spread * samples)
    across = deviation_across * size / np.maximum(width, MIN_WIDTH)
    return y / 2.0, x / 2.0, deviation_down * size, slant * (deviation_down * size), across
