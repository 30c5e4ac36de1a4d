"""Finishing: levels and steps are moved where the true objective of the second phase falls.

Training sees the bits of the file through a smooth estimate, and levels through rounding that
passes gradients on unchanged. What it ends with is no minimum of what it was trained for. This
stage takes one network and changes it in small moves: a level by one or to zero, a step by one
place of the format's grid. A move stays if

    loss on fixed training examples + rate weight * bits of the encoder

falls (coordinate descent; iterated conditional modes, Besag 1986). Moves of levels are ranked by
the second-order change of the loss, with the diagonal of the empirical Fisher matrix as its
curvature, and by the bits of each level under the code fitted to all levels. The most promising
ones are tried first, in groups that grow as long as moves succeed.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import Architecture, tensor_shapes
from minbits.codec.file_format import ideal_length_bits
from minbits.codec.quantized_network import (
    MAX_STEP_INDEX,
    MIN_STEP_INDEX,
    QuantizedLayer,
    QuantizedNetwork,
    QuantizedTensor,
    step_size,
)
from minbits.compression.rounding import bits_at, level_bits
from minbits.compression.steps import share_steps
from minbits.compression.symmetries import remove_symmetries
from minbits.information.temperature import tempered_log_probabilities
from minbits.networks.parameters import parameter_layout
from minbits.training.context import TrainingContext
from minbits.training.distortion import NO_DISTORTIONS, random_distortions
from minbits.training.lanes.sampling import sample_images
from minbits.training.loop import Draw, StoppedError, TrainingData
from minbits.units import bits_to_nats

Float = npt.NDArray[np.float32]
Double = npt.NDArray[np.float64]
Integer = npt.NDArray[np.int64]

# Training examples that a move is judged by, half of them distorted where training distorts them.
EXAMPLES = 4096
# A forward pass takes about a third of a training step on the same examples.
_PASSES_AN_EPOCH = 3
# Moves tried at once.
_FIRST_GROUP, _LARGEST_GROUP = 4, 64
# By how many bits the estimate of a move's bits may be wrong: what misses by more is not encoded.
_BITS_OF_DOUBT = 2.0


@dataclass(frozen=True)
class _Piece:
    """A tensor; ``has_bias``: the bias of its layer is the next one."""

    family: str
    shape: tuple[int, ...]
    has_bias: bool = False

    @property
    def is_bias(self) -> bool:
        return self.family == "bias"


@dataclass(frozen=True, eq=False)
class _Levels:
    """All levels of a network as one vector, and the step index of each tensor, in file order."""

    architecture: Architecture
    pieces: tuple[_Piece, ...]
    levels: Integer
    step_indices: tuple[int, ...]

    @property
    def sizes(self) -> list[int]:
        """The number of levels of every tensor."""
        return [math.prod(piece.shape) for piece in self.pieces]

    def steps(self) -> Double:
        """Return the step of every level."""
        return np.repeat([step_size(index) for index in self.step_indices], self.sizes)

    def values(self) -> Float:
        """Return weights and biases in the plain layout."""
        return (self.levels * self.steps()).astype(np.float32)

    def network(self) -> QuantizedNetwork:
        """Return the network."""
        parts = np.split(self.levels.astype(np.int32), np.cumsum(self.sizes)[:-1])
        tensors = iter(
            QuantizedTensor(part.reshape(piece.shape), index)
            for part, piece, index in zip(parts, self.pieces, self.step_indices, strict=True)
        )
        layers = [
            QuantizedLayer(next(tensors), next(tensors) if piece.has_bias else None)
            for piece in self.pieces
            if not piece.is_bias
        ]
        return QuantizedNetwork(self.architecture, tuple(layers))


def _levels_of(network: QuantizedNetwork) -> _Levels:
    pieces: list[_Piece] = []
    tensors: list[QuantizedTensor] = []
    for shape, layer in zip(tensor_shapes(network.architecture), network.layers, strict=True):
        family = network.architecture.layers[shape.layer_index].code_kind
        pieces.append(_Piece(family, shape.weights, layer.bias is not None))
        tensors.append(layer.weights)
        if layer.bias is not None:
            pieces.append(_Piece("bias", layer.bias.levels.shape))
            tensors.append(layer.bias)
    flat = np.concatenate([tensor.levels.ravel() for tensor in tensors]).astype(np.int64)
    indices = tuple(tensor.step_index for tensor in tensors)
    return _Levels(network.architecture, tuple(pieces), flat, indices)


def fixed_examples(context: TrainingContext) -> TrainingData:
    """Return whole batches of at most `EXAMPLES` training examples.

    Where training distorts images, each of them is there twice: as it is, which is how the network
    will see new ones, and distorted, as the network was trained.
    """
    data, recipe = context.data, context.recipe
    generator = np.random.default_rng(context.seed)
    is_distorted = data.is_image and bool(recipe.augmentation or recipe.elastic)
    most = min(EXAMPLES // (1 + is_distorted), len(data.labels))
    count = max(1, most // context.batch) * context.batch
    chosen = generator.permutation(len(data.labels))[:count]
    inputs, labels = data.inputs[chosen], data.labels[chosen]
    if not is_distorted:
        return TrainingData(inputs, labels)
    distortions = random_distortions(
        count, data.inputs.shape[2:], recipe.augmentation, recipe.elastic, generator
    )
    distorted = np.empty_like(inputs)
    sample_images(data.inputs, chosen, distortions.maps, distortions.fields, distorted)
    return TrainingData(np.concatenate([inputs, distorted]), np.concatenate([labels, labels]))


class _Objective:
    """Loss and bits of a network, in nats an example, and how often they may still be asked for."""

    def __init__(self, context: TrainingContext) -> None:
        self._context = context
        self.data = fixed_examples(context)
        self.nats_a_bit = bits_to_nats(context.recipe.rate_weight) / len(context.data.labels)
        examples = context.recipe.finishing_epochs * len(context.data.labels)
        self.losses_left = _PASSES_AN_EPOCH * examples // len(self.data.labels)

    def loss(self, position: _Levels) -> float:
        """Return the mean cross-entropy.

        Raises:
            StoppedError: if asked to stop.
        """
        self.losses_left -= 1
        if self._context.should_stop():
            raise StoppedError
        logits = self._context.engine.logits(
            position.architecture, position.values(), self.data.inputs
        )
        logarithms = tempered_log_probabilities(logits, 1.0)
        return -float(logarithms[np.arange(len(logits)), self.data.labels].mean())

    def slopes(self, position: _Levels) -> tuple[Double, Double]:
        """Return gradient and curvature of the loss in every value."""
        self.losses_left -= _PASSES_AN_EPOCH
        context, values = self._context, position.values()
        layout = parameter_layout(position.architecture, normalised=False)
        fixed = dataclasses.replace(context, data=self.data)
        objective, gradient = fixed.objective(layout), np.zeros_like(values)
        total, squares = np.zeros(len(values)), np.zeros(len(values))
        count = len(self.data.labels) // fixed.batch
        for number in range(count):
            indices = np.arange(number * fixed.batch, (number + 1) * fixed.batch)
            objective.loss_and_gradient(values, Draw(indices, NO_DISTORTIONS), gradient)
            total += gradient
            squares += np.square(gradient, dtype=np.float64)
        mean = total / count
        return mean, fixed.batch * np.maximum(squares / count - np.square(mean), 0)


def encoder_bits(network: QuantizedNetwork) -> float:
    """Return the bits that the encoder takes once freedoms of scale, order and sign are removed."""
    return ideal_length_bits(remove_symmetries(share_steps(network)))


class _Rates:
    """The bits of levels under the codes fitted to the levels of a network, family by family."""

    def __init__(self, position: _Levels) -> None:
        ends = np.cumsum(position.sizes)
        places = [slice(end - size, end) for size, end in zip(position.sizes, ends, strict=True)]
        by_family: dict[str, list[slice]] = {}
        for place, piece in zip(places, position.pieces, strict=True):
            by_family.setdefault(piece.family, []).append(place)
        self._places = [
            (place, level_bits(np.concatenate([position.levels[p] for p in same])))
            for same in by_family.values()
            for place in same
        ]

    def bits(self, levels: Integer) -> Double:
        """Return the bits of each level."""
        result = np.empty(len(levels))
        for place, table in self._places:
            result[place] = bits_at(np.abs(levels[place]).astype(np.float64), table)
        return result


def promising_moves(
    position: _Levels, rates: _Rates, slopes: tuple[Double, Double], nats_a_bit: float
) -> tuple[Integer, Integer]:
    """Return which levels to move, the most promising first, and the best new level of each.

    Args:
        position: the levels.
        rates: what levels cost.
        slopes: gradient and curvature of the loss in every value.
        nats_a_bit: what a bit costs.
    """
    levels, steps = position.levels, position.steps()
    gradient, curvature = slopes
    now = rates.bits(levels)
    best, chosen = np.zeros(len(levels)), levels.copy()
    for candidate in (levels - 1, levels + 1, np.zeros_like(levels)):
        change = (candidate - levels) * steps
        gain = gradient * change + curvature * np.square(change) / 2
        gain += nats_a_bit * (rates.bits(candidate) - now)
        better = (gain < best) & (candidate != levels)
        best, chosen = np.where(better, gain, best), np.where(better, candidate, chosen)
    order = np.argsort(best, kind="stable")
    return order[best[order] < 0], chosen


class _Descent:
    """Where the objective has come to."""

    def __init__(self, position: _Levels, objective: _Objective) -> None:
        self.position, self.objective = position, objective
        self._bits = encoder_bits(position.network())
        self.best = objective.loss(position) + objective.nats_a_bit * self._bits

    def _take(self, position: _Levels, estimated_bits: float) -> bool:
        """Move there if the objective falls; return whether it did."""
        loss, price = self.objective.loss(position), self.objective.nats_a_bit
        if loss + price * (estimated_bits - _BITS_OF_DOUBT) >= self.best:
            return False
        bits = encoder_bits(position.network())
        if loss + price * bits >= self.best:
            return False
        self.position, self.best, self._bits = position, loss + price * bits, bits
        return True

    def move_levels(self) -> None:
        """Try the promising moves of levels, group by group."""
        rates = _Rates(self.position)
        slopes = self.objective.slopes(self.position)
        order, chosen = promising_moves(self.position, rates, slopes, self.objective.nats_a_bit)
        at, size = 0, _FIRST_GROUP
        while at < len(order) and self.objective.losses_left > 0:
            group, levels = order[at : at + size], self.position.levels.copy()
            levels[group] = chosen[group]
            change = rates.bits(levels).sum() - rates.bits(self.position.levels).sum()
            moved = dataclasses.replace(self.position, levels=levels)
            if self._take(moved, self._bits + change):
                at, size = at + len(group), min(2 * size, _LARGEST_GROUP)
            elif len(group) > 1:
                size = max(1, len(group) // 4)
            else:
                at += 1

    def move_steps(self) -> None:
        """Try a larger and a smaller step for every tensor."""
        for place in range(len(self.position.step_indices)):
            for change in (1, -1):
                indices = list(self.position.step_indices)
                indices[place] += change
                is_valid = MIN_STEP_INDEX <= indices[place] <= MAX_STEP_INDEX
                if is_valid and self.objective.losses_left > 0:
                    moved = dataclasses.replace(self.position, step_indices=tuple(indices))
                    self._take(moved, self._bits)


def finish(network: QuantizedNetwork, context: TrainingContext) -> QuantizedNetwork:
    """Return a network of a smaller true objective, or the same network.

    Args:
        network: as the second phase leaves it, without dependent levels; its logits are on the
            scale that the loss was trained on.
        context: of whose recipe ``finishing_epochs``, the rate weight and the augmentation are
            used. Training examples alone judge; the validation examples are not looked at.

    Raises:
        StoppedError: if asked to stop.
    """
    if not context.recipe.finishing_epochs:
        return network
    objective = _Objective(context)
    descent = _Descent(_levels_of(network), objective)
    before = math.inf
    while descent.best < before and objective.losses_left > 0:
        before = descent.best
        descent.move_levels()
        descent.move_steps()
    return descent.position.network()
