"""How the gradients of an image go into maps of eight directions."""

from __future__ import annotations

import numpy as np

from minbits.front_ends.base import Integers

COUNT = 8
# The root of two, over 2^10: how long an oblique step is.
ROOT_BITS = 10
ROOT = 1448
# A map's pixel is a mean of 2 x 2 pixels, and a gradient half of a difference.
POOL_BITS = 3


def direction_maps(pixels: Integers) -> Integers:
    """Return eight maps of each channel, of half as many rows and columns.

    Args:
        pixels: ``(examples, channels, rows, columns)``; rows and columns are even.

    Returns:
        ``(examples, 8 channels, rows / 2, columns / 2)``: right, right and down, down, and so on.
    """
    examples, channels, rows, columns = pixels.shape
    bordered = np.pad(pixels, ((0, 0), (0, 0), (1, 1), (1, 1)))
    down = bordered[:, :, 2:, 1:-1] - bordered[:, :, :-2, 1:-1]
    right = bordered[:, :, 1:-1, 2:] - bordered[:, :, 1:-1, :-2]
    high, wide = np.abs(down), np.abs(right)
    straight = np.abs(wide - high)
    oblique = (ROOT * np.minimum(wide, high) + (1 << (ROOT_BITS - 1))) >> ROOT_BITS
    is_wide = wide >= high
    sums = np.empty((examples, channels, COUNT, rows // 2, columns // 2), np.int64)
    parts = (
        (straight, is_wide & (right > 0)),
        (oblique, (right > 0) & (down > 0)),
        (straight, ~is_wide & (down > 0)),
        (oblique, (right < 0) & (down > 0)),
        (straight, is_wide & (right < 0)),
        (oblique, (right < 0) & (down < 0)),
        (straight, ~is_wide & (down < 0)),
        (oblique, (right > 0) & (down < 0)),
    )
    for number, (part, where) in enumerate(parts):
        cells = (part * where).reshape(examples, channels, rows // 2, 2, columns // 2, 2)
        sums[:, :, number] = cells.sum((3, 5))
    maps: Integers = (sums + (1 << (POOL_BITS - 1))) >> POOL_BITS
    return maps.reshape(examples, channels * COUNT, rows // 2, columns // 2)
