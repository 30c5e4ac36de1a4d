"""A few points with random labels, each drawn many times: nothing to learn but the points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.distributions.source import Drawn, input_truth, label_truth, shannon_bits
from minbits.errors import ArgumentError
from minbits.types import Quantity


@dataclass(frozen=True)
class LookupTable:
    """Points of fair bits, each with a class that was drawn once and for all.

    Other than `RandomLabels`, new examples are points that were seen before, so that a network can
    know them by heart. No code of the table takes fewer than ``points * log2(classes)`` bits on
    average.

    Attributes:
        points: how many, 2 to 2^20.
        seed: of points and classes.
        bits: number of input bits.
        classes: equally likely ones.
    """

    points: int
    seed: int = 0
    bits: int = 64
    classes: int = 2

    def __post_init__(self) -> None:
        if not 2 <= self.points <= 2**20:
            raise ArgumentError(
                self.name, f"{self.points} points", "2 to 1,048,576", "Take another number."
            )

    @property
    def name(self) -> str:
        """A short name."""
        return f"lookup-{self.points}"

    def table(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
        """Return the points, shape ``(points, bits)``, and their classes; both classes occur."""
        generator = np.random.Generator(np.random.PCG64(self.seed))
        inputs = generator.integers(0, 2, (self.points, self.bits)).astype(np.uint8)
        labels = generator.integers(0, self.classes, self.points)
        labels[: self.classes] = np.arange(self.classes)
        return inputs, labels

    def draw(self, examples: int, generator: np.random.Generator) -> Drawn:
        """Return uint8 bits of shape ``(examples, bits)`` and labels."""
        inputs, labels = self.table()
        drawn = generator.integers(0, self.points, examples)
        return inputs[drawn], labels[drawn]

    def truth(self) -> tuple[Quantity, ...]:
        """Return the exact figures: a point, and with it its class."""
        inputs, labels = self.table()
        counts = np.unique(inputs, axis=0, return_counts=True)[1]
        shares = np.bincount(labels) / self.points
        entropy = shannon_bits(shares)
        return (
            input_truth(shannon_bits(counts / self.points), "points are equally likely"),
            *label_truth(entropy, entropy, "the class of each point is fixed"),
        )
