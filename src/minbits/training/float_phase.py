"""First phase: training in full precision."""

from __future__ import annotations

from collections.abc import Callable

import torch

from minbits.codec.architecture import Architecture
from minbits.networks.torch_layers import FloatNetwork
from minbits.records import TrainingRecipe
from minbits.training.engine import Engine
from minbits.training.loop import LoopSettings, TrainingData, accuracy, batch_of, run_epochs
from minbits.training.schedule import one_cycle


def train_float(
    architecture: Architecture,
    recipe: TrainingRecipe,
    seed: int,
    data: TrainingData,
    validation: TrainingData,
    report: Callable[[int, float], None],
    should_stop: Callable[[], bool],
    engine: Engine,
) -> FloatNetwork:
    """Train a network in full precision by cross-entropy and return it in evaluation mode.

    Args:
        architecture: the network.
        recipe: of which the fields of the first phase are used.
        seed: of initial weights, order, augmentation and dropout.
        data: examples to train on.
        validation: examples whose accuracy is reported after every epoch.
        report: called with the epochs done and the validation accuracy.
        should_stop: asked after every step.
        engine: computes loss and gradient.

    Raises:
        StoppedError: if asked to stop.
        FloatingPointError: if training diverges.
    """
    generator = torch.Generator().manual_seed(seed)
    network = FloatNetwork(architecture, seed, recipe.batch_normalisation, recipe.dropout)
    network.to(data.inputs.device)
    batch_loss = engine.float_loss(network, batch_of(data, recipe.batch_size))
    optimizer = torch.optim.AdamW(
        network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
    )

    def after_epoch(epoch: int) -> None:
        network.eval()
        report(epoch, accuracy(network, validation))
        network.train()

    network.train()
    settings = LoopSettings(
        recipe.float_epochs,
        recipe.batch_size,
        one_cycle(recipe.learning_rate),
        recipe.augmentation,
    )
    run_epochs(data, settings, optimizer, batch_loss, generator, after_epoch, should_stop)
    network.eval()
    return network
