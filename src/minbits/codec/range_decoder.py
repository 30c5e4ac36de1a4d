"""The decoder of constriction's range coder, for bits: the same arithmetic on plain integers.

A range coder (Martin 1979) narrows the interval ``[lower, lower + range)`` of 64-bit numbers with
every bit. constriction's queue coder works on 32-bit words with probabilities of 24 bits; a bit of
probability ``p / 2**16`` takes the upper ``2**24 - zeros`` parts of the interval, where

    zeros = 1 + floor((2**16 - p) * (2**24 - 2) / 2**16).

constriction itself is the encoder, and the reference that the tests compare this decoder with.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from minbits.codec.payload_ending import STATE_MASK, WORD_BITS, WORD_BYTES, shortest_ending
from minbits.errors import NetworkFileError

PRECISION = 24
MIN_RANGE = 1 << 32
PROBABILITY_BITS = 16
_ONE = 1 << PROBABILITY_BITS
_FREE_PARTS = (1 << PRECISION) - 2


def invalid_code_word() -> NetworkFileError:
    """Return the error for what no encoder writes."""
    return NetworkFileError(
        "payload", "an invalid code word", "what an encoder writes", "Get the file again."
    )


class BitDecoder:
    """Reads the bits that a `BitEncoder` wrote, from a payload that goes on with zeros for ever.

    Attributes:
        words: the payload as 32-bit words.
        place: words read so far.
        count: bits read so far.
        lower, range, point: the interval and where in it the payload lies, 64 bits each.
    """

    def __init__(self, payload: bytes) -> None:
        padded = payload + b"\0" * (-len(payload) % 4)
        self.words: npt.NDArray[np.uint32] = np.frombuffer(padded, ">u4").astype(np.uint32)
        self.place = 0
        self.count = 0
        self.lower = 0
        self.range = STATE_MASK
        self.point = (self._word() << WORD_BITS) | self._word()

    def _word(self) -> int:
        word = int(self.words[self.place]) if self.place < len(self.words) else 0
        self.place += 1
        return word

    def code(self, bit: int, probability_of_one: int) -> int:
        """Read and return the next bit; ``bit``, which an encoder would write, is ignored.

        Raises:
            NetworkFileError: if no encoder can have written what comes next.
        """
        self.count += 1
        scale = self.range >> PRECISION
        part = ((self.point - self.lower) & STATE_MASK) // scale
        zeros = 1 + ((_ONE - probability_of_one) * _FREE_PARTS >> PROBABILITY_BITS)
        if part < zeros:
            bit = 0
            self.range = scale * zeros
        elif part >> PRECISION:
            raise invalid_code_word()
        else:
            bit = 1
            self.lower = (self.lower + scale * zeros) & STATE_MASK
            self.range = scale * ((1 << PRECISION) - zeros)
        if self.range < MIN_RANGE:
            self.lower = self.lower << WORD_BITS & STATE_MASK
            self.range <<= WORD_BITS
            self.point = (self.point << WORD_BITS & STATE_MASK) | self._word()
        return bit

    @property
    def position_bits(self) -> float:
        """How many bits of the payload what was read so far took."""
        return WORD_BITS * self.place - math.log2(self.range)

    def payload(self) -> bytes:
        """Return the payload that an encoder writes for the bits read so far."""
        read = self.words[: self.place].astype(">u4").tobytes()
        first = int.from_bytes(read.ljust(WORD_BYTES * self.place, b"\0"), "big")
        lower = first - (self.point - self.lower & STATE_MASK)
        full = (lower + MIN_RANGE - 1 >> WORD_BITS).to_bytes(WORD_BYTES * (self.place - 1), "big")
        return shortest_ending(full, self.lower, self.range, self.count)
