"""Convolutions and linear layers over lanes: forward, gradient of inputs, gradient of weights.

All three are sums over *taps*: pairs of a weight and the place of an input relative to the
position at hand. Arrays are flat and hold one block of `LANES` examples.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from minbits.training.compilation import compiled
from minbits.training.lanes.vector_code import LANES, make_correlate, make_gather

Float = npt.NDArray[np.float32]
Integer = npt.NDArray[np.int64]

GROUP = 4  # output channels that share the loads of their inputs
_PAIR = 2
_QUAD = 4

_gather_group_pair = make_gather(GROUP, _PAIR)
_gather_group_one = make_gather(GROUP, 1)
_gather_one_quad = make_gather(1, _QUAD)
_gather_one_one = make_gather(1, 1)
_correlate_group = make_correlate(GROUP, GROUP)
_correlate_row = make_correlate(1, GROUP)
_correlate_column = make_correlate(GROUP, 1)
_correlate_one = make_correlate(1, 1)
_correlate_nine = make_correlate(1, 9)


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
        slope: float32 factor on negative sums: 1 for none, 0 for a ReLU.
    """

    rows: int
    columns: int
    out_channel: int
    out_row: int
    in_channel: int
    in_row: int
    in_column: int
    slope: np.float32


@compiled()
def pack_groups(
    weights: Float, outputs: int, taps: int, grouped: int, packed: Float, at: int
) -> None:
    """Reorder weights ``[output, tap]`` so that each full group of outputs lies tap by tap.

    Outputs that fill no group keep their order, and all do where ``grouped`` is 0.
    """
    full = outputs // GROUP * GROUP if grouped else 0
    for start in range(0, full, GROUP):
        for tap in range(taps):
            for j in range(GROUP):
                packed[at + start * taps + tap * GROUP + j] = weights[(start + j) * taps + tap]
    for index in range(full * taps, outputs * taps):
        packed[at + index] = weights[index]


_NO_SHIFT = np.zeros(GROUP, np.float32)


@compiled()
def _sweep_group(
    out: Float, at: int, inputs: Float, in_at: int, offsets: Integer, offsets_at: int, taps: int,
    packed: Float, weight_at: int, bias: Float, bias_at: int, sweep: Sweep,
) -> None:  # fmt: skip
    """Compute `GROUP` channels of a dense layer at every position."""
    for row in range(sweep.rows):
        to, source = at + row * sweep.out_row, in_at + row * sweep.in_row
        column = 0
        while column + _PAIR <= sweep.columns:
            _gather_group_pair(
                out, to + column * LANES, sweep.out_channel, LANES,
                inputs, source + column * sweep.in_column, sweep.in_column,
                offsets, offsets_at, taps, packed, weight_at, bias, bias_at, sweep.slope,
            )  # fmt: skip
            column += _PAIR
        if column < sweep.columns:
            _gather_group_one(
                out, to + column * LANES, sweep.out_channel, LANES,
                inputs, source + column * sweep.in_column, sweep.in_column,
                offsets, offsets_at, taps, packed, weight_at, bias, bias_at, sweep.slope,
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
                offsets, offsets_at, taps, weights, weight_at, bias, bias_at, sweep.slope,
            )  # fmt: skip
            column += _QUAD
        while column < sweep.columns:
            _gather_one_one(
                out, to + column * LANES, 0, LANES,
                inputs, source + column * sweep.in_column, sweep.in_column,
                offsets, offsets_at, taps, weights, weight_at, bias, bias_at, sweep.slope,
            )  # fmt: skip
            column += 1


@compiled()
def sweep_image(
    out: Float, at: int, inputs: Float, in_at: int, offsets: Integer, offsets_at: int, taps: int,
    packed: Float, packed_at: int, shifts: Float, shift_at: int, outputs: int, depthwise: bool,
    sweep: Sweep,
) -> None:  # fmt: skip
    """Compute every output channel at every position of one block.

    ``packed`` comes from `pack_groups`, grouped for a dense layer and not for a depthwise one;
    ``shift_at`` is negative where nothing is added.
    """
    full = 0 if depthwise else outputs // GROUP * GROUP
    for start in range(0, full, GROUP):
        _sweep_group(
            out, at + start * sweep.out_channel, inputs, in_at, offsets, offsets_at, taps, packed,
            packed_at + start * taps, _NO_SHIFT if shift_at < 0 else shifts,
            0 if shift_at < 0 else shift_at + start, sweep,
        )  # fmt: skip
    for channel in range(full, outputs):
        _sweep_one(
            out, at + channel * sweep.out_channel, inputs, in_at + channel * sweep.in_channel,
            offsets, offsets_at, taps, packed, packed_at + channel * taps,
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
    channels: int, rows: int, columns: int,
    error_row: int, error_column: int, in_row: int, in_column: int,
) -> None:  # fmt: skip
    """Add one block's gradient of depthwise weights ``[channel, tap]``."""
    for channel in range(channels):
        place, source = error_at + channel * error_channel, in_at + channel * in_channel
        tap = 0
        while tap < taps:
            at = gradient_at + channel * taps + tap
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
