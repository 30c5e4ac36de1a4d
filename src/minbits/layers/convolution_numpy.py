"""Convolutions on arrays ``(channels, rows, columns, examples)``, with NumPy alone.

With the examples innermost every operation runs along memory, however small the images. No array is
larger than the activations of its layer, or than a tile of a convolution's unfolded input, however
large the padding and the kernel.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from minbits.layers.base import FloatArray
from minbits.layers.geometry import Geometry

# Values of an unfolded input that are made at a time.
TILE_VALUES = 1 << 22

Tile = tuple[range, range]


def tile_places(geometry: Geometry, channels: int, examples: int) -> int:
    """Return how many places of its output a convolution works on at a time."""
    column = channels * math.prod(geometry.kernel) * examples
    return max(1, TILE_VALUES // column)


def tiles(height: int, width: int, places: int) -> Iterator[Tile]:
    """Split an image into tiles of whole rows, or of parts of one, of at most so many places."""
    rows, columns = max(1, places // width), min(width, places)
    for row in range(0, height, rows):
        for column in range(0, width, columns):
            yield (
                range(row, min(row + rows, height)),
                range(column, min(column + columns, width)),
            )


def _met(outputs: range, offset: int, stride: int, side: int) -> tuple[slice, slice] | None:
    """Return which outputs meet the input at a kernel's place, and which of its lines they meet.

    Args:
        outputs: of a tile, along one axis.
        offset: where output 0 meets the input; negative in the zeros before it.
        stride: lines from one output to the next.
        side: lines of the input.
    """
    first = max(outputs.start, -(offset // stride))
    stop = min(outputs.stop, (side - 1 - offset) // stride + 1)
    if stop <= first:
        return None
    start = first * stride + offset
    chosen = slice(first - outputs.start, stop - outputs.start)
    return chosen, slice(start, start + (stop - first - 1) * stride + 1, stride)


def met_lines(geometry: Geometry, axis: int, side: int, outputs: int) -> tuple[int, int]:
    """Return how many lines of the kernel meet the input at all, and how often they do.

    Args:
        geometry: of the kernel.
        axis: 0 for rows, 1 for columns.
        side: lines of the input.
        outputs: lines of the output.
    """
    padding, stride = geometry.paddings[axis], geometry.strides[axis]
    found = [
        _met(range(outputs), line * geometry.dilation - padding, stride, side)
        for line in range(geometry.kernel[axis])
    ]
    counts = [chosen.stop - chosen.start for chosen, _ in filter(None, found)]
    return len(counts), sum(counts)


def _taps(
    x: FloatArray, geometry: Geometry, tile: Tile
) -> Iterator[tuple[int, tuple[slice, slice], FloatArray]]:
    """Yield, for each kernel place that meets the input, its number, where, and what it meets.

    What it does not meet is zero padding, of which nothing is ever made.
    """
    (rows, columns), (down, across) = geometry.kernel, geometry.strides
    above, left = geometry.paddings
    for row in range(rows):
        vertical = _met(tile[0], row * geometry.dilation - above, down, x.shape[1])
        for column in range(columns) if vertical else ():
            offset = column * geometry.dilation - left
            horizontal = _met(tile[1], offset, across, x.shape[2])
            if vertical and horizontal:
                where = (vertical[0], horizontal[0])
                yield row * columns + column, where, x[:, vertical[1], horizontal[1]]


def convolve_depthwise(x: FloatArray, geometry: Geometry, weights: FloatArray) -> FloatArray:
    """Return a convolution of each channel with a kernel of its own."""
    height, width = geometry.output_side(x.shape[1], 0), geometry.output_side(x.shape[2], 1)
    whole = (range(height), range(width))
    factors = weights.reshape(len(weights), -1)[:, :, None, None, None]
    result = np.zeros((len(x), height, width, x.shape[-1]), np.float32)
    product = np.empty_like(result)
    for number, (rows, columns), met in _taps(x, geometry, whole):
        part = product[:, rows, columns]
        np.multiply(met, factors[:, number], out=part)
        result[:, rows, columns] += part
    return result


def _unfolded(x: FloatArray, geometry: Geometry, tile: Tile) -> FloatArray:
    """Return a tile's columns: what every output of it meets, ``(in · row · column, outputs)``."""
    taps = math.prod(geometry.kernel)
    make = np.zeros if any(geometry.paddings) else np.empty
    result = make((len(x), taps, len(tile[0]), len(tile[1]), x.shape[-1]), np.float32)
    for number, (rows, columns), met in _taps(x, geometry, tile):
        result[:, number, rows, columns] = met
    return result.reshape(len(x) * taps, -1)


def convolve(x: FloatArray, geometry: Geometry, weights: FloatArray) -> FloatArray:
    """Return a convolution that mixes channels, with weights ``(out, in, row, column)``."""
    height, width = geometry.output_side(x.shape[1], 0), geometry.output_side(x.shape[2], 1)
    matrix, batch = weights.reshape(len(weights), -1), x.shape[-1]
    is_pointwise = geometry.kernel == (1, 1) and x.shape[1:3] == (height, width)
    if is_pointwise and not any(geometry.paddings):
        product = matrix @ x.reshape(len(x), -1)
        return np.asarray(product.reshape(-1, height, width, batch), np.float32)
    places = tile_places(geometry, len(x), batch)
    if height * width <= places:
        product = matrix @ _unfolded(x, geometry, (range(height), range(width)))
        return np.asarray(product.reshape(-1, height, width, batch), np.float32)
    result = np.empty((len(matrix), height, width, batch), np.float32)
    for rows, columns in tiles(height, width, places):
        product = matrix @ _unfolded(x, geometry, (rows, columns))
        where = (slice(rows.start, rows.stop), slice(columns.start, columns.stop))
        result[:, *where] = product.reshape(-1, len(rows), len(columns), batch)
    return result
