"""Adaptive binary models whose probabilities are integers, over constriction's range coder.

constriction writes (`BitEncoder`); `range_decoder.BitDecoder` reads, its equal in plain integers.

A model counts the zeros and ones that it has coded and predicts with the Krichevsky–Trofimov
estimate (n1 + 1/2) / (n0 + n1 + 1) (Krichevsky & Trofimov 1981). No table is stored: encoder and
decoder count alike. Counts are integers, and a probability is an integer over ``2 ** 16``, hence an
exact binary fraction: the coded bytes are the same on every machine.
"""

from __future__ import annotations

import functools
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from minbits.codec.payload_ending import own_ending, shortest_ending
from minbits.codec.range_decoder import PROBABILITY_BITS

Integers = npt.NDArray[np.integer[Any]]

COUNT_LIMIT = 1024
HALF = 1 << (PROBABILITY_BITS - 1)
_ONE = 1 << PROBABILITY_BITS
MIN_PROBABILITY = 1 << 5
_MAX_PROBABILITY = _ONE - MIN_PROBABILITY
_BLOCK_BITS = 1 << 18


class BitModel:
    """Counts of the zeros and ones seen in one context."""

    __slots__ = ("ones", "zeros")

    def __init__(self, zeros: int = 0) -> None:
        self.zeros = zeros
        self.ones = 0

    def code(self, coder: BitCoder, bit: int) -> int:
        """Code a bit, never certain of it, count it and return it.

        Old counts fade once there are ``COUNT_LIMIT`` of them.
        """
        zeros, ones = self.zeros, self.ones
        probability = ((2 * ones + 1) << PROBABILITY_BITS) // (2 * (zeros + ones) + 2)
        if probability < MIN_PROBABILITY:
            probability = MIN_PROBABILITY
        elif probability > _MAX_PROBABILITY:
            probability = _MAX_PROBABILITY
        coded = coder.code(bit, probability)
        if coded:
            self.ones = ones + 1
        else:
            self.zeros = zeros + 1
        if zeros + ones + 1 >= COUNT_LIMIT:
            self.shrink(COUNT_LIMIT // 2)
        return coded

    def shrink(self, limit: int) -> None:
        """Scale the counts down to at most ``limit``, so that new statistics soon outweigh old."""
        total = self.zeros + self.ones
        if total > limit:
            self.ones = self.ones * limit // total
            self.zeros = self.zeros * limit // total


class BitCoder(Protocol):
    """What an encoder and a decoder share, so that one description of the format serves both."""

    @property
    def count(self) -> int:
        """The bits coded so far."""
        ...

    def code(self, bit: int, probability_of_one: int) -> int:
        """Code one bit and return it; a decoder ignores ``bit`` and returns the one it read."""
        ...


class BitEncoder:
    """Writes bits with given probabilities, and adds up their ideal code length.

    Attributes:
        count: the bits coded so far.
    """

    def __init__(self) -> None:
        self.count = 0
        self._bits: list[int] = []
        self._probabilities: list[int] = []
        self._ideal_bits = 0.0
        self._coder: Any = None

    def code(self, bit: int, probability_of_one: int) -> int:
        """Append ``bit`` and return it."""
        self.count += 1
        self._bits.append(bit)
        self._probabilities.append(probability_of_one)
        if len(self._bits) == _BLOCK_BITS:
            self._flush()  # a list of Python's integers takes 50 bytes a bit
        return bit

    def code_many(self, bits: Integers, probabilities_of_one: Integers) -> None:
        """Append many bits at once, as `code` would one after the other."""
        self._flush()
        self.count += len(bits)
        self._write(bits, probabilities_of_one)

    def _flush(self) -> None:
        if self._bits:
            self._write(np.array(self._bits, np.int64), np.array(self._probabilities, np.int64))
            self._bits, self._probabilities = [], []

    def _write(self, bits: Integers, probabilities: Integers) -> None:
        """Hand bits to constriction at once, so that no file's bits are all in memory."""
        # The decoder does without.
        import constriction

        if self._coder is None:
            self._coder = constriction.stream.queue.RangeEncoder()
        # An integer over 2 ** 16 is exact as a float, so constriction's 24-bit model is too.
        family = constriction.stream.model.Bernoulli(perfect=False)
        for start in range(0, len(bits), _BLOCK_BITS):
            block = slice(start, start + _BLOCK_BITS)
            self._ideal_bits += code_length(bits[block], probabilities[block])
            self._coder.encode(bits[block].astype(np.int32), family, probabilities[block] / _ONE)

    @property
    def ideal_bits(self) -> float:
        """The ideal code length of all bits."""
        self._flush()
        return self._ideal_bits

    def payload(self) -> bytes:
        """Return the shortest byte string that a `BitDecoder` reads back unchanged."""
        self._flush()
        if not self.count:
            return b""
        full = bytes(self._coder.get_compressed().astype(">u4").tobytes())
        _, (lower, width) = self._coder.pos()
        return shortest_ending(own_ending(lower, width, full), lower, width, self.count)


def code_length(bits: Integers, probabilities_of_one: Integers) -> float:
    """Return the sum of -log2 of the probabilities given to ``bits``."""
    coded_parts = np.where(bits, probabilities_of_one, _ONE - probabilities_of_one)
    return float(np.sum(PROBABILITY_BITS - np.log2(coded_parts)))


@functools.cache
def _costs() -> Integers:
    parts = np.arange(1, _ONE + 1)
    # No entry is near a half, so that the last digit of a machine's logarithm does not matter.
    found = np.rint((PROBABILITY_BITS - np.log2(parts)) * _ONE).astype(np.int64)
    return np.concatenate([found[:1], found])


def code_cost(bits: Integers, probabilities_of_one: Integers) -> int:
    """Return the ideal code length in units of 2^-16 bit, the same on every machine."""
    return int(_costs()[np.where(bits, probabilities_of_one, _ONE - probabilities_of_one)].sum())
