"""Rounded numbers: repeated values spread over the step that they were rounded to.

Estimates from distances take examples as drawn from a density, under which no value repeats.
Uniform noise of one step gives a rounded column a density again. The rounded value can be read off
the noisy one, so that its mutual information with anything else stays exactly what it was.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
TIES_SEED = 0
# Values this much alike, by their size, are one value computed in two ways.
_SAME = 1e-12


def resolution(values: FloatArray) -> float:
    """Return the smallest gap between values of a column that repeats them, 0 if none repeats.

    A column of one value only has no gap; any step tells as much of it, and it is 1.

    Args:
        values: shape ``(examples,)``.
    """
    distinct = np.unique(values)
    if len(distinct) == len(values):
        return 0.0
    if len(distinct) == 1:
        return 1.0
    gaps, sizes = np.diff(distinct), np.abs(distinct)
    size = np.maximum(np.maximum(sizes[1:], sizes[:-1]), np.median(sizes))
    apart = gaps[gaps > _SAME * size]
    return float(apart.min()) if len(apart) else 0.0


def spread_ties(values: FloatArray, steps: FloatArray, seed: int = TIES_SEED) -> FloatArray:
    """Return values with uniform noise of one step around each, column by column.

    Args:
        values: shape ``(examples, columns)``.
        steps: of each column, 0 where it is left as it is, shape ``(columns,)``.
        seed: of NumPy's PCG64 generator.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    return values + (generator.random(values.shape) - 0.5) * steps


def without_ties(values: FloatArray, seed: int = TIES_SEED) -> FloatArray:
    """Return values with the ties of each column spread over its resolution.

    Args:
        values: shape ``(examples, columns)``.
        seed: of NumPy's PCG64 generator.
    """
    steps = np.array([resolution(column) for column in values.T])
    return spread_ties(values, steps, seed) if steps.any() else values
