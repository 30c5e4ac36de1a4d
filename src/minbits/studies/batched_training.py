"""Training of many seeds at once in PyTorch: on a GPU, of weights of few bits, by other losses.

All tensors carry the seeds in front, as in `minbits.memorisation.seeded_networks`, so that a step
of all networks is a few batched matrix products. Initial weights and batches are those of
`minbits.training.many.train_many`: without rounding of weights the two differ by rounding alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from minbits.codec.architecture import Architecture, class_count
from minbits.layers.linear import Linear
from minbits.memorisation.seeded_networks import (
    SeededShape,
    run_networks,
    stored_weights,
)
from minbits.networks.parameters import flat_parameters, parameter_layout
from minbits.studies.losses import Loss
from minbits.studies.tensor_losses import tensor_losses
from minbits.training.float_phase import loop_settings
from minbits.training.loop import StoppedError, TrainingData, batch_of, draw_epoch
from minbits.training.optimizers import MOMENTUM
from minbits.types import TrainingRecipe

Float = npt.NDArray[np.float32]


@dataclass(frozen=True)
class BatchedSettings:
    """How PyTorch trains.

    Attributes:
        weight_bits: of a stored weight, 32 for none that are rounded; rounded weights are trained
            with gradients that pass straight through the rounding.
        device: of PyTorch.
        loss: that is descended.
    """

    weight_bits: int
    device: str
    loss: Loss = "cross-entropy"


def train_batched(
    architecture: Architecture,
    recipe: TrainingRecipe,
    seeds: Sequence[int],
    data: TrainingData,
    batched: BatchedSettings,
    report: Callable[[int, Float], None],
    should_stop: Callable[[], bool],
) -> Float:
    """Train a fully connected network once a seed, by gradient descent with Nesterov's momentum.

    Args:
        architecture: linear layers, all but the last one rectified.
        recipe: of which epochs, batch size, learning rate and schedule are used.
        seeds: of initial weights and order, one a network.
        data: examples to train on.
        batched: bits of a weight, and the device.
        report: called after every epoch with the epochs done and all parameters.
        should_stop: asked after every step.

    Returns:
        Weights as they are stored and biases in the plain layout, ``(networks, parameters)``.

    Raises:
        StoppedError: if asked to stop.
        FloatingPointError: if a training diverges.
    """
    bits, device = batched.weight_bits, batched.device
    hidden = tuple(
        layer.out_features for layer in architecture.layers[:-1] if isinstance(layer, Linear)
    )
    inputs = torch.from_numpy(data.inputs.reshape(len(data.labels), -1)).to(device)
    labels = torch.from_numpy(data.labels).to(device)
    shape = SeededShape(inputs.shape[1], hidden, class_count(architecture), weight_bits=bits)
    weights = _initial(architecture, seeds, device)
    optimizer = torch.optim.SGD(weights, recipe.learning_rate, momentum=MOMENTUM, nesterov=True)
    settings, batch = loop_settings(recipe), batch_of(data, recipe.batch_size)
    generators = [np.random.default_rng(seed) for seed in seeds]
    steps = len(data.labels) // batch
    plain = _plain(architecture, weights, bits)
    for epoch in range(1, settings.epochs + 1):
        drawn = [draw_epoch(data, settings, generator).indices for generator in generators]
        order = torch.from_numpy(np.stack(drawn)).to(device)
        for number in range(steps):
            chosen = order[:, number * batch : (number + 1) * batch]
            losses = tensor_losses(
                run_networks(shape, weights, inputs[chosen]), labels[chosen], batched.loss
            )
            means = losses.mean(1)
            optimizer.zero_grad(set_to_none=True)
            means.sum().backward()  # type: ignore[no-untyped-call]
            rate = settings.schedule((epoch - 1 + number / steps) / settings.epochs)
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
            if should_stop():
                raise StoppedError
        if not bool(means.isfinite().all()):
            raise FloatingPointError(f"a loss is not finite after epoch {epoch}")
        plain = _plain(architecture, weights, bits)
        report(epoch, plain)
    return plain


def _initial(architecture: Architecture, seeds: Sequence[int], device: str) -> list[Tensor]:
    """Return the initial weights of `train_many`, biases as a last row of each matrix."""
    layout = parameter_layout(architecture, normalised=False)
    networks = [layout.tensors(layout.initial(seed)) for seed in seeds]
    found = []
    for layer in zip(*networks, strict=True):
        joined = np.stack(
            [np.column_stack([w.reshape(len(w), -1), b]).T for w, b in layer if b is not None]
        )
        found.append(torch.from_numpy(joined.copy()).to(device).requires_grad_())
    return found


def _plain(architecture: Architecture, weights: Sequence[Tensor], bits: int) -> Float:
    with torch.no_grad():
        stored = [stored_weights(matrix, bits).cpu().numpy() for matrix in weights]
    layout = parameter_layout(architecture, normalised=False)
    shapes = [slot.shape for slot in layout.slots]
    return np.stack(
        [
            flat_parameters(
                architecture,
                [
                    (matrix[seed, :-1].T.reshape(shape), matrix[seed, -1])
                    for matrix, shape in zip(stored, shapes, strict=True)
                ],
            )
            for seed in range(len(stored[0]))
        ]
    )
