"""First phase: training in full precision."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import Architecture
from minbits.networks.parameters import parameter_layout
from minbits.training.context import EpochReport, TrainingContext
from minbits.training.distortion import NO_DISTORTIONS
from minbits.training.loop import Draw, LoopSettings, run_epochs
from minbits.training.optimizers import make_optimizer
from minbits.training.schedule import make_schedule
from minbits.types import TrainingRecipe

Float = npt.NDArray[np.float32]

MOMENTUM = 0.05  # of the running moments, a step
SETTLING_BATCHES = 100
STARTING_BATCHES = 20


def loop_settings(recipe: TrainingRecipe) -> LoopSettings:
    """Return the first phase's epochs."""
    return LoopSettings(
        recipe.float_epochs,
        recipe.batch_size,
        make_schedule(recipe.schedule, recipe.learning_rate),
        recipe.augmentation,
        recipe.elastic,
    )


class FloatTraining:
    """One training in full precision: parameters, their running moments and their average.

    Args:
        architecture: the network.
        context: of whose recipe the fields of the first phase are used.
        start: plain parameters to train on from; None draws new ones.
    """

    def __init__(
        self, architecture: Architecture, context: TrainingContext, start: Float | None = None
    ) -> None:
        recipe = context.recipe
        self.layout = parameter_layout(architecture, recipe.batch_normalisation)
        self.values = self.layout.initial(context.seed)
        self._means = np.zeros(self.layout.moments_size, np.float32)
        self._variances = np.ones_like(self._means)
        self._average, self._averaged = np.zeros_like(self.values), 0
        self._averaging_start = recipe.averaging_start
        self._examples, self._batch = len(context.data.labels), context.batch
        self._objective = context.objective(self.layout)
        self._optimizer = make_optimizer(recipe, np.ones_like(self.values), recipe.weight_decay)
        self._gradient = np.zeros_like(self.values)
        if start is not None:
            self._start_from(start)

    def _start_from(self, plain: Float) -> None:
        """Take over plain parameters: normalisation is put in so that it changes nothing."""
        if not self.layout.is_normalised:
            self.values = plain.astype(np.float32, copy=True)
            return
        # The moments of a layer are right once those of the layers before it are.
        for _ in [slot for slot in self.layout.slots if slot.moments_at is not None] + [None]:
            self.values = self.layout.unfold(plain, self._means, self._variances)
            self._measure_moments(STARTING_BATCHES)

    def step(self, draw: Draw, rate: float, progress: float) -> float:
        """Take one step on a batch and return its loss in nats."""
        loss = self._objective.loss_and_gradient(self.values, draw, self._gradient)
        self._means += np.float32(MOMENTUM) * (self._objective.means - self._means)
        self._variances += np.float32(MOMENTUM) * (self._objective.variances - self._variances)
        self._optimizer.step(self.values, self._gradient, rate)
        if progress >= self._averaging_start:
            # Stochastic weight averaging (Izmailov et al. 2018).
            self._averaged += 1
            self._average += (self.values - self._average) / np.float32(self._averaged)
        return loss

    def finish(self) -> None:
        """Take the average, and the final moments over many batches (Wu & Johnson 2021)."""
        if self._averaged:
            self.values = self._average
        if self.layout.is_normalised:
            self._measure_moments(SETTLING_BATCHES)

    def _measure_moments(self, batches: int) -> None:
        count = min(batches, self._examples // self._batch)
        self._means, self._variances = np.zeros_like(self._means), np.zeros_like(self._means)
        for number in range(count):
            indices = np.arange(number * self._batch, (number + 1) * self._batch)
            draw = Draw(indices, NO_DISTORTIONS)
            self._objective.loss_and_gradient(self.values, draw, self._gradient)
            self._means += self._objective.means / np.float32(count)
            self._variances += self._objective.variances / np.float32(count)

    def folded(self) -> Float:
        """Return weights and biases in the plain layout, normalisation folded in."""
        return self.layout.fold(self.values, self._means, self._variances)


def train_float(
    architecture: Architecture, context: TrainingContext, start: Float | None = None
) -> Float:
    """Train a network in full precision by cross-entropy; return its plain parameters.

    Args:
        architecture: the network.
        context: of whose recipe the fields of the first phase are used.
        start: plain parameters to train on from; None draws new ones.

    Returns:
        Weights and biases as one vector in the plain layout, normalisation folded in.

    Raises:
        StoppedError: if asked to stop.
        FloatingPointError: if training diverges.
    """
    training = FloatTraining(architecture, context, start)
    recipe = context.recipe

    def after_epoch(epoch: int) -> None:
        if epoch == recipe.float_epochs:
            training.finish()
        context.report(EpochReport(epoch, context.accuracy(architecture, training.folded())))

    run_epochs(
        context.data, loop_settings(recipe), context.seed, training.step, after_epoch,
        context.should_stop,
    )  # fmt: skip
    return training.folded()
