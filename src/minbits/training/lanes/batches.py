"""Loss and gradient of a batch, and logits of many examples: what the engine calls."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from minbits.training.compilation import compiled
from minbits.training.lanes.linear_maps import Float
from minbits.training.lanes.plan import Plan
from minbits.training.lanes.sampling import copy_image, sample_image
from minbits.training.lanes.vector_code import LANES
from minbits.training.lanes.walk import (
    Integer,
    backward_block,
    forward_block,
    linear_gradients,
    turn_kernels,
)


@compiled()
def _cross_entropy(
    plan: Plan, block: int, labels: Integer, chosen: Integer, smoothing: float, soft: Float,
    soft_weight: float,
) -> float:  # fmt: skip
    """Return one block's sum of cross-entropies in nats, and write the errors of the logits.

    The target of an example is its label, smoothed, mixed with its row of ``soft`` probabilities.
    """
    arena, classes = plan.arena, plan.classes
    logits = plan.logits_at + block * plan.logits_block
    errors = plan.errors_at + block * plan.errors_block
    examples = np.float32(plan.blocks * LANES)
    even = np.float32(smoothing / classes)
    hard = np.float32(1 - smoothing)
    share = np.float32(soft_weight) if soft.size else np.float32(0)
    total = 0.0
    for lane in range(LANES):
        example = chosen[lane * plan.blocks + block]
        label = labels[example]
        largest = arena[logits + lane]
        for k in range(1, classes):
            largest = max(largest, arena[logits + k * LANES + lane])
        normaliser = np.float32(0)
        for k in range(classes):
            power = np.exp(arena[logits + k * LANES + lane] - largest)
            arena[errors + k * LANES + lane] = power
            normaliser += power
        log_normaliser = np.log(normaliser) + largest
        for k in range(classes):
            target = even + (hard if k == label else np.float32(0))
            if share > 0:
                target = (np.float32(1) - share) * target + share * soft[example, k]
            place = errors + k * LANES + lane
            total += target * (log_normaliser - arena[logits + k * LANES + lane])
            arena[place] = (arena[place] / normaliser - target) / examples
    return total


@compiled()
def write_inputs(
    plan: Plan, block: int, images: Float, chosen: Integer, maps: Float, fields: Float,
    bordered: Float,
) -> None:  # fmt: skip
    """Write one block's images to its lanes, distorted where there are maps."""
    no_field = np.zeros((0, 0, 0), np.float32)
    for lane in range(LANES):
        n = lane * plan.blocks + block
        image, at = images[chosen[n]], plan.input_at + block * plan.input_block + lane
        if maps.size == 0:
            copy_image(image, plan.arena, at, plan.input_channel, plan.input_row, LANES)
        else:
            field = fields[n] if fields.size else no_field
            sample_image(
                image, maps[n], field, bordered, plan.arena, at, plan.input_channel,
                plan.input_row, LANES,
            )  # fmt: skip


@compiled()
def batch_gradients(
    plan: Plan, parameters: Float, gradients: Float, means: Float, variances: Float,
    losses: npt.NDArray[np.float64], images: Float, labels: Integer, chosen: Integer, maps: Float,
    fields: Float, smoothing: float, soft: Float, soft_weight: float,
) -> None:  # fmt: skip
    """Write loss, gradient and moments of one batch for each of several parameter vectors.

    Args:
        plan: from `make_plan`; its blocks times `LANES` is the batch.
        parameters: ``[network, parameter]``.
        gradients: likewise; overwritten.
        means: ``[network, channel]``, over blocks averaged means of what is normalised.
        variances: likewise, unbiased.
        losses: ``[network]``, mean cross-entropy in nats.
        images: ``[example, channel, row, column]``, scaled.
        labels: ``[example]``.
        chosen: ``[network, place in the batch]``, the examples of each network's batch; place n
            goes to block ``n mod blocks``.
        maps: ``[network, place, 2, 3]`` affine distortions, or of size 0.
        fields: ``[network, place, 2, knot, knot]`` displacements, or of size 0.
        smoothing: label smoothing (Szegedy et al. 2016).
        soft: ``[example, class]`` target probabilities, or of size 0.
        soft_weight: share of the soft targets.
    """
    rows, columns = images.shape[2:]
    bordered = np.zeros((rows + 3, columns + 3), np.float32)
    zeros = np.zeros(1, np.float32)
    no_maps = np.zeros((0, 0, 0), np.float32)
    no_fields = np.zeros((0, 0, 0, 0), np.float32)
    gradients[:] = 0
    means[:] = 0
    variances[:] = 0
    for network in range(len(parameters)):
        values, gradient = parameters[network], gradients[network]
        turn_kernels(plan, values)
        own_maps = maps[network] if maps.size else no_maps
        own_fields = fields[network] if fields.size else no_fields
        total = 0.0
        for block in range(plan.blocks):
            write_inputs(plan, block, images, chosen[network], own_maps, own_fields, bordered)
            forward_block(plan, block, values, means[network], variances[network])
            total += _cross_entropy(
                plan, block, labels, chosen[network], smoothing, soft, soft_weight
            )
            backward_block(plan, block, values, gradient, zeros)
        linear_gradients(plan, gradient)
        losses[network] = total / (plan.blocks * LANES)


@compiled()
def batch_logits(plan: Plan, parameters: Float, images: Float, logits: Float) -> None:
    """Write the logits ``[example, class]`` of images that nothing is normalised over.

    Args:
        plan: of the plain layout, for one block.
        parameters: ``[parameter]``.
        images: ``[example, channel, row, column]``, scaled.
        logits: overwritten.
    """
    nothing = np.zeros(1, np.float32)
    for start in range(0, len(images), LANES):
        count = min(LANES, len(images) - start)
        for lane in range(count):
            copy_image(
                images[start + lane], plan.arena, plan.input_at + lane, plan.input_channel,
                plan.input_row, LANES,
            )  # fmt: skip
        forward_block(plan, 0, parameters, nothing, nothing)
        for lane in range(count):
            for k in range(plan.classes):
                logits[start + lane, k] = plan.arena[plan.logits_at + k * LANES + lane]
