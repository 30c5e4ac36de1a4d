"""A slow forward pass, written for reading: one output value at a time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.codec.quantized_network import QuantizedNetwork, step_size
from minbits.layers.activations import LEAKY_RELU_SLOPE
from minbits.layers.addition import Addition
from minbits.layers.base import Layer
from minbits.layers.convolution import Convolution
from minbits.layers.linear import Linear
from minbits.layers.pooling import Pooling
from minbits.layers.repetition import Repetition
from minbits.layers.rms_normalisation import RmsNormalisation

Image = npt.NDArray[np.float64]


def activate(value: float, kind: str) -> float:
    if kind == "relu":
        return max(value, 0.0)
    if kind == "leaky_relu":
        return value if value > 0 else LEAKY_RELU_SLOPE * value
    if kind == "hard_swish":
        return value * min(max(value + 3, 0.0), 6.0) / 6
    return value


def convolve(image: Image, layer: Convolution, weights: Image) -> Image:
    rows, columns = (1 if layer.flat else layer.kernel), layer.kernel
    down, across = (1 if layer.flat else layer.stride), layer.stride
    above, left = (0 if layer.flat else layer.padding), layer.padding
    padded = np.pad(image, ((0, 0), (above, above), (left, left)))
    high = (padded.shape[1] - layer.dilation * (rows - 1) - 1) // down + 1
    wide = (padded.shape[2] - layer.dilation * (columns - 1) - 1) // across + 1
    result = np.zeros((layer.out_channels, high, wide))
    for channel, row, column in np.ndindex(*result.shape):
        source = slice(channel, channel + 1) if layer.depthwise else slice(None)
        for r, c in np.ndindex(rows, columns):
            pixel = padded[
                source, row * down + r * layer.dilation, column * across + c * layer.dilation
            ]
            result[channel, row, column] += (pixel * weights[channel, :, r, c]).sum()
    return result


def pool(image: Image, layer: Pooling) -> Image:
    rows, columns = (layer.size or image.shape[1]), (layer.size or image.shape[2])
    if image.shape[1] == 1:
        rows = 1
    result = np.zeros((image.shape[0], image.shape[1] // rows, image.shape[2] // columns))
    for channel, row, column in np.ndindex(*result.shape):
        window = image[
            channel,
            row * rows : (row + 1) * rows,
            column * columns : (column + 1) * columns,
        ]
        result[channel, row, column] = window.max() if layer.kind == "max" else window.mean()
    return result


def activate_all(image: Image, kind: str) -> Image:
    return np.vectorize(lambda value: activate(value, kind), otypes=[float])(image)


def run_layer(
    earlier: list[Image], layer: Layer, weights: Image | None, bias: Image | None
) -> Image:
    image = earlier[-1]
    if isinstance(layer, Pooling):
        return pool(image, layer)
    if isinstance(layer, RmsNormalisation):
        mean = math.fsum(value * value for value in image.ravel()) / image.size
        return image if mean < 2.0**-40 else image / math.sqrt(mean)
    if isinstance(layer, Addition):
        return activate_all(image + earlier[-1 - layer.back], layer.activation)
    assert weights is not None
    if isinstance(layer, Linear):
        result = (weights * image.ravel()).sum(axis=1)[:, None, None]
    else:
        assert isinstance(layer, Convolution)
        result = convolve(image, layer, weights)
    if bias is not None:
        result = result + bias[:, None, None]
    return activate_all(result, layer.activation)


def logits(network: QuantizedNetwork, example: npt.NDArray[Any]) -> Image:
    image = example.astype(np.float64) * 2.0**-network.architecture.input_exponent
    activations = [image.reshape(network.architecture.input_shape)]
    stored = iter(network.layers)
    written: list[tuple[Layer, Image | None, Image | None]] = []
    for index, layer in enumerate(network.architecture.layers):
        weights = bias = None
        if isinstance(layer, Convolution | Linear):
            found = next(stored)
            weights = found.weights.levels * step_size(found.weights.step_index)
            if found.bias is not None:
                bias = found.bias.levels * step_size(found.bias.step_index)
        written.append((layer, weights, bias))
        run = [written[-1]]
        if isinstance(layer, Repetition):
            start = index - layer.back
            run = written[start : start + layer.count]
        for item in run:
            activations.append(run_layer(activations, *item))
    return activations[-1].ravel()
