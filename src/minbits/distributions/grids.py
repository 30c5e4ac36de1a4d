"""Potts and Ising models on a grid, drawn exactly row by row."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from minbits.distributions.source import (
    Drawn,
    FloatArray,
    channel_truth,
    draw_rows,
    input_truth,
    shannon_bits,
    symmetric_channel,
)
from minbits.errors import ArgumentError
from minbits.types import Figure

_MAX_ROWS = 1024


@dataclass(frozen=True)
class PottsGrid:
    """The Potts model on a grid with open borders, as images (Potts 1952).

    The probability of an image is proportional to ``exp(coupling × equal neighbours)``. Rows form a
    Markov chain over the ``states ** width`` values of a row, so that sampling and entropy are
    exact (the transfer-matrix method, Kramers & Wannier 1941). The label is a noisy copy of the
    pixel at the top left.

    Attributes:
        height: rows.
        width: pixels a row; ``states ** width`` may be at most 1024.
        states: values of a pixel.
        coupling: strength of the pull between neighbours.
        flip: probability that the label differs from the first pixel.
    """

    height: int
    width: int
    states: int = 2
    coupling: float = 0.5
    flip: float = 0.1

    def __post_init__(self) -> None:
        bad = self.height < 1 or self.width < 1 or self.states < 2
        if bad or self.states**self.width > _MAX_ROWS:
            raise ArgumentError(
                "PottsGrid",
                f"{self.height} x {self.width} pixels of {self.states} states",
                f"at most {_MAX_ROWS} values of a row",
                "Make rows shorter.",
            )

    @property
    def name(self) -> str:
        """A short name."""
        return f"potts-{self.height}x{self.width}-{self.states}"

    @cached_property
    def _rows(self) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
        """Every value of a row, shape ``(rows, width)``."""
        numbers = np.arange(self.states**self.width)
        digits = numbers[:, None] // self.states ** np.arange(self.width) % self.states
        return digits.astype(np.uint8)

    @cached_property
    def _chain(self) -> tuple[FloatArray, list[FloatArray]]:
        """The first row's distribution, and each next row's given the one above."""
        rows = self._rows
        within = np.exp(self.coupling * (rows[:, 1:] == rows[:, :-1]).sum(axis=1))
        equal = np.zeros((len(rows), len(rows)))
        for place in range(self.width):
            equal += rows[:, None, place] == rows[None, :, place]
        between = np.exp(self.coupling * equal)
        below = np.ones(len(rows))
        transitions: list[FloatArray] = []
        for _ in range(self.height - 1):
            weights = between * (within * below)[None, :]
            totals = weights.sum(axis=1)
            transitions.append(weights / totals[:, None])
            below = totals / totals.max()
        first = within * below
        return first / first.sum(), transitions[::-1]

    def draw(self, examples: int, generator: np.random.Generator) -> Drawn:
        """Return uint8 images of shape ``(examples, height, width)`` and labels."""
        first, transitions = self._chain
        row = draw_rows(first[None], np.zeros(examples, np.int64), generator)
        images = np.empty((examples, self.height, self.width), np.uint8)
        images[:, 0] = self._rows[row]
        for index, transition in enumerate(transitions):
            row = draw_rows(transition, row, generator)
            images[:, index + 1] = self._rows[row]
        channel = symmetric_channel(self.states, self.flip)
        return images, draw_rows(channel, images[:, 0, 0].astype(np.int64), generator)

    def truth(self) -> tuple[Figure, ...]:
        """Return the exact figures by the chain rule over rows."""
        marginal, transitions = self._chain
        entropy = shannon_bits(marginal)
        for transition in transitions:
            logarithms = np.log2(transition, out=np.zeros_like(transition), where=transition > 0)
            entropy += float(marginal @ -(transition * logarithms).sum(axis=1))
            marginal = marginal @ transition
        uniform = np.full(self.states, 1 / self.states)
        return (
            input_truth(entropy, "transfer matrix, chain rule over rows"),
            *channel_truth(uniform, symmetric_channel(self.states, self.flip), "first pixel's"),
        )


def ising_grid(height: int, width: int, coupling: float = 0.4, flip: float = 0.1) -> PottsGrid:
    """Return the Ising model on a grid: two states, and a pull of twice the Ising coupling."""
    return PottsGrid(height, width, 2, 2 * coupling, flip)
