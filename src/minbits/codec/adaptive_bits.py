"""Adaptive binary models whose probabilities are integers, over constriction's range coder.

constriction writes; `minbits.codec.range_decoder` reads, its equal in plain integers.

A model counts the zeros and ones that it has coded and predicts with the Krichevsky–Trofimov
estimate (n1 + 1/2) / (n0 + n1 + 1) (Krichevsky & Trofimov 1981). No table is stored: encoder and
decoder count alike. Counts are integers, and a probability is an integer over ``2 ** 16``, hence an
exact binary fraction: the coded bytes are the same on every machine.
"""

from __future__ import annotations

import functools
from typing import Protocol

import constriction
import numpy as np
import numpy.typing as npt

from minbits.codec.range_decoder import (
    PROBABILITY_BITS,
    STATE_MASK,
    WORD_BITS,
    RangeDecoder,
)

Integers = npt.NDArray[np.int64]

COUNT_LIMIT = 1024
HALF = 1 << (PROBABILITY_BITS - 1)
_ONE = 1 << PROBABILITY_BITS
LEAST_PROBABILITY = 1 << 5
_LAST_INTERVAL_BYTES = 8
_MOST_BITS_TO_SHORTEN = 1 << 18


class BitModel:
    """Counts of the zeros and ones seen in one context."""

    __slots__ = ("ones", "zeros")

    def __init__(self, zeros: int = 0) -> None:
        self.zeros = zeros
        self.ones = 0

    def probability_of_one(self) -> int:
        """Return P(bit = 1) in units of ``2 ** -PROBABILITY_BITS``, never certain."""
        probability = ((2 * self.ones + 1) << PROBABILITY_BITS) // (
            2 * (self.zeros + self.ones) + 2
        )
        return min(max(probability, LEAST_PROBABILITY), _ONE - LEAST_PROBABILITY)

    def update(self, bit: int) -> None:
        """Count a bit; old counts fade once there are ``COUNT_LIMIT`` of them."""
        if bit:
            self.ones += 1
        else:
            self.zeros += 1
        if self.zeros + self.ones >= COUNT_LIMIT:
            self.shrink(COUNT_LIMIT // 2)

    def shrink(self, limit: int) -> None:
        """Scale the counts down to at most ``limit``, so that new statistics soon outweigh old."""
        total = self.zeros + self.ones
        if total > limit:
            self.ones = self.ones * limit // total
            self.zeros = self.zeros * limit // total


class BitCoder(Protocol):
    """What an encoder and a decoder share, so that one description of the format serves both."""

    def code(self, bit: int, probability_of_one: int) -> int:
        """Code one bit and return it; a decoder ignores ``bit`` and returns the one it read."""
        ...


class BitEncoder:
    """Collects bits with given probabilities; writes them and adds up their ideal code length."""

    def __init__(self) -> None:
        self._bits: list[int] = []
        self._probabilities: list[int] = []
        # What was appended before the lists: arrays of bits and of probabilities.
        self._blocks: list[tuple[Integers, Integers]] = []

    def code(self, bit: int, probability_of_one: int) -> int:
        """Append ``bit`` and return it."""
        self._bits.append(bit)
        self._probabilities.append(probability_of_one)
        return bit

    def code_many(self, bits: Integers, probabilities_of_one: Integers) -> None:
        """Append many bits at once, as `code` would one after the other."""
        self._flush()
        self._blocks.append((bits, probabilities_of_one))

    def _flush(self) -> None:
        if self._bits:
            block = np.array(self._bits, np.int64), np.array(self._probabilities, np.int64)
            self._blocks.append(block)
            self._bits, self._probabilities = [], []

    def _coded(self) -> tuple[Integers, Integers]:
        self._flush()
        if len(self._blocks) != 1:
            empty = np.zeros(0, np.int64)
            self._blocks = [
                (
                    np.concatenate([empty, *(bits for bits, _ in self._blocks)]),
                    np.concatenate([empty, *(chances for _, chances in self._blocks)]),
                )
            ]
        return self._blocks[0]

    @property
    def count(self) -> int:
        """The number of bits appended so far."""
        return sum(len(bits) for bits, _ in self._blocks) + len(self._bits)

    @property
    def ideal_bits(self) -> float:
        """The ideal code length of all bits."""
        return self.ideal_bits_between(0, self.count)

    def ideal_bits_between(self, start: int, stop: int) -> float:
        """Return the ideal code length of the bits of places ``start`` to ``stop``."""
        bits, probabilities = self._coded()
        return code_length(bits[start:stop], probabilities[start:stop])

    def payload(self) -> bytes:
        """Return the shortest byte string that a `BitDecoder` reads back unchanged.

        A range coder may end anywhere inside its last interval, and the decoder continues a
        payload with zero bytes. So for each length there are two strings to look at, the coder's
        own ending cut off there and the one above it. Very long payloads are left as they are:
        there the bytes do not matter.
        """
        bits, probabilities = self._coded()
        encoder = constriction.stream.queue.RangeEncoder()
        if len(bits):
            # An integer over 2 ** 16 is exact as a float, so constriction's 24-bit model is too.
            family = constriction.stream.model.Bernoulli(perfect=False)
            encoder.encode(bits.astype(np.int32), family, probabilities / _ONE)
        full = bytes(encoder.get_compressed().astype(">u4").tobytes())
        if not full or len(bits) > _MOST_BITS_TO_SHORTEN:
            return full.rstrip(b"\0")
        _, (lower, size) = encoder.pos()
        return _shortest_ending(full, lower, size)


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


def _shortest_ending(full: bytes, lower: int, size: int) -> bytes:
    """Return the shortest string that stays inside the last interval of a range coder.

    Args:
        full: what the coder wrote, its words cut off above ``lower + 2 ** 32 - 1``.
        lower, size: the last interval in units of its 64-bit window, which starts at the last
            word of ``full`` that is not all zero by the coder's choice.
    """
    point = (lower + (1 << WORD_BITS) - 1 & STATE_MASK) >> WORD_BITS
    if ((lower + size & STATE_MASK) >> WORD_BITS) == point:
        full = full[:-4]  # a word of zeros, which the decoder adds by itself
    offset = (point << WORD_BITS) - lower & STATE_MASK
    value = int.from_bytes(full, "big") << WORD_BITS
    for length in range(max(0, len(full) - _LAST_INTERVAL_BYTES), len(full)):
        cut = 8 * (len(full) - length) + WORD_BITS
        head = value >> cut
        if 0 <= (head << cut) - value + offset < size:
            return full[:length].rstrip(b"\0")
        if 0 <= (head + 1 << cut) - value + offset < size and (head + 1) >> 8 * length == 0:
            return (head + 1).to_bytes(length, "big").rstrip(b"\0")
    return full.rstrip(b"\0")


class BitDecoder:
    """Reads the bits that a `BitEncoder` wrote, given the same probabilities."""

    def __init__(self, payload: bytes) -> None:
        self.source = RangeDecoder(payload)

    def code(self, bit: int, probability_of_one: int) -> int:
        """Read and return the next bit (the argument ``bit`` is ignored).

        Raises:
            NetworkFileError: if no encoder can have written what comes next.
        """
        return self.source.bit(probability_of_one)
