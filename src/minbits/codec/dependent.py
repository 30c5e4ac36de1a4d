"""Dependent quantisation: two grids, and a state that says which of them a level is on.

Trellis-coded quantisation (Marcellin & Fischer 1990) as in Versatile Video Coding and the coding of
networks (Haase et al. 2020): grid 0 holds the even multiples of the step, grid 1 the odd ones and
zero. The parity of each level moves an automaton of eight states, whose lowest bit is the grid of
the next level. An encoder that looks for the best path packs values more densely, by up to 1.1 dB,
than any single grid of as many levels.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

# The state after a level of even and of odd parity; odd states use grid 1.
TRANSITIONS = ((0, 2), (5, 7), (1, 3), (6, 4), (2, 0), (4, 6), (3, 1), (7, 5))


_STRIDE = 8  # levels that the automaton is moved by at a time


@functools.cache
def _strides() -> tuple[npt.NDArray[np.uint8], list[list[int]]]:
    """Return the grids of eight levels by state and parities, and the state after them."""
    found = np.zeros((len(TRANSITIONS), 1 << _STRIDE, _STRIDE), np.uint8)
    behind = [[0] * (1 << _STRIDE) for _ in TRANSITIONS]
    for start, parities in np.ndindex(found.shape[:2]):
        state = start
        for place in range(_STRIDE):
            found[start, parities, place] = state & 1
            state = TRANSITIONS[state][parities >> (_STRIDE - 1 - place) & 1]
        behind[start][parities] = state
    return found, behind


def grids(levels: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Return the grid, 0 or 1, of every level, in row-major order and the shape of ``levels``."""
    found, behind = _strides()
    parities = np.packbits(levels.ravel() & 1)
    states, state = [], 0
    for eight in parities.tolist():
        states.append(state)
        state = behind[state][eight]
    chosen = found[np.array(states, np.int64), parities].ravel()[: levels.size]
    return chosen.astype(np.int64).reshape(levels.shape)


def multiples(levels: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Return the multiples of the step that dependent ``levels`` stand for."""
    signed = levels.astype(np.int64)
    return np.where(
        signed > 0, 2 * signed - grids(levels), 2 * signed + grids(levels) * (signed < 0)
    )
