"""Convolutions and linear layers over lanes: forward, gradient of inputs, gradient of weights.

All three are sums over *taps*: pairs of a weight and the place of an input relative to the
position at hand. Arrays are flat and hold one block of `LANES` examples.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from minbits.compilation import compiled
from minbits.training.lanes.vector_code import (
    LANES,
    VECTOR,
    make_correlate,
    make_gather,
    make_outer,
    transpose_square,
)

Float = npt.NDArray[np.float32]
Integer = npt.NDArray[np.int64]

GROUP = 4  # output channels that share the loads of their inputs
WIDE = 8  # the same where there is one position alone: as many sums hide how long one takes
_PAIR = 2
_QUAD = 4

_gather_group_pair = make_gather(GROUP, _PAIR)
_gather_group_one = make_gather(GROUP, 1)
_gather_wide_one = make_gather(WIDE, 1)
_gather_one_quad = make_gather(1, _QUAD)
_gather_one_one = make_gather(1, 1)
_correlate_group = make_correlate(GROUP, GROUP)
_correlate_row = make_correlate(1, GROUP)
_correlate_column = make_correlate(GROUP, 1)
_correlate_one = make_correlate(1, 1)
_correlate_nine = make_correlate(1, 9)
_outer_group = make_outer(GROUP, LANES)
_outer_wide = make_outer(WIDE, LANES)
_outer_one = make_outer(1, LANES)
_outer_group_half = make_outer(GROUP, VECTOR)
_outer_wide_half = make_outer(WIDE, VECTOR)
_outer_one_half = make_outer(1, VECTOR)


class Sweep(NamedTuple):
    """Where one pass over all positions reads and writes; steps count floats.

    Attributes:
        rows: output rows.
        columns: output columns.
        out_channel: step from an output channel to the next.
        out_row: step from an output row to the next; columns are ``LANES`` apart.
        in_channel: step between input channels of a depthwise layer.
        in_row: step of the input as the output goes on by a row.
        in_column: step of the input as the output goes on by a column.
        tap: step from a weight to that of the next tap.
        output: step from a weight to that of the next output channel.
        slope: float32 factor on negative sums: 1 for none, 0 for a ReLU.
        period: channels of a depthwise layer after which the kernels begin anew.
    """

    rows: int
    columns: int
    out_channel: int
    out_row: int
    in_channel: int
    in_row: int
    in_column: int
    tap: int
    output: int
    slope: np.float32
    period: int


_NO_SHIFT = np.zeros(WIDE, np.float32)


@compiled()
def _sweep_group(
    out: Float, at: int, inputs: Float, in_at: int, offsets: Integer, offsets_at: int, taps: int,
    weights: Float, weight_at: int, bias: Float, bias_at: int, sweep: Sweep,
) -> None:  # fmt: skip
    """Compute `GROUP` channels of a dense layer at every position."""
    for row in range(sweep.rows):
        to, source = at + row * sweep.out_row, in_at + row * sweep.in_row
        column = 0
        while column + _PAIR <= sweep.columns:
            _gather_group_pair(
                out, to + column * LANES, sweep.out_channel, LANES,
                inputs, source + column * sweep.in_column, sweep.in_column,
                offsets, offsets_at, taps, weights, weight_at, sweep.tap, sweep.output, bias,
                bias_at, sweep.slope,
            )  # fmt: skip
            column += _PAIR
        if column < sweep.columns:
            _gather_group_one(
                out, to + column * LANES, sweep.out_channel, LANES,
                inputs, source + column * sweep.in_column, sweep.in_column,
                offsets, offsets_at, taps, weights, weight_at, sweep.tap, sweep.output, bias,
                bias_at, sweep.slope,
            )  # fmt: skip


@compiled()
def _sweep_one(
    out: Float, at: int, inputs: Float, in_at: int, offsets: Integer, offsets_at: int, taps: int,
    weights: Float, weight_at: int, bias: Float, bias_at: int, sweep: Sweep,
) -> None:  # fmt: skip
    """Compute one channel at every position."""
    for row in range(sweep.rows):
        to, source = at + row * sweep.out_row, in_at + row * sweep.in_row
        column = 0
        while column + _QUAD <= sweep.columns:
            _gather_one_quad(
                out, to + column * LANES, 0, LANES,
                inputs, source + column * sweep.in_column, sweep.in_column,
                offsets, offsets_at, taps, weights, weight_at, sweep.tap, sweep.output, bias,
                bias_at, sweep.slope,
            )  # fmt: skip
            column += _QUAD
        while column < sweep.columns:
            _gather_one_one(
                out, to + column * LANES, 0, LANES,
                inputs, source + column * sweep.in_column, sweep.in_column,
                offsets, offsets_at, taps, weights, weight_at, sweep.tap, sweep.output, bias,
                bias_at, sweep.slope,
            )  # fmt: skip
            column += 1


@compiled()
def sweep_image(
    out: Float, at: int, inputs: Float, in_at: int, offsets: Integer, offsets_at: int, taps: int,
    weights: Float, weight_at: int, shifts: Float, shift_at: int, outputs: int, depthwise: bool,
    sweep: Sweep,
) -> None:  # fmt: skip
    """Compute every output channel at every position of one block.

    ``shift_at`` is negative where nothing is added.
    """
    full = 0 if depthwise else outputs // GROUP * GROUP
    wide = full // WIDE * WIDE if sweep.rows == sweep.columns == 1 else 0
    for start in range(0, wide, WIDE):
        _gather_wide_one(
            out, at + start * sweep.out_channel, sweep.out_channel, LANES, inputs, in_at, LANES,
            offsets, offsets_at, taps, weights, weight_at + start * sweep.output, sweep.tap,
            sweep.output, _NO_SHIFT if shift_at < 0 else shifts,
            0 if shift_at < 0 else shift_at + start, sweep.slope,
        )  # fmt: skip
    for start in range(wide, full, GROUP):
        _sweep_group(
            out, at + start * sweep.out_channel, inputs, in_at, offsets, offsets_at, taps, weights,
            weight_at + start * sweep.output, _NO_SHIFT if shift_at < 0 else shifts,
            0 if shift_at < 0 else shift_at + start, sweep,
        )  # fmt: skip
    for channel in range(full, outputs):
        kernel = channel % sweep.period if depthwise else channel
        _sweep_one(
            out, at + channel * sweep.out_channel, inputs, in_at + channel * sweep.in_channel,
            offsets, offsets_at, taps, weights, weight_at + kernel * sweep.output,
            _NO_SHIFT if shift_at < 0 else shifts, 0 if shift_at < 0 else shift_at + channel,
            sweep,
        )  # fmt: skip


@compiled()
def dense_weight_gradient(
    gradient: Float, gradient_at: int, errors: Float, error_at: int, error_channel: int,
    inputs: Float, in_at: int, offsets: Integer, offsets_at: int, taps: int, outputs: int,
    rows: int, columns: int,
    error_row: int, error_column: int, in_row: int, in_column: int,
) -> None:  # fmt: skip
    """Add one block's gradient of dense weights ``[output, tap]``."""
    output = 0
    while output < outputs:
        group = output + GROUP <= outputs
        at, place = gradient_at + output * taps, error_at + output * error_channel
        tap = 0
        while tap < taps:
            if tap + GROUP <= taps and group:
                _correlate_group(
                    gradient, at + tap, taps, errors, place, error_channel, inputs, in_at,
                    offsets, offsets_at + tap, rows, columns, error_row, error_column, in_row,
                    in_column,
                )  # fmt: skip
                tap += GROUP
            elif tap + GROUP <= taps:
                _correlate_row(
                    gradient, at + tap, taps, errors, place, error_channel, inputs, in_at,
                    offsets, offsets_at + tap, rows, columns, error_row, error_column, in_row,
                    in_column,
                )  # fmt: skip
                tap += GROUP
            elif group:
                _correlate_column(
                    gradient, at + tap, taps, errors, place, error_channel, inputs, in_at,
                    offsets, offsets_at + tap, rows, columns, error_row, error_column, in_row,
                    in_column,
                )  # fmt: skip
                tap += 1
            else:
                _correlate_one(
                    gradient, at + tap, taps, errors, place, error_channel, inputs, in_at,
                    offsets, offsets_at + tap, rows, columns, error_row, error_column, in_row,
                    in_column,
                )  # fmt: skip
                tap += 1
        output += GROUP if group else 1


@compiled()
def depthwise_weight_gradient(
    gradient: Float, gradient_at: int, errors: Float, error_at: int, error_channel: int,
    inputs: Float, in_at: int, in_channel: int, offsets: Integer, offsets_at: int, taps: int,
    channels: int, period: int, rows: int, columns: int,
    error_row: int, error_column: int, in_row: int, in_column: int,
) -> None:  # fmt: skip
    """Add one block's gradient of depthwise weights ``[channel, tap]``, of ``period`` kernels."""
    for channel in range(channels):
        place, source = error_at + channel * error_channel, in_at + channel * in_channel
        tap = 0
        while tap < taps:
            at = gradient_at + channel % period * taps + tap
            if tap + 9 <= taps:
                _correlate_nine(
                    gradient, at, 0, errors, place, 0, inputs, source, offsets, offsets_at + tap,
                    rows, columns, error_row, error_column, in_row, in_column,
                )  # fmt: skip
                tap += 9
            else:
                _correlate_one(
                    gradient, at, 0, errors, place, 0, inputs, source, offsets, offsets_at + tap,
                    rows, columns, error_row, error_column, in_row, in_column,
                )  # fmt: skip
                tap += 1


@compiled()
def _write_tile(
    tile: Float, tile_at: int, inputs: Float, in_at: int, in_block: int, offsets: Integer,
    offsets_at: int, feature: int, features: int, blocks: int,
) -> None:  # fmt: skip
    """Transpose up to `LANES` features of a whole batch, from ``feature`` on.

    Features beyond the last one repeat it; what comes of them is dropped.
    """
    for block in range(blocks):
        for lane in range(0, LANES, VECTOR):
            to = tile_at + (block * LANES + lane) * LANES
            for part in range(0, min(LANES, features - feature), VECTOR):
                first = feature + part
                transpose_square(
                    tile, to + part, LANES, inputs, in_at + block * in_block + lane, offsets,
                    offsets_at + first, features - first,
                )  # fmt: skip


@compiled()
def _add_outer(
    group: int, is_half: bool, target: Float, at: int, step: int, errors: Float, error_at: int,
    error_block: int, tile: Float, tile_at: int, blocks: int,
) -> None:  # fmt: skip
    """Add what a tile and some outputs' errors come to; of half a tile alone where it is half."""
    if group == WIDE:
        if is_half:
            _outer_wide_half(
                target, at, step, errors, error_at, LANES, error_block, tile, tile_at, blocks
            )
        else:
            _outer_wide(
                target, at, step, errors, error_at, LANES, error_block, tile, tile_at, blocks
            )
    elif group == GROUP:
        if is_half:
            _outer_group_half(
                target, at, step, errors, error_at, LANES, error_block, tile, tile_at, blocks
            )
        else:
            _outer_group(
                target, at, step, errors, error_at, LANES, error_block, tile, tile_at, blocks
            )
    elif is_half:
        _outer_one_half(
            target, at, step, errors, error_at, LANES, error_block, tile, tile_at, blocks
        )
    else:
        _outer_one(target, at, step, errors, error_at, LANES, error_block, tile, tile_at, blocks)


@compiled()
def linear_weight_gradient(
    gradient: Float, gradient_at: int, errors: Float, error_at: int, error_block: int,
    inputs: Float, in_at: int, in_block: int, offsets: Integer, offsets_at: int, features: int,
    outputs: int, blocks: int, tile: Float, tile_at: int,
) -> None:  # fmt: skip
    """Add the gradient of a linear layer's weights ``[output, feature]`` over a whole batch.

    Inputs are transposed, `LANES` features at a time, to ``tile[example, feature]``, of
    ``blocks * LANES`` examples.
    """
    rest = np.empty(WIDE * LANES, np.float32)
    for feature in range(0, features, LANES):
        _write_tile(
            tile, tile_at, inputs, in_at, in_block, offsets, offsets_at, feature, features, blocks
        )
        count = min(LANES, features - feature)
        output = 0
        while output < outputs:
            group = 1
            if output + WIDE <= outputs:
                group = WIDE
            elif output + GROUP <= outputs:
                group = GROUP
            at, error = gradient_at + output * features + feature, error_at + output * LANES
            target, target_at, step = gradient, at, features
            if count < LANES:
                target, target_at, step = rest, 0, LANES
                rest[:] = 0
            _add_outer(
                group, count <= VECTOR, target, target_at, step, errors, error, error_block, tile,
                tile_at, blocks,
            )  # fmt: skip
            if count < LANES:
                for j in range(group):
                    for f in range(count):
                        gradient[at + j * features + f] += rest[j * LANES + f]
            output += group
