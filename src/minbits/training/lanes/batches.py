"""Loss and gradient of a batch, and logits of many examples: what the engine calls."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from minbits.compilation import compiled
from minbits.training.lanes import passes
from minbits.training.lanes.forward_backward import (
    Integer,
    backward_block,
    forward_block,
    linear_gradients,
    turn_kernels,
)
from minbits.training.lanes.linear_maps import Float
from minbits.training.lanes.plan import Plan
from minbits.training.lanes.sampling import copy_image, sample_image
from minbits.training.lanes.vector_code import LANES, VECTOR, transpose_square

_ZERO = np.float32(0)


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
    share = np.float32(soft_weight) if soft.size else np.float32(0)
    even = np.float32((1 - share) * smoothing / classes)
    hard = np.float32((1 - share) * (1 - smoothing))
    lanes = np.empty(3 * LANES, np.float32)  # largest logit, sum of powers, factor of powers
    lanes[:LANES] = arena[logits : logits + LANES]
    lanes[LANES : 2 * LANES] = 0
    passes.maximum(
        lanes, 0, 0, lanes, 0, 0, arena, logits + LANES, LANES, classes - 1, 1, _ZERO, _ZERO, _ZERO,
        lanes, 0,
    )  # fmt: skip
    passes.exponential(
        arena, errors, LANES, arena, logits, LANES, lanes, 0, 0, classes, 1, _ZERO, _ZERO, _ZERO,
        lanes, 0,
    )  # fmt: skip
    passes.add(
        lanes, LANES, 0, lanes, LANES, 0, arena, errors, LANES, classes, 1, _ZERO, _ZERO, _ZERO,
        lanes, 0,
    )  # fmt: skip
    # One logarithm for all lanes: sums of at most `classes` each, whose product a double holds.
    product, largest = 1.0, 0.0
    for lane in range(LANES):
        product *= lanes[LANES + lane]
        largest += lanes[lane]
        lanes[2 * LANES + lane] = np.float32(1) / (lanes[LANES + lane] * examples)
    passes.product(
        arena, errors, LANES, arena, errors, LANES, lanes, 2 * LANES, 0, classes, 1,
        -even / examples, _ZERO, _ZERO, lanes, 0,
    )  # fmt: skip
    total = (1 - share) * (np.log(product) + largest)
    for lane in range(LANES):
        place = labels[chosen[lane * plan.blocks + block]] * LANES + lane
        total -= hard * arena[logits + place]
        arena[errors + place] -= hard / examples
    if even > 0:
        for index in range(logits, logits + classes * LANES):
            total -= even * arena[index]
    if share > 0:
        for lane in range(LANES):
            example = chosen[lane * plan.blocks + block]
            log_normaliser = np.log(lanes[LANES + lane]) + lanes[lane]
            for k in range(classes):
                target, place = share * soft[example, k], k * LANES + lane
                total += target * (log_normaliser - arena[logits + place])
                arena[errors + place] -= target / examples
    return float(total)


@compiled()
def write_inputs(
    plan: Plan, block: int, images: Float, chosen: Integer, maps: Float, fields: Float,
    bordered: Float,
) -> None:  # fmt: skip
    """Write one block's images to its lanes, distorted where there are maps."""
    rows, columns = images.shape[2:]
    is_dense = plan.input_row == columns * LANES and plan.input_channel == rows * plan.input_row
    if maps.size == 0 and is_dense and images[0].size >= VECTOR:
        _transpose_inputs(plan, block, images, chosen)
        return
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
def _transpose_inputs(plan: Plan, block: int, images: Float, chosen: Integer) -> None:
    """Write one block's images, of at least `VECTOR` pixels, where they have no border."""
    size, flat = images[0].size, images.reshape(-1)
    starts = np.empty(LANES, np.int64)
    for lane in range(LANES):
        starts[lane] = chosen[lane * plan.blocks + block] * size
    at = plan.input_at + block * plan.input_block
    for lane in range(0, LANES, VECTOR):
        for pixel in range(0, size, VECTOR):
            first = min(pixel, size - VECTOR)  # the last square overlaps the one before
            transpose_square(
                plan.arena, at + first * LANES + lane, LANES, flat, first, starts, lane, VECTOR
            )


@compiled()
def workspace(images: Float) -> Float:
    """Return zeros as large as `sample_image` needs for an image and its border."""
    return np.zeros((images.shape[2] + 3, images.shape[3] + 3), np.float32)


@compiled()
def one_gradient(
    plan: Plan, values: Float, gradient: Float, means: Float, variances: Float, images: Float,
    labels: Integer, chosen: Integer, maps: Float, fields: Float, bordered: Float,
    smoothing: float, soft: Float, soft_weight: float,
) -> float:  # fmt: skip
    """Return the loss of one network's batch, and write its gradient and moments.

    Arguments are those of `batch_gradients` without the network; ``bordered`` is a workspace.
    """
    zeros = np.zeros(1, np.float32)
    gradient[:] = 0
    means[:] = 0
    variances[:] = 0
    turn_kernels(plan, values)
    total = 0.0
    for block in range(plan.blocks):
        write_inputs(plan, block, images, chosen, maps, fields, bordered)
        forward_block(plan, block, values, means, variances)
        total += _cross_entropy(plan, block, labels, chosen, smoothing, soft, soft_weight)
        backward_block(plan, block, values, gradient, zeros)
    linear_gradients(plan, gradient)
    return total / (plan.blocks * LANES)


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
    bordered = workspace(images)
    no_maps = np.zeros((0, 0, 0), np.float32)
    no_fields = np.zeros((0, 0, 0, 0), np.float32)
    for network in range(len(parameters)):
        losses[network] = one_gradient(
            plan, parameters[network], gradients[network], means[network], variances[network],
            images, labels, chosen[network], maps[network] if maps.size else no_maps,
            fields[network] if fields.size else no_fields, bordered, smoothing, soft, soft_weight,
        )  # fmt: skip


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
