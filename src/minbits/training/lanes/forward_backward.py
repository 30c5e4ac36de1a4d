"""Forward and backward passes of one block of examples through a plan, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.compilation import compiled
from minbits.networks.parameters import BATCH_NORM_EPSILON
from minbits.training.lanes import passes
from minbits.training.lanes.example_passes import (
    root_mean_square_backward,
    root_mean_square_forward,
)
from minbits.training.lanes.linear_maps import (
    Float,
    Sweep,
    dense_weight_gradient,
    depthwise_weight_gradient,
    linear_weight_gradient,
    sweep_image,
)
from minbits.training.lanes.plan import (
    ADDED,
    ADDITION,
    DEPTHWISE,
    DIRECT,
    FUSED,
    LINEAR,
    MAXIMUM,
    MEAN,
    NORMALISED,
    NOWHERE,
    ROOT_MEAN_SQUARE,
    SWISHED,
    Plan,
)
from minbits.training.lanes.vector_code import (
    LANES,
    return_to_all,
    return_to_winner,
    window_maximum,
    window_mean,
)

Integer = npt.NDArray[np.int64]

_EPSILON = np.float32(BATCH_NORM_EPSILON)
_ONE, _ZERO = np.float32(1), np.float32(0)


@compiled()
def turn_kernels(plan: Plan, parameters: Float) -> None:
    """Write weights with inputs and outputs exchanged, and kernels turned by half a turn."""
    for number in range(len(plan.tensors)):
        tensor = plan.tensors[number]
        if not tensor.is_turned:
            continue
        outputs, sources, kernel = tensor.outputs, tensor.sources, tensor.kernel
        for output in range(outputs):
            for source in range(sources):
                at = tensor.weights + (output * sources + source) * kernel
                place = source * outputs + output if tensor.is_dense else output
                to = tensor.turned + place * kernel + kernel - 1
                for k in range(kernel):
                    plan.turned[to - k] = parameters[at + k]


@compiled()
def _normalise(plan: Plan, op: Any, parameters: Float, means: Float, variances: Float) -> None:
    """Find each channel's moments over the block, and what normalises it."""
    arena, statistics = plan.arena, plan.statistics
    size = op.rows * op.columns
    count = np.float32(size * LANES)
    totals = np.empty(2, np.float32)
    share = _ONE / np.float32(plan.blocks)
    for channel in range(op.outputs):
        z = op.sums + channel * size * LANES
        totals[:] = 0
        passes.moments(
            arena, z, 0, arena, z, 0, arena, z, 0, 1, size, _ZERO, _ZERO, _ZERO, totals, 0
        )
        mean = totals[0] / count
        variance = max(totals[1] / count - mean * mean, _ZERO)
        inverse = _ONE / np.sqrt(variance + _EPSILON)
        factor = parameters[op.scale + channel] * inverse
        at = op.statistics + 4 * channel
        statistics[at], statistics[at + 1] = mean, inverse
        statistics[at + 2] = factor
        statistics[at + 3] = parameters[op.shift + channel] - mean * factor
        means[op.moments + channel] += mean * share
        variances[op.moments + channel] += variance * (count / (count - _ONE)) * share


@compiled()
def _factor_and_summand(plan: Plan, op: Any, parameters: Float, channel: int) -> Any:
    if op.mode == NORMALISED:
        at = op.statistics + 4 * channel
        return plan.statistics[at + 2], plan.statistics[at + 3]
    return _ONE, parameters[op.shift + channel] if op.shift >= 0 else _ZERO


@compiled()
def _weighted_forward(
    plan: Plan, op: Any, block: int, parameters: Float, means: Float, variances: Float
) -> None:
    arena = plan.arena
    to = op.out_at + block * op.out_block
    source = op.first + block * op.in_block
    depthwise = op.kind == DEPTHWISE
    if op.mode == FUSED:
        sweep = Sweep(
            op.rows, op.columns, op.out_channel, op.out_row, op.in_channel if depthwise else 0,
            op.stride_row * op.in_row, op.stride_column * LANES, 1, op.taps, op.slope,
            op.period,
        )  # fmt: skip
        sweep_image(
            arena, to, arena, source, plan.offsets, op.offsets, op.taps, parameters, op.weights,
            parameters, op.shift, op.outputs, depthwise, sweep,
        )  # fmt: skip
        return
    size = op.rows * op.columns * LANES
    sweep = Sweep(
        op.rows, op.columns, size, op.columns * LANES, op.in_channel if depthwise else 0,
        op.stride_row * op.in_row, op.stride_column * LANES, 1, op.taps, _ONE, op.period,
    )  # fmt: skip
    sweep_image(
        arena, op.sums, arena, source, plan.offsets, op.offsets, op.taps, parameters, op.weights,
        parameters, -1, op.outputs, depthwise, sweep,
    )  # fmt: skip
    if op.mode == NORMALISED:
        _normalise(plan, op, parameters, means, variances)
    line = op.columns * LANES
    for channel in range(op.outputs):
        factor, summand = _factor_and_summand(plan, op, parameters, channel)
        z, place = op.sums + channel * size, to + channel * op.out_channel
        if op.activation == SWISHED:
            passes.scale_and_swish(
                arena, place, op.out_row, arena, z, line, arena, z, line, op.rows, op.columns,
                factor, summand, _ZERO, arena, 0,
            )  # fmt: skip
        else:
            passes.scale_and_slope(
                arena, place, op.out_row, arena, z, line, arena, z, line, op.rows, op.columns,
                factor, summand, op.slope, arena, 0,
            )  # fmt: skip


@compiled()
def _pool_forward(plan: Plan, op: Any, block: int) -> None:
    arena, line = plan.arena, op.columns * LANES
    share = _ONE / np.float32(op.window)
    for channel in range(op.outputs):
        for row in range(op.rows):
            to = op.out_at + block * op.out_block + channel * op.out_channel + row * op.out_row
            source = op.in_at + block * op.in_block + channel * op.in_channel
            source += row * op.stride_row * op.in_row
            if op.kind == MAXIMUM:
                noted = op.chosen + (channel * op.rows + row) * line
                window_maximum(
                    arena, to, arena, noted, arena, source, plan.offsets, op.offsets, op.window,
                    op.stride_column * LANES, op.columns, share,
                )  # fmt: skip
            else:
                window_mean(
                    arena, to, arena, 0, arena, source, plan.offsets, op.offsets, op.window,
                    op.stride_column * LANES, op.columns, share,
                )  # fmt: skip


@compiled()
def _add_forward(plan: Plan, op: Any, block: int) -> None:
    arena = plan.arena
    for channel in range(op.outputs):
        passes.add_and_slope(
            arena, op.out_at + block * op.out_block + channel * op.out_channel, op.out_row,
            arena, op.in_at + block * op.in_block + channel * op.in_channel, op.in_row,
            arena, op.skip_at + block * op.skip_block + channel * op.skip_channel, op.skip_row,
            op.rows, op.columns, op.slope, _ZERO, _ZERO, arena, 0,
        )  # fmt: skip


@compiled()
def forward_block(
    plan: Plan, block: int, parameters: Float, means: Float, variances: Float
) -> None:
    """Run one block from its images to its logits.

    Means and unbiased variances of what is normalised are added to, divided by the blocks.
    """
    for index in range(len(plan.operations)):
        op = plan.operations[index]
        if op.kind in (MAXIMUM, MEAN):
            _pool_forward(plan, op, block)
        elif op.kind == ADDITION:
            _add_forward(plan, op, block)
        elif op.kind == ROOT_MEAN_SQUARE:
            root_mean_square_forward(plan, op, block)
        else:
            _weighted_forward(plan, op, block, parameters, means, variances)


@compiled()
def _normalised_errors(plan: Plan, op: Any, at: int, parameters: Float, gradient: Float) -> None:
    """Turn errors of the outputs into those of the sums, through activation and normalisation."""
    arena, statistics = plan.arena, plan.statistics
    size, line = op.rows * op.columns * LANES, op.columns * LANES
    count = np.float32(size)
    totals = np.empty(2, np.float32)
    for channel in range(op.outputs):
        z, error = op.sums + channel * size, at + channel * op.error_channel
        factor, summand = _factor_and_summand(plan, op, parameters, channel)
        totals[:] = 0
        if op.activation == SWISHED:
            passes.swish_gradient(
                arena, error, op.error_row, arena, error, op.error_row, arena, z, line,
                op.rows, op.columns, factor, summand, _ZERO, totals, 0,
            )  # fmt: skip
        else:
            passes.slope_gradient(
                arena, error, op.error_row, arena, error, op.error_row, arena, z, line,
                op.rows, op.columns, factor, summand, op.slope, totals, 0,
            )  # fmt: skip
        if op.shift >= 0:
            gradient[op.shift + channel] += totals[0]
        if op.mode != NORMALISED:
            continue
        mean, inverse = statistics[op.statistics + 4 * channel : op.statistics + 4 * channel + 2]
        scale_gradient = inverse * (totals[1] - mean * totals[0])
        gradient[op.scale + channel] += scale_gradient
        b = -factor * inverse * scale_gradient / count
        c = -factor * totals[0] / count - b * mean
        passes.combine(
            arena, error, op.error_row, arena, error, op.error_row, arena, z, line, op.rows,
            op.columns, factor, b, c, arena, 0,
        )  # fmt: skip


@compiled()
def _gated_errors(plan: Plan, op: Any, at: int, block: int, gradient: Float) -> None:
    """Pass errors on where outputs are positive, times the slope elsewhere; sum them for biases."""
    arena = plan.arena
    if op.slope == _ONE and op.shift < 0:
        return
    totals = np.empty(1, np.float32)
    for channel in range(op.outputs):
        error = at + channel * op.error_channel
        output = op.out_at + block * op.out_block + channel * op.out_channel
        totals[0] = 0
        passes.gate(
            arena, error, op.error_row, arena, error, op.error_row, arena, output, op.out_row,
            op.rows, op.columns, op.slope, _ZERO, _ZERO, totals, 0,
        )  # fmt: skip
        if op.shift >= 0:
            gradient[op.shift + channel] += totals[0]


@compiled()
def _spread(plan: Plan, op: Any, at: int) -> None:
    """Write errors as far apart as the stride leaves their inputs."""
    arena = plan.arena
    for channel in range(op.outputs):
        for row in range(op.rows):
            source = at + channel * op.error_channel + row * op.error_row
            to = op.spread_at + channel * op.spread_channel + row * op.spread_row
            passes.copy(
                arena, to, op.spread_column, arena, source, LANES, arena, source, LANES,
                op.columns, 1, _ZERO, _ZERO, _ZERO, arena, 0,
            )  # fmt: skip


@compiled()
def _weighted_backward(
    plan: Plan, op: Any, block: int, parameters: Float, gradient: Float, zeros: Float
) -> None:
    arena = plan.arena
    at = op.error_at + block * op.error_block
    if op.mode == FUSED:
        _gated_errors(plan, op, at, block, gradient)
    else:
        _normalised_errors(plan, op, at, parameters, gradient)
    source = op.first + block * op.in_block
    in_row, in_column = op.stride_row * op.in_row, op.stride_column * LANES
    if op.kind == DEPTHWISE:
        depthwise_weight_gradient(
            gradient, op.weights, arena, at, op.error_channel, arena, source, op.in_channel,
            plan.offsets, op.offsets, op.taps, op.outputs, op.period, op.rows, op.columns,
            op.error_row, LANES, in_row, in_column,
        )  # fmt: skip
    elif op.kind != LINEAR:
        dense_weight_gradient(
            gradient, op.weights, arena, at, op.error_channel, arena, source, plan.offsets,
            op.offsets, op.taps, op.outputs, op.rows, op.columns, op.error_row, LANES, in_row,
            in_column,
        )  # fmt: skip
    if op.back_mode == NOWHERE:
        return
    if op.spread_stride:
        _spread(plan, op, at)
    first = op.back_first + block * op.back_first_block
    to = op.back_at + block * op.back_block
    depthwise = op.kind == DEPTHWISE
    weights, weight_at, tap, output = plan.turned, op.turned, 1, op.back_taps
    if op.turned < 0:
        # The weights as they lie: for errors of inputs, the next tap is that of the next output.
        weights, weight_at, tap, output = parameters, op.weights, op.taps, 1
    if op.kind == LINEAR:
        size = op.channels * op.high * op.wide
        sweep = Sweep(1, 1, LANES, LANES, 0, 0, LANES, tap, output, _ONE, size)
        sweep_image(
            arena, to, arena, first, plan.offsets, op.back_offsets, op.back_taps, weights,
            weight_at, zeros, -1, size, False, sweep,
        )  # fmt: skip
        return
    sweep = Sweep(
        op.high, op.wide, op.back_channel, op.back_row, op.spread_channel if depthwise else 0,
        op.spread_line, LANES, tap, output, _ONE, op.period,
    )  # fmt: skip
    sweep_image(
        arena, to, arena, first, plan.offsets, op.back_offsets, op.back_taps, weights, weight_at,
        zeros, -1, op.channels, depthwise, sweep,
    )  # fmt: skip


@compiled()
def _clear_errors(plan: Plan, op: Any, block: int) -> None:
    """Zero the inputs' errors where windows leave rows or columns over."""
    covers = op.rows * op.stride_row == op.high and op.columns * op.stride_column == op.wide
    if covers:
        return
    width = op.wide * LANES
    for channel in range(op.channels):
        for row in range(op.high):
            at = op.back_at + block * op.back_block + channel * op.back_channel + row * op.back_row
            plan.arena[at : at + width] = 0


@compiled()
def _pool_backward(plan: Plan, op: Any, block: int) -> None:
    arena, line = plan.arena, op.columns * LANES
    share = _ONE / np.float32(op.window)
    _clear_errors(plan, op, block)
    for channel in range(op.outputs):
        for row in range(op.rows):
            error = op.error_at + block * op.error_block + channel * op.error_channel
            error += row * op.error_row
            to = op.back_at + block * op.back_block + channel * op.back_channel
            to += row * op.stride_row * op.back_row
            if op.kind == MAXIMUM:
                noted = op.chosen + (channel * op.rows + row) * line
                return_to_winner(
                    arena, to, arena, noted, arena, error, plan.offsets, op.back_offsets,
                    op.window, op.stride_column * LANES, op.columns, share,
                )  # fmt: skip
            else:
                return_to_all(
                    arena, to, arena, 0, arena, error, plan.offsets, op.back_offsets, op.window,
                    op.stride_column * LANES, op.columns, share,
                )  # fmt: skip


@compiled()
def _add_backward(plan: Plan, op: Any, block: int) -> None:
    arena = plan.arena
    totals = np.zeros(1, np.float32)
    for channel in range(op.outputs):
        error = op.error_at + block * op.error_block + channel * op.error_channel
        output = op.out_at + block * op.out_block + channel * op.out_channel
        passes.gate(
            arena, error, op.error_row, arena, error, op.error_row, arena, output, op.out_row,
            op.rows, op.columns, op.slope, _ZERO, _ZERO, totals, 0,
        )  # fmt: skip
        if op.back_mode != NOWHERE:
            to = op.back_at + block * op.back_block + channel * op.back_channel
            passes.copy(
                arena, to, op.back_row, arena, error, op.error_row, arena, error, op.error_row,
                op.rows, op.columns, _ZERO, _ZERO, _ZERO, arena, 0,
            )  # fmt: skip


@compiled()
def _add_skip_errors(plan: Plan, op: Any, block: int) -> None:
    arena = plan.arena
    for channel in range(op.outputs):
        error = op.error_at + block * op.error_block + channel * op.error_channel
        to = op.skip_error_at + block * op.skip_error_block + channel * op.skip_error_channel
        if op.skip_mode == ADDED:
            passes.add(
                arena, to, op.skip_error_row, arena, to, op.skip_error_row, arena, error,
                op.error_row, op.rows, op.columns, _ZERO, _ZERO, _ZERO, arena, 0,
            )  # fmt: skip
        else:
            passes.copy(
                arena, to, op.skip_error_row, arena, error, op.error_row, arena, error,
                op.error_row, op.rows, op.columns, _ZERO, _ZERO, _ZERO, arena, 0,
            )  # fmt: skip


@compiled()
def _deliver(plan: Plan, op: Any, block: int) -> None:
    """Move errors of the inputs from where they were computed, or add them to others."""
    arena = plan.arena
    for channel in range(op.channels):
        source = op.back_at + channel * op.back_channel
        to = op.target_at + block * op.target_block + channel * op.target_channel
        if op.back_mode == ADDED:
            passes.add(
                arena, to, op.target_row, arena, to, op.target_row, arena, source, op.back_row,
                op.high, op.wide, _ZERO, _ZERO, _ZERO, arena, 0,
            )  # fmt: skip
        else:
            passes.copy(
                arena, to, op.target_row, arena, source, op.back_row, arena, source, op.back_row,
                op.high, op.wide, _ZERO, _ZERO, _ZERO, arena, 0,
            )  # fmt: skip


@compiled()
def backward_block(
    plan: Plan, block: int, parameters: Float, gradient: Float, zeros: Float
) -> None:
    """Take one block's errors from the logits back to the first layer, adding to ``gradient``.

    Gradients of linear layers' weights are left to `linear_gradients`.
    """
    for step in range(len(plan.operations)):
        op = plan.operations[len(plan.operations) - 1 - step]
        if op.kind in (MAXIMUM, MEAN):
            if op.back_mode != NOWHERE:
                _pool_backward(plan, op, block)
        elif op.kind == ADDITION:
            _add_backward(plan, op, block)
            if op.skip_mode != NOWHERE:
                _add_skip_errors(plan, op, block)
        elif op.kind == ROOT_MEAN_SQUARE:
            if op.back_mode != NOWHERE:
                root_mean_square_backward(plan, op, block)
        else:
            _weighted_backward(plan, op, block, parameters, gradient, zeros)
        if op.back_mode not in (NOWHERE, DIRECT):
            _deliver(plan, op, block)


@compiled()
def linear_gradients(plan: Plan, gradient: Float) -> None:
    """Add the gradients of linear layers' weights, over all blocks of the batch at once."""
    for index in range(len(plan.operations)):
        op = plan.operations[index]
        if op.kind == LINEAR:
            linear_weight_gradient(
                gradient, op.weights, plan.arena, op.error_at, op.error_block, plan.arena,
                op.first, op.in_block, plan.offsets, op.offsets, op.taps, op.outputs, plan.blocks,
                plan.arena, op.tile,
            )  # fmt: skip
