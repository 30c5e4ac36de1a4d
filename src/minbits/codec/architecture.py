"""The architecture of a network as plain data, with shape arithmetic and limits.

A network maps an input of shape ``(channels, height, width)`` through a chain of layers to one
logit per class. Plain feature vectors have shape ``(features, 1, 1)``. Nothing here imports
PyTorch: the same records are read from files, run with NumPy and built into trainable modules.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from minbits.errors import NetworkError

Shape = tuple[int, int, int]
ActivationKind = Literal["none", "relu", "leaky_relu", "hard_swish"]
PoolingKind = Literal["max", "average"]

ACTIVATION_KINDS: tuple[ActivationKind, ...] = get_args(ActivationKind)
POOLING_KINDS: tuple[PoolingKind, ...] = get_args(PoolingKind)
LEAKY_RELU_SLOPE = 0.125  # a power of two, so that every machine computes the same product

MAX_LAYERS = 64
MAX_SIDE = 4096
MAX_CHANNELS = 65_536
MAX_PARAMETERS = 1_048_576
MAX_ACTIVATIONS = 1_048_576  # values in the largest activation of one example
MAX_MULTIPLY_ACCUMULATES = 1 << 32  # of one example


@dataclass(frozen=True)
class Convolution:
    """A square convolution, zero padded, followed by bias and activation.

    Weights have shape ``(out_channels, in_channels, kernel, kernel)``; a depthwise convolution
    keeps the number of channels and has weights ``(channels, 1, kernel, kernel)``.
    """

    out_channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    depthwise: bool = False
    bias: bool = True
    activation: ActivationKind = "relu"


@dataclass(frozen=True)
class Linear:
    """A fully connected layer over the flattened input; weights ``(out_features, in_features)``."""

    out_features: int
    bias: bool = True
    activation: ActivationKind = "none"


@dataclass(frozen=True)
class Pooling:
    """Pooling over non-overlapping ``size`` x ``size`` windows; ``size`` 0 means the whole image.

    Rows and columns that do not fill a window are dropped.
    """

    kind: PoolingKind
    size: int


Layer = Convolution | Linear | Pooling


@dataclass(frozen=True)
class Architecture:
    """An input shape, a scale for the inputs and the chain of layers.

    Inputs are multiplied by ``2 ** -input_exponent`` before the first layer: 8 for bytes. The
    exponent is part of the file, since a scale taken from data would be something learned.
    """

    input_shape: Shape
    input_exponent: int
    layers: tuple[Layer, ...]


@dataclass(frozen=True)
class TensorShapes:
    """The shapes of one layer's weights and bias (``None``: the layer has no bias)."""

    layer_index: int
    weights: tuple[int, ...]
    bias: int | None


def _error(where: str, got: str, expected: str) -> NetworkError:
    return NetworkError(where, got, expected, "Change the architecture.")


def _output_shape(layer: Layer, shape: Shape, where: str) -> Shape:
    channels, height, width = shape
    match layer:
        case Linear():
            return (layer.out_features, 1, 1)
        case Pooling(size=0):
            return (channels, 1, 1)
        case Pooling():
            result = (channels, height // layer.size, width // layer.size)
        case Convolution():
            if layer.depthwise and layer.out_channels != channels:
                raise _error(where, f"{layer.out_channels} depthwise channels", f"{channels}")
            sides = [
                (side + 2 * layer.padding - layer.kernel) // layer.stride + 1
                for side in (height, width)
            ]
            result = (layer.out_channels, sides[0], sides[1])
    if min(result) < 1:
        raise _error(where, f"an input of shape {shape}, too small for {layer}", "a larger input")
    return result


def _check_layer(layer: Layer, where: str) -> None:
    match layer:
        case Convolution():
            ranges = {
                "out_channels": (layer.out_channels, 1, MAX_CHANNELS),
                "kernel": (layer.kernel, 1, 31),
                "stride": (layer.stride, 1, 31),
                "padding": (layer.padding, 0, 31),
            }
        case Linear():
            ranges = {"out_features": (layer.out_features, 1, MAX_CHANNELS)}
        case Pooling():
            ranges = {"size": (layer.size, 0, 31)}
            if layer.kind not in POOLING_KINDS:
                raise _error(where, repr(layer.kind), f"one of {POOLING_KINDS}")
    for name, (value, low, high) in ranges.items():
        if not low <= value <= high:
            raise _error(where, f"{name} = {value}", f"{low} to {high}")
    if not isinstance(layer, Pooling) and layer.activation not in ACTIVATION_KINDS:
        raise _error(where, repr(layer.activation), f"one of {ACTIVATION_KINDS}")


def activation_shapes(architecture: Architecture) -> tuple[Shape, ...]:
    """Return the input shape and the shape after every layer.

    Raises:
        NetworkError: if a layer does not fit its input or a limit of the format is exceeded.
    """
    shape = architecture.input_shape
    if len(shape) != 3 or min(shape) < 1 or max(shape[1:]) > MAX_SIDE or shape[0] > MAX_CHANNELS:
        raise _error("input shape", str(shape), f"(channels, height, width) of 1 to {MAX_SIDE}")
    if not -64 <= architecture.input_exponent <= 64:
        raise _error("input exponent", str(architecture.input_exponent), "-64 to 64")
    if not 1 <= len(architecture.layers) <= MAX_LAYERS:
        raise _error("network", f"{len(architecture.layers)} layers", f"1 to {MAX_LAYERS}")
    shapes = [shape]
    for index, layer in enumerate(architecture.layers):
        where = f"layer {index}"
        _check_layer(layer, where)
        shape = _output_shape(layer, shape, where)
        shapes.append(shape)
    for index, (channels, height, width) in enumerate(shapes):
        if channels * height * width > MAX_ACTIVATIONS:
            raise _error(
                f"activation {index}", f"{channels}x{height}x{width} values", f"{MAX_ACTIVATIONS}"
            )
    return tuple(shapes)


def tensor_shapes(architecture: Architecture) -> tuple[TensorShapes, ...]:
    """Return the shapes of weights and biases of every layer that has them, in file order.

    Raises:
        NetworkError: as `activation_shapes`, or if there are too many parameters or operations.
    """
    result: list[TensorShapes] = []
    parameters = operations = 0
    shapes = activation_shapes(architecture)
    for index, layer in enumerate(architecture.layers):
        channels, height, width = shapes[index]
        weights: tuple[int, ...]
        match layer:
            case Pooling():
                continue
            case Convolution():
                fan_in = 1 if layer.depthwise else channels
                weights = (layer.out_channels, fan_in, layer.kernel, layer.kernel)
            case Linear():
                weights = (layer.out_features, channels * height * width)
        bias = weights[0] if layer.bias else None
        result.append(TensorShapes(layer_index=index, weights=weights, bias=bias))
        parameters += math.prod(weights) + (bias or 0)
        if parameters > MAX_PARAMETERS:
            raise _error("network", f"more than {MAX_PARAMETERS} parameters", "fewer")
        operations += math.prod(weights) * math.prod(shapes[index + 1][1:])
        if operations > MAX_MULTIPLY_ACCUMULATES:
            raise _error(
                "network", "more than 2**32 multiply-accumulates an example", "at most 2**32"
            )
    return tuple(result)


def parameter_count(architecture: Architecture) -> int:
    """Return the number of weights and biases (each shared or repeated value counted once)."""
    return sum(math.prod(t.weights) + (t.bias or 0) for t in tensor_shapes(architecture))


def class_count(architecture: Architecture) -> int:
    """Return the number of logits: the size of the last activation."""
    return math.prod(activation_shapes(architecture)[-1])


def multiply_accumulate_count(architecture: Architecture) -> int:
    """Return the multiply-accumulates of one example's forward pass, biases not counted."""
    shapes = activation_shapes(architecture)
    total = 0
    for tensor in tensor_shapes(architecture):
        _, height, width = shapes[tensor.layer_index + 1]
        total += math.prod(tensor.weights) * height * width
    return total
