"""Dependent quantisation: two grids, and a state that says which of them a level is on.

Trellis-coded quantisation (Marcellin & Fischer 1990) as in Versatile Video Coding and the coding of
networks (Haase et al. 2020): grid 0 holds the even multiples of the step, grid 1 the odd ones and
zero. The parity of each level moves an automaton of eight states, whose lowest bit is the grid of
the next level. An encoder that looks for the best path packs values more densely, by up to 1.1 dB,
than any single grid of as many levels.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# The state after a level of even and of odd parity; odd states use grid 1.
TRANSITIONS = ((0, 2), (5, 7), (1, 3), (6, 4), (2, 0), (4, 6), (3, 1), (7, 5))


def grids(levels: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Return the grid, 0 or 1, of every level, in row-major order and the shape of ``levels``."""
    result = []
    state = 0
    for parity in (levels.ravel() & 1).tolist():
        result.append(state & 1)
        state = TRANSITIONS[state][parity]
    return np.array(result, np.int64).reshape(levels.shape)


def multiples(levels: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Return the multiples of the step that dependent ``levels`` stand for."""
    signed = levels.astype(np.int64)
    return np.where(
        signed > 0, 2 * signed - grids(levels), 2 * signed + grids(levels) * (signed < 0)
    )
