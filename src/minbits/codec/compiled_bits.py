"""Reading bits in compiled loops, as `range_decoder` does; what the compiled level coders share.

Imported only where a tensor is large: numba takes longer to load than a small network to decode.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from minbits.codec.integers import integer_too_long
from minbits.codec.range_decoder import PRECISION, PROBABILITY_BITS, BitDecoder, invalid_code_word
from minbits.compilation import compiled

Words = npt.NDArray[np.uint32]
State = npt.NDArray[np.uint64]

_ONE = 1 << PROBABILITY_BITS
_FREE_PARTS = (1 << PRECISION) - 2
# What a compiled reader returns: done, a word that no encoder writes, an integer too long.
DONE, INVALID, TOO_LONG = 0, 1, 2


@compiled()
def read_bit(words: Words, state: State, probability: int) -> int:
    """Read a bit, or return -1; ``state`` is as `state_of` returns it."""
    one = np.uint64(1)
    scale = state[1] >> np.uint64(PRECISION)
    zeros = np.uint64(1 + ((_ONE - probability) * _FREE_PARTS >> PROBABILITY_BITS))
    part = (state[2] - state[0]) // scale
    if part < zeros:
        bit = 0
        state[1] = scale * zeros
    elif part >> np.uint64(PRECISION):
        return -1
    else:
        bit = 1
        state[0] = state[0] + scale * zeros
        state[1] = scale * ((one << np.uint64(PRECISION)) - zeros)
    state[4] = state[4] + one
    if state[1] < one << np.uint64(32):
        word = np.uint64(0)
        if state[3] < np.uint64(len(words)):
            word = np.uint64(words[state[3]])
        state[3] = state[3] + one
        state[0] = state[0] << np.uint64(32)
        state[1] = state[1] << np.uint64(32)
        state[2] = state[2] << np.uint64(32) | word
    return bit


def state_of(decoder: BitDecoder) -> State:
    """Return where a decoder stands: lower, range, point, words read and bits read."""
    source = decoder
    parts = [source.lower, source.range, source.point, source.place, source.count]
    return np.array(parts, np.uint64)


def move_on(decoder: BitDecoder, state: State, outcome: int) -> None:
    """Put a decoder where a compiled reader has come to.

    Raises:
        NetworkFileError: if no encoder can have written what was read.
    """
    if outcome == INVALID:
        raise invalid_code_word()
    if outcome == TOO_LONG:
        raise integer_too_long()
    source = decoder
    source.lower, source.range, source.point, source.place, source.count = state.tolist()
