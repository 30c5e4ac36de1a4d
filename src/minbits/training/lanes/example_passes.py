"""What each example is divided by: its root mean square, forward and backward, compiled.

With r the root of the mean of all n squares of an example, its outputs are y = x / r. An error e of
the outputs is one of the inputs of (e - y * mean(e * y)) / r.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minbits.compilation import compiled
from minbits.layers.rms_normalisation import SMALLEST_MEAN_SQUARE
from minbits.training.lanes.plan import Plan
from minbits.training.lanes.vector_code import LANES, VectorCode, make_example_pass

Vectors = list[Any]

_ONE, _ZERO = np.float32(1), np.float32(0)
_SMALLEST = np.float32(SMALLEST_MEAN_SQUARE)


def _product_sums(code: VectorCode, inputs: Vectors, factors: Vectors) -> tuple[Any, Vectors]:
    return None, [code.times(inputs[0], inputs[1])]


def _scaled(code: VectorCode, inputs: Vectors, factors: Vectors) -> tuple[Any, Vectors]:
    return code.times(inputs[0], factors[0]), []


def _mixed(code: VectorCode, inputs: Vectors, factors: Vectors) -> tuple[Any, Vectors]:
    return code.fused(inputs[0], factors[0], code.times(inputs[1], factors[1])), []


# totals += a * b, lane by lane; out = a * f; out = a * f + b * g.
product_sums = make_example_pass(_product_sums, sums=1, writes=False)
scaled = make_example_pass(_scaled)
mixed = make_example_pass(_mixed)


@compiled()
def root_mean_square_forward(plan: Plan, op: Any, block: int) -> None:
    """Divide one block's examples by their root mean squares; keep what the errors need.

    Of each lane, ``op.sums`` keeps 1 / r, then 1 / n; 1 and 0 where an example is left as it is.
    """
    arena, factors, shares = plan.arena, op.sums, op.sums + LANES
    source, to = op.in_at + block * op.in_block, op.out_at + block * op.out_block
    arena[factors : factors + LANES] = _ZERO
    for channel in range(op.channels):
        at = source + channel * op.in_channel
        product_sums(
            arena, 0, 0, arena, at, op.in_row, arena, at, op.in_row, op.rows, op.columns, arena,
            factors, factors, arena, factors,
        )  # fmt: skip
    share = _ONE / np.float32(op.channels * op.rows * op.columns)
    for lane in range(LANES):
        mean = arena[factors + lane] * share
        is_left = mean < _SMALLEST
        arena[factors + lane] = _ONE if is_left else _ONE / np.sqrt(mean)
        arena[shares + lane] = _ZERO if is_left else share
    for channel in range(op.channels):
        at = source + channel * op.in_channel
        scaled(
            arena, to + channel * op.out_channel, op.out_row, arena, at, op.in_row, arena, at,
            op.in_row, op.rows, op.columns, arena, factors, factors, arena, factors,
        )  # fmt: skip


@compiled()
def root_mean_square_backward(plan: Plan, op: Any, block: int) -> None:
    """Turn errors of one block's outputs into those of the inputs."""
    arena, factors, shares = plan.arena, op.sums, op.sums + LANES
    sums = shares + LANES
    errors, outputs = op.error_at + block * op.error_block, op.out_at + block * op.out_block
    to = op.back_at + block * op.back_block
    arena[sums : sums + LANES] = _ZERO
    for channel in range(op.channels):
        product_sums(
            arena, 0, 0, arena, errors + channel * op.error_channel, op.error_row, arena,
            outputs + channel * op.out_channel, op.out_row, op.rows, op.columns, arena, factors,
            factors, arena, sums,
        )  # fmt: skip
    for lane in range(LANES):
        arena[sums + lane] *= -arena[shares + lane] * arena[factors + lane]
    for channel in range(op.channels):
        mixed(
            arena, to + channel * op.back_channel, op.back_row,
            arena, errors + channel * op.error_channel, op.error_row,
            arena, outputs + channel * op.out_channel, op.out_row, op.rows, op.columns, arena,
            factors, sums, arena, sums,
        )  # fmt: skip
