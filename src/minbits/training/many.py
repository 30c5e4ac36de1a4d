"""The first phase for many seeds of one small network at once.

A step of a network of a few thousand parameters takes less time than the calls around it. So all
seeds share the calls of compiled code, each of which takes some steps of every network. Each
network is trained on its own batches, exactly as if it were alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import Architecture
from minbits.errors import NetworkError
from minbits.networks.parameters import ParameterLayout, parameter_layout
from minbits.training.context import objective_settings
from minbits.training.float_phase import (
    MOMENTUM,
    SETTLING_BATCHES,
    loop_settings,
)
from minbits.training.lanes.engine import LanesObjectives, lanes_obstacle
from minbits.training.lanes.steps import Networks, Steps
from minbits.training.loop import StoppedError, TrainingData, batch_of, draw_epoch
from minbits.types import TrainingRecipe

Float = npt.NDArray[np.float32]

STEPS_A_CALL = 8


class _Networks:
    """Parameters under training, ``(networks, parameters)``, their moments and their average."""

    def __init__(
        self, layout: ParameterLayout, recipe: TrainingRecipe, seeds: Sequence[int]
    ) -> None:
        self.layout, self._recipe = layout, recipe
        values = np.stack([layout.initial(seed) for seed in seeds])
        means = np.zeros((len(seeds), layout.moments_size), np.float32)
        first, second, average = (np.zeros_like(values) for _ in range(3))
        losses = np.zeros(len(seeds))
        self.arrays = Networks(values, first, second, average, means, np.ones_like(means), losses)
        self._factors = np.ones(layout.size, np.float32)
        self._taken = self.averaged = 0

    def steps(self, rates: Sequence[float], averaging_at: int) -> Steps:
        """Return the next steps, of which those from ``averaging_at`` on are averaged."""
        found = Steps(
            np.array(rates, np.float32), self._factors, self._recipe.optimizer != "sgd",
            self._recipe.weight_decay, self._taken, self.averaged, averaging_at,
            np.float32(MOMENTUM),
        )  # fmt: skip
        self._taken += len(rates)
        self.averaged += len(rates) - averaging_at
        return found

    def finish(self, objectives: LanesObjectives, examples: int, batch: int) -> None:
        """Take the average, and the final moments over many batches (Wu & Johnson 2021)."""
        if self.averaged:
            self.arrays = self.arrays._replace(values=self.arrays.average)
        if not self.layout.is_normalised:
            return
        values, means, variances = self.arrays.values, self.arrays.means, self.arrays.variances
        count = min(SETTLING_BATCHES, examples // batch)
        means[:] = 0
        variances[:] = 0
        gradients = np.empty_like(values)
        empty = np.zeros((len(values), 0, 2, 3), np.float32)
        no_fields = np.zeros((len(values), 0, 2, 0, 0), np.float32)
        for number in range(count):
            indices = np.arange(number * batch, (number + 1) * batch)
            same = np.tile(indices, (len(values), 1))
            objectives.losses_and_gradients(values, same, empty, no_fields, gradients)
            means += objectives.means / np.float32(count)
            variances += objectives.variances / np.float32(count)

    def folded(self) -> Float:
        rows = zip(self.arrays.values, self.arrays.means, self.arrays.variances, strict=True)
        return np.stack([self.layout.fold(*row) for row in rows])


def train_many(
    architecture: Architecture,
    recipe: TrainingRecipe,
    seeds: Sequence[int],
    data: TrainingData,
    report: Callable[[int, Float], None],
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
        report: called after every epoch with the epochs done and the plain parameters of all
            networks, ``(networks, parameters)``.
        should_stop: asked after every `STEPS_A_CALL` steps.

    Returns:
        Weights and biases in the plain layout, ``(networks, parameters)``.

    Raises:
        NetworkError: if lanes do not cover a layer, or the batch size.
        StoppedError: if asked to stop.
        FloatingPointError: if a training diverges.
    """
    layout, settings = (
        parameter_layout(architecture, recipe.batch_normalisation),
        loop_settings(recipe),
    )
    batch = batch_of(data, recipe.batch_size)
    if (obstacle := lanes_obstacle(architecture, batch, recipe.dropout)) is not None:
        raise NetworkError(
            "train_many", obstacle, "what the lanes engine covers", "See docs/engine.md."
        )
    networks = _Networks(layout, recipe, seeds)
    objectives = LanesObjectives(layout, data, objective_settings(recipe, batch, 0), len(seeds))
    generators = [np.random.default_rng(seed) for seed in seeds]
    steps = len(data.labels) // batch
    folded = networks.folded()
    for epoch in range(1, settings.epochs + 1):
        draws = [draw_epoch(data, settings, generator) for generator in generators]
        indices = np.stack([draw.indices for draw in draws])
        maps = np.stack([draw.distortions.maps for draw in draws])
        fields = np.stack([draw.distortions.fields for draw in draws])
        for start in range(0, steps, STEPS_A_CALL):
            numbers = range(start, min(start + STEPS_A_CALL, steps))
            progress = [(epoch - 1 + number / steps) / settings.epochs for number in numbers]
            objectives.take_steps(
                networks.arrays,
                networks.steps(
                    [settings.schedule(part) for part in progress],
                    sum(part < recipe.averaging_start for part in progress),
                ),
                indices, start * batch, maps, fields,
            )  # fmt: skip
            if should_stop():
                raise StoppedError
        _check_losses(networks.arrays.losses, seeds, epoch)
        if epoch == settings.epochs:
            networks.finish(objectives, len(data.labels), batch)
        folded = networks.folded()
        report(epoch, folded)
    return folded


def _check_losses(losses: npt.NDArray[np.float64], seeds: Sequence[int], epoch: int) -> None:
    for seed, loss in zip(seeds, losses, strict=True):
        if not math.isfinite(loss):
            raise FloatingPointError(f"the loss of seed {seed} is {loss} after epoch {epoch}")
