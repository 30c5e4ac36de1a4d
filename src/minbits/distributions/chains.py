"""Chains and trees of symbols, whose entropies follow from the chain rule."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from minbits.distributions.source import (
    Drawn,
    channel_truth,
    check_probabilities,
    draw_rows,
    input_truth,
    shannon_bits,
    symmetric_channel,
)
from minbits.errors import ArgumentError
from minbits.types import Quantity


@dataclass(frozen=True)
class MarkovChain:
    """A Markov chain of symbols; the label is a noisy copy of the first one.

    Attributes:
        initial: distribution of the first symbol.
        transition: rows of the next symbol's distribution, one a symbol.
        length: symbols in one example.
        flip: probability that the label is another symbol than the first.
    """

    initial: tuple[float, ...]
    transition: tuple[tuple[float, ...], ...]
    length: int
    flip: float = 0.1

    def __post_init__(self) -> None:
        check_probabilities("MarkovChain.initial", np.array(self.initial))
        check_probabilities("MarkovChain.transition", np.array(self.transition))
        states = len(self.initial)
        if np.array(self.transition).shape != (states, states) or self.length < 1 or states > 256:
            raise ArgumentError(
                "MarkovChain",
                f"{states} symbols, length {self.length}",
                "a square transition of at most 256 symbols and a length of at least 1",
                "Correct it.",
            )

    @property
    def name(self) -> str:
        """A short name."""
        return f"markov-chain-{self.length}"

    def draw(self, examples: int, generator: np.random.Generator) -> Drawn:
        """Return uint8 symbols of shape ``(examples, length)`` and labels."""
        transition = np.array(self.transition)
        state = draw_rows(np.array([self.initial]), np.zeros(examples, np.int64), generator)
        labels = draw_rows(symmetric_channel(len(self.initial), self.flip), state, generator)
        symbols = np.empty((examples, self.length), np.uint8)
        for place in range(self.length):
            symbols[:, place] = state
            if place + 1 < self.length:
                state = draw_rows(transition, state, generator)
        return symbols, labels

    def truth(self) -> tuple[Quantity, ...]:
        """Return the exact figures by the chain rule."""
        transition, marginal = np.array(self.transition), np.array(self.initial)
        rates = np.array([shannon_bits(row) for row in transition])
        entropy = shannon_bits(marginal)
        for _ in range(self.length - 1):
            entropy += float(marginal @ rates)
            marginal = marginal @ transition
        channel = symmetric_channel(len(self.initial), self.flip)
        return (
            input_truth(entropy, "chain rule: H(X1) plus the sum of H(Xt | Xt-1)"),
            *channel_truth(np.array(self.initial), channel, "the first symbol's channel"),
        )


def ising_chain(length: int, coupling: float, flip: float = 0.1) -> MarkovChain:
    """Return an Ising chain without field and with open ends.

    Neighbours differ with probability ``1 / (1 + exp(2 coupling))`` (Ising 1925).
    """
    differ = 1 / (1 + math.exp(2 * coupling))
    return MarkovChain((0.5, 0.5), ((1 - differ, differ), (differ, 1 - differ)), length, flip)


@dataclass(frozen=True)
class IsingTree:
    """Ising spins on a tree without field; the label is a noisy copy of the root.

    Attributes:
        parents: for each spin but the root, spin 0, an earlier spin.
        couplings: of each spin but the root to its parent.
        flip: probability that the label differs from the root.
    """

    parents: tuple[int, ...]
    couplings: tuple[float, ...]
    flip: float = 0.1

    def __post_init__(self) -> None:
        fits = all(0 <= parent <= index for index, parent in enumerate(self.parents))
        if len(self.parents) != len(self.couplings) or not fits:
            raise ArgumentError(
                "IsingTree", str(self.parents), "an earlier spin and a coupling a spin", "Reorder."
            )

    @property
    def name(self) -> str:
        """A short name."""
        return f"ising-tree-{len(self.parents) + 1}"

    def _differ(self) -> list[float]:
        return [1 / (1 + math.exp(2 * coupling)) for coupling in self.couplings]

    def draw(self, examples: int, generator: np.random.Generator) -> Drawn:
        """Return uint8 spins 0 and 1 of shape ``(examples, spins)`` and labels."""
        spins = np.empty((examples, len(self.parents) + 1), np.uint8)
        spins[:, 0] = generator.integers(0, 2, examples)
        for index, (parent, differ) in enumerate(zip(self.parents, self._differ(), strict=True)):
            spins[:, index + 1] = spins[:, parent] ^ (generator.random(examples) < differ)
        root = spins[:, 0].astype(np.int64)
        return spins, draw_rows(symmetric_channel(2, self.flip), root, generator)

    def truth(self) -> tuple[Quantity, ...]:
        """Return the exact figures: one bit for the root, a flip's entropy for every edge."""
        entropy = 1 + sum(shannon_bits(np.array([p, 1 - p])) for p in self._differ())
        return (
            input_truth(entropy, "root plus edges"),
            *channel_truth(np.array([0.5, 0.5]), symmetric_channel(2, self.flip), "the root's"),
        )
