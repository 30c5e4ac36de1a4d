"""The layers of a network on arrays ``(channels, rows, columns, examples)``, with NumPy alone.

With the examples innermost every operation runs along memory, however small the images. No array is
larger than the activations of its layer, or than a tile of a convolution's unfolded input, however
large the padding and the kernel.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from minbits.codec.architecture import (
    LEAKY_RELU_SLOPE,
    ActivationKind,
    Addition,
    Convolution,
    Linear,
    Pooling,
    Step,
    WeightedLayer,
)
from minbits.codec.quantized_network import FloatArray

# Values of an unfolded input that are made at a time.
TILE_VALUES = 1 << 22

Weights = tuple[FloatArray, FloatArray | None]
Tile = tuple[range, range]


def activate(x: FloatArray, kind: ActivationKind) -> FloatArray:
    """Apply an activation, in place where that saves memory."""
    match kind:
        case "none":
            return x
        case "relu":
            return np.asarray(np.maximum(x, np.float32(0), out=x), np.float32)
        case "leaky_relu":
            return np.asarray(np.maximum(x, x * np.float32(LEAKY_RELU_SLOPE), out=x), np.float32)
        case "hard_swish":
            return np.asarray(x * (np.clip(x + np.float32(3), 0, 6) / np.float32(6)), np.float32)


def tile_places(layer: Convolution, channels: int, examples: int) -> int:
    """Return how many places of its output a convolution works on at a time."""
    column = channels * math.prod(layer.kernel_shape) * examples
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


def met_lines(layer: Convolution, axis: int, side: int, outputs: int) -> tuple[int, int]:
    """Return how many lines of the kernel meet the input at all, and how often they do.

    Args:
        layer: a convolution.
        axis: 0 for rows, 1 for columns.
        side: lines of the input.
        outputs: lines of the output.
    """
    padding, stride = layer.paddings[axis], layer.strides[axis]
    found = [
        _met(range(outputs), line * layer.dilation - padding, stride, side)
        for line in range(layer.kernel_shape[axis])
    ]
    counts = [chosen.stop - chosen.start for chosen, _ in filter(None, found)]
    return len(counts), sum(counts)


def _taps(
    x: FloatArray, layer: Convolution, tile: Tile
) -> Iterator[tuple[int, tuple[slice, slice], FloatArray]]:
    """Yield, for each kernel place that meets the input, its number, where, and what it meets.

    What it does not meet is zero padding, of which nothing is ever made.
    """
    (rows, columns), (down, across) = layer.kernel_shape, layer.strides
    above, left = layer.paddings
    for row in range(rows):
        vertical = _met(tile[0], row * layer.dilation - above, down, x.shape[1])
        for column in range(columns) if vertical else ():
            offset = column * layer.dilation - left
            horizontal = _met(tile[1], offset, across, x.shape[2])
            if vertical and horizontal:
                where = (vertical[0], horizontal[0])
                yield row * columns + column, where, x[:, vertical[1], horizontal[1]]


def _depthwise(x: FloatArray, layer: Convolution, weights: FloatArray, whole: Tile) -> FloatArray:
    factors = weights.reshape(len(weights), -1)[:, :, None, None, None]
    result = np.zeros((len(x), len(whole[0]), len(whole[1]), x.shape[-1]), np.float32)
    product = np.empty_like(result)
    for number, (rows, columns), met in _taps(x, layer, whole):
        part = product[:, rows, columns]
        np.multiply(met, factors[:, number], out=part)
        result[:, rows, columns] += part
    return result


def _unfolded(x: FloatArray, layer: Convolution, tile: Tile) -> FloatArray:
    """Return a tile's columns: what every output of it meets, ``(in · row · column, outputs)``."""
    taps = math.prod(layer.kernel_shape)
    make = np.zeros if layer.padding else np.empty
    result = make((len(x), taps, len(tile[0]), len(tile[1]), x.shape[-1]), np.float32)
    for number, (rows, columns), met in _taps(x, layer, tile):
        result[:, number, rows, columns] = met
    return result.reshape(len(x) * taps, -1)


def convolve(x: FloatArray, layer: Convolution, weights: FloatArray) -> FloatArray:
    """Return a convolution without its bias and activation."""
    height, width = layer.output_side(x.shape[1], 0), layer.output_side(x.shape[2], 1)
    if layer.depthwise:
        return _depthwise(x, layer, weights, (range(height), range(width)))
    matrix, batch = weights.reshape(len(weights), -1), x.shape[-1]
    is_pointwise = layer.kernel == 1 and x.shape[1:3] == (height, width)
    if is_pointwise and not any(layer.paddings):
        product = matrix @ x.reshape(len(x), -1)
        return np.asarray(product.reshape(-1, height, width, batch), np.float32)
    places = tile_places(layer, len(x), batch)
    if height * width <= places:
        product = matrix @ _unfolded(x, layer, (range(height), range(width)))
        return np.asarray(product.reshape(-1, height, width, batch), np.float32)
    result = np.empty((len(matrix), height, width, batch), np.float32)
    for rows, columns in tiles(height, width, places):
        product = matrix @ _unfolded(x, layer, (rows, columns))
        where = (slice(rows.start, rows.stop), slice(columns.start, columns.stop))
        result[:, *where] = product.reshape(-1, len(rows), len(columns), batch)
    return result


def pool(x: FloatArray, layer: Pooling) -> FloatArray:
    """Return a pooling."""
    channels, height, width, batch = x.shape
    rows, columns = layer.window(height, width)
    kept = x[:, : height // rows * rows, : width // columns * columns]
    if rows * columns > height * width // 2:
        values = kept.reshape(channels, 1, 1, rows * columns, batch)
        result = values.max(3) if layer.kind == "max" else values.mean(3)
        return np.asarray(result, np.float32)
    # A pass per place in the window: much faster than a reduction over two short axes.
    places = [
        kept[:, row::rows, column::columns] for row in range(rows) for column in range(columns)
    ]
    result = places[0].copy()
    for place in places[1:]:
        if layer.kind == "max":
            np.maximum(result, place, out=result)
        else:
            result += place
    return result if layer.kind == "max" else result * np.float32(1 / len(places))


def _run_weighted(
    x: FloatArray, layer: WeightedLayer, tensors: Weights, pooling: Pooling | None
) -> FloatArray:
    """Apply a layer, and a pooling behind it before its bias and activation."""
    weights, bias = tensors
    if isinstance(layer, Convolution):
        result = convolve(x, layer, weights)
    else:
        result = (weights @ x.reshape(-1, x.shape[-1]))[:, None, None]
    if pooling is not None:
        result = pool(result, pooling)
    if bias is not None:
        result += bias[:, None, None, None]
    return activate(result, layer.activation)


def _pooling_behind(steps: Sequence[Step], index: int) -> Pooling | None:
    """Return the maximum pooling behind a step that may come before its bias and activation.

    What never falls can be taken after the maximum, to the same bit, of a quarter of the values.
    """
    behind = steps[index + 1].layer if index + 1 < len(steps) else None
    layer = steps[index].layer
    never_falls = isinstance(layer, WeightedLayer) and layer.activation != "hard_swish"
    return behind if never_falls and isinstance(behind, Pooling) and behind.kind == "max" else None


def last_uses(steps: Sequence[Step]) -> list[int]:
    """Return, of the input and of each step's activation, the last step that reads it."""
    found = [*range(len(steps)), len(steps)]
    for index, step in enumerate(steps):
        if isinstance(step.layer, Addition):
            earlier = index - step.layer.back
            found[earlier] = max(found[earlier], index)
    return found


def run_steps(steps: Sequence[Step], tensors: Sequence[Weights], x: FloatArray) -> FloatArray:
    """Return logits ``(examples, classes)`` of inputs ``(channels, rows, columns, examples)``."""
    uses = last_uses(steps)
    kept: dict[int, FloatArray] = {}
    is_chain = not any(isinstance(step.layer, Addition) for step in steps)
    pooled: Pooling | None = None
    for index, step in enumerate(steps):
        kept[index] = x
        match step.layer:
            case Pooling():
                x = x if pooled is not None else pool(x, step.layer)
                pooled = None
            case Addition():
                x = activate(x + kept[index - step.layer.back], step.layer.activation)
            case Convolution() | Linear():
                assert step.tensor is not None
                pooled = _pooling_behind(steps, index) if is_chain else None
                x = _run_weighted(x, step.layer, tensors[step.tensor], pooled)
        for number in [number for number in kept if uses[number] <= index]:
            del kept[number]
    return np.ascontiguousarray(x.reshape(-1, x.shape[-1]).T)
