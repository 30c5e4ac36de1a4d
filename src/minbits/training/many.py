"""The first phase for many seeds of one small network at once.

A step of a network of a few thousand parameters takes less time than the calls around it. So all
seeds share the calls: one of compiled code takes a batch of every network, one more updates all
parameters. Each network is trained on its own batches, exactly as if it were alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import Architecture
from minbits.networks.parameters import ParameterLayout, parameter_layout
from minbits.records import TrainingRecipe
from minbits.training.engine import accuracy
from minbits.training.float_phase import (
    MOMENTUM,
    SETTLING_BATCHES,
    loop_settings,
    objective_settings,
)
from minbits.training.lanes.engine import LanesEngine, LanesObjectives
from minbits.training.loop import Draw, StoppedError, TrainingData, batch_of, draw_epoch
from minbits.training.optimizers import make_optimizer

Float = npt.NDArray[np.float32]


class _Draws:
    """One epoch of every network: arrays with the network first."""

    def __init__(self, draws: Sequence[Draw]) -> None:
        self._indices = np.stack([draw.indices for draw in draws])
        self._maps = np.stack([draw.distortions.maps for draw in draws])
        self._fields = np.stack([draw.distortions.fields for draw in draws])

    def batch(self, start: int, end: int) -> tuple[npt.NDArray[np.int64], Float, Float]:
        """Return the indices, maps and fields of one batch of each network."""
        maps, fields = self._maps, self._fields
        return (
            np.ascontiguousarray(self._indices[:, start:end]),
            np.ascontiguousarray(maps[:, start:end]) if maps.size else maps,
            np.ascontiguousarray(fields[:, start:end]) if fields.size else fields,
        )


class _Networks:
    """Parameters under training, ``(networks, parameters)``, their moments and their average."""

    def __init__(self, layout: ParameterLayout, seeds: Sequence[int]) -> None:
        self.layout = layout
        self.values = np.stack([layout.initial(seed) for seed in seeds])
        self.average = np.zeros_like(self.values)
        self.averaged = 0
        self.means = np.zeros((len(seeds), layout.moments_size), np.float32)
        self.variances = np.ones_like(self.means)

    def follow_moments(self, objectives: LanesObjectives) -> None:
        self.means += np.float32(MOMENTUM) * (objectives.means - self.means)
        self.variances += np.float32(MOMENTUM) * (objectives.variances - self.variances)

    def add_to_average(self) -> None:
        self.averaged += 1
        self.average += (self.values - self.average) / np.float32(self.averaged)

    def settle_moments(self, objectives: LanesObjectives, examples: int, batch: int) -> None:
        """Take the moments of the final parameters over many batches (Wu & Johnson 2021)."""
        count = min(SETTLING_BATCHES, examples // batch)
        self.means, self.variances = np.zeros_like(self.means), np.zeros_like(self.variances)
        gradients = np.empty_like(self.values)
        empty = np.zeros((len(self.values), 0, 2, 3), np.float32)
        no_fields = np.zeros((len(self.values), 0, 2, 0, 0), np.float32)
        for number in range(count):
            indices = np.arange(number * batch, (number + 1) * batch)
            same = np.tile(indices, (len(self.values), 1))
            objectives.losses_and_gradients(self.values, same, empty, no_fields, gradients)
            self.means += objectives.means / np.float32(count)
            self.variances += objectives.variances / np.float32(count)

    def folded(self) -> Float:
        rows = zip(self.values, self.means, self.variances, strict=True)
        return np.stack([self.layout.fold(*row) for row in rows])


def train_many(
    architecture: Architecture,
    recipe: TrainingRecipe,
    seeds: Sequence[int],
    data: TrainingData,
    validation: TrainingData,
    report: Callable[[int, npt.NDArray[np.float64]], None],
    should_stop: Callable[[], bool],
) -> Float:
    """Train a network once for each seed, on the lanes engine, and return all plain parameters.

    Each row equals, bit for bit, what `train_float` gives for its seed alone: so seeds can be split
    among calls and workers in any way.

    Args:
        architecture: the network.
        recipe: of which the fields of the first phase are used.
        seeds: of initial weights, order and augmentation, one a network.
        data: examples to train on.
        validation: examples whose accuracy is reported after every epoch.
        report: called with the epochs done and the validation accuracies, one a network.
        should_stop: asked after every step.

    Returns:
        Weights and biases in the plain layout, ``(networks, parameters)``.

    Raises:
        NetworkError: if lanes do not cover a layer.
        StoppedError: if asked to stop.
        FloatingPointError: if a training diverges.
    """
    layout, settings = (
        parameter_layout(architecture, recipe.batch_normalisation),
        loop_settings(recipe),
    )
    batch = batch_of(data, recipe.batch_size)
    networks, engine = _Networks(layout, seeds), LanesEngine()
    objectives = LanesObjectives(layout, data, objective_settings(recipe, batch, 0), len(seeds))
    optimizer = make_optimizer(
        recipe, np.ones(networks.values.size, np.float32), recipe.weight_decay
    )
    gradients = np.zeros_like(networks.values)
    generators = [np.random.default_rng(seed) for seed in seeds]
    steps = len(data.labels) // batch
    for epoch in range(1, settings.epochs + 1):
        draws = _Draws([draw_epoch(data, settings, generator) for generator in generators])
        for number in range(steps):
            progress = (epoch - 1 + number / steps) / settings.epochs
            chosen = draws.batch(number * batch, (number + 1) * batch)
            objectives.losses_and_gradients(networks.values, *chosen, gradients)
            networks.follow_moments(objectives)
            optimizer.step(
                networks.values.reshape(-1), gradients.reshape(-1), settings.schedule(progress)
            )
            if progress >= recipe.averaging_start:
                networks.add_to_average()
            if should_stop():
                raise StoppedError
        _check_losses(objectives, seeds, epoch)
        if epoch == settings.epochs:
            if networks.averaged:
                networks.values = networks.average
            if layout.is_normalised:
                networks.settle_moments(objectives, len(data.labels), batch)
        folded = networks.folded()
        found = [accuracy(engine, architecture, row, validation) for row in folded]
        report(epoch, np.array(found))
    return networks.folded()


def _check_losses(objectives: LanesObjectives, seeds: Sequence[int], epoch: int) -> None:
    for seed, loss in zip(seeds, objectives.losses, strict=True):
        if not math.isfinite(loss):
            raise FloatingPointError(f"the loss of seed {seed} is {loss} after epoch {epoch}")
