"""Rounding a trained network to few bits without training it further.

Steps follow from the sensitivity of the outputs: where nothing is known but the weights, each
tensor is taken to disturb the outputs by the square of its error relative to its own norm, so that
the step of a tensor is a fixed part of its norm. Where data is at hand, the diagonal of the
empirical Fisher matrix says more (second-order sensitivity, as in optimal brain damage, LeCun et
al. 1990). Levels are then chosen for rate and distortion together (Sullivan & Wiegand 1998): of
the two neighbours of a weight and zero, the one of least ``sensitivity * error**2 + price * bits``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import Architecture, tensor_shapes
from minbits.codec.layout import layout_of
from minbits.codec.mixed_levels import MixingState
from minbits.codec.quantized_network import (
    QuantizedLayer,
    QuantizedNetwork,
    QuantizedTensor,
    nearest_step_index,
    step_size,
)
from minbits.codec.tensor_code import MIN_MIXED
from minbits.compression.quantizer import SMALLEST_SCALE
from minbits.compression.steps import share_steps
from minbits.compression.symmetries import sort_channels
from minbits.compression.trellis import dependent_levels
from minbits.networks.parameters import parameter_layout
from minbits.training.distortion import NO_DISTORTIONS
from minbits.training.engine import Engine, ObjectiveSettings
from minbits.training.loop import Draw, TrainingData, batch_of

Float = npt.NDArray[np.float32]
Double = npt.NDArray[np.float64]

# Of a step's square times the sensitivity: what a bit may cost. At high rates the slope of the
# rate-distortion function is 1/6 nat, or 0.12 for a bit.
PRICE_OF_A_BIT = 0.12
# Dependent levels waste less on rounding, so that a bit buys less.
PRICE_OF_A_DEPENDENT_BIT = 0.06
# Networks without a tensor of at least this many weights are better off with plain levels.
MIN_DEPENDENT = 4096
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


# The bits of levels beyond the fourth grow evenly.
_LARGEST_LISTED = 6


def level_bits(levels: npt.NDArray[np.int64]) -> Double:
    """Return the bits of levels 0, 1, 2, … under the adaptive code fitted to ``levels``.

    The code writes a zero flag, a sign, and unary flags of which the fourth and later share a
    model (`minbits.codec.integers.code_weight`). `bits_at` reads what is returned.
    """
    magnitudes = np.abs(levels).ravel()
    largest = min(int(magnitudes.max(initial=0)) + 2, _LARGEST_LISTED)

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


def bits_at(magnitudes: Double, bits: Double) -> Double:
    """Return the bits of levels; beyond those listed every unit costs as much as the last one."""
    listed = bits[np.minimum(magnitudes, len(bits) - 1).astype(np.int64)]
    beyond = np.maximum(magnitudes - (len(bits) - 1), 0)
    return np.asarray(listed + beyond * (bits[-1] - bits[-2]))


def _rounded(piece: _Piece, bits: Double, price: float) -> npt.NDArray[np.int64]:
    scaled = piece.values / piece.step
    below = np.floor(np.abs(scaled))
    best = np.zeros(scaled.shape)
    best_cost = piece.sensitivity * np.square(scaled) + price * bits[0]
    for candidate in (below, below + 1):
        rates = bits_at(candidate, bits)
        cost = piece.sensitivity * np.square(np.abs(scaled) - candidate) + price * rates
        better = cost < best_cost
        best = np.where(better, candidate, best)
        best_cost = np.where(better, cost, best_cost)
    return np.asarray(np.sign(scaled) * best, np.int64)


def _pieces(
    architecture: Architecture, values: Float, error: float, sensitivity: Double | None,
    step_factors: Sequence[float],
) -> list[_Piece]:  # fmt: skip
    layout = parameter_layout(architecture, normalised=False)
    tensors = layout.tensors(values)
    sensitive = None if sensitivity is None else layout.tensors(sensitivity.astype(np.float32))
    pieces: list[_Piece] = []
    for index, (weights, bias) in enumerate(tensors):
        family = architecture.layers[layout.slots[index].layer_index].code_kind
        factor = step_factors[index] if step_factors else 1.0
        if sensitive is None:
            norm = max(float(np.linalg.norm(weights)), SMALLEST_SCALE)
            step, relative = factor * error * norm, np.ones(weights.shape)
        else:
            found = sensitive[index][0].astype(np.float64)
            mean = max(float(found.mean()), 1e-30)
            step = factor * error / math.sqrt(mean)
            relative = np.clip(found / mean, 1e-3, 1e3)
        pieces.append(_Piece(family, weights.astype(np.float64), relative, _on_grid(step)))
        if bias is not None:
            found_bias = bias.astype(np.float64)
            bias_step = _on_grid(step * _BIAS_STEP_PART)
            pieces.append(_Piece("bias", found_bias, np.ones(bias.shape), bias_step))
    return pieces


def _on_grid(step: float) -> float:
    return step_size(nearest_step_index(step))


def round_network(
    architecture: Architecture, values: Float, error: float, sensitivity: Double | None = None,
    step_factors: Sequence[float] = (), is_dependent: bool | None = None,
    price: float | None = None,
) -> QuantizedNetwork:  # fmt: skip
    """Return the network with its weights on grids, for the file to be short.

    Args:
        architecture: the network.
        values: parameters in the plain layout.
        error: without sensitivity, the step of a tensor over its norm; with it, the step times the
            root of the tensor's mean sensitivity. Larger means fewer bits.
        sensitivity: of the loss to each parameter, such as `fisher_sensitivity`; None without data.
        step_factors: of each tensor of weights, by which its step differs; none: 1.
        is_dependent: whether large tensors get dependent levels (`compression.trellis`); None:
            where a tensor has at least `MIN_DEPENDENT` weights.
        price: of a bit, of a squared step times the sensitivity; None: the usual one.

    Raises:
        NetworkError: if a level or a step is out of the format's range.
    """
    pieces = _pieces(architecture, values, error, sensitivity, step_factors)
    if is_dependent is None:
        is_dependent = max(piece.values.size for piece in pieces) >= MIN_DEPENDENT
    plain_price = PRICE_OF_A_BIT if price is None or is_dependent else price
    network = _as_network(architecture, pieces, _plain_levels(pieces, plain_price))
    if is_dependent:
        dependent_price = PRICE_OF_A_DEPENDENT_BIT if price is None else price
        network = _with_dependent_levels(network, pieces, dependent_price)
    return share_steps(network)


def _plain_levels(pieces: list[_Piece], price: float) -> list[npt.NDArray[np.int64]]:
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
        levels = [_rounded(piece, bits[piece.family], price) for piece in pieces]
    return levels


def _as_network(
    architecture: Architecture, pieces: list[_Piece], levels: list[npt.NDArray[np.int64]]
) -> QuantizedNetwork:
    found = iter(
        QuantizedTensor(n.astype(np.int32), nearest_step_index(piece.step))
        for n, piece in zip(levels, pieces, strict=True)
    )
    layers = [
        QuantizedLayer(next(found), None if shape.bias is None else next(found))
        for shape in tensor_shapes(architecture)
    ]
    return QuantizedNetwork(architecture, tuple(layers))


def _with_dependent_levels(
    network: QuantizedNetwork, pieces: list[_Piece], price: float
) -> QuantizedNetwork:
    """Return a network of ascending biases whose large tensors are dependent."""
    architecture, mixing = network.architecture, MixingState()
    weights = [piece for piece in pieces if piece.family != "bias"]
    layers: list[QuantizedLayer] = []
    for index, (piece, places, layer) in enumerate(
        zip(weights, _sorted_places(network), sort_channels(network).layers, strict=True)
    ):
        if piece.values.size >= MIN_MIXED:
            layout = layout_of(architecture, index, piece.values.shape, True)
            step_index = nearest_step_index(piece.step / 2)
            levels = dependent_levels(
                piece.values.ravel()[places].reshape(piece.values.shape),
                piece.sensitivity.ravel()[places],
                step_size(step_index),
                price, layout, mixing,
            )  # fmt: skip
            dependent = QuantizedTensor(levels, step_index, True)
            layers.append(dataclasses.replace(layer, weights=dependent))
        else:
            layers.append(layer)
    return QuantizedNetwork(architecture, tuple(layers))


def _sorted_places(network: QuantizedNetwork) -> list[npt.NDArray[np.int64]]:
    """Return, for each tensor of weights, where `sort_channels` takes each weight from."""
    numbered = [
        dataclasses.replace(
            layer,
            weights=QuantizedTensor(
                np.arange(layer.weights.levels.size, dtype=np.int32).reshape(
                    layer.weights.levels.shape
                ),
                0,
            ),
        )
        for layer in network.layers
    ]
    found = sort_channels(QuantizedNetwork(network.architecture, tuple(numbered)))
    return [layer.weights.levels.ravel().astype(np.int64) for layer in found.layers]
