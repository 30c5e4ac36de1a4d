"""What the formulas need to know of a network: layers as counts, from text or an architecture."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from minbits.codec.architecture import Architecture, activation_shapes
from minbits.errors import ArgumentError
from minbits.layers.activations import ACTIVATIONS
from minbits.layers.base import Shape
from minbits.layers.convolution import Convolution
from minbits.layers.linear import Linear
from minbits.layers.pooling import Pooling
from minbits.networks.grammar import parse_architecture
from minbits.networks.zoo import ZOO

UnitKind = Literal["linear", "piecewise linear", "other"]
DEFAULT_INPUT_SHAPE: Shape = (1, 28, 28)
_DENSE_CHAIN = re.compile(r"\d+(-\d+)+")


@dataclass(frozen=True)
class LayerShape:
    """One layer with weights.

    Attributes:
        name: what it is called in tables.
        kind: ``linear``, ``convolution`` or another word.
        fan_in: weights that enter one unit, without the bias.
        rows: units with weights of their own: output features or channels.
        positions: units that share each row; 1 but in a convolution.
        bias: whether each row has a bias.
        units: what the units' function is: linear, piecewise linear with one kink, or other.
        outputs: values that leave the layer, after pooling.
        comparisons: pairs of values that max pooling behind it compares, for one example.
    """

    name: str
    kind: str
    fan_in: int
    rows: int
    positions: int
    bias: bool
    units: UnitKind
    outputs: int
    comparisons: int = 0

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return self.rows * (self.fan_in + self.bias)


@dataclass(frozen=True)
class NetworkShape:
    """A chain of layers, in order of execution.

    Attributes:
        name: for tables.
        inputs: values of one example.
        layers: those with weights.
        is_chain: whether each layer sees nothing but the one before it, and has its own weights.
        is_whole: whether all trained values belong to these layers; bounds from above that count
            weights hold only then.
        unseen: names of trained tensors that belong to none of these layers, as far as known.
    """

    name: str
    inputs: int
    layers: tuple[LayerShape, ...]
    is_chain: bool = True
    is_whole: bool = True
    unseen: tuple[str, ...] = ()

    @property
    def parameters(self) -> int:
        """All weights and biases, shared ones counted once."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def logits(self) -> int:
        """Values that leave the last layer."""
        return self.layers[-1].outputs

    @property
    def is_fully_connected(self) -> bool:
        """Whether every layer is linear and reads all outputs of the one before it, or inputs."""
        widths = [self.inputs, *(layer.outputs for layer in self.layers)]
        return self.is_chain and all(
            layer.kind == "linear" and layer.fan_in == width
            for layer, width in zip(self.layers, widths, strict=False)
        )


def dense_shape(widths: tuple[int, ...], name: str | None = None) -> NetworkShape:
    """Return a fully connected ReLU network, such as (784, 300, 100, 10); every unit has a bias.

    Raises:
        ArgumentError: with fewer than two widths, or a width below 1.
    """
    text = "-".join(map(str, widths))
    if len(widths) < 2 or min(widths) < 1:
        raise ArgumentError(
            "architecture", text, "two or more widths of at least 1", "Write it as 784-300-10."
        )
    layers = tuple(
        LayerShape(
            name=f"layer {index}",
            kind="linear",
            fan_in=before,
            rows=units,
            positions=1,
            bias=True,
            units="linear" if index == len(widths) - 2 else "piecewise linear",
            outputs=units,
        )
        for index, (before, units) in enumerate(pairwise(widths))
    )
    return NetworkShape(name or text, widths[0], layers)


def architecture_shape(architecture: Architecture, name: str) -> NetworkShape:
    """Return the shape of an architecture of the codec.

    Raises:
        NetworkError: if a layer does not fit its input.
        ArgumentError: if layers are added or repeated: the formulas are for chains.
    """
    shapes = activation_shapes(architecture)
    layers: list[LayerShape] = []
    for index, layer in enumerate(architecture.layers):
        before, after = shapes[index], shapes[index + 1]
        outputs = math.prod(after)
        if isinstance(layer, Pooling):
            if layers:
                layers[-1] = _pooled(layers[-1], layer, before, outputs)
            continue
        if not isinstance(layer, Convolution | Linear):
            raise ArgumentError(
                "architecture", f"{layer}", "a chain of layers used once each", "Leave it out."
            )
        if isinstance(layer, Linear):
            kind, rows, fan_in, positions = "linear", layer.out_features, math.prod(before), 1
        else:
            kind, rows, fan_in, positions = _convolution_counts(layer, before, after)
        units: UnitKind = "other"
        if layer.activation == "none":
            units = "linear"
        elif ACTIVATIONS[layer.activation].slope is not None:
            units = "piecewise linear"
        layers.append(
            LayerShape(f"layer {index}", kind, fan_in, rows, positions, layer.bias, units, outputs)
        )
    if not layers:
        raise ArgumentError("architecture", name, "a layer with weights", "Add one.")
    return NetworkShape(name, math.prod(architecture.input_shape), tuple(layers))


def _convolution_counts(
    layer: Convolution, before: Shape, after: Shape
) -> tuple[str, int, int, int]:
    channels = 1 if layer.depthwise else before[0]
    return (
        "convolution",
        layer.out_channels,
        channels * math.prod(layer.geometry.kernel),
        after[1] * after[2],
    )


def _pooled(layer: LayerShape, pooling: Pooling, before: Shape, outputs: int) -> LayerShape:
    window = math.prod(pooling.window(*before[1:]))
    compared = outputs * window * (window - 1) // 2 if pooling.kind == "max" else 0
    return LayerShape(
        layer.name,
        layer.kind,
        layer.fan_in,
        layer.rows,
        layer.positions,
        layer.bias,
        layer.units,
        outputs,
        layer.comparisons + compared,
    )


def parse_input_shape(text: str) -> Shape:
    """Return ``(channels, height, width)`` of a text such as ``1x28x28``.

    Raises:
        ArgumentError: if it is no such text.
    """
    parts = text.lower().split("x")
    if len(parts) != 3 or not all(part.isdigit() and int(part) > 0 for part in parts):
        raise ArgumentError("`input`", f"'{text}'", "CHANNELSxHEIGHTxWIDTH", "Write it as 1x28x28.")
    return (int(parts[0]), int(parts[1]), int(parts[2]))


def parse_network(text: str, input_shape: Shape = DEFAULT_INPUT_SHAPE) -> NetworkShape:
    """Return the shape of ``784-300-100-10``, of a network of the zoo, or of the grammar's text.

    Args:
        text: the network.
        input_shape: of one example, for the zoo and the grammar.

    Raises:
        ArgumentError: if widths are not positive.
        NetworkError: if the text is not in the grammar, or a layer does not fit its input.
    """
    if _DENSE_CHAIN.fullmatch(text):
        return dense_shape(tuple(int(part) for part in text.split("-")))
    layers_text = ZOO[text].architecture if text in ZOO else text
    return architecture_shape(parse_architecture(layers_text, input_shape, 0), text)
