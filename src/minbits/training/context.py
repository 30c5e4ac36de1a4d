"""What a training is given beside the network: data, engine, seed, and whom it talks to."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import Architecture
from minbits.networks.parameters import ParameterLayout
from minbits.training.engine import Engine, Objective, ObjectiveSettings, accuracy
from minbits.training.loop import TrainingData, batch_of
from minbits.types import TrainingRecipe

Float = npt.NDArray[np.float32]


def objective_settings(recipe: TrainingRecipe, batch: int, seed: int) -> ObjectiveSettings:
    """Return how a recipe takes the loss of a batch."""
    return ObjectiveSettings(
        batch, recipe.label_smoothing, recipe.soft_target_weight, recipe.dropout, seed
    )


@dataclass(frozen=True)
class EpochReport:
    """What is told after an epoch.

    Attributes:
        epoch: epochs done.
        validation_accuracy: in [0, 1].
        size_bits: estimated length of the file, where weights are quantised.
        parameters: of the network, where it is thinned.
    """

    epoch: int
    validation_accuracy: float
    size_bits: float | None = None
    parameters: int | None = None


@dataclass(frozen=True, eq=False)
class TrainingContext:
    """What a training is given beside the network.

    Attributes:
        recipe: how to train.
        seed: of initial weights, order, augmentation and dropout.
        data: examples to train on.
        validation: examples whose accuracy is reported after every epoch.
        engine: computes losses, gradients and predictions.
        report: called after every epoch.
        should_stop: asked after every step.
        clock: seconds that time is counted in.
    """

    recipe: TrainingRecipe
    seed: int
    data: TrainingData
    validation: TrainingData
    engine: Engine
    report: Callable[[EpochReport], None] = lambda report: None
    should_stop: Callable[[], bool] = lambda: False
    clock: Callable[[], float] = time.perf_counter

    @property
    def batch(self) -> int:
        """The examples a step."""
        return batch_of(self.data, self.recipe.batch_size)

    def objective(self, layout: ParameterLayout) -> Objective:
        """Return the training loss of a network as the recipe takes it."""
        settings = objective_settings(self.recipe, self.batch, self.seed)
        return self.engine.objective(layout, self.data, settings)

    def accuracy(self, architecture: Architecture, values: Float) -> float:
        """Return the validation accuracy of a network with plain parameters."""
        return accuracy(self.engine, architecture, values, self.validation)
