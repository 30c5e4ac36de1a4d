"""Front ends by compiled loops, one image after the other: as training needs them.

The arithmetic is that of `Moments` and `Area`, operation by operation.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minbits.compilation import compiled
from minbits.front_ends.base import INPUT_BITS, LARGEST, OUTPUT_BITS, Integers
from minbits.front_ends.frame import (
    MIN_WIDTH,
    MIX_BITS,
    PIXEL_VARIANCE,
    PLACE_BITS,
    USUAL_WIDTH,
)
from minbits.layers.base import FloatArray

_IN = np.float32(1 << INPUT_BITS)
_OUT = np.float32(2.0**-OUTPUT_BITS)
_LARGEST = np.float32(LARGEST)
_UNITS = float(1 << PLACE_BITS)
_GAIN_BITS = INPUT_BITS + 2 * MIX_BITS - OUTPUT_BITS
_FRACTION = (1 << MIX_BITS) - 1
_WHOLE = np.int32(1 << MIX_BITS)
_MIX_SHIFT = PLACE_BITS - MIX_BITS


@compiled()
def _put_on_grid(image: FloatArray, grid: Integers) -> None:
    """Write a scaled image as integers inside a border: one line before, two behind."""
    for c in range(image.shape[0]):
        for r in range(image.shape[1]):
            for k in range(image.shape[2]):
                value = np.rint(_IN * image[c, r, k])
                if np.isnan(value):
                    value = np.float32(0)
                grid[c, r + 1, k + 1] = np.int32(min(max(value, -_LARGEST), _LARGEST))


@compiled()
def _frame(grid: Integers, height: int, width: int, samples: int, spread: int) -> Any:
    """Return the frame of a bordered image, see `Frame` and `frame_of`."""
    mass = sum_y = sum_yy = sum_x = sum_xx = sum_xy = np.int64(0)
    for r in range(height):
        y = np.int64(2 * r - (height - 1))
        row = row_x = row_xx = np.int64(0)
        for k in range(width):
            density = np.int64(abs(grid[0, r + 1, k + 1]))
            for c in range(1, grid.shape[0]):
                density += abs(grid[c, r + 1, k + 1])
            x = np.int64(2 * k - (width - 1))
            row += density
            row_x += density * x
            row_xx += density * x * x
        mass += row
        sum_y += row * y
        sum_yy += row * y * y
        sum_x += row_x
        sum_xx += row_xx
        sum_xy += row_x * y
    total = max(mass, np.int64(1))
    my, myy, mx, mxx, mxy = sum_y / total, sum_yy / total, sum_x / total, sum_xx / total, 0.0
    mxy = sum_xy / total
    variance_down = myy - my * my + PIXEL_VARIANCE
    variance_across = mxx - mx * mx + PIXEL_VARIANCE
    covariance = mxy - mx * my
    slant = min(max(covariance / variance_down, -1.0), 1.0)
    upright = variance_across - slant * (2.0 * covariance - slant * variance_down)
    deviation_down = np.sqrt(variance_down)
    deviation_across = np.sqrt(max(upright, PIXEL_VARIANCE))
    ratio = min(deviation_across / deviation_down, 1.0)
    wide = USUAL_WIDTH * np.sqrt(ratio * (3.0 - ratio * ratio) / 2.0)
    size = 16.0 / (spread * samples)
    across = deviation_across * size / max(wide, MIN_WIDTH)
    down = deviation_down * size
    return (
        np.int64(np.rint(my / 2.0 * _UNITS)) + ((height - 1) << (PLACE_BITS - 1)),
        np.int64(np.rint(mx / 2.0 * _UNITS)) + ((width - 1) << (PLACE_BITS - 1)),
        np.int64(np.rint(down * _UNITS)),
        np.int64(np.rint(slant * down * _UNITS)),
        np.int64(np.rint(across * _UNITS)),
    )


@compiled()
def _read_line(
    grid: Integers, down: Any, left: Any, step: Any, lowest: Any, wide: Any, samples: int,
    sums: Integers,
) -> None:  # fmt: skip
    """Add the samples of one line of a normalised image to the sums of its pixels, times 2^16."""
    channels, side = sums.shape
    row, low = (down >> PLACE_BITS) + 1, np.int32((down >> _MIX_SHIFT) & _FRACTION)
    across = left - np.int64(side * samples - 1) * step
    for j in range(side):
        for _ in range(samples):
            place = min(max(across, lowest), wide)
            column = (place >> PLACE_BITS) + 1
            right = np.int32((place >> _MIX_SHIFT) & _FRACTION)
            for c in range(channels):
                upper = grid[c, row, column] * (_WHOLE - right) + grid[c, row, column + 1] * right
                lower = (
                    grid[c, row + 1, column] * (_WHOLE - right)
                    + grid[c, row + 1, column + 1] * right
                )
                sums[c, j] += upper * (_WHOLE - low) + lower * low
            across += 2 * step


@compiled()
def write_moments(
    images: FloatArray, side: int, spread: int, samples: int, out: FloatArray
) -> None:
    """Write images normalised by their moments, see `Moments`.

    Args:
        images: ``[example, channel, row, column]``, scaled.
        side: of the results.
        spread: of the front end.
        samples: places that are read for a pixel, down and across.
        out: ``[example, channel, row, column]``, overwritten.
    """
    channels, height, width = images.shape[1:]
    grid = np.zeros((channels, height + 3, width + 3), np.int32)
    sums = np.zeros((channels, side, side), np.int64)
    count = side * samples
    total = np.int64(samples * samples) << _GAIN_BITS
    lowest, high, wide = -(np.int64(1) << PLACE_BITS), height << PLACE_BITS, width << PLACE_BITS
    for n in range(len(images)):
        _put_on_grid(images[n], grid)
        top, left, step_down, slant, step_across = _frame(grid, height, width, count, spread)
        sums[:] = 0
        for i in range(side):
            for sample in range(samples):
                place = np.int64(2 * (i * samples + sample) - (count - 1))
                down = min(max(top + place * step_down, lowest), high)
                _read_line(
                    grid, down, left + place * slant, step_across, lowest, wide, samples, sums[:, i]
                )
        for c in range(channels):
            for r in range(side):
                for k in range(side):
                    pixel = (2 * sums[c, r, k] + total) // (2 * total)
                    out[n, c, r, k] = np.float32(pixel) * _OUT


@compiled()
def write_areas(
    images: FloatArray, down: Integers, across: Integers, gain: int, out: FloatArray
) -> None:
    """Write means of areas, see `Area`.

    Args:
        images: ``[example, channel, row, column]``, scaled.
        down: share of each old row in each new one.
        across: likewise of columns.
        gain: from the grid of what comes in to that of what goes out.
        out: ``[example, channel, row, column]``, overwritten.
    """
    channels, height, width = images.shape[1:]
    rows, columns = out.shape[2:]
    grid = np.zeros((channels, height + 3, width + 3), np.int32)
    line = np.zeros(columns, np.int64)
    sums = np.zeros((rows, columns), np.int64)
    total = np.int64(height * width)
    for n in range(len(images)):
        _put_on_grid(images[n], grid)
        for c in range(channels):
            sums[:] = 0
            for r in range(height):
                for k in range(columns):
                    line[k] = 0
                    for j in range(k * width // columns, -((-(k + 1) * width) // columns)):
                        line[k] += across[k, j] * grid[c, r + 1, j + 1]
                for i in range(r * rows // height, -((-(r + 1) * rows) // height)):
                    for k in range(columns):
                        sums[i, k] += down[i, r] * line[k]
            for i in range(rows):
                for k in range(columns):
                    pixel = (2 * gain * sums[i, k] + total) // (2 * total)
                    out[n, c, i, k] = np.float32(pixel) * _OUT
