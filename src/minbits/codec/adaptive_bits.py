"""Adaptive binary models whose probabilities are integers, over constriction's range coder.

constriction writes; `minbits.codec.range_decoder` reads, its equal in plain integers.

A model counts the zeros and ones that it has coded and predicts with the Krichevsky–Trofimov
estimate (n1 + 1/2) / (n0 + n1 + 1) (Krichevsky & Trofimov 1981). No table is stored: encoder and
decoder count alike. Counts are integers, and a probability is an integer over ``2 ** 16``, hence an
exact binary fraction: the coded bytes are the same on every machine.
"""

from __future__ import annotations

import math
from typing import Protocol

import constriction
import numpy as np
import numpy.typing as npt

from minbits.codec.range_decoder import PROBABILITY_BITS, RangeDecoder
from minbits.errors import NetworkFileError

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
    """Writes bits with given probabilities; adds up their ideal code length."""

    def __init__(self) -> None:
        self._encoder = constriction.stream.queue.RangeEncoder()
        self._coded: list[tuple[int, int]] = []
        self._is_long = False
        self.ideal_bits = 0.0

    def code(self, bit: int, probability_of_one: int) -> int:
        """Append ``bit`` and return it."""
        self._encoder.encode(bit, _bernoulli(probability_of_one))
        self._coded.append((bit, probability_of_one))
        coded_part = probability_of_one if bit else _ONE - probability_of_one
        self.ideal_bits += PROBABILITY_BITS - math.log2(coded_part)
        return bit

    def code_many(
        self, bits: npt.NDArray[np.int64], probabilities_of_one: npt.NDArray[np.int64]
    ) -> None:
        """Append many bits at once, as `code` would one after the other."""
        if not len(bits):
            return
        family = constriction.stream.model.Bernoulli(perfect=False)
        self._encoder.encode(bits.astype(np.int32), family, probabilities_of_one / _ONE)
        coded_parts = np.where(bits, probabilities_of_one, _ONE - probabilities_of_one)
        self.ideal_bits += float(np.sum(PROBABILITY_BITS - np.log2(coded_parts)))
        self._is_long = self._is_long or len(self._coded) + len(bits) > _MOST_BITS_TO_SHORTEN
        if not self._is_long:
            self._coded += zip(bits.tolist(), probabilities_of_one.tolist(), strict=True)

    def payload(self) -> bytes:
        """Return the shortest byte string that a `BitDecoder` reads back unchanged.

        A range coder may end anywhere inside its last interval, and the decoder continues a
        payload with zero bytes. So for each length there are two strings to look at, the coder's
        own ending cut off there and the one above it; and where a length will do, so will every
        larger one. Very long payloads are left as they are: there the bytes do not matter, and
        looking takes time.
        """
        full = bytes(self._encoder.get_compressed().astype(">u4").tobytes())
        low, high, best = max(0, len(full) - _LAST_INTERVAL_BYTES), len(full), full
        if self._is_long or len(self._coded) > _MOST_BITS_TO_SHORTEN:
            low = high
        while low < high:
            middle = (low + high) // 2
            found = self._ending(full[:middle])
            if found is None:
                low = middle + 1
            else:
                high, best = middle, found
        return best.rstrip(b"\0")

    def _ending(self, head: bytes) -> bytes | None:
        for candidate in (head, _increment(head)):
            if candidate is not None and self._reads_back(candidate):
                return candidate
        return None

    def _reads_back(self, payload: bytes) -> bool:
        decoder = BitDecoder(payload)
        try:
            return all(decoder.code(0, probability) == bit for bit, probability in self._coded)
        except NetworkFileError:
            return False


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


def _bernoulli(probability_of_one: int) -> constriction.stream.model.Bernoulli:
    # An integer over 2 ** 16 is exact as a float, so constriction's 24-bit model is too.
    return constriction.stream.model.Bernoulli(probability_of_one / _ONE, perfect=False)


def _increment(head: bytes) -> bytes | None:
    """Return ``head`` plus one in its last place, or None where that overflows."""
    value = int.from_bytes(head, "big") + 1
    return None if value >> (8 * len(head)) else value.to_bytes(len(head), "big")
