"""Second phase: quantisation-aware training under the rate penalty."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import Architecture
from minbits.codec.quantized_network import QuantizedNetwork
from minbits.compression.finishing import finish
from minbits.compression.quantizer import Quantizer
from minbits.compression.steps import share_steps, with_one_bias_step
from minbits.networks.parameters import parameter_layout
from minbits.training.context import EpochReport, TrainingContext
from minbits.training.loop import Draw, LoopSettings, run_epochs
from minbits.training.optimizers import AdamW
from minbits.training.schedule import cosine
from minbits.types import TrainingRecipe
from minbits.units import bits_to_nats

Float = npt.NDArray[np.float32]

# Step indices are logarithms on a grid: a change of one is 19 %.
STEP_RATE_FACTOR = 5.0
# Weights are frozen in lots, every so many steps.
FREEZING_PERIOD = 25


def share_frozen(recipe: TrainingRecipe, progress: float) -> float:
    """Return the share of the weights that are frozen at a progress of the second phase."""
    span = max(recipe.freezing_end - recipe.freezing_start, 1e-9)
    return min(1.0, (progress - recipe.freezing_start) / span)


def train_quantized(
    architecture: Architecture,
    values: Float,
    context: TrainingContext,
    step_indices: Float | None = None,
) -> QuantizedNetwork:
    """Train on with rounded weights and return the quantised network.

    The loss is that of a two-part code (Rissanen 1978) of the training labels, per label and in
    nats: cross-entropy plus ``rate_weight`` times the code length of the weights, shared by all
    training examples.

    Args:
        architecture: the network.
        values: parameters to start from, in the plain layout.
        context: of whose recipe the fields of the second phase are used.
        step_indices: of every tensor to start from, in steps of the format's grid; None derives
            them from the weights.

    Raises:
        StoppedError: if asked to stop.
        FloatingPointError: if training diverges.
        NetworkError: if a level or step grew out of the format's range.
    """
    recipe, data = context.recipe, context.data
    quantizer = Quantizer(architecture, values, recipe.initial_step_ratio, step_indices)
    latent, steps = quantizer.latent, quantizer.step_indices
    optimizer = AdamW(np.ones_like(latent), 0.0)
    step_optimizer = AdamW(np.full_like(steps, STEP_RATE_FACTOR), 0.0)
    penalty = bits_to_nats(recipe.rate_weight) / len(data.labels)
    objective = context.objective(parameter_layout(architecture, normalised=False))
    value_gradient, gradient = np.zeros_like(latent), np.zeros_like(latent)
    step_gradient = np.zeros_like(steps)

    taken = 0

    def step(draw: Draw, rate: float, progress: float) -> float:
        nonlocal taken
        if progress >= recipe.step_training_end and not quantizer.steps_are_fixed:
            quantizer.fix_steps()
            steps[:] = with_one_bias_step(architecture, steps)
        is_freezing = progress >= recipe.freezing_start
        bits = quantizer.forward(recipe.freezing_softness if is_freezing else 0.0)
        if is_freezing:
            quantizer.follow()
            taken += 1
            if taken % FREEZING_PERIOD == 0:
                quantizer.freeze(share_frozen(recipe, progress))
        loss = objective.loss_and_gradient(quantizer.values, draw, value_gradient)
        quantizer.backward(value_gradient, penalty, gradient, step_gradient)
        optimizer.step(latent, gradient, rate)
        if not quantizer.steps_are_fixed:
            step_optimizer.step(steps, step_gradient, rate)
        return loss + penalty * bits

    def after_epoch(epoch: int) -> None:
        bits = quantizer.forward()
        found = context.accuracy(architecture, quantizer.values)
        context.report(EpochReport(epoch, found, bits))

    settings = LoopSettings(
        recipe.quantized_epochs,
        recipe.batch_size,
        cosine(recipe.quantized_learning_rate),
        recipe.augmentation,
        recipe.elastic,
    )
    run_epochs(data, settings, context.seed + 1, step, after_epoch, context.should_stop)
    return share_steps(finish(quantizer.export(), context))
