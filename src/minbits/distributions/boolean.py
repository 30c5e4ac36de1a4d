"""Labels that are a Boolean function of fair bits, flipped now and then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.distributions.source import (
    Drawn,
    channel_truth,
    draw_rows,
    input_truth,
    symmetric_channel,
)
from minbits.errors import ArgumentError
from minbits.types import Quantity

Bits = npt.NDArray[np.uint8]
_MAX_ENUMERATED = 20


def all_patterns(bits: int, most: int | None = None) -> Bits:
    """Return the patterns of some bits in the order of their numbers, shape ``(patterns, bits)``.

    Args:
        bits: of a pattern; the first one has the least value.
        most: how many patterns; None for all of them.
    """
    numbers = np.arange(2**bits if most is None else most)
    return ((numbers[:, None] >> np.arange(bits)) & 1).astype(np.uint8)


@dataclass(frozen=True)
class BooleanFunction:
    """Fair bits, and a label that is a function of some of them.

    Attributes:
        name: a short name.
        bits: number of input bits.
        relevant: how many bits, the first ones, the function looks at; at most 20, since the truth
            comes from all their values.
        function: from bits of shape ``(examples, relevant)`` to labels 0 and 1.
        flip: probability that the label is flipped.
    """

    name: str
    bits: int
    relevant: int
    function: Callable[[Bits], npt.NDArray[np.int64]]
    flip: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.relevant <= min(self.bits, _MAX_ENUMERATED):
            raise ArgumentError(
                self.name,
                f"{self.relevant} relevant of {self.bits} bits",
                f"1 to {_MAX_ENUMERATED} relevant bits, no more than there are",
                "Choose fewer.",
            )
        symmetric_channel(2, self.flip)

    def draw(self, examples: int, generator: np.random.Generator) -> Drawn:
        """Return uint8 bits of shape ``(examples, bits)`` and labels."""
        inputs = generator.integers(0, 2, (examples, self.bits)).astype(np.uint8)
        clean = self.function(inputs[:, : self.relevant])
        return inputs, draw_rows(symmetric_channel(2, self.flip), clean, generator)

    def truth(self) -> tuple[Quantity, ...]:
        """Return the exact figures, by going through all values of the relevant bits."""
        ones = float(self.function(all_patterns(self.relevant)).mean())
        marginal = np.array([1 - ones, ones])
        return (
            input_truth(float(self.bits), "fair bits"),
            *channel_truth(
                marginal, symmetric_channel(2, self.flip), f"all 2^{self.relevant} inputs"
            ),
        )


def _sum_modulo_two(bits: Bits) -> npt.NDArray[np.int64]:
    return np.asarray(bits.sum(axis=1) % 2, np.int64)


def _more_ones(bits: Bits) -> npt.NDArray[np.int64]:
    return np.asarray(2 * bits.sum(axis=1, dtype=np.int64) > bits.shape[1], np.int64)


def parity(bits: int = 10, relevant: int | None = None, flip: float = 0.0) -> BooleanFunction:
    """Return the parity of the first ``relevant`` of fair bits; no single bit tells anything."""
    return BooleanFunction(f"parity-{bits}", bits, relevant or bits, _sum_modulo_two, flip)


def majority(bits: int = 11, flip: float = 0.0) -> BooleanFunction:
    """Return whether more than half of fair bits are one; every bit tells a little."""
    return BooleanFunction(f"majority-{bits}", bits, bits, _more_ones, flip)


def xor(bits: int = 8, flip: float = 0.05) -> BooleanFunction:
    """Return the exclusive or of the first two bits, among others that say nothing."""
    return BooleanFunction(f"xor-{bits}", bits, 2, _sum_modulo_two, flip)


def teacher(bits: int = 12, hidden: int = 5, seed: int = 0, flip: float = 0.0) -> BooleanFunction:
    """Return the class that a random threshold network of one hidden layer gives to fair bits.

    Weights are standard normal, hidden units hyperbolic tangents; the threshold of the output is
    the median over all inputs, so that both classes are about equally likely.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    first = generator.standard_normal((bits, hidden))
    second = generator.standard_normal(hidden)

    def response(inputs: Bits) -> npt.NDArray[np.float64]:
        return np.asarray(np.tanh((2.0 * inputs - 1.0) @ first) @ second)

    patterns = all_patterns(bits, 2 ** min(bits, _MAX_ENUMERATED))
    threshold = float(np.median(response(patterns)))

    def classify(inputs: Bits) -> npt.NDArray[np.int64]:
        return (response(inputs) > threshold).astype(np.int64)

    return BooleanFunction(f"teacher-{bits}-{hidden}", bits, bits, classify, flip)
