"""The forward pass of one example, as docs/format.md tells it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.codec.page_decoder.architecture import Layer, Network, pooling_window, window_places
from tests.codec.page_decoder.front_ends import UNIT, on_grid
from tests.codec.page_decoder.levels import Tensor

Array = npt.NDArray[np.float32]
SHIFTS = ((0, 0), (-1, -1), (-1, 1), (1, -1), (1, 1))


def activate(x: Array, name: str) -> Array:
    """Apply an activation."""
    if name.startswith("leaky"):
        slope = 0.125 if name == "leaky_relu" else float(name.removeprefix("leaky"))
        return np.where(x < 0, np.float32(slope) * x, x)
    if name.endswith("bit"):
        return rounded(x, name)
    if name in ("silu", "gelu", "gelu_tanh"):
        return x * gate(x, name)
    simple: dict[str, Any] = {
        "none": lambda: x,
        "relu": lambda: np.maximum(x, 0),
        "hard_swish": lambda: x * np.clip(x + 3, 0, 6) / 6,
        "relu6": lambda: np.clip(x, 0, 6),
        "tanh": lambda: np.tanh(x),
        "sigmoid": lambda: 1 / (1 + np.exp(-x)),
        "elu": lambda: np.where(x < 0, np.expm1(np.minimum(x, 0)), x),
    }
    return np.asarray(simple[name](), np.float32)


def rounded(x: Array, name: str) -> Array:
    """Return an activation's nearest of 2^B equally spaced values."""
    smooth, bits = name.removesuffix("bit").split("_")
    low, high = {"relu6": (0, 6), "sigmoid": (0, 1), "tanh": (-1, 1)}[smooth]
    step = np.float32((high - low) / (2 ** int(bits) - 1))
    places = np.floor((activate(x, smooth) - np.float32(low)) / step + np.float32(0.5))
    return np.asarray(np.float32(low) + step * places, np.float32)


def gate(x: Array, name: str) -> Array:
    """Return what x is multiplied by."""
    if name == "silu":
        return np.asarray(1 / (1 + np.exp(-x)), np.float32)
    if name == "gelu":
        halves = [0.5 * (1 + math.erf(value / math.sqrt(2))) for value in x.ravel().tolist()]
        return np.array(halves, np.float32).reshape(x.shape)
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    return np.asarray((1 + np.tanh(inner)) / 2, np.float32)


def windows(
    x: Array, sizes: tuple[int, int], strides: tuple[int, int], places: tuple[int, int],
    dilation: int = 1,
) -> Array:  # fmt: skip
    """Return windows of an image as (channel, window row, window column, row, column)."""
    rows = [np.arange(n) * stride for n, stride in zip(places, strides, strict=True)]
    inside = [np.arange(size) * dilation for size in sizes]
    down = rows[0][None, :] + inside[0][:, None]
    across = rows[1][None, :] + inside[1][:, None]
    return x[:, down[:, None, :, None], across[None, :, None, :]]


def convolve(x: Array, layer: Layer, weights: Array) -> Array:
    """Return a cross-correlation with zero padding, in groups of channels."""
    flat, p, s, d = layer["flat"], layer["padding"], layer["stride"], layer["dilation"]
    padded = np.pad(x, ((0, 0), (0, 0) if flat else (p, p), (p, p)))
    sizes = (weights.shape[2], weights.shape[3])
    strides = (1 if flat else s, s)
    places = [
        (side - d * (size - 1) - 1) // stride + 1
        for side, size, stride in zip(padded.shape[1:], sizes, strides, strict=True)
    ]
    met = windows(padded, sizes, strides, (places[0], places[1]), d)
    groups = len(x) // weights.shape[1]
    parts = [
        np.tensordot(own, part, 3)
        for own, part in zip(np.split(weights, groups), np.split(met, groups), strict=True)
    ]
    return np.concatenate(parts).astype(np.float32)


def pool(x: Array, layer: Layer) -> Array:
    """Return the maximum or the mean of windows."""
    height, width = x.shape[1:]
    if layer["kind"] == "pooling":
        rows, columns = pooling_window(layer, height, width)
        places = (height // rows, width // columns)
        met = windows(x, (rows, columns), (rows, columns), places)
    else:
        size, stride, padding = layer["size"], layer["stride"], layer["padding"]
        is_row = height == 1
        places = (1 if is_row else window_places(layer, height), window_places(layer, width))
        beyond = padding + size + stride
        borders = ((0, 0), (0, 0) if is_row else (padding, beyond), (padding, beyond))
        padded = np.pad(x, borders, constant_values=0 if layer["average"] else -np.inf)
        met = windows(padded, (1 if is_row else size, size), (stride, stride), places)
    return np.asarray(met.mean((1, 2)) if layer["average"] else met.max((1, 2)), np.float32)


def normalise(x: Array, layer: Layer) -> Array:
    """Give each group of channels mean 0 and variance 1."""
    grouped = x.reshape(layer["groups"] or len(x), -1)
    centred = grouped - grouped.mean(1, keepdims=True)
    variance = np.square(centred).mean(1, keepdims=True)
    result = centred / np.sqrt(variance + 10.0 ** -layer["digits"])
    return np.asarray(result, np.float32).reshape(x.shape)


def divide_by_root_mean_square(x: Array) -> Array:
    """Divide by the root of the mean of all squares, added up by halves in single precision."""
    squares = list(np.square(x).ravel())
    while len(squares) > 1:
        half = len(squares) // 2
        for place in range(half):
            squares[place] = squares[place] + squares[len(squares) - half + place]
        squares = squares[: len(squares) - half]
    mean = squares[0] / np.float32(x.size)
    return x if mean < 2.0**-40 else np.asarray(x / np.sqrt(mean), np.float32)


def run_layer(
    layer: Layer, earlier: list[Array], tensors: tuple[Tensor, Tensor | None] | None
) -> Array:
    """Return the activation after a layer."""
    x, kind = earlier[-1], layer["kind"]
    if kind in ("pooling", "window"):
        return pool(x, layer)
    if kind == "normalise":
        return normalise(x, layer)
    if kind == "rmsnorm":
        return divide_by_root_mean_square(x)
    if kind == "addition":
        return activate(x + earlier[-1 - layer["back"]], layer["activation"])
    assert tensors is not None
    weights = np.array(tensors[0].values()).astype(np.float32).reshape(tensors[0].shape)
    if kind == "shared":
        weights = weights[[channel % len(weights) for channel in range(len(x))]]
    if kind == "prelu":
        return np.asarray(np.where(x < 0, weights[:, :, 0] * x, x), np.float32)
    result = (
        (weights @ x.ravel())[:, None, None] if kind == "linear" else convolve(x, layer, weights)
    )
    if tensors[1] is not None and kind != "shared":
        result = result + np.array(tensors[1].values()).astype(np.float32)[:, None, None]
    return activate(result, layer.get("activation", "none"))


def shifted(x: Array, down: int, across: int) -> Array:
    """Move an image by one row and column; zeros move in."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    height, width = x.shape[1:]
    return padded[:, 1 - down : 1 - down + height, 1 - across : 1 - across + width]


def first_inputs(network: Network, x: Array, shift: tuple[int, int]) -> Array:
    """Return what the first layer reads: an image moved, or behind the front end."""
    if network.front_end is None:
        return shifted(x, *shift)
    grid = [[[on_grid(value) for value in row] for row in channel] for channel in x.tolist()]
    result = network.front_end.apply(grid, *shift)
    return np.array(result).astype(np.float32) * np.float32(UNIT)


def logits(
    network: Network, tensors: list[tuple[Tensor, Tensor | None]], example: npt.NDArray[Any]
) -> Array:
    """Return the logits of one raw example."""
    x = example.reshape(network.input_shape).astype(np.float32)
    x = x * np.float32(2.0**-network.exponent)
    found = []
    # What overflows is infinite, and no reason for a warning.
    with np.errstate(over="ignore"):
        for shift in SHIFTS[: network.views]:
            earlier = [first_inputs(network, x, shift)]
            for layer, number in network.run:
                pair = None if number is None else tensors[number]
                earlier.append(run_layer(layer, earlier, pair))
            found.append(earlier[-1].ravel())
    return np.asarray(np.mean(found, 0), np.float32)
