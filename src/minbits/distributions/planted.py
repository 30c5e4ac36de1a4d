"""Labels that a small network of whole-number weights gives: how much is enough is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.distributions.boolean import all_patterns
from minbits.distributions.source import Drawn, input_truth, label_truth, shannon_bits
from minbits.errors import ArgumentError
from minbits.types import Quantity

Levels = npt.NDArray[np.int32]
_MAX_SIZE = 1024
_SAMPLE = 4096
_MIN_SHARE = 0.2  # of the rarer class
_LARGEST_LEVEL = 3
_MAX_BITS = 20


@dataclass(frozen=True)
class PlantedNetwork:
    """Fair bits, and the class that a network of one hidden layer of ReLUs gives them.

    All weights are whole numbers from -3 to 3, drawn with the seed, and so are the biases: sums are
    exact in float32, so that every decoder finds the same class. The first class has logit 0 where
    the second one's is not positive. Networks are drawn until the rarer class has a fifth of the
    examples.

    Attributes:
        bits: number of inputs.
        hidden: number of hidden units.
        seed: of the network.
    """

    bits: int
    hidden: int
    seed: int = 0

    def __post_init__(self) -> None:
        if not (2 <= self.bits <= _MAX_SIZE and 1 <= self.hidden <= _MAX_SIZE):
            raise ArgumentError(
                self.name, f"{self.bits} inputs and {self.hidden} hidden units",
                f"2 to {_MAX_SIZE:,} and 1 to {_MAX_SIZE:,}", "Take other numbers.",
            )  # fmt: skip

    @property
    def name(self) -> str:
        """A short name."""
        return f"planted-{self.bits}-{self.hidden}"

    def levels(self) -> tuple[Levels, Levels, Levels, Levels]:
        """Return weights and biases of both layers.

        Returns:
            Shapes ``(hidden, bits)``, ``(hidden,)``, ``(2, hidden)`` and ``(2,)``; the last two
            hold zeros for the first class.
        """
        generator = np.random.Generator(np.random.PCG64(self.seed))
        probe = generator.integers(0, 2, (_SAMPLE, self.bits)).astype(np.uint8)
        while True:
            first, bias, second = (
                generator.integers(-_LARGEST_LEVEL, _LARGEST_LEVEL + 1, shape).astype(np.int32)
                for shape in ((self.hidden, self.bits), (self.hidden,), (self.hidden,))
            )
            # The bias of the output balances the classes.
            output = -round(float(np.median(_hidden(probe, first, bias) @ second)))
            levels = (
                first, bias, np.stack([np.zeros_like(second), second]),
                np.array([0, output], np.int32),
            )  # fmt: skip
            share = float(_classes(probe, levels).mean())
            if min(share, 1 - share) >= _MIN_SHARE:
                return levels

    def draw(self, examples: int, generator: np.random.Generator) -> Drawn:
        """Return uint8 bits of shape ``(examples, bits)`` and labels."""
        inputs = generator.integers(0, 2, (examples, self.bits)).astype(np.uint8)
        return inputs, _classes(inputs, self.levels())

    def truth(self) -> tuple[Quantity, ...]:
        """Return the exact figures; those of the label where all inputs can be gone through."""
        known = [input_truth(float(self.bits), "fair bits")]
        if self.bits <= _MAX_BITS:
            share = float(_classes(all_patterns(self.bits), self.levels()).mean())
            entropy = shannon_bits(np.array([share, 1 - share]))
            known += label_truth(entropy, entropy, f"all 2^{self.bits} inputs")
        return tuple(known)


def _hidden(inputs: npt.NDArray[np.uint8], weights: Levels, bias: Levels) -> npt.NDArray[np.int64]:
    sums = inputs.astype(np.int64) @ weights.T.astype(np.int64) + bias
    return np.asarray(np.maximum(sums, 0), np.int64)


def _classes(
    inputs: npt.NDArray[np.uint8], levels: tuple[Levels, Levels, Levels, Levels]
) -> npt.NDArray[np.int64]:
    first, bias, second, output = levels
    logits = _hidden(inputs, first, bias) @ second.T + output
    return np.asarray(logits.argmax(axis=1), np.int64)
