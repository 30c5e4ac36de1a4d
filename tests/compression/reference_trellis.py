"""Every path through the trellis, one by one."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from minbits.codec.dependent import multiples

Double = npt.NDArray[np.float64]


def cost_of(
    levels: npt.NDArray[np.int32], scaled: Double, sensitivity: Double, rates: Double, price: float
) -> float:
    """Return the cost of levels, each worth what `multiples` says."""
    # Of every level the grid: a level of one more tells it apart.
    counts = multiples(levels)
    total = 0.0
    for index, (level, count) in enumerate(zip(levels, counts, strict=True)):
        after = levels.copy()
        after[index] = 1
        grid = int(2 - multiples(after)[index])
        bits = rates[index, grid, min(abs(level), rates.shape[2] - 1)]
        over = max(abs(int(level)) - rates.shape[2] + 1, 0)
        bits += over * (rates[index, grid, -1] - rates[index, grid, -2])
        total += sensitivity[index] * (scaled[index] - count) ** 2 + price * bits
    return total


def least_cost(scaled: Double, sensitivity: Double, rates: Double, price: float) -> float:
    """Return the least cost of all levels with the values' signs that may be worth taking."""
    choices = [
        sorted({0, *(int(np.sign(x)) * k for k in range(int(abs(x)) // 2, int(abs(x)) // 2 + 3))})
        for x in scaled
    ]
    return min(
        cost_of(np.array(levels, np.int32), scaled, sensitivity, rates, price)
        for levels in itertools.product(*choices)
    )
