"""The parameters of a network as one flat vector: where each lies, how it starts, how it folds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import Architecture, run_order, tensor_shapes
from minbits.layers.base import WeightedLayer

Float = npt.NDArray[np.float32]
# Weights and bias of a layer; None where it has no bias.
PlainTensors = tuple[Float, Float | None]

BATCH_NORM_EPSILON = 1e-5  # as PyTorch's default


@dataclass(frozen=True)
class TensorSlot:
    """Where one layer's parameters lie in the flat vector.

    Attributes:
        layer_index: where the layer is written.
        shape: of the weights.
        weights_at: start of the weights, flat ``[output, tap]``.
        scale_at: start of the normalisation's factors a channel; None where there are none.
        shift_at: start of the biases, or of the normalisation's summands; None for neither.
        moments_at: start of the channels in vectors of means and variances; None likewise.
    """

    layer_index: int
    shape: tuple[int, ...]
    weights_at: int
    scale_at: int | None
    shift_at: int | None
    moments_at: int | None

    @property
    def outputs(self) -> int:
        """The number of output channels."""
        return self.shape[0]

    @property
    def taps(self) -> int:
        """The number of weights of one output."""
        return math.prod(self.shape[1:])


@dataclass(frozen=True)
class ParameterLayout:
    """All slots of a network, in file order.

    Every convolution that has a bias and runs once can be normalised in place of it: batch
    normalisation (Ioffe & Szegedy 2015) while training, folded away afterwards. A repeated layer
    meets inputs of other statistics at each use, which one folded factor cannot undo.
    """

    architecture: Architecture
    slots: tuple[TensorSlot, ...]
    size: int
    moments_size: int

    @property
    def is_normalised(self) -> bool:
        """Whether any layer is normalised."""
        return self.moments_size > 0

    def initial(self, seed: int) -> Float:
        """Return weights from He's normal distribution (He et al. 2015), unit scales, no shifts."""
        generator = np.random.default_rng(seed)
        values = np.zeros(self.size, np.float32)
        for slot in self.slots:
            layer = self.architecture.layers[slot.layer_index]
            gain = 1.0 if getattr(layer, "activation", "none") == "none" else math.sqrt(2.0)
            count = slot.outputs * slot.taps
            drawn = generator.standard_normal(count, np.float32)
            end = slot.weights_at + count
            values[slot.weights_at : end] = drawn * np.float32(gain / math.sqrt(slot.taps))
            if slot.scale_at is not None:
                values[slot.scale_at : slot.scale_at + slot.outputs] = 1
        return values

    def tensors(self, values: Float) -> list[PlainTensors]:
        """Return views of weights and shifts, in their shapes.

        Raises:
            ValueError: if layers are normalised: fold them first.
        """
        if self.is_normalised:
            raise ValueError("normalised parameters have no plain tensors; fold them first")
        result: list[PlainTensors] = []
        for slot in self.slots:
            weights = values[slot.weights_at : slot.weights_at + slot.outputs * slot.taps]
            shift = None
            if slot.shift_at is not None:
                shift = values[slot.shift_at : slot.shift_at + slot.outputs]
            result.append((weights.reshape(slot.shape), shift))
        return result

    def fold(self, values: Float, means: Float, variances: Float) -> Float:
        """Return the parameters of the plain layout that compute the same without normalisation.

        Args:
            values: parameters in this layout.
            means: of the sums that are normalised, one a channel, ``(moments_size,)``.
            variances: likewise.
        """
        plain = parameter_layout(self.architecture, normalised=False)
        result = np.zeros(plain.size, np.float32)
        for slot, target in zip(self.slots, plain.slots, strict=True):
            count = slot.outputs * slot.taps
            weights = values[slot.weights_at : slot.weights_at + count]
            weights = weights.reshape(slot.outputs, slot.taps)
            shift = None
            if slot.shift_at is not None:
                shift = values[slot.shift_at : slot.shift_at + slot.outputs]
            if slot.scale_at is not None and slot.moments_at is not None and shift is not None:
                part = slice(slot.moments_at, slot.moments_at + slot.outputs)
                scale = values[slot.scale_at : slot.scale_at + slot.outputs]
                factor = scale / np.sqrt(variances[part] + np.float32(BATCH_NORM_EPSILON))
                weights = weights * factor[:, None]
                shift = shift - means[part] * factor
            result[target.weights_at : target.weights_at + count] = weights.ravel()
            if shift is not None and target.shift_at is not None:
                result[target.shift_at : target.shift_at + slot.outputs] = shift
        return result

    def unfold(self, plain: Float, means: Float, variances: Float) -> Float:
        """Return parameters of this layout that compute what plain ones do: `fold` undone.

        Args:
            plain: parameters in the plain layout.
            means: of the sums that are normalised, one a channel, ``(moments_size,)``, as they are
                with the returned parameters; those of a layer hang on the layers before it alone.
            variances: likewise.
        """
        source = parameter_layout(self.architecture, normalised=False)
        result = np.zeros(self.size, np.float32)
        for slot, given in zip(self.slots, source.slots, strict=True):
            count = slot.outputs * slot.taps
            weights = plain[given.weights_at : given.weights_at + count]
            result[slot.weights_at : slot.weights_at + count] = weights
            if slot.shift_at is None or given.shift_at is None:
                continue
            shift = plain[given.shift_at : given.shift_at + slot.outputs]
            if slot.scale_at is not None and slot.moments_at is not None:
                part = slice(slot.moments_at, slot.moments_at + slot.outputs)
                deviation = np.sqrt(variances[part] + np.float32(BATCH_NORM_EPSILON))
                result[slot.scale_at : slot.scale_at + slot.outputs] = deviation
                shift = shift + means[part]
            result[slot.shift_at : slot.shift_at + slot.outputs] = shift
        return result


def parameter_layout(architecture: Architecture, normalised: bool) -> ParameterLayout:
    """Return where the parameters of a network lie in one flat vector.

    Args:
        architecture: the network.
        normalised: whether convolutions with a bias that run once are normalised.
    """
    uses: dict[int, int] = {}
    for step in run_order(architecture):
        if step.tensor is not None:
            uses[step.tensor] = uses.get(step.tensor, 0) + 1
    slots: list[TensorSlot] = []
    at = moments = 0
    for index, shapes in enumerate(tensor_shapes(architecture)):
        layer = architecture.layers[shapes.layer_index]
        outputs = shapes.weights[0]
        scaled = (
            normalised
            and isinstance(layer, WeightedLayer)
            and layer.can_be_normalised
            and shapes.bias is not None
            and uses[index] == 1
        )
        weights_at = at
        at += math.prod(shapes.weights)
        scale_at = at if scaled else None
        at += outputs if scaled else 0
        shift_at = at if shapes.bias is not None else None
        at += outputs if shapes.bias is not None else 0
        moments_at = moments if scaled else None
        moments += outputs if scaled else 0
        slots.append(
            TensorSlot(
                shapes.layer_index, shapes.weights, weights_at, scale_at, shift_at, moments_at
            )
        )
    return ParameterLayout(architecture, tuple(slots), at, moments)


def flat_parameters(architecture: Architecture, tensors: Sequence[PlainTensors]) -> Float:
    """Return weights and biases as one vector in the plain layout."""
    pieces = [
        np.asarray(part, np.float32).ravel()
        for pair in tensors
        for part in pair
        if part is not None
    ]
    values = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    expected = parameter_layout(architecture, normalised=False).size
    if len(values) != expected:
        raise ValueError(f"{len(values)} parameters, where the architecture has {expected}")
    return values
