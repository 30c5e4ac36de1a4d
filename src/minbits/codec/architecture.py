"""The architecture of a network as plain data, with shape arithmetic and limits.

A network maps an input of shape ``(channels, height, width)`` through a chain of layers to one
logit per class. Plain feature vectors have shape ``(features, 1, 1)``. Nothing here imports
PyTorch: the same records are read from files, run with NumPy and built into trainable modules.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from minbits.errors import NetworkError

Shape = tuple[int, int, int]
ActivationKind = Literal["none", "relu", "leaky_relu", "hard_swish"]
PoolingKind = Literal["max", "average"]

ACTIVATION_KINDS: tuple[ActivationKind, ...] = get_args(ActivationKind)
POOLING_KINDS: tuple[PoolingKind, ...] = get_args(PoolingKind)
LEAKY_RELU_SLOPE = 0.125  # a power of two, so that every machine computes the same product

# Rows and columns by which the views of an image are shifted.
VIEW_SHIFTS = ((0, 0), (-1, -1), (-1, 1), (1, -1), (1, 1))

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
    keeps the number of channels and has weights ``(channels, 1, kernel, kernel)``. A ``flat``
    convolution is one over a sequence: its kernel is ``1 x kernel``, and stride, padding and
    dilation act along the row alone.
    """

    out_channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    depthwise: bool = False
    bias: bool = True
    activation: ActivationKind = "relu"
    dilation: int = 1
    flat: bool = False

    @property
    def kernel_shape(self) -> tuple[int, int]:
        """Rows and columns of the kernel."""
        return (1 if self.flat else self.kernel, self.kernel)

    @property
    def strides(self) -> tuple[int, int]:
        """Steps down and across from one output to the next."""
        return (1 if self.flat else self.stride, self.stride)

    @property
    def paddings(self) -> tuple[int, int]:
        """Zeros above and below, left and right of the input."""
        return (0 if self.flat else self.padding, self.padding)

    def output_side(self, side: int, axis: int) -> int:
        """Return the rows (axis 0) or columns (1) of the output for those of the input."""
        if self.flat and axis == 0:
            return side
        reach = self.dilation * (self.kernel - 1) + 1
        return (side + 2 * self.padding - reach) // self.stride + 1


@dataclass(frozen=True)
class Linear:
    """A fully connected layer over the flattened input; weights ``(out_features, in_features)``."""

    out_features: int
    bias: bool = True
    activation: ActivationKind = "none"


@dataclass(frozen=True)
class Pooling:
    """Pooling over non-overlapping ``size`` x ``size`` windows; ``size`` 0 means the whole image.

    Rows and columns that do not fill a window are dropped. Over a sequence, an image of one row,
    windows are ``1 x size``.
    """

    kind: PoolingKind
    size: int

    def window(self, height: int, width: int) -> tuple[int, int]:
        """Return rows and columns of a window on an image of ``height`` x ``width``."""
        if self.size == 0:
            return (height, width)
        return (1 if height == 1 else self.size, self.size)


@dataclass(frozen=True)
class Addition:
    """Adds an earlier activation to the present one: a residual connection (He et al. 2015).

    ``back`` counts layers as they are run: 1 stands for the input of the layer before.
    """

    back: int
    activation: ActivationKind = "none"


@dataclass(frozen=True)
class Again:
    """Runs ``count`` layers once more, with the same weights, from the one ``back`` layers before.

    ``back`` and ``count`` are of layers as written; none of the repeated ones may be an `Again`.
    """

    count: int
    back: int


WeightedLayer = Convolution | Linear
Layer = Convolution | Linear | Pooling | Addition | Again


@dataclass(frozen=True)
class Architecture:
    """An input shape, a scale for the inputs and the chain of layers.

    Inputs are multiplied by ``2 ** -input_exponent`` before the first layer: 8 for bytes. The
    exponent is part of the file, since a scale taken from data would be something learned.

    With 5 views, the network runs on an image and on the four images shifted by one pixel along
    both axes, and the logits are averaged (test-time augmentation; the shifts alone, no weights).
    """

    input_shape: Shape
    input_exponent: int
    layers: tuple[Layer, ...]
    views: int = 1


@dataclass(frozen=True)
class Step:
    """One layer as it is run.

    Attributes:
        layer: never an `Again`.
        layer_index: where the layer is written.
        tensor: number of its weights in file order, None where it has none.
    """

    layer: WeightedLayer | Pooling | Addition
    layer_index: int
    tensor: int | None


@dataclass(frozen=True)
class TensorShapes:
    """The shapes of one layer's weights and bias (``None``: the layer has no bias)."""

    layer_index: int
    weights: tuple[int, ...]
    bias: int | None


def _error(where: str, got: str, expected: str) -> NetworkError:
    return NetworkError(where, got, expected, "Change the architecture.")


def _output_shape(
    layer: WeightedLayer | Pooling | Addition, shapes: Sequence[Shape], where: str
) -> Shape:
    shape = shapes[-1]
    channels, height, width = shape
    match layer:
        case Linear():
            return (layer.out_features, 1, 1)
        case Pooling(size=0):
            return (channels, 1, 1)
        case Pooling():
            rows, columns = layer.window(height, width)
            result = (channels, height // rows, width // columns)
        case Addition():
            if layer.back >= len(shapes) or shapes[-1 - layer.back] != shape:
                earlier = shapes[-1 - layer.back] if layer.back < len(shapes) else "nothing"
                raise _error(where, f"shape {shape} plus {earlier}", "two activations of one shape")
            return shape
        case Convolution():
            if layer.depthwise and layer.out_channels != channels:
                raise _error(where, f"{layer.out_channels} depthwise channels", f"{channels}")
            result = (layer.out_channels, layer.output_side(height, 0), layer.output_side(width, 1))
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
                "dilation": (layer.dilation, 1, 31),
            }
        case Linear():
            ranges = {"out_features": (layer.out_features, 1, MAX_CHANNELS)}
        case Pooling():
            ranges = {"size": (layer.size, 0, 31)}
            if layer.kind not in POOLING_KINDS:
                raise _error(where, repr(layer.kind), f"one of {POOLING_KINDS}")
        case Addition():
            ranges = {"back": (layer.back, 1, MAX_LAYERS)}
        case Again():
            ranges = {"count": (layer.count, 1, layer.back), "back": (layer.back, 1, MAX_LAYERS)}
    for name, (value, low, high) in ranges.items():
        if not low <= value <= high:
            raise _error(where, f"{name} = {value}", f"{low} to {high}")
    if not isinstance(layer, Pooling | Again) and layer.activation not in ACTIVATION_KINDS:
        raise _error(where, repr(layer.activation), f"one of {ACTIVATION_KINDS}")


class Growth:
    """A network as it grows layer by layer: what is run so far and the shape after each step.

    Attributes:
        steps: the layers in the order in which they are run, repetitions written out.
        shapes: of the input and of the activation after every step.
    """

    def __init__(self, input_shape: Shape, input_exponent: int, views: int) -> None:
        _check_input(input_shape, input_exponent, views)
        self.steps: list[Step] = []
        self.shapes: list[Shape] = [input_shape]
        self._written: list[Step | None] = []
        self._tensors = 0
        self._check_size()

    def _check_size(self) -> None:
        channels, height, width = self.shapes[-1]
        if channels * height * width > MAX_ACTIVATIONS:
            raise _error(
                f"activation {len(self.shapes) - 1}", f"{channels}x{height}x{width} values",
                f"{MAX_ACTIVATIONS}",
            )  # fmt: skip

    def _new_steps(self, layer: Layer) -> list[Step]:
        index = len(self._written)
        if index >= MAX_LAYERS:
            raise _error("network", f"more than {MAX_LAYERS} layers", f"1 to {MAX_LAYERS}")
        _check_layer(layer, f"layer {index}")
        if isinstance(layer, Again):
            start = index - layer.back
            repeated = self._written[start : start + layer.count] if start >= 0 else [None]
            if None in repeated:
                raise _error(
                    f"layer {index}", f"{layer}", "earlier layers that repeat nothing themselves"
                )
            self._written.append(None)
            return [step for step in repeated if step is not None]
        weighted = isinstance(layer, WeightedLayer)
        step = Step(layer, index, self._tensors if weighted else None)
        self._tensors += weighted
        self._written.append(step)
        return [step]

    def add(self, layer: Layer) -> None:
        """Append a layer.

        Raises:
            NetworkError: if it does not fit what is before it or breaks a limit of the format.
        """
        for step in self._new_steps(layer):
            if len(self.steps) >= MAX_LAYERS:
                raise _error("network", f"more than {MAX_LAYERS} layers to run", "fewer")
            shape = _output_shape(step.layer, self.shapes, f"layer {step.layer_index}")
            self.steps.append(step)
            self.shapes.append(shape)
            self._check_size()


def _check_input(shape: Shape, exponent: int, views: int) -> None:
    if len(shape) != 3 or min(shape) < 1 or max(shape[1:]) > MAX_SIDE or shape[0] > MAX_CHANNELS:
        raise _error("input shape", str(shape), f"(channels, height, width) of 1 to {MAX_SIDE}")
    if not -64 <= exponent <= 64:
        raise _error("input exponent", str(exponent), "-64 to 64")
    if views not in (1, len(VIEW_SHIFTS)):
        raise _error("views", str(views), f"1 or {len(VIEW_SHIFTS)}")
    if views > 1 and min(shape[1:]) < 2:
        raise _error("views", f"{views} of inputs of shape {shape}", "images")


def _grown(architecture: Architecture) -> Growth:
    if not architecture.layers:
        raise _error("network", "0 layers", f"1 to {MAX_LAYERS}")
    growth = Growth(architecture.input_shape, architecture.input_exponent, architecture.views)
    for layer in architecture.layers:
        growth.add(layer)
    return growth


def run_order(architecture: Architecture) -> tuple[Step, ...]:
    """Return the layers in the order in which they are run, repetitions written out.

    Raises:
        NetworkError: as `activation_shapes`.
    """
    return tuple(_grown(architecture).steps)


def activation_shapes(architecture: Architecture) -> tuple[Shape, ...]:
    """Return the input shape and the shape after every layer of `run_order`.

    Raises:
        NetworkError: if a layer does not fit its input, a repetition reaches out of the network or
            repeats a repetition, or a limit of the format is exceeded.
    """
    return tuple(_grown(architecture).shapes)


def _weights_shape(layer: WeightedLayer, shape: Shape) -> tuple[int, ...]:
    if isinstance(layer, Linear):
        return (layer.out_features, math.prod(shape))
    return (layer.out_channels, 1 if layer.depthwise else shape[0], *layer.kernel_shape)


def tensor_shapes(architecture: Architecture) -> tuple[TensorShapes, ...]:
    """Return the shapes of weights and biases of every layer that has them, in file order.

    Raises:
        NetworkError: as `activation_shapes`, if there are too many parameters or operations, or if
            a repeated layer meets inputs that its weights do not fit.
    """
    result: list[TensorShapes] = []
    parameters = operations = 0
    growth = _grown(architecture)
    shapes = growth.shapes
    for index, step in enumerate(growth.steps):
        layer = step.layer
        if not isinstance(layer, WeightedLayer):
            continue
        weights = _weights_shape(layer, shapes[index])
        if step.tensor == len(result):
            bias = weights[0] if layer.bias else None
            result.append(TensorShapes(layer_index=step.layer_index, weights=weights, bias=bias))
            parameters += math.prod(weights) + (bias or 0)
        elif step.tensor is not None and result[step.tensor].weights != weights:
            raise _error(
                f"layer {step.layer_index}, repeated", f"weights of shape {weights}",
                f"{result[step.tensor].weights} as at its first use",
            )  # fmt: skip
        if parameters > MAX_PARAMETERS:
            raise _error("network", f"more than {MAX_PARAMETERS} parameters", "fewer")
        positions = math.prod(shapes[index + 1][1:])
        operations += architecture.views * math.prod(weights) * positions
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


def layer_multiply_accumulates(layer: WeightedLayer, shape: Shape, output_shape: Shape) -> int:
    """Return the multiply-accumulates of a layer that maps one shape to another, without biases."""
    return math.prod(_weights_shape(layer, shape)) * math.prod(output_shape[1:])


def multiply_accumulate_count(architecture: Architecture) -> int:
    """Return the multiply-accumulates of one example, all views, biases not counted."""
    growth = _grown(architecture)
    shapes = growth.shapes
    return architecture.views * sum(
        layer_multiply_accumulates(step.layer, shapes[index], shapes[index + 1])
        for index, step in enumerate(growth.steps)
        if isinstance(step.layer, WeightedLayer)
    )
