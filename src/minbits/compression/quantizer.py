"""All weights and biases as one latent vector that is rounded in every forward pass, compiled.

Rounding passes gradients on unchanged (Bengio et al. 2013); steps are learned (LSQ, Esser et al.
2020) and, for the larger part of the training, fixed on the format's grid, so that nothing changes
when the file is written. The rate is a differentiable estimate of the code length: the codec writes
a level as a zero flag, a sign and a unary magnitude, each flag with an adaptive probability, and
the matching prior is a two-sided geometric distribution with its own probability of zero, fitted
afresh to the levels of each group at every step:

    P(0) = p0,   P(k) = (1 - p0) / 2 * (1 - theta) * theta ** (|k| - 1)  for k != 0.

Its code length is interpolated linearly between integers, so that a weight is drawn to fewer bits
and a step to larger ones.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import Architecture, tensor_shapes
from minbits.codec.quantized_network import (
    STEPS_PER_OCTAVE,
    QuantizedLayer,
    QuantizedNetwork,
    QuantizedTensor,
)
from minbits.compilation import compiled

Float = npt.NDArray[np.float32]
Integer = npt.NDArray[np.int64]

SMALLEST_SCALE = 1e-4
AVERAGE_MOMENTUM = 0.01  # of the running average of levels, a step
PLACE_MOMENTUM = 0.05  # likewise of places between levels, which do not jump
_LOG_STEP = math.log(2) / STEPS_PER_OCTAVE


@compiled()
def fit_tables(levels: Float, groups: Integer, tables: Float) -> None:
    """Write, for each group, the bits of a zero, of a magnitude of one, and of each unit beyond.

    Half a count is added to each side, as the adaptive models of the codec do.
    """
    counts = np.zeros(tables.shape, np.float64)
    for i in range(len(levels)):
        magnitude = abs(levels[i])
        counts[groups[i], 0] += 1
        counts[groups[i], 1] += magnitude > np.float32(0)
        counts[groups[i], 2] += magnitude
    for group in range(len(tables)):
        count, nonzero, total = counts[group]
        p_zero = (count - nonzero + 0.5) / (count + 1)
        theta = (total - nonzero + 0.5) / (total + 1)
        tables[group, 0] = -np.log2(p_zero)
        tables[group, 1] = 1 - np.log2(1 - p_zero) - np.log2(1 - theta)
        tables[group, 2] = -np.log2(theta)


@compiled()
def quantize(
    latent: Float, step_indices: Float, pieces: Integer, groups: Integer, levels: Float,
    values: Float, tables: Float, frozen_levels: Float, is_frozen: npt.NDArray[np.bool_],
    softness: float,
) -> float:  # fmt: skip
    """Write levels and rounded values, fit the tables, and return the estimated bits.

    Frozen weights have the level in ``frozen_levels``, whatever their step has become. Of the
    others a part ``softness`` of what rounding takes away is left.
    """
    left = np.float32(softness)
    steps = np.exp2(step_indices / np.float32(STEPS_PER_OCTAVE)).astype(np.float32)
    for i in range(len(latent)):
        step = steps[pieces[i]]
        if is_frozen[i]:
            latent[i] = frozen_levels[i] * step
        levels[i] = np.rint(latent[i] / step)
        values[i] = levels[i] * step
        if not is_frozen[i]:
            values[i] += left * (latent[i] - values[i])
    fit_tables(levels, groups, tables)
    bits = 0.0
    for i in range(len(latent)):
        magnitude = abs(latent[i] / steps[pieces[i]])
        zero, one, unit = tables[groups[i]]
        bits += zero + (one - zero) * min(magnitude, np.float32(1))
        bits += unit * max(magnitude - np.float32(1), np.float32(0))
    return bits


@compiled()
def latent_gradient(
    latent: Float, step_indices: Float, pieces: Integer, groups: Integer, levels: Float,
    tables: Float, value_gradient: Float, penalty: float, softness: float, gradient: Float,
    step_gradient: Float,
) -> None:  # fmt: skip
    """Write the gradients of ``loss + penalty * bits`` in the latent vector and the step indices.

    Args:
        softness: see `quantize`.
        value_gradient: of the loss in the rounded values.
        penalty: nats a bit.
        gradient, step_gradient: overwritten.
    """
    steps = np.exp2(step_indices / np.float32(STEPS_PER_OCTAVE)).astype(np.float32)
    weight, rounded = np.float32(penalty), np.float32(1 - softness)
    step_gradient[:] = 0
    for i in range(len(latent)):
        piece = pieces[i]
        step = steps[piece]
        scaled = latent[i] / step
        zero, one, unit = tables[groups[i]]
        # Never away from zero: a prior fitted to levels that shun it would only confirm itself.
        slope = max(one - zero, unit) if abs(scaled) < np.float32(1) else unit
        bits = weight * slope * np.sign(scaled)
        gradient[i] = value_gradient[i] + bits / step
        # Logarithmic derivatives in the step, of the value and of the scaled weight.
        moved = rounded * (levels[i] - scaled) * step
        step_gradient[piece] += value_gradient[i] * moved - bits * scaled
    for piece in range(len(step_gradient)):
        step_gradient[piece] *= np.float32(_LOG_STEP)


@compiled()
def follow_levels(
    places: Float, momentum: float, average: Float, is_frozen: npt.NDArray[np.bool_]
) -> None:
    """Update the running average of the level, or place, of every weight that is not frozen."""
    new = np.float32(momentum)
    for i in range(len(places)):
        if not is_frozen[i]:
            average[i] += new * (places[i] - average[i])


class Quantizer:
    """Latent weights and step indices, one step a tensor.

    Args:
        architecture: the network.
        values: weights and biases in the plain layout.
        initial_step_ratio: first step over the root mean square of a tensor.
        step_indices: first steps in place of those, one a tensor, in steps of the format's grid.

    Attributes:
        latent: float32 of shape ``(parameters,)``; train it in place.
        step_indices: float32 of shape ``(tensors,)``; train it in place.
        values: the rounded parameters of the last `forward`.
    """

    def __init__(
        self,
        architecture: Architecture,
        values: Float,
        initial_step_ratio: float,
        step_indices: Float | None = None,
    ) -> None:
        self.architecture = architecture
        self._shapes = tensor_shapes(architecture)
        sizes: list[int] = []
        families: list[str] = []
        for shape in self._shapes:
            sizes.append(math.prod(shape.weights))
            families.append(architecture.layers[shape.layer_index].code_kind)
            if shape.bias is not None:
                sizes.append(shape.bias)
                families.append("bias")
        names = sorted(set(families))
        self._ends = np.cumsum(sizes)
        self._pieces = np.repeat(np.arange(len(sizes)), sizes)
        self._groups = np.array([names.index(name) for name in families])[self._pieces]
        self.latent = values.astype(np.float32, copy=True)
        scales = [
            max(float(np.sqrt(np.mean(np.square(piece)))), SMALLEST_SCALE)
            for piece in np.split(self.latent, self._ends[:-1])
        ]
        self.step_indices = np.array(
            [STEPS_PER_OCTAVE * math.log2(initial_step_ratio * scale) for scale in scales],
            np.float32,
        )
        if step_indices is not None:
            self.step_indices[:] = step_indices
        self.values = np.zeros_like(self.latent)
        self._levels = np.zeros_like(self.latent)
        self._tables = np.zeros((len(names), 3), np.float32)
        self.steps_are_fixed = False
        self._frozen_levels = np.zeros_like(self.latent)
        self._softness = 0.0
        self._average: Float | None = None
        self.is_frozen = np.zeros(len(self.latent), np.bool_)

    def forward(self, softness: float = 0.0) -> float:
        """Round the latent vector to `values` and return the estimated bits of the file.

        Args:
            softness: the part of what rounding takes away that is left to weights which are not
                frozen, in [0, 1].
        """
        self._softness = softness
        return float(
            quantize(
                self.latent, self.step_indices, self._pieces, self._groups, self._levels,
                self.values, self._tables, self._frozen_levels, self.is_frozen, softness,
            )
        )  # fmt: skip

    def fix_steps(self) -> None:
        """Round the steps to the format's grid, where they stay.

        Learned on the grid, a step whose gradient is small swings between two neighbours, and every
        level of its tensor with it: a fifth of the step at once.
        """
        self.step_indices[:] = np.round(self.step_indices)
        self.steps_are_fixed = True

    def follow(self) -> None:
        """Update the running average of the levels; call it after `forward`.

        After a soft one, it is that of the weights themselves, in steps.
        """
        places, momentum = self._levels, AVERAGE_MOMENTUM
        if self._softness:
            steps = np.exp2(self.step_indices / np.float32(STEPS_PER_OCTAVE))
            places, momentum = self.latent / steps[self._pieces], PLACE_MOMENTUM
        if self._average is None:
            self._average = places.copy()
        follow_levels(places, momentum, self._average, self.is_frozen)

    def freeze(self, share: float) -> None:
        """Freeze the weights nearest to a level on average until ``share`` of all are frozen.

        Rounding makes sensitive weights swing around the border between two levels, and the last
        step leaves them on either side by chance (Nagel et al. 2022). Frozen one after the other,
        most settled first, at the level nearest to their average, the others make up for the change
        (incremental quantisation, Zhou et al. 2017).

        Raises:
            ValueError: if `follow` was never called.
        """
        if self._average is None:
            raise ValueError("no averages to freeze weights at: call follow first")
        wanted = math.ceil(share * len(self.latent)) - int(self.is_frozen.sum())
        if wanted <= 0:
            return
        free = np.flatnonzero(~self.is_frozen)
        nearest = np.rint(self._average[free])
        order = np.argsort(np.abs(self._average[free] - nearest), kind="stable")[:wanted]
        self._frozen_levels[free[order]] = nearest[order]
        self.is_frozen[free[order]] = True

    def backward(
        self, value_gradient: Float, penalty: float, gradient: Float, step_gradient: Float
    ) -> None:
        """Overwrite the gradients of ``loss + penalty * bits``, after `forward`."""
        latent_gradient(
            self.latent, self.step_indices, self._pieces, self._groups, self._levels,
            self._tables, value_gradient, penalty, self._softness, gradient, step_gradient,
        )  # fmt: skip

    def export(self) -> QuantizedNetwork:
        """Return the network that `forward` computes, as integers and steps.

        Raises:
            NetworkError: if a level or a step is out of the format's range.
        """
        self.fix_steps()
        self.forward()
        indices = np.round(self.step_indices).astype(int)
        pieces = iter(np.split(self._levels.astype(np.int32), self._ends[:-1]))
        steps = iter(indices.tolist())
        layers: list[QuantizedLayer] = []
        for shape in self._shapes:
            weights = QuantizedTensor(next(pieces).reshape(shape.weights), next(steps))
            bias = None
            if shape.bias is not None:
                bias = QuantizedTensor(next(pieces), next(steps))
            layers.append(QuantizedLayer(weights, bias))
        return QuantizedNetwork(self.architecture, tuple(layers))
