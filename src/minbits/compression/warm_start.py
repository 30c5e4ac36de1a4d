"""Training on from a network file: its weights and steps as a start, changed a little or not.

A file holds a network up to factors that no prediction sees: scale moved between layers, and one
positive factor on all logits. The loss sees the latter, so that it is set anew from data.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import Architecture, parameter_count, tensor_shapes
from minbits.codec.quantized_network import STEPS_PER_OCTAVE, QuantizedNetwork
from minbits.compression.steps import is_homogeneous, keeps_factors, scales_are_free
from minbits.compression.thinning import narrowed, without_least_channels
from minbits.errors import NetworkError
from minbits.information.temperature import best_temperature, tempered_log_probabilities
from minbits.layers.base import shares_kernels
from minbits.layers.pooling import Pooling
from minbits.layers.repetition import Repetition
from minbits.networks.parameters import flat_parameters, parameter_layout
from minbits.training.context import TrainingContext
from minbits.training.engine import Engine
from minbits.training.loop import TrainingData

Float = npt.NDArray[np.float32]

# Examples that the factor of the logits is set on.
_CALIBRATION_EXAMPLES = 2000
# A factor of four.
_USUAL_FACTOR_STEPS = 2 * STEPS_PER_OCTAVE


@dataclass(frozen=True, eq=False)
class WarmStart:
    """Where the second phase starts.

    Attributes:
        architecture: the network.
        values: weights and biases in the plain layout.
        step_indices: of every tensor, in file order, in steps of the format's grid.
    """

    architecture: Architecture
    values: Float
    step_indices: Float


def warm_start(network: QuantizedNetwork) -> WarmStart:
    """Return the weights and steps of a decoded file."""
    pairs: list[tuple[Float, Float | None]] = []
    steps: list[int] = []
    for layer in network.layers:
        bias = None if layer.bias is None else layer.bias.values()
        pairs.append((layer.weights.values(), bias))
        steps.append(layer.weights.step_index)
        if layer.bias is not None:
            steps.append(layer.bias.step_index)
    values = flat_parameters(network.architecture, pairs)
    return WarmStart(network.architecture, values, np.array(steps, np.float32))


def calibrated(start: WarmStart, engine: Engine, data: TrainingData) -> WarmStart:
    """Return the start with its temperature calibrated on the labels.

    Its inverse is a power of the grid's ratio, which leaves all levels; it is found at whatever
    scale the logits have. The scale-invariant layers share it: files have one step for all weights,
    so that signals fade from layer to layer, and biases with them; training would move those by
    many of their steps at once.
    """
    if not _last_layer_scales_logits(start.architecture):
        return start
    part = data.part(_CALIBRATION_EXAMPLES)
    logits = engine.logits(start.architecture, start.values, part.inputs).astype(np.float64)
    return _with_logits_scaled(start, _best_factor_steps(logits, part.labels))


def with_usual_logits(
    architecture: Architecture, values: Float, engine: Engine, data: TrainingData
) -> Float:
    """Return parameters whose logits the loss can read as probabilities.

    A network from outside may have logits of any scale, since a class is that of the largest one.
    Where the factor that calibrates them is more than four, or less than a quarter, it is
    multiplied into the last layer; training finds a factor nearer to one by itself.

    Args:
        architecture: the network.
        values: its parameters in the plain layout.
        engine: runs it.
        data: examples; the first 2,000 are looked at.
    """
    if not _last_layer_scales_logits(architecture):
        return values
    part = data.part(_CALIBRATION_EXAMPLES)
    logits = engine.logits(architecture, values, part.inputs).astype(np.float64)
    steps = _best_factor_steps(logits, part.labels)
    if abs(steps) <= _USUAL_FACTOR_STEPS:
        return values
    last = tensor_shapes(architecture)[-1]
    count = math.prod(last.weights) + (last.bias or 0)
    scaled = values.copy()
    scaled[-count:] *= np.float32(2.0 ** (steps / STEPS_PER_OCTAVE))
    return scaled


def _last_layer_scales_logits(architecture: Architecture) -> bool:
    """Return whether a factor on the last layer's weights and bias is one on all logits."""
    last = tensor_shapes(architecture)[-1]
    behind = architecture.layers[last.layer_index + 1 :]
    return is_homogeneous(architecture, last) and all(isinstance(x, Pooling) for x in behind)


def _best_factor_steps(logits: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> int:
    """Return the factor on logits under which labels have the shortest code, in steps of the grid.

    Where every label is right the shortest code has none: one example of doubt gives it an end.
    Where logits tell nothing they are brought to a root mean square of 1.
    """
    doubt = 0.0
    temperature = best_temperature(logits, labels)
    if temperature == 0:
        doubt = 1.0
        temperature = best_temperature(logits, labels, doubt=doubt)
    if math.isinf(temperature):
        spread = float((logits - logits.mean(1, keepdims=True)).std())
        return 0 if spread == 0 else round(-STEPS_PER_OCTAVE * math.log2(spread))
    # The code length is convex in the factor: one of the two neighbours on the grid is the best.
    below = math.floor(-STEPS_PER_OCTAVE * math.log2(temperature))
    return min((below, below + 1), key=lambda steps: _code_nats(logits, labels, steps, doubt))


def _code_nats(
    logits: npt.NDArray[np.float64], labels: npt.NDArray[np.int64], factor_steps: int, doubt: float
) -> float:
    """Return the code length of labels, and of so many examples whose label is drawn evenly."""
    logarithms = tempered_log_probabilities(logits, 2.0 ** (-factor_steps / STEPS_PER_OCTAVE))
    drawn = doubt * float(logarithms.mean())
    return -float(logarithms[np.arange(len(labels)), labels].sum()) - drawn


def _with_logits_scaled(start: WarmStart, steps: int) -> WarmStart:
    """Return the start with all logits scaled by steps of the grid, in equal shares of the layers.

    Only layers behind the last activation that lets no factor through can take a share.
    """
    architecture = start.architecture
    shapes = tensor_shapes(architecture)
    first = len(shapes) - 1
    if scales_are_free(architecture):
        # Kernels that are shared would take a share at each use.
        lowest = int(any(shares_kernels(layer) for layer in architecture.layers))
        while first > lowest and keeps_factors(architecture, shapes[first - 1]):
            first -= 1
    values, indices = start.values.copy(), start.step_indices.copy()
    place = tensor = before = 0
    for number, shape in enumerate(shapes):
        # What all layers up to this one have taken.
        taken = round(steps * max(0, number + 1 - first) / (len(shapes) - first))
        for count, factor in ((math.prod(shape.weights), taken - before), (shape.bias, taken)):
            if count is not None:
                values[place : place + count] *= 2.0 ** (factor / STEPS_PER_OCTAVE)
                indices[tensor] += factor
                place, tensor = place + count, tensor + 1
        before = taken
    return WarmStart(architecture, values, indices)


def coarsened(start: WarmStart, steps: float) -> WarmStart:
    """Return the start with all steps larger by steps of the grid; 4 drop a bit of every weight."""
    return dataclasses.replace(start, step_indices=start.step_indices + np.float32(steps))


def thinned(start: WarmStart, part: float, context: TrainingContext) -> WarmStart:
    """Return the start without the channels that matter least, see `minbits.compression.thinning`.

    Args:
        start: the network.
        part: of its parameters that stay, at most, as far as groups allow; in (0, 1).
        context: its data tell what channels matter.
    """
    target = int(part * parameter_count(start.architecture))
    architecture, values = without_least_channels(start.architecture, start.values, target, context)
    return WarmStart(architecture, values, start.step_indices)


def with_widths(start: WarmStart, widths: dict[int, int], context: TrainingContext) -> WarmStart:
    """Return the start with the outputs of some tensors cut to a width, see `narrowed`."""
    architecture, values = narrowed(start.architecture, start.values, widths, context)
    return WarmStart(architecture, values, start.step_indices)


def without_layers(start: WarmStart, first: int, count: int) -> WarmStart:
    """Return the start without ``count`` layers from the one of index ``first`` on.

    Raises:
        NetworkError: if what is left is no network, or of other shapes.
    """
    layers = start.architecture.layers
    kept = (*layers[:first], *layers[first + count :])
    return _rebuilt(start, dataclasses.replace(start.architecture, layers=kept), first, count)


def with_layers_shared(start: WarmStart, first: int, count: int) -> WarmStart:
    """Return the start with ``count`` layers from ``first`` on replaced by those before, run again.

    Raises:
        NetworkError: if they are of other shapes than the ``count`` layers before them.
    """
    layers = start.architecture.layers
    kept = (*layers[:first], Repetition(count, count), *layers[first + count :])
    return _rebuilt(start, dataclasses.replace(start.architecture, layers=kept), first, count)


def _rebuilt(start: WarmStart, architecture: Architecture, first: int, count: int) -> WarmStart:
    """Return the start with the tensors of some layers left out, under another architecture."""
    before = parameter_layout(start.architecture, normalised=False)
    pairs: list[tuple[Float, Float | None]] = []
    steps: list[np.float32] = []
    indices = iter(start.step_indices)
    for slot, (weights, bias) in zip(before.slots, before.tensors(start.values), strict=True):
        own = [next(indices)] if bias is None else [next(indices), next(indices)]
        if not first <= slot.layer_index < first + count:
            pairs.append((weights, bias))
            steps += own
    shapes = [shape.weights for shape in tensor_shapes(architecture)]
    if shapes != [weights.shape for weights, _ in pairs]:
        raise NetworkError(
            f"layers {first} to {first + count - 1}", "weights of other shapes behind them",
            "layers that can go", "Choose others.",
        )  # fmt: skip
    return WarmStart(architecture, flat_parameters(architecture, pairs), np.array(steps))
