"""The best path through dependent levels: trellis-coded quantisation for a given code.

Each weight has, on each of the two grids of `minbits.codec.dependent`, the two neighbours of its
value and zero to choose from; the parity of the choice leads to one of eight states. The Viterbi
algorithm finds the path of least ``sensitivity * error**2 + price * bits``. The bits are those that
the adaptive code with mixed contexts gives each level after the levels of the last pass, so that a
few passes settle levels and code.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.codec.dependent import TRANSITIONS
from minbits.codec.layout import Layout
from minbits.codec.mixed_levels import RATED_LEVELS, MixingState, level_rates
from minbits.compilation import compiled

Double = npt.NDArray[np.float64]
Levels = npt.NDArray[np.int64]

PASSES = 3
# The first pass takes magnitudes as geometric: a bit for zero and as much for each one up.
_FIRST_RATES = np.array([1.0, 2.5, 4.0, 5.5, 7.0, 8.5, 10.0], np.float32)
assert len(_FIRST_RATES) == RATED_LEVELS
_STATES = len(TRANSITIONS)


@compiled()
def _best_path(
    scaled: Double, sensitivity: Double, rates: Any, transitions: Levels, price: float
) -> tuple[Any, Any]:
    """Return magnitudes and the states before them, for values in units of the step."""
    count = len(scaled)
    cost, new_cost = np.full(_STATES, np.inf), np.empty(_STATES)
    cost[0] = 0.0
    came_from = np.zeros((count, _STATES), np.int8)
    chosen = np.zeros((count, _STATES), np.int32)
    last = RATED_LEVELS - 1
    for index in range(count):
        new_cost[:] = np.inf
        value = abs(scaled[index])
        for state in range(_STATES):
            if cost[state] == np.inf:
                continue
            grid = state & 1
            below = int(value + grid) // 2
            for candidate in range(3):
                level = below + candidate if candidate < 2 else 0
                error = value - (2 * level - grid if level > 0 else 0)
                # Levels beyond those rated cost as much more each as the last one did.
                bits = rates[index, grid, min(level, last)]
                if level > last:
                    bits += (level - last) * (bits - rates[index, grid, last - 1])
                total = cost[state] + sensitivity[index] * error * error + price * bits
                after = transitions[state, level & 1]
                if total < new_cost[after]:
                    new_cost[after] = total
                    came_from[index, after] = state
                    chosen[index, after] = level
        cost, new_cost = new_cost, cost
    levels = np.zeros(count, np.int64)
    state = int(np.argmin(cost))
    for index in range(count - 1, -1, -1):
        levels[index] = chosen[index, state]
        state = came_from[index, state]
    return levels, cost.min()


def dependent_levels(
    values: Double, sensitivity: Double, step: float, price: float, layout: Layout,
    mixing: MixingState,
) -> npt.NDArray[np.int32]:  # fmt: skip
    """Return the dependent levels of a tensor, in its shape.

    Args:
        values: real weights.
        sensitivity: of each weight, relative to their mean.
        step: the step of both grids together; each grid alone has twice that.
        price: of a bit, in units of the squared step of one grid.
        layout: of the tensor.
        mixing: what the code has learned before this tensor; it learns the tensor.
    """
    scaled, weights = values.ravel() / step, sensitivity.ravel()
    transitions = np.array(TRANSITIONS, np.int64)
    rates = np.broadcast_to(_FIRST_RATES, (len(scaled), 2, RATED_LEVELS))
    levels = np.zeros(len(scaled), np.int32)
    for _ in range(PASSES):
        magnitudes, _ = _best_path(
            scaled, weights, np.ascontiguousarray(rates), transitions, 4 * price
        )
        levels = (np.sign(scaled) * magnitudes).astype(np.int32)
        state = mixing.copy()
        rates = level_rates(state, layout, levels)
    mixing.take(state)
    return levels.reshape(values.shape)
