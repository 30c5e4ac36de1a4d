"""Sources without structure among inputs: independent bits, noisy labels, random labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minbits.distributions.source import (
    Drawn,
    channel_truth,
    draw_rows,
    input_truth,
    label_truth,
    shannon_bits,
    symmetric_channel,
)
from minbits.errors import ArgumentError
from minbits.types import Quantity


@dataclass(frozen=True)
class IndependentBits:
    """Bits that are one with given probabilities; the label is the first bit, sometimes flipped.

    Attributes:
        probabilities: of a one, bit by bit.
        flip: probability that the label differs from the first bit.
    """

    probabilities: tuple[float, ...]
    flip: float = 0.1

    def __post_init__(self) -> None:
        if not self.probabilities or not all(0 <= p <= 1 for p in self.probabilities):
            raise ArgumentError(
                "IndependentBits", str(self.probabilities), "probabilities", "Correct them."
            )

    @property
    def name(self) -> str:
        """A short name."""
        return f"independent-bits-{len(self.probabilities)}"

    def draw(self, examples: int, generator: np.random.Generator) -> Drawn:
        """Return uint8 bits of shape ``(examples, bits)`` and labels."""
        p = np.array(self.probabilities)
        bits = (generator.random((examples, len(p))) < p).astype(np.uint8)
        labels = draw_rows(symmetric_channel(2, self.flip), bits[:, 0].astype(np.int64), generator)
        return bits, labels

    def truth(self) -> tuple[Quantity, ...]:
        """Return the exact figures: the bits' entropies add up."""
        entropy = sum(shannon_bits(np.array([p, 1 - p])) for p in self.probabilities)
        first = np.array([1 - self.probabilities[0], self.probabilities[0]])
        return (
            input_truth(entropy, "sum of the bits' entropies"),
            *channel_truth(first, symmetric_channel(2, self.flip), "the first bit's channel"),
        )


@dataclass(frozen=True)
class NoisyLabels:
    """A class in plain sight among fair bits, and a label that differs from it now and then.

    Attributes:
        classes: number of equally likely classes; the input shows the class in binary.
        flip: probability that the label is another class, any one.
        noise_bits: fair bits that say nothing.
    """

    classes: int = 4
    flip: float = 0.2
    noise_bits: int = 4

    def __post_init__(self) -> None:
        symmetric_channel(self.classes, self.flip)

    @property
    def name(self) -> str:
        """A short name."""
        return f"noisy-labels-{self.classes}"

    def draw(self, examples: int, generator: np.random.Generator) -> Drawn:
        """Return uint8 bits of shape ``(examples, digits + noise_bits)`` and labels."""
        digits = (self.classes - 1).bit_length()
        states = generator.integers(0, self.classes, examples)
        shown = (states[:, None] >> np.arange(digits)) & 1
        noise = generator.integers(0, 2, (examples, self.noise_bits))
        labels = draw_rows(symmetric_channel(self.classes, self.flip), states, generator)
        return np.concatenate([shown, noise], axis=1).astype(np.uint8), labels

    def truth(self) -> tuple[Quantity, ...]:
        """Return the exact figures of the symmetric channel."""
        uniform = np.full(self.classes, 1 / self.classes)
        return (
            input_truth(np.log2(self.classes) + self.noise_bits, "classes and noise are uniform"),
            *channel_truth(uniform, symmetric_channel(self.classes, self.flip), "its channel"),
        )


@dataclass(frozen=True)
class RandomLabels:
    """Fair bits, and labels that have nothing to do with them: all there is to learn is by heart.

    Attributes:
        bits: number of input bits.
        probabilities: of the labels.
    """

    bits: int = 64
    probabilities: tuple[float, ...] = (0.5, 0.5)

    @property
    def name(self) -> str:
        """A short name."""
        return f"random-labels-{self.bits}"

    def draw(self, examples: int, generator: np.random.Generator) -> Drawn:
        """Return uint8 bits of shape ``(examples, bits)`` and labels."""
        inputs = generator.integers(0, 2, (examples, self.bits)).astype(np.uint8)
        labels = draw_rows(np.array([self.probabilities]), np.zeros(examples, np.int64), generator)
        return inputs, labels

    def truth(self) -> tuple[Quantity, ...]:
        """Return the exact figures: inputs say nothing about labels."""
        entropy = shannon_bits(np.array(self.probabilities))
        return (
            input_truth(float(self.bits), "fair bits"),
            *label_truth(entropy, 0.0, "labels are independent of inputs"),
        )
