"""First phase: training in full precision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import Architecture
from minbits.networks.parameters import ParameterLayout, parameter_layout
from minbits.records import TrainingRecipe
from minbits.training.distortion import NO_DISTORTIONS
from minbits.training.engine import Engine, Objective, ObjectiveSettings, accuracy
from minbits.training.loop import Draw, LoopSettings, TrainingData, batch_of, run_epochs
from minbits.training.optimizers import make_optimizer
from minbits.training.schedule import make_schedule

Float = npt.NDArray[np.float32]

MOMENTUM = 0.05  # of the running moments, a step
SETTLING_BATCHES = 100


def objective_settings(recipe: TrainingRecipe, batch: int, seed: int) -> ObjectiveSettings:
    """Return how a recipe takes the loss of a batch."""
    return ObjectiveSettings(
        batch, recipe.label_smoothing, recipe.soft_target_weight, recipe.dropout, seed
    )


def loop_settings(recipe: TrainingRecipe) -> LoopSettings:
    """Return the first phase's epochs."""
    return LoopSettings(
        recipe.float_epochs,
        recipe.batch_size,
        make_schedule(recipe.schedule, recipe.learning_rate),
        recipe.augmentation,
        recipe.elastic,
    )


@dataclass
class _Run:
    """Parameters under training, their running moments and their average."""

    layout: ParameterLayout
    values: Float
    means: Float
    variances: Float
    average: Float
    averaged: int = 0

    def folded(self) -> Float:
        return self.layout.fold(self.values, self.means, self.variances)

    def follow_moments(self, objective: Objective) -> None:
        self.means += np.float32(MOMENTUM) * (objective.means - self.means)
        self.variances += np.float32(MOMENTUM) * (objective.variances - self.variances)

    def add_to_average(self) -> None:
        """Average all vectors met (stochastic weight averaging, Izmailov et al. 2018)."""
        self.averaged += 1
        self.average += (self.values - self.average) / np.float32(self.averaged)


def _settle_moments(run: _Run, objective: Objective, data: TrainingData, batch: int) -> None:
    """Take the moments of the final parameters over many batches (Wu & Johnson 2021)."""
    count = min(SETTLING_BATCHES, len(data.labels) // batch)
    means, variances = np.zeros_like(run.means), np.zeros_like(run.variances)
    gradient = np.empty_like(run.values)
    for number in range(count):
        indices = np.arange(number * batch, (number + 1) * batch)
        objective.loss_and_gradient(run.values, Draw(indices, NO_DISTORTIONS), gradient)
        means += objective.means / np.float32(count)
        variances += objective.variances / np.float32(count)
    run.means, run.variances = means, variances


def train_float(
    architecture: Architecture,
    recipe: TrainingRecipe,
    seed: int,
    data: TrainingData,
    validation: TrainingData,
    report: Callable[[int, float], None],
    should_stop: Callable[[], bool],
    engine: Engine,
) -> Float:
    """Train a network in full precision by cross-entropy; return its plain parameters.

    Args:
        architecture: the network.
        recipe: of which the fields of the first phase are used.
        seed: of initial weights, order, augmentation and dropout.
        data: examples to train on.
        validation: examples whose accuracy is reported after every epoch.
        report: called with the epochs done and the validation accuracy.
        should_stop: asked after every step.
        engine: computes loss and gradient.

    Returns:
        Weights and biases as one vector in the plain layout, normalisation folded in.

    Raises:
        StoppedError: if asked to stop.
        FloatingPointError: if training diverges.
    """
    layout = parameter_layout(architecture, recipe.batch_normalisation)
    values = layout.initial(seed)
    moments = np.zeros(layout.moments_size, np.float32)
    run = _Run(layout, values, moments, np.ones_like(moments), np.zeros_like(values))
    batch = batch_of(data, recipe.batch_size)
    objective = engine.objective(layout, data, objective_settings(recipe, batch, seed))
    optimizer = make_optimizer(recipe, np.ones_like(values), recipe.weight_decay)
    gradient = np.zeros_like(values)

    def step(draw: Draw, rate: float, progress: float) -> float:
        loss = objective.loss_and_gradient(run.values, draw, gradient)
        run.follow_moments(objective)
        optimizer.step(run.values, gradient, rate)
        if progress >= recipe.averaging_start:
            run.add_to_average()
        return loss

    def after_epoch(epoch: int) -> None:
        if epoch == recipe.float_epochs:
            if run.averaged:
                run.values = run.average
            if layout.is_normalised:
                _settle_moments(run, objective, data, batch)
        report(epoch, accuracy(engine, architecture, run.folded(), validation))

    run_epochs(data, loop_settings(recipe), seed, step, after_epoch, should_stop)
    return run.folded()
