"""A slow forward pass, written for reading: one output value at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import LEAKY_RELU_SLOPE, Convolution, Layer, Linear, Pooling
from minbits.codec.quantized_network import QuantizedNetwork, step_size

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
    padded = np.pad(image, ((0, 0), (layer.padding,) * 2, (layer.padding,) * 2))
    size = [
        (side - layer.kernel) // layer.stride + 1 for side in (padded.shape[1], padded.shape[2])
    ]
    result = np.zeros((layer.out_channels, *size))
    for channel, row, column in np.ndindex(*result.shape):
        top, left = row * layer.stride, column * layer.stride
        window = padded[:, top : top + layer.kernel, left : left + layer.kernel]
        if layer.depthwise:
            window = window[channel : channel + 1]
        result[channel, row, column] = (window * weights[channel]).sum()
    return result


def pool(image: Image, layer: Pooling) -> Image:
    rows, columns = (layer.size or image.shape[1]), (layer.size or image.shape[2])
    result = np.zeros((image.shape[0], image.shape[1] // rows, image.shape[2] // columns))
    for channel, row, column in np.ndindex(*result.shape):
        window = image[
            channel,
            row * rows : (row + 1) * rows,
            column * columns : (column + 1) * columns,
        ]
        result[channel, row, column] = window.max() if layer.kind == "max" else window.mean()
    return result


def run_layer(image: Image, layer: Layer, weights: Image | None, bias: Image | None) -> Image:
    if isinstance(layer, Pooling):
        return pool(image, layer)
    assert weights is not None
    if isinstance(layer, Linear):
        result = (weights * image.ravel()).sum(axis=1)[:, None, None]
    else:
        result = convolve(image, layer, weights)
    if bias is not None:
        result = result + bias[:, None, None]
    return np.vectorize(lambda value: activate(value, layer.activation), otypes=[float])(result)


def logits(network: QuantizedNetwork, example: npt.NDArray[Any]) -> Image:
    image = example.astype(np.float64) * 2.0**-network.architecture.input_exponent
    image = image.reshape(network.architecture.input_shape)
    stored = iter(network.layers)
    for layer in network.architecture.layers:
        weights = bias = None
        if not isinstance(layer, Pooling):
            found = next(stored)
            weights = found.weights.levels * step_size(found.weights.step_index)
            if found.bias is not None:
                bias = found.bias.levels * step_size(found.bias.step_index)
        image = run_layer(image, layer, weights, bias)
    return image.ravel()
