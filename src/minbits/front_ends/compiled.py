"""Front ends by compiled loops, one image after the other: as training needs them.

The arithmetic is that of `Moments`, `Area` and `Directions`, operation by operation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.compilation import compiled
from minbits.front_ends.base import INPUT_BITS, LARGEST, OUTPUT_BITS, Integers
from minbits.front_ends.frame import (
    MIN_WIDTH,
    MIX_BITS,
    PIXEL_VARIANCE,
    PLACE_BITS,
    USUAL_WIDTH,
)
from minbits.front_ends.gradients import COUNT, POOL_BITS, ROOT, ROOT_BITS
from minbits.layers.base import FloatArray

Samples = npt.NDArray[np.int32]

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
def _means(grid: Integers, height: int, width: int) -> Any:
    """Return the means that `frame_of` takes, of a bordered image."""
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
    return sum_y / total, sum_yy / total, sum_x / total, sum_xx / total, sum_xy / total


@compiled()
def _frame(means: Any, samples: int, spread: int) -> Any:
    """Return where a normalised image lies in a density, in pixels from its middle: `frame_of`."""
    my, myy, mx, mxx, mxy = means
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
    return my / 2.0, mx / 2.0, down, slant * down, across


@compiled()
def _seen_means(means: Any, across: Any, down: Any) -> Any:
    """Return the means of what is seen through an affine map, from those of the image.

    Args:
        means: of the image, see `_means`.
        across: what a column, a row and one add to the place across in the image, in half pixels.
        down: likewise to the place down.
    """
    my, myy, mx, mxx, mxy = means
    yy, xx, xy = myy - my * my, mxx - mx * mx, mxy - mx * my
    area = across[0] * down[1] - across[1] * down[0]
    y, x = my - down[2], mx - across[2]
    # The inverse map, of the middle and of the covariance.
    xr, xc, yr, yc = -across[1] / area, down[1] / area, across[0] / area, -down[0] / area
    seen_y, seen_x = yr * y + yc * x, xr * y + xc * x
    seen_yy = yr * yr * yy + 2.0 * yr * yc * xy + yc * yc * xx
    seen_xx = xr * xr * yy + 2.0 * xr * xc * xy + xc * xc * xx
    seen_xy = xr * yr * yy + (xr * yc + xc * yr) * xy + xc * yc * xx
    return (
        seen_y,
        seen_yy + seen_y * seen_y,
        seen_x,
        seen_xx + seen_x * seen_x,
        seen_xy + seen_x * seen_y,
    )


@compiled()
def _on_places(size: float) -> Any:
    """Return a size in pixels in units of 2^-16 pixel."""
    return np.int64(np.rint(size * _UNITS))


@compiled()
def _find_places(
    down: Any, down_step: Any, left: Any, step: Any, shape: Any, offsets: Integers, low: Samples,
    right: Samples,
) -> None:  # fmt: skip
    """Write where the samples of a line are read: the first corner, and the shares of the others.

    Args:
        down, left: the middle of the line.
        down_step, step: from one half sample to the next.
        shape: rows and columns of the image, without its border.
        offsets: of the upper left corner in a bordered image, ``[sample]``.
        low: share of the lower corners, times 2^8.
        right: likewise of those at the right.
    """
    lowest = -(np.int64(1) << PLACE_BITS)
    high, wide = np.int64(shape[0]) << PLACE_BITS, np.int64(shape[1]) << PLACE_BITS
    pitch, count = np.int64(shape[1] + 3), len(offsets)
    for j in range(count):
        place = np.int64(2 * j - (count - 1))
        y = min(max(down + place * down_step, lowest), high)
        x = min(max(left + place * step, lowest), wide)
        offsets[j] = ((y >> PLACE_BITS) + 1) * pitch + (x >> PLACE_BITS) + 1
        low[j] = (y >> _MIX_SHIFT) & _FRACTION
        right[j] = (x >> _MIX_SHIFT) & _FRACTION


@compiled()
def _read_places(
    plane: Samples, pitch: int, offsets: Integers, low: Samples, right: Samples, line: Samples
) -> None:
    """Write samples of a bordered image, flat, times 2^16."""
    for j in range(len(line)):
        at = offsets[j]
        upper = plane[at] * (_WHOLE - right[j]) + plane[at + 1] * right[j]
        lower = plane[at + pitch] * (_WHOLE - right[j]) + plane[at + pitch + 1] * right[j]
        line[j] = upper * (_WHOLE - low[j]) + lower * low[j]


@compiled()
def _add_samples(line: Samples, samples: int, sums: Integers) -> None:
    """Add the samples of a line to the sums of its pixels."""
    if samples == 1:
        for j in range(len(sums)):
            sums[j] += line[j]
        return
    for j in range(len(sums)):
        for k in range(samples):
            sums[j] += line[j * samples + k]


@compiled()
def _read_frame(
    grid: Samples, middle: Any, line: Any, step: Any, samples: int, work: Any, sums: Integers
) -> None:
    """Write the sums of the samples of each pixel of a normalised image, times 2^16.

    Args:
        grid: an image inside its border.
        middle: place down and across of the middle of the result.
        line: down and across, from one half sample to the next one below.
        step: likewise to the next one at the right.
        samples: places that are read for a pixel, down and across.
        work: see `_find_places`: offsets, and the two shares with what is read of a line.
        sums: ``[channel, row, column]``, overwritten.
    """
    channels, side = sums.shape[:2]
    shape = (grid.shape[1] - 3, grid.shape[2] - 3)
    flat = grid.reshape(channels, -1)
    offsets, (low, right, read) = work[0], (work[1][0], work[1][1], work[1][2])
    count = side * samples
    sums[:] = 0
    for i in range(count):
        place = np.int64(2 * i - (count - 1))
        _find_places(
            middle[0] + place * line[0], step[0], middle[1] + place * line[1], step[1], shape,
            offsets, low, right,
        )  # fmt: skip
        for c in range(channels):
            _read_places(flat[c], shape[1] + 3, offsets, low, right, read)
            _add_samples(read, samples, sums[c, i // samples])


@compiled()
def _write_pixels(sums: Integers, samples: int, out: FloatArray) -> None:
    """Write the means of samples, halves rounded up."""
    channels, side = sums.shape[:2]
    if samples & (samples - 1) == 0:
        # The same as below, where the divisor is a power of two.
        shift = _GAIN_BITS + (0 if samples == 1 else 2 if samples == 2 else 4)
        half = np.int64(1) << (shift - 1)
        for c in range(channels):
            for r in range(side):
                for k in range(side):
                    out[c, r, k] = np.float32((sums[c, r, k] + half) >> shift) * _OUT
        return
    total = np.int64(samples * samples) << _GAIN_BITS
    for c in range(channels):
        for r in range(side):
            for k in range(side):
                out[c, r, k] = np.float32((2 * sums[c, r, k] + total) // (2 * total)) * _OUT


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
    work = (np.empty(count, np.int64), np.empty((3, count), np.int32))
    for n in range(len(images)):
        _put_on_grid(images[n], grid)
        my, mx, down, slant, across = _frame(_means(grid, height, width), count, spread)
        top = _on_places(my) + ((height - 1) << (PLACE_BITS - 1))
        left = _on_places(mx) + ((width - 1) << (PLACE_BITS - 1))
        step_down, step_slant, step = _on_places(down), _on_places(slant), _on_places(across)
        _read_frame(
            grid, (top, left), (step_down, step_slant), (np.int64(0), step), samples, work, sums
        )
        _write_pixels(sums, samples, out[n])


@compiled()
def write_seen_moments(
    images: FloatArray, indices: npt.NDArray[np.int64], maps: FloatArray, side: int, spread: int,
    samples: int, out: FloatArray,
) -> None:  # fmt: skip
    """Write images as seen through affine maps, normalised by their moments, read only once.

    What is seen through a map has moments that follow from those of the image, and so both are one
    affine map. An image that is drawn first and then read again would be blurred twice.

    Args:
        images: ``[example, channel, row, column]``, scaled.
        indices: of the examples to write.
        maps: ``[place, 2, 3]``, from places seen to places in the image, both in [-1, 1].
        side: of the results.
        spread: of the front end.
        samples: places that are read for a pixel, down and across.
        out: ``[place, channel, row, column]``, overwritten.
    """
    channels, height, width = images.shape[1:]
    grid = np.zeros((channels, height + 3, width + 3), np.int32)
    sums = np.zeros((channels, side, side), np.int64)
    count = side * samples
    shape = float(width) / float(height)
    work = (np.empty(count, np.int64), np.empty((3, count), np.int32))
    for n in range(len(indices)):
        _put_on_grid(images[indices[n]], grid)
        # In half pixels from the middle, the two sides of the image are as long as they are.
        across = (float(maps[n, 0, 0]), maps[n, 0, 1] * shape, float(maps[n, 0, 2] * width))
        down = (maps[n, 1, 0] / shape, float(maps[n, 1, 1]), float(maps[n, 1, 2] * height))
        means = _seen_means(_means(grid, height, width), across, down)
        my, mx, line_down, slant, step = _frame(means, count, spread)
        top = down[1] * my + down[0] * mx + (down[2] + height - 1) / 2
        left = across[1] * my + across[0] * mx + (across[2] + width - 1) / 2
        lines = (
            _on_places(down[1] * line_down + down[0] * slant),
            _on_places(across[1] * line_down + across[0] * slant),
        )
        steps = (_on_places(down[0] * step), _on_places(across[0] * step))
        middle = (_on_places(top), _on_places(left))
        _read_frame(grid, middle, lines, steps, samples, work, sums)
        _write_pixels(sums, samples, out[n])


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


@compiled()
def _difference(plane: FloatArray, before: Any, behind: Any) -> Any:
    """Return the difference of two places as an integer of the grid of what comes out."""
    high, wide = plane.shape
    found = np.int64(0)
    if behind[0] < high and behind[1] < wide:
        found += np.int64(plane[behind[0], behind[1]] / _OUT)
    if before[0] >= 0 and before[1] >= 0:
        found -= np.int64(plane[before[0], before[1]] / _OUT)
    return found


@compiled()
def _add_directions(plane: FloatArray, sums: Integers) -> None:
    """Add the gradients of a normalised image to the sums of eight maps."""
    sums[:] = 0
    for r in range(plane.shape[0]):
        for k in range(plane.shape[1]):
            down = _difference(plane, (r - 1, k), (r + 1, k))
            right = _difference(plane, (r, k - 1), (r, k + 1))
            high, wide = abs(down), abs(right)
            i, j = r // 2, k // 2
            if wide >= high:
                sums[0 if right > 0 else 4, i, j] += wide - high
            else:
                sums[2 if down > 0 else 6, i, j] += high - wide
            oblique = (ROOT * min(wide, high) + (1 << (ROOT_BITS - 1))) >> ROOT_BITS
            if down > 0:
                sums[1 if right > 0 else 3, i, j] += oblique
            else:
                sums[7 if right > 0 else 5, i, j] += oblique


@compiled()
def write_directions(images: FloatArray, out: FloatArray) -> None:
    """Write maps of directions, see `Directions`.

    Args:
        images: ``[example, channel, row, column]``, normalised, as `write_moments` gives them.
        out: ``[example, map, row, column]``, eight maps a channel, overwritten.
    """
    rows, columns = out.shape[2:]
    sums = np.zeros((COUNT, rows, columns), np.int64)
    half = np.int64(1) << (POOL_BITS - 1)
    for n in range(len(images)):
        for c in range(images.shape[1]):
            _add_directions(images[n, c], sums)
            for d in range(COUNT):
                for i in range(rows):
                    for j in range(columns):
                        pixel = (sums[d, i, j] + half) >> POOL_BITS
                        out[n, COUNT * c + d, i, j] = np.float32(pixel) * _OUT
