"""The one training loop: epochs of shuffled, augmented batches under a schedule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from minbits.records import DataSet
from minbits.training.augmentation import random_affine
from minbits.training.schedule import Schedule

SMALLEST_AUGMENTED_SIDE = 8


class StoppedError(Exception):
    """Training was asked to stop."""


@dataclass(frozen=True)
class TrainingData:
    """Scaled inputs ``(examples, channels, height, width)`` and labels on one device."""

    inputs: Tensor
    labels: Tensor

    @property
    def is_image(self) -> bool:
        """Whether the inputs are images that geometric distortion makes sense for."""
        return min(self.inputs.shape[2:]) >= SMALLEST_AUGMENTED_SIDE


def best_device() -> torch.device:
    """Return the first CUDA device, or the CPU where there is none."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def training_data(
    data: DataSet, indices: npt.NDArray[np.int64], device: torch.device
) -> TrainingData:
    """Return some of the training examples as tensors, scaled as the file's decoder scales them."""
    inputs = torch.from_numpy(np.asarray(data.train_inputs[indices], dtype=np.float32))
    scaled = (inputs * 2.0**-data.input_exponent).to(device)
    labels = torch.from_numpy(data.train_labels[indices]).to(device)
    return TrainingData(scaled, labels)


def batch_of(data: TrainingData, batch_size: int) -> int:
    """Return the batch size that is really used: never more than there are examples."""
    return min(batch_size, len(data.labels))


@dataclass(frozen=True)
class LoopSettings:
    """What an epoch does, apart from the loss."""

    epochs: int
    batch_size: int
    schedule: Schedule
    augmentation: float


def run_epochs(
    data: TrainingData,
    settings: LoopSettings,
    optimizer: torch.optim.Optimizer,
    loss: Callable[[Tensor, Tensor], Tensor],
    generator: torch.Generator,
    after_epoch: Callable[[int], None],
    should_stop: Callable[[], bool],
) -> None:
    """Train for ``settings.epochs`` epochs.

    Each parameter group of the optimizer may carry ``rate_factor``, by which the scheduled
    learning rate is multiplied.

    Args:
        data: the training examples.
        settings: epochs, batch size, schedule and augmentation.
        optimizer: holds the parameters.
        loss: from a batch of inputs and labels to the scalar to minimise.
        generator: CPU generator of shuffling and augmentation.
        after_epoch: called with the number of epochs done.
        should_stop: asked after every step.

    Raises:
        StoppedError: if ``should_stop`` says so.
        FloatingPointError: if the loss is not finite.
    """
    examples = len(data.labels)
    batch = batch_of(data, settings.batch_size)
    steps = examples // batch
    augmentation = settings.augmentation if data.is_image else 0.0
    for epoch in range(settings.epochs):
        order = torch.randperm(examples, generator=generator).to(data.labels.device)
        for step in range(steps):
            progress = (epoch + step / steps) / settings.epochs
            for group in optimizer.param_groups:
                group["lr"] = settings.schedule(progress) * group.get("rate_factor", 1.0)
            chosen = order[step * batch : (step + 1) * batch]
            images = random_affine(data.inputs[chosen], augmentation, generator)
            # Thin convolutions run markedly faster with the channels innermost.
            images = images.contiguous(memory_format=torch.channels_last)
            optimizer.zero_grad(set_to_none=True)
            value = loss(images, data.labels[chosen])
            value.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if should_stop():
                raise StoppedError
        if not torch.isfinite(value):
            raise FloatingPointError(f"the loss is {value.item()} after epoch {epoch + 1}")
        after_epoch(epoch + 1)


def accuracy(
    logits: Callable[[Tensor], Tensor], data: TrainingData, batch_size: int = 1000
) -> float:
    """Return the fraction of ``data`` whose largest logit is the label's."""
    correct = 0
    with torch.no_grad():
        for start in range(0, len(data.labels), batch_size):
            images = data.inputs[start : start + batch_size]
            images = images.contiguous(memory_format=torch.channels_last)
            predicted = logits(images).argmax(1)
            correct += int((predicted == data.labels[start : start + batch_size]).sum())
    return correct / len(data.labels)
