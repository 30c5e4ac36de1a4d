"""Rounding a trained network to few bits without training it further.

Steps follow from the sensitivity of the outputs: where nothing is known but the weights, each
tensor is taken to disturb the outputs by the square of its error relative to its own norm, so that
the step of a tensor is a fixed part of its norm. Where data is at hand, the diagonal of the
empirical Fisher matrix says more (second-order sensitivity, as in optimal brain damage, LeCun et
al. 1990). Levels are then chosen for rate and distortion together (Sullivan & Wiegand 1998): of
the two neighbours of a weight and zero, the one of least ``sensitivity * error**2 + price * bits``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import Architecture, tensor_shapes
from minbits.codec.architecture_code import kind_of
from minbits.codec.quantized_network import (
    QuantizedLayer,
    QuantizedNetwork,
    QuantizedTensor,
    nearest_step_index,
    step_size,
)
from minbits.compression.quantizer import SMALLEST_SCALE
from minbits.compression.steps import share_steps
from minbits.networks.parameters import parameter_layout
from minbits.training.distortion import NO_DISTORTIONS
from minbits.training.engine import Engine, ObjectiveSettings
from minbits.training.loop import Draw, TrainingData, batch_of

Float = npt.NDArray[np.float32]
Double = npt.NDArray[np.float64]

# Of a step's square times the sensitivity: what a bit may cost. At high rates the slope of the
# rate-distortion function is 1/6 nat, or 0.12 for a bit.
PRICE_OF_A_BIT = 0.12
_BIAS_STEP_PART = 0.5
_FITTINGS = 4


@dataclass(frozen=True)
class _Piece:
    """One tensor to round."""

    family: str
    values: Double
    sensitivity: Double
    step: float


def fisher_sensitivity(
    architecture: Architecture, values: Float, data: TrainingData, engine: Engine,
    batches: int = 100, batch_size: int = 32,
) -> Double:  # fmt: skip
    """Return the mean squared gradient of each parameter over small batches of ``data``."""
    layout = parameter_layout(architecture, normalised=False)
    batch = batch_of(data, batch_size)
    objective = engine.objective(layout, data, ObjectiveSettings(batch))
    gradient = np.zeros_like(values)
    total = np.zeros(len(values))
    count = max(1, min(batches, len(data.labels) // batch))
    for number in range(count):
        indices = np.arange(number * batch, (number + 1) * batch)
        objective.loss_and_gradient(values, Draw(indices, NO_DISTORTIONS), gradient)
        total += np.square(gradient, dtype=np.float64)
    return total / count


def level_bits(levels: npt.NDArray[np.int64]) -> Double:
    """Return the bits of levels 0, 1, 2, … under the adaptive code fitted to ``levels``.

    The code writes a zero flag, a sign, and unary flags of which the fourth and later share a
    model (`minbits.codec.integers.code_weight`).
    """
    magnitudes = np.abs(levels).ravel()
    largest = int(magnitudes.max(initial=0)) + 2

    def flag(ones: float, count: float) -> tuple[float, float]:
        part = (ones + 0.5) / (count + 1)
        return -math.log2(1 - part), -math.log2(part)

    count = len(magnitudes)
    at_least = [int((magnitudes >= k).sum()) for k in range(6)]
    zero, nonzero = flag(at_least[1], count)
    flags = [flag(at_least[k + 1], at_least[k]) for k in (1, 2, 3)]
    beyond = float(np.maximum(magnitudes - 4, 0).sum())
    flags.append(flag(beyond, beyond + at_least[4]))
    bits = np.zeros(largest + 1)
    bits[0] = zero
    prefix = nonzero + 1
    for magnitude in range(1, largest + 1):
        stop, more = flags[min(magnitude, 4) - 1]
        bits[magnitude] = prefix + stop
        prefix += more
    return bits


def _rounded(piece: _Piece, bits: Double, price: float) -> npt.NDArray[np.int64]:
    scaled = piece.values / piece.step
    below = np.floor(np.abs(scaled))
    best = np.zeros(scaled.shape)
    best_cost = piece.sensitivity * np.square(scaled) + price * bits[0]
    for candidate in (below, below + 1):
        rates = bits[np.minimum(candidate, len(bits) - 1).astype(int)]
        # Beyond the largest level met so far every unit costs as much as the last one did.
        rates = rates + np.maximum(candidate - (len(bits) - 1), 0) * (bits[-1] - bits[-2])
        cost = piece.sensitivity * np.square(np.abs(scaled) - candidate) + price * rates
        better = cost < best_cost
        best = np.where(better, candidate, best)
        best_cost = np.where(better, cost, best_cost)
    return np.asarray(np.sign(scaled) * best, np.int64)


def _pieces(
    architecture: Architecture, values: Float, error: float, sensitivity: Double | None
) -> list[_Piece]:
    layout = parameter_layout(architecture, normalised=False)
    tensors = layout.tensors(values)
    sensitive = None if sensitivity is None else layout.tensors(sensitivity.astype(np.float32))
    pieces: list[_Piece] = []
    for index, (weights, bias) in enumerate(tensors):
        family = kind_of(architecture.layers[layout.slots[index].layer_index])
        if sensitive is None:
            norm = max(float(np.linalg.norm(weights)), SMALLEST_SCALE)
            step = error * norm
            pieces.append(_Piece(family, weights.astype(np.float64), np.ones(weights.shape), step))
        else:
            found = sensitive[index][0].astype(np.float64)
            mean = max(float(found.mean()), 1e-30)
            step = error / math.sqrt(mean)
            relative = np.clip(found / mean, 1e-3, 1e3)
            pieces.append(_Piece(family, weights.astype(np.float64), relative, step))
        if bias is not None:
            pieces.append(
                _Piece("bias", bias.astype(np.float64), np.ones(bias.shape), step * _BIAS_STEP_PART)
            )
    return pieces


def round_network(
    architecture: Architecture, values: Float, error: float, sensitivity: Double | None = None
) -> QuantizedNetwork:
    """Return the network with its weights on grids, for the file to be short.

    Args:
        architecture: the network.
        values: parameters in the plain layout.
        error: without sensitivity, the step of a tensor over its norm; with it, the step times the
            root of the tensor's mean sensitivity. Larger means fewer bits.
        sensitivity: of the loss to each parameter, such as `fisher_sensitivity`; None without data.

    Raises:
        NetworkError: if a level or a step is out of the format's range.
    """
    pieces = _pieces(architecture, values, error, sensitivity)
    pieces = [
        _Piece(p.family, p.values, p.sensitivity, step_size(nearest_step_index(p.step)))
        for p in pieces
    ]
    levels = [np.rint(piece.values / piece.step).astype(np.int64) for piece in pieces]
    for _ in range(_FITTINGS):
        families = {piece.family for piece in pieces}
        bits = {
            family: level_bits(
                np.concatenate(
                    [n.ravel() for n, p in zip(levels, pieces, strict=True) if p.family == family]
                )
            )
            for family in families
        }
        levels = [_rounded(piece, bits[piece.family], PRICE_OF_A_BIT) for piece in pieces]
    found = iter(zip(levels, pieces, strict=True))
    layers: list[QuantizedLayer] = []
    for shape in tensor_shapes(architecture):
        weights = _tensor(*next(found))
        layers.append(
            QuantizedLayer(weights, None if shape.bias is None else _tensor(*next(found)))
        )
    return share_steps(QuantizedNetwork(architecture, tuple(layers)))


def _tensor(levels: npt.NDArray[np.int64], piece: _Piece) -> QuantizedTensor:
    return QuantizedTensor(levels.astype(np.int32), nearest_step_index(piece.step))
