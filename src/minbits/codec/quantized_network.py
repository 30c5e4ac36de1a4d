"""A network whose weights are integers times a step: exactly what a network file holds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import Architecture, parameter_count, tensor_shapes
from minbits.codec.dependent import multiples
from minbits.errors import NetworkError

STEPS_PER_OCTAVE = 4
MIN_STEP_INDEX = -256
MAX_STEP_INDEX = 256
MAX_LEVEL = 1 << 20

# 2 ** (k / 4) to the last bit of a double, written out so that no machine's libm can differ.
_QUARTER_POWERS = (1.0, 1.189207115002721, 1.4142135623730951, 1.681792830507429)

IntegerArray = npt.NDArray[np.int32]
FloatArray = npt.NDArray[np.float32]


def step_size(step_index: int) -> float:
    """Return the quantisation step ``2 ** (step_index / 4)``."""
    octave, quarter = divmod(step_index, STEPS_PER_OCTAVE)
    return math.ldexp(_QUARTER_POWERS[quarter], octave)


def nearest_step_index(step: float) -> int:
    """Return the index of the step of the format nearest to ``step`` in ratio.

    Raises:
        NetworkError: if ``step`` is not positive and finite, or too small or large for the format.
    """
    if not (step > 0 and math.isfinite(step)):
        raise NetworkError("step", str(step), "a positive number", "Train again.")
    index = round(STEPS_PER_OCTAVE * math.log2(step))
    if not MIN_STEP_INDEX <= index <= MAX_STEP_INDEX:
        raise NetworkError("step", str(step), "2**-64 to 2**64", "Rescale the weights.")
    return index


@dataclass(frozen=True, eq=False)
class QuantizedTensor:
    """Integer levels times ``2 ** (step_index / 4)``.

    Where ``is_dependent``, a level's multiple of the step depends on the levels before it
    (`minbits.codec.dependent`), so that levels cannot be permuted.
    """

    levels: IntegerArray
    step_index: int
    is_dependent: bool = False

    def values(self) -> FloatArray:
        """Return the real values, float32, in the shape of ``levels``."""
        counts = multiples(self.levels) if self.is_dependent else self.levels
        return (counts * step_size(self.step_index)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class QuantizedLayer:
    """The weights of one layer and its bias, ``None`` where the layer has none."""

    weights: QuantizedTensor
    bias: QuantizedTensor | None


@dataclass(frozen=True, eq=False)
class QuantizedNetwork:
    """An architecture and one `QuantizedLayer` for each layer that has weights, in order.

    Raises:
        NetworkError: if shapes, types or ranges do not fit the architecture and the format.
    """

    architecture: Architecture
    layers: tuple[QuantizedLayer, ...]

    def __post_init__(self) -> None:
        """Check every tensor against the architecture."""
        shapes = tensor_shapes(self.architecture)
        if len(shapes) != len(self.layers):
            raise NetworkError(
                "network", f"{len(self.layers)} layers of weights", str(len(shapes)), "Add them."
            )
        for shape, layer in zip(shapes, self.layers, strict=True):
            where = f"layer {shape.layer_index}"
            _check_tensor(layer.weights, shape.weights, f"{where}, weights")
            if (layer.bias is None) != (shape.bias is None):
                raise NetworkError(where, "bias of one, not of the other", "both", "Add the bias.")
            if layer.bias is not None and shape.bias is not None:
                _check_tensor(layer.bias, (shape.bias,), f"{where}, bias")
                if layer.bias.is_dependent:
                    raise NetworkError(where, "dependent levels", "plain ones", "Round anew.")

    @property
    def parameter_count(self) -> int:
        """The number of stored weights and biases."""
        return parameter_count(self.architecture)

    @property
    def has_dependent_levels(self) -> bool:
        """Whether the levels of some tensor stand for values that depend on those before."""
        return any(layer.weights.is_dependent for layer in self.layers)

    @property
    def nonzero_count(self) -> int:
        """The number of stored weights and biases that are not zero."""
        tensors = [t for layer in self.layers for t in (layer.weights, layer.bias) if t is not None]
        return sum(int(np.count_nonzero(tensor.levels)) for tensor in tensors)


def _check_tensor(tensor: QuantizedTensor, shape: tuple[int, ...], where: str) -> None:
    levels = tensor.levels
    if levels.dtype != np.int32 or levels.shape != shape:
        raise NetworkError(
            where, f"{levels.dtype} {levels.shape}", f"int32 {shape}", "Pass such an array."
        )
    if levels.size and max(-int(levels.min()), int(levels.max())) > MAX_LEVEL:
        raise NetworkError(where, "a level beyond 2**20", "smaller levels", "Use a larger step.")
    if not MIN_STEP_INDEX <= tensor.step_index <= MAX_STEP_INDEX:
        raise NetworkError(
            where,
            f"step index {tensor.step_index}",
            f"{MIN_STEP_INDEX} to {MAX_STEP_INDEX}",
            "Rescale the weights.",
        )
