"""The architecture of a network as plain data, with shape arithmetic and limits.

A network maps an input of shape ``(channels, height, width)`` through a chain of layers to one
logit per class. Plain feature vectors have shape ``(features, 1, 1)``. Nothing here imports
PyTorch: the same records are read from files, run with NumPy and built into trainable modules.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from minbits.front_ends.base import FrontEnd
from minbits.layers.base import (
    MAX_CHANNELS,
    MAX_LAYERS,
    Layer,
    RunLayer,
    Shape,
    WeightedLayer,
)
from minbits.layers.base import (
    architecture_error as _error,
)
from minbits.layers.repetition import Repetition

# Rows and columns by which the views of an image are shifted.
VIEW_SHIFTS = ((0, 0), (-1, -1), (-1, 1), (1, -1), (1, 1))

MAX_SIDE = 4096
MAX_PARAMETERS = 1_048_576
MAX_ACTIVATIONS = 1_048_576  # values in the largest activation of one example
MAX_MULTIPLY_ACCUMULATES = 1 << 32  # of one example


@dataclass(frozen=True)
class Architecture:
    """An input shape, a scale for the inputs, perhaps a front end, and the chain of layers.

    Inputs are multiplied by ``2 ** -input_exponent`` before the first layer: 8 for bytes. The
    exponent is part of the file, since a scale taken from data would be something learned.

    With 5 views, the network runs on an image and on the four images shifted by one pixel along
    both axes, and the logits are averaged (test-time augmentation; the shifts alone, no weights).
    A front end gives its images shifted by half of its own pixels instead.
    """

    input_shape: Shape
    input_exponent: int
    layers: tuple[Layer, ...]
    views: int = 1
    front_end: FrontEnd | None = None


@dataclass(frozen=True)
class Step:
    """One layer as it is run.

    Attributes:
        layer: what is run.
        layer_index: where the layer is written.
        tensor: number of its weights in file order, None where it has none; layers that share their
            kernels have that of the first layer with weights.
    """

    layer: RunLayer
    layer_index: int
    tensor: int | None


@dataclass(frozen=True)
class TensorShapes:
    """The shapes of one layer's weights and bias (``None``: the layer has no bias)."""

    layer_index: int
    weights: tuple[int, ...]
    bias: int | None


class Growth:
    """A network as it grows layer by layer: what is run so far and the shape after each step.

    Attributes:
        steps: the layers in the order in which they are run, repetitions written out.
        shapes: of what the first layer sees, and of the activation after every step.
    """

    def __init__(
        self, input_shape: Shape, input_exponent: int, views: int, front_end: FrontEnd | None = None
    ) -> None:
        _check_input(input_shape, input_exponent, views)
        self.steps: list[Step] = []
        self.shapes: list[Shape] = [input_shape]
        if front_end is not None:
            self._check_size()
            self.shapes = [front_end.output_shape(input_shape)]
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
        layer.check(f"layer {index}")
        if isinstance(layer, Repetition):
            start = index - layer.back
            repeated = self._written[start : start + layer.count] if start >= 0 else [None]
            if None in repeated:
                raise _error(
                    f"layer {index}", f"{layer}", "earlier layers that repeat nothing themselves"
                )
            self._written.append(None)
            return [step for step in repeated if step is not None]
        assert isinstance(layer, RunLayer)
        number = None
        if isinstance(layer, WeightedLayer):
            number = 0 if layer.borrows else self._tensors
            self._tensors += not layer.borrows
        step = Step(layer, index, number)
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
            shape = step.layer.output_shape(self.shapes, f"layer {step.layer_index}")
            if isinstance(step.layer, WeightedLayer) and step.layer.borrows:
                self._check_kernels(step.layer, f"layer {step.layer_index}")
            self.steps.append(step)
            self.shapes.append(shape)
            self._check_size()

    def _check_kernels(self, layer: WeightedLayer, where: str) -> None:
        """Check that the first layer with weights has kernels as a layer needs them."""
        needed = layer.weights_shape(self.shapes[-1])[1:]
        for step, shape in zip(self.steps, self.shapes, strict=False):
            if step.tensor == 0 and isinstance(step.layer, WeightedLayer):
                found = step.layer.weights_shape(shape)[1:]
                if step.layer.lends_kernels and found == needed:
                    return
                got = f"the first weights of {step.layer}, kernels of {found}"
                raise _error(where, got, f"a convolution with kernels of {needed}")
        raise _error(where, "no weights before it", f"a convolution with kernels of {needed}")


def _check_input(shape: Shape, exponent: int, views: int) -> None:
    if len(shape) != 3 or min(shape) < 1 or max(shape[1:]) > MAX_SIDE or shape[0] > MAX_CHANNELS:
        raise _error("input shape", str(shape), f"(channels, height, width) of 1 to {MAX_SIDE}")
    if not -64 <= exponent <= 64:
        raise _error("input exponent", str(exponent), "-64 to 64")
    if views not in (1, len(VIEW_SHIFTS)):
        raise _error("views", str(views), f"1 or {len(VIEW_SHIFTS)}")
    if views > 1 and min(shape[1:]) < 2:
        raise _error("views", f"{views} of inputs of shape {shape}", "images")


def grown(architecture: Architecture) -> Growth:
    """Return the layers as they are run, and all shapes.

    Raises:
        NetworkError: as `activation_shapes`.
    """
    if not architecture.layers:
        raise _error("network", "0 layers", f"1 to {MAX_LAYERS}")
    growth = Growth(
        architecture.input_shape, architecture.input_exponent, architecture.views,
        architecture.front_end,
    )  # fmt: skip
    for layer in architecture.layers:
        growth.add(layer)
    return growth


def run_order(architecture: Architecture) -> tuple[Step, ...]:
    """Return the layers in the order in which they are run, repetitions written out.

    Raises:
        NetworkError: as `activation_shapes`.
    """
    return tuple(grown(architecture).steps)


def activation_shapes(architecture: Architecture) -> tuple[Shape, ...]:
    """Return the shape that the first layer sees, and that after every layer of `run_order`.

    Raises:
        NetworkError: if a layer does not fit its input, a repetition reaches out of the network or
            repeats a repetition, or a limit of the format is exceeded.
    """
    return tuple(grown(architecture).shapes)


def tensor_shapes(architecture: Architecture) -> tuple[TensorShapes, ...]:
    """Return the shapes of weights and biases of every layer that has them, in file order.

    Raises:
        NetworkError: as `activation_shapes`, if there are too many operations, or if a repeated
            layer meets inputs that its weights do not fit.
    """
    result: list[TensorShapes] = []
    operations = 0
    growth = grown(architecture)
    shapes = growth.shapes
    for index, step in enumerate(growth.steps):
        layer = step.layer
        if not isinstance(layer, WeightedLayer):
            continue
        weights = layer.weights_shape(shapes[index])
        if step.tensor == len(result):
            bias = weights[0] if layer.bias else None
            result.append(TensorShapes(layer_index=step.layer_index, weights=weights, bias=bias))
        elif step.tensor is not None and not (
            layer.borrows or result[step.tensor].weights == weights
        ):
            raise _error(
                f"layer {step.layer_index}, repeated", f"weights of shape {weights}",
                f"{result[step.tensor].weights} as at its first use",
            )  # fmt: skip
        positions = math.prod(shapes[index + 1][1:])
        operations += architecture.views * math.prod(weights) * positions
        if operations > MAX_MULTIPLY_ACCUMULATES:
            raise _error(
                "network", "more than 2**32 multiply-accumulates an example", "at most 2**32"
            )
    return tuple(result)


def check_parameters(architecture: Architecture) -> None:
    """Check that a network has no more parameters than a file may hold.

    Raises:
        NetworkError: as `tensor_shapes`, or if it has more.
    """
    parameters = parameter_count(architecture)
    if parameters > MAX_PARAMETERS:
        raise _error(
            "network", f"{parameters:,} parameters", f"at most {MAX_PARAMETERS:,} in a file"
        )


def parameter_count(architecture: Architecture) -> int:
    """Return the number of weights and biases (each shared or repeated value counted once)."""
    return sum(math.prod(t.weights) + (t.bias or 0) for t in tensor_shapes(architecture))


def class_count(architecture: Architecture) -> int:
    """Return the number of logits: the size of the last activation."""
    return math.prod(activation_shapes(architecture)[-1])


def multiply_accumulate_count(architecture: Architecture) -> int:
    """Return the multiply-accumulates of one example, all views, biases not counted."""
    growth = grown(architecture)
    shapes = growth.shapes
    return architecture.views * sum(
        step.layer.multiply_accumulates(shapes[index], shapes[index + 1])
        for index, step in enumerate(growth.steps)
        if isinstance(step.layer, WeightedLayer)
    )
