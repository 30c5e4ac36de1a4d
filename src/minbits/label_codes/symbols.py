"""Class labels as bits with integer probabilities: one description for encoder and decoder."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from minbits.codec.adaptive_bits import BitCoder
from minbits.codec.range_decoder import PROBABILITY_BITS

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

WEIGHT_BITS = 30
_ONE = 1 << PROBABILITY_BITS


def integer_weights(probabilities: Floats) -> Integers:
    """Return positive integers in proportion to probabilities, of which none stays 0.

    Args:
        probabilities: shape ``(…, classes)``, each row with sum 1.
    """
    return np.rint(probabilities * (1 << WEIGHT_BITS)).astype(np.int64) + 1


def code_symbol(coder: BitCoder, symbol: int, weights: Integers) -> int:
    """Code one of several symbols and return it; a decoder ignores ``symbol``.

    The symbols are asked for one after the other, the heaviest first: "is it this one?" A symbol
    that is nearly certain thus takes one bit of the coder, at next to no cost.

    Args:
        coder: an encoder or a decoder.
        symbol: in ``[0, classes)``.
        weights: positive integers, shape ``(classes,)``.
    """
    order = np.argsort(-weights, kind="stable").tolist()
    rest = int(weights.sum())
    for candidate in order[:-1]:
        weight = int(weights[candidate])
        probability = min(max((weight << PROBABILITY_BITS) // rest, 1), _ONE - 1)
        if coder.code(int(candidate == symbol), probability):
            return int(candidate)
        rest -= weight
    return int(order[-1])


class _Meter:
    """Adds up what an encoder would write.

    Attributes:
        count: the bits coded so far.
        bits: their ideal code length.
    """

    def __init__(self) -> None:
        self.count = 0
        self.bits = 0.0

    def code(self, bit: int, probability_of_one: int) -> int:
        """Count one bit and return it."""
        part = probability_of_one if bit else _ONE - probability_of_one
        self.count += 1
        self.bits += PROBABILITY_BITS - math.log2(part)
        return bit


def symbol_bits(symbol: int, weights: Integers) -> float:
    """Return the code length of a symbol under `code_symbol`, in bits."""
    meter = _Meter()
    code_symbol(meter, symbol, weights)
    return meter.bits
