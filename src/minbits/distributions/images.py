"""Images from a generator whose entropy is known in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minbits.distributions.source import Drawn, input_truth, label_truth
from minbits.errors import ArgumentError
from minbits.types import Quantity


@dataclass(frozen=True)
class BarsAndStripes:
    """Square binary images of full rows or full columns, each on or off with probability one half.

    The label says which (MacKay 2003, chapter 43, has the same images). Only the empty and the full
    image can be both.

    Attributes:
        side: pixels of a side.
    """

    side: int = 8

    def __post_init__(self) -> None:
        if not 2 <= self.side <= 1024:
            raise ArgumentError("BarsAndStripes", str(self.side), "a side of 2 to 1024", "Fix it.")

    @property
    def name(self) -> str:
        """A short name."""
        return f"bars-and-stripes-{self.side}"

    def draw(self, examples: int, generator: np.random.Generator) -> Drawn:
        """Return uint8 images of shape ``(examples, side, side)`` and labels."""
        lines = generator.integers(0, 2, (examples, self.side)).astype(np.uint8)
        labels = generator.integers(0, 2, examples)
        upright = np.broadcast_to(lines[:, None, :], (examples, self.side, self.side))
        images = np.where(labels[:, None, None] == 1, upright, upright.transpose(0, 2, 1))
        return images, labels

    def truth(self) -> tuple[Quantity, ...]:
        """Return the exact figures: 2^(side+1) - 4 images of probability 2^-(side+1), two twice."""
        ambiguous = 2.0 ** (1 - self.side)
        entropy = (1 - ambiguous) * (self.side + 1) + ambiguous * self.side
        how = "counting all images"
        return (input_truth(entropy, how), *label_truth(1.0, 1.0 - ambiguous, how))
