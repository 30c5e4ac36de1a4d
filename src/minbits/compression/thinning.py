"""Removing whole channels while training, so that the architecture itself shrinks.

Channels go in the order of what they are worth a parameter: the squared first-order change of the
loss if the channel were zeroed, summed over batches (Molchanov et al. 2019), over the parameters
that go with it. The number of parameters falls geometrically from epoch to epoch; whoever asked
chooses, by validation, how far down to go.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import Architecture, parameter_count
from minbits.compression.channels import (
    channel_groups,
    channel_positions,
    group_cost,
    keep_channels,
)
from minbits.networks.parameters import parameter_layout
from minbits.training.context import EpochReport, TrainingContext
from minbits.training.engine import Engine, accuracy
from minbits.training.loop import Draw, LoopSettings, run_epochs
from minbits.training.optimizers import AdamW

Float = npt.NDArray[np.float32]
Double = npt.NDArray[np.float64]

# A group keeps this many channels, whatever its worth.
FEWEST_CHANNELS = 2
_PRUNINGS_AN_EPOCH = 4
_WORTH_BATCHES = 20


@dataclass(frozen=True)
class Thinned:
    """A network after an epoch of thinning."""

    architecture: Architecture
    values: Float
    validation_accuracy: float


@dataclass(frozen=True)
class ThinningPlan:
    """How a network is thinned.

    Attributes:
        epochs: epochs to go from the given network to the smallest one.
        smallest_parameters: parameters of the smallest network.
        learning_rate: constant (AdamW).
    """

    epochs: int
    smallest_parameters: int
    learning_rate: float = 1e-3


class _Worth:
    """Adds up what each channel of each group is worth."""

    def __init__(self, architecture: Architecture) -> None:
        self.groups = channel_groups(architecture)
        self.costs = [group_cost(architecture, group) for group in self.groups]
        positions = [channel_positions(architecture, group) for group in self.groups]
        self.positions = positions
        self._flat = np.concatenate([part for group in positions for part in group])
        lengths = [len(part) for group in positions for part in group]
        self._starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        self.sums: Double = np.zeros(len(lengths))

    def add(self, values: Float, gradient: Float) -> None:
        change = values[self._flat].astype(np.float64) * gradient[self._flat]
        self.sums += np.square(np.add.reduceat(change, self._starts))

    def by_group(self) -> list[Double]:
        ends = np.cumsum([len(group) for group in self.positions])
        return np.split(self.sums, ends[:-1])


def _removable(
    worth: _Worth, alive: list[npt.NDArray[np.bool_]], excess: int
) -> list[tuple[int, int]]:
    """Return (group, channel) pairs of least worth a parameter whose going saves ``excess``."""
    order = sorted(
        (sums[channel] / worth.costs[number], number, channel)
        for number, sums in enumerate(worth.by_group())
        for channel in np.flatnonzero(alive[number])
    )
    left = [int(mask.sum()) for mask in alive]
    gone: list[tuple[int, int]] = []
    for _, number, channel in order:
        if excess <= 0:
            break
        if left[number] > FEWEST_CHANNELS:
            left[number] -= 1
            excess -= worth.costs[number]
            gone.append((number, int(channel)))
    return gone


def _measured_worth(architecture: Architecture, values: Float, context: TrainingContext) -> _Worth:
    """Return what channels are worth to a network that stays as it is, by some batches."""
    worth, gradient = _Worth(architecture), np.zeros_like(values)
    recipe, batch = context.recipe, context.batch
    objective = context.objective(parameter_layout(architecture, normalised=False))

    def step(draw: Draw, rate: float, progress: float) -> float:
        loss = objective.loss_and_gradient(values, draw, gradient)
        worth.add(values, gradient)
        return loss

    settings = LoopSettings(1, batch, lambda progress: 0.0, recipe.augmentation, recipe.elastic)
    part = context.data.part(_WORTH_BATCHES * batch)
    run_epochs(part, settings, context.seed, step, lambda done: None, lambda: False)
    return worth


def without_least_channels(
    architecture: Architecture, values: Float, target: int, context: TrainingContext
) -> tuple[Architecture, Float]:
    """Return the network without the channels that are worth least, measured without training.

    Args:
        architecture: the network.
        values: parameters in the plain layout.
        target: parameters to keep at most, as far as groups allow.
        context: at most `_WORTH_BATCHES` batches of its data tell what channels are worth.
    """
    before = None
    # What two channels that touch save together is less than the sum, so that once is not enough.
    while parameter_count(architecture) > target and architecture != before:
        before = architecture
        if not channel_groups(architecture):
            break
        worth = _measured_worth(architecture, values, context)
        alive = [np.ones(len(group), bool) for group in worth.positions]
        for number, channel in _removable(worth, alive, parameter_count(architecture) - target):
            alive[number][channel] = False
        kept = {group.producer: mask for group, mask in zip(worth.groups, alive, strict=True)}
        architecture, values = keep_channels(architecture, values, kept)
    return architecture, values


def narrowed(
    architecture: Architecture, values: Float, widths: dict[int, int], context: TrainingContext
) -> tuple[Architecture, Float]:
    """Return the network with some groups cut to a width, their channels of most worth kept.

    Args:
        widths: for the producer of a group (`minbits.compression.channels`), channels to keep; the
            other arguments are those of `without_least_channels`.
    """
    worth = _measured_worth(architecture, values, context)
    kept: dict[int, npt.NDArray[np.bool_]] = {}
    for group, sums in zip(worth.groups, worth.by_group(), strict=True):
        if group.producer in widths:
            mask = np.zeros(len(sums), bool)
            mask[np.argsort(-sums, kind="stable")[: widths[group.producer]]] = True
            kept[group.producer] = mask
    return keep_channels(architecture, values, kept)


class _Epoch:
    """One epoch of training in which channels are zeroed, to be removed at its end."""

    def __init__(self, architecture: Architecture, values: Float, plan: ThinningPlan) -> None:
        self.architecture, self.values = architecture, values
        self.worth = _Worth(architecture)
        self.alive = [np.ones(len(group), bool) for group in self.worth.positions]
        self.mask = np.ones_like(values)
        self.optimizer = AdamW(np.ones_like(values), 0.0)
        self.gradient = np.zeros_like(values)
        self.rate = plan.learning_rate

    def parameters(self) -> int:
        gone = sum(
            cost * int((~mask).sum())
            for cost, mask in zip(self.worth.costs, self.alive, strict=True)
        )
        return parameter_count(self.architecture) - gone

    def zero(self, target: int) -> None:
        """Zero channels until at most ``target`` parameters are left, as far as groups allow."""
        for number, channel in _removable(self.worth, self.alive, self.parameters() - target):
            self.alive[number][channel] = False
            self.mask[self.worth.positions[number][channel]] = 0
        self.worth.sums[:] = 0
        self.values *= self.mask

    def removed(self) -> tuple[Architecture, Float]:
        kept = {
            group.producer: mask for group, mask in zip(self.worth.groups, self.alive, strict=True)
        }
        return keep_channels(self.architecture, self.values, kept)


def thin(
    architecture: Architecture,
    values: Float,
    plan: ThinningPlan,
    context: TrainingContext,
    choose: Callable[[Architecture], Engine],
) -> Iterator[Thinned]:
    """Yield the network after each epoch, smaller and smaller; the given one is not among them.

    Args:
        architecture: the network.
        values: parameters in the plain layout.
        plan: how far and how fast.
        context: what is told after an epoch names the parameters that are left.
        choose: gives the engine for an architecture; the one of the context is not used.

    Raises:
        StoppedError: if asked to stop.
        FloatingPointError: if training diverges.
    """
    if not channel_groups(architecture):
        return
    first = parameter_count(architecture)
    ratio = min(1.0, plan.smallest_parameters / first)
    recipe, data = context.recipe, context.data
    steps = len(data.labels) // context.batch
    for number in range(plan.epochs):
        epoch = _Epoch(architecture, values.copy(), plan)
        context = dataclasses.replace(context, engine=choose(architecture))
        objective = context.objective(parameter_layout(architecture, normalised=False))
        taken = 0

        def step(draw: Draw, rate: float, progress: float) -> float:
            nonlocal taken
            loss = objective.loss_and_gradient(epoch.values, draw, epoch.gradient)  # noqa: B023
            epoch.worth.add(epoch.values, epoch.gradient)  # noqa: B023
            epoch.optimizer.step(epoch.values, epoch.gradient, rate)  # noqa: B023
            epoch.values *= epoch.mask  # noqa: B023
            taken += 1
            if taken % max(1, steps // _PRUNINGS_AN_EPOCH) == 0:
                part = (number + min(1.0, taken / steps)) / plan.epochs  # noqa: B023
                epoch.zero(math.ceil(first * ratio**part))  # noqa: B023
            return loss

        settings = LoopSettings(
            1, recipe.batch_size, lambda progress: plan.learning_rate, recipe.augmentation,
            recipe.elastic,
        )  # fmt: skip
        run_epochs(
            data, settings, context.seed + number, step, lambda done: None, context.should_stop
        )
        architecture, values = epoch.removed()
        found = accuracy(choose(architecture), architecture, values, context.validation)
        context.report(EpochReport(number + 1, found, parameters=parameter_count(architecture)))
        yield Thinned(architecture, values, found)
