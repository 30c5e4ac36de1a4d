"""The one training loop: epochs of shuffled, distorted batches under a schedule."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.training.distortion import Distortions, random_distortions
from minbits.training.schedule import Schedule
from minbits.types import DataSet

Float = npt.NDArray[np.float32]

SMALLEST_AUGMENTED_SIDE = 8


class StoppedError(Exception):
    """Training was asked to stop."""


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Examples to train on.

    Attributes:
        inputs: float32 ``(examples, channels, height, width)``, scaled as the decoder scales them.
        labels: int64 ``(examples,)``.
        soft_targets: float32 ``(examples, classes)``, probabilities to learn beside the labels;
            None for none.
    """

    inputs: Float
    labels: npt.NDArray[np.int64]
    soft_targets: Float | None = None

    @property
    def is_image(self) -> bool:
        """Whether the inputs are images that geometric distortion makes sense for."""
        return min(int(side) for side in self.inputs.shape[2:]) >= SMALLEST_AUGMENTED_SIDE

    def part(self, count: int) -> TrainingData:
        """Return the first ``count`` examples."""
        soft = None if self.soft_targets is None else self.soft_targets[:count]
        return TrainingData(self.inputs[:count], self.labels[:count], soft)


def training_data(data: DataSet, indices: npt.NDArray[np.int64]) -> TrainingData:
    """Return some of the training examples, scaled as the file's decoder scales them."""
    inputs = np.ascontiguousarray(data.train_inputs[indices], dtype=np.float32)
    inputs *= np.float32(2.0**-data.input_exponent)
    return TrainingData(inputs, data.train_labels[indices])


def batch_of(data: TrainingData, batch_size: int) -> int:
    """Return the batch size that is really used: never more than there are examples."""
    return min(batch_size, len(data.labels))


@dataclass(frozen=True)
class Draw:
    """The examples of one batch, and how each is distorted."""

    indices: npt.NDArray[np.int64]
    distortions: Distortions

    def part(self, start: int, end: int) -> Draw:
        """Return some of the examples."""
        return Draw(self.indices[start:end], self.distortions.part(start, end))


@dataclass(frozen=True)
class LoopSettings:
    """What an epoch does, apart from the step itself."""

    epochs: int
    batch_size: int
    schedule: Schedule
    affine: float = 0.0
    elastic: float = 0.0


def draw_epoch(data: TrainingData, settings: LoopSettings, generator: np.random.Generator) -> Draw:
    """Return all examples of an epoch in random order, each with its distortion."""
    examples = len(data.labels)
    batch = batch_of(data, settings.batch_size)
    height, width = data.inputs.shape[2:]
    affine, elastic = (settings.affine, settings.elastic) if data.is_image else (0.0, 0.0)
    order = generator.permutation(examples)[: examples // batch * batch]
    return Draw(order, random_distortions(len(order), (height, width), affine, elastic, generator))


def run_epochs(
    data: TrainingData,
    settings: LoopSettings,
    seed: int,
    step: Callable[[Draw, float, float], float],
    after_epoch: Callable[[int], None],
    should_stop: Callable[[], bool],
) -> None:
    """Train for ``settings.epochs`` epochs.

    Args:
        data: the training examples.
        settings: epochs, batch size, schedule and augmentation.
        seed: of shuffling and augmentation.
        step: takes a batch, the learning rate and the progress in [0, 1); returns the loss.
        after_epoch: called with the number of epochs done.
        should_stop: asked after every step.

    Raises:
        StoppedError: if ``should_stop`` says so.
        FloatingPointError: if the loss is not finite.
    """
    generator = np.random.default_rng(seed)
    batch = batch_of(data, settings.batch_size)
    steps = len(data.labels) // batch
    for epoch in range(settings.epochs):
        drawn = draw_epoch(data, settings, generator)
        for number in range(steps):
            progress = (epoch + number / steps) / settings.epochs
            draw = drawn.part(number * batch, (number + 1) * batch)
            loss = step(draw, settings.schedule(progress), progress)
            if should_stop():
                raise StoppedError
        if not math.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss} after epoch {epoch + 1}")
        after_epoch(epoch + 1)
