"""Hypothesis strategies for architectures and quantised networks."""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import strategies as st

from minbits.codec.architecture import Architecture, activation_shapes, tensor_shapes
from minbits.codec.quantized_network import QuantizedLayer, QuantizedNetwork, QuantizedTensor
from minbits.errors import NetworkError
from minbits.layers.activations import CODED_ACTIVATIONS
from minbits.layers.addition import Addition
from minbits.layers.base import Layer, Shape
from minbits.layers.convolution import Convolution
from minbits.layers.linear import Linear
from minbits.layers.pooling import Pooling
from minbits.layers.repetition import Repetition
from minbits.layers.rms_normalisation import RmsNormalisation

KINDS = ("conv", "depthwise", "pointwise", "pooling", "linear", "addition", "again", "rmsnorm")


@st.composite
def layers(draw: st.DrawFn, channels: int, depth: int, is_sequence: bool) -> Layer:
    """Draw a layer that may follow ``depth`` layers; whether it fits is for the caller to see."""
    kind = draw(st.sampled_from(KINDS))
    activation = draw(st.sampled_from(CODED_ACTIVATIONS))
    bias = draw(st.booleans())
    if kind in ("pooling", "rmsnorm"):
        return (
            RmsNormalisation()
            if kind == "rmsnorm"
            else Pooling(draw(st.sampled_from(["max", "average"])), draw(st.integers(0, 3)))
        )
    if kind == "linear":
        return Linear(draw(st.integers(1, 12)), bias, activation)
    if kind == "pointwise":
        return Convolution(draw(st.integers(1, 8)), 1, bias=bias, activation=activation)
    if kind == "addition":
        return Addition(draw(st.integers(1, max(1, depth))), activation)
    if kind == "again":
        back = draw(st.integers(1, max(1, min(depth, 3))))
        return Repetition(draw(st.integers(1, back)), back)
    depthwise = kind == "depthwise"
    return Convolution(
        channels if depthwise else draw(st.integers(1, 8)),
        draw(st.integers(1, 5)),
        draw(st.integers(1, 2)),
        draw(st.integers(0, 3)),
        depthwise,
        bias,
        activation,
        draw(st.sampled_from([1, 1, 1, 2, 3])),
        is_sequence != draw(st.sampled_from([False, False, False, True])),
    )


@st.composite
def input_shapes(draw: st.DrawFn, least_width: int = 1) -> Shape:
    """Draw the shape of an image, a sequence or, where one column will do, a vector of features."""
    kinds = ["image", "image", "sequence", *["features"] * (least_width == 1)]
    kind = draw(st.sampled_from(kinds))
    channels = draw(st.integers(1, 3))
    if kind == "image":
        return (channels, draw(st.integers(1, 9)), draw(st.integers(least_width, 9)))
    if kind == "sequence":
        return (channels, 1, draw(st.integers(least_width, 20)))
    return (draw(st.integers(1, 12)), 1, 1)


@st.composite
def architectures(draw: st.DrawFn, least_layers: int = 1, least_width: int = 1) -> Architecture:
    shape = draw(input_shapes(least_width))
    exponent = draw(st.integers(-10, 10))
    chosen: list[Layer] = []
    channels = shape[0]
    for _ in range(draw(st.integers(least_layers, 6))):
        layer = draw(layers(channels, len(chosen), shape[1] == 1))
        grown = Architecture(shape, exponent, (*chosen, layer))
        try:
            tensor_shapes(grown)
        except NetworkError:
            continue
        channels = activation_shapes(grown)[-1][0]
        chosen.append(layer)
    if not chosen:
        chosen = [Pooling("max", 0)]
    return Architecture(shape, exponent, tuple(chosen))


def random_network(
    architecture: Architecture, seed: int, scale: float = 2.0, step_index: int | None = None
) -> QuantizedNetwork:
    generator = np.random.default_rng(seed)

    def tensor(shape: tuple[int, ...]) -> QuantizedTensor:
        levels = np.round(generator.laplace(0, scale, shape)).astype(np.int32)
        step = int(generator.integers(-20, 3)) if step_index is None else step_index
        return QuantizedTensor(levels, step)

    return QuantizedNetwork(
        architecture,
        tuple(
            QuantizedLayer(
                tensor(shape.weights), None if shape.bias is None else tensor((shape.bias,))
            )
            for shape in tensor_shapes(architecture)
        ),
    )


@st.composite
def networks(draw: st.DrawFn) -> QuantizedNetwork:
    architecture = draw(architectures())
    scale = draw(st.sampled_from([0.0, 0.3, 2.0, 40.0, 3000.0]))
    return random_network(architecture, draw(st.integers(0, 2**32 - 1)), scale)


def dependent(network: QuantizedNetwork) -> QuantizedNetwork:
    """Return a network of the same levels that are dependent in every layer's weights."""
    layers = [
        dataclasses.replace(layer, weights=dataclasses.replace(layer.weights, is_dependent=True))
        for layer in network.layers
    ]
    return QuantizedNetwork(network.architecture, tuple(layers))


def same_network(first: QuantizedNetwork, second: QuantizedNetwork) -> bool:
    if first.architecture != second.architecture or len(first.layers) != len(second.layers):
        return False

    def tensors(network: QuantizedNetwork) -> list[QuantizedTensor | None]:
        return [t for layer in network.layers for t in (layer.weights, layer.bias)]

    for one, other in zip(tensors(first), tensors(second), strict=True):
        if (one is None) != (other is None):
            return False
        if one is not None and other is not None:
            if (one.step_index, one.is_dependent) != (other.step_index, other.is_dependent):
                return False
            if not np.array_equal(one.levels, other.levels):
                return False
    return True


# A few hundred bytes that ask for minutes of work on 200 images of 8 x 8.
_WIDE = Convolution(32, 31, 1, 15, depthwise=True)
SLOW = Architecture(
    (1, 8, 8),
    8,
    (
        Convolution(32, 1, 1, 31),
        Convolution(32, 1, 1, 31),
        _WIDE,
        _WIDE,
        Pooling("max", 0),
        Linear(2),
    ),
)


def slow_network() -> QuantizedNetwork:
    return random_network(SLOW, 0, scale=0.0)
