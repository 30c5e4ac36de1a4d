"""What a move is: it changes a network that training then goes on from.

A move is written as a word and a number, such as ``thin 0.9``; it is a part of the trial's
configuration, so that the file, the move and the seed give the same start again. Strategies choose
moves, and workers make them: strategies should stay light, so that a move imports what changes
networks inside `apply`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from minbits.codec.architecture import Architecture
from minbits.errors import NetworkError
from minbits.networks.blocks import Block, blocks_of

if TYPE_CHECKING:
    from minbits.compression.warm_start import WarmStart
    from minbits.training.context import TrainingContext


@dataclass(frozen=True)
class Amount:
    """How much of a move a strategy may ask for.

    Attributes:
        amount: the number; of a move on blocks, the number of a block is drawn in its place.
        rate_factor: on the parent's rate weight, beside what its accuracy asks for.
    """

    amount: float
    rate_factor: float = 1.0


class Move(ABC):
    """A kind of move.

    Attributes:
        key: its word.
        amounts: what a strategy chooses from, in the order of its random draws.
        is_of_blocks: whether the number is that of a block, one of `choices`.
    """

    key: ClassVar[str]
    amounts: ClassVar[tuple[Amount, ...]]
    is_of_blocks: ClassVar[bool] = False

    def fits(self, architecture: Architecture) -> bool:
        """Return whether networks of an architecture can be moved so."""
        return True

    def choices(self, architecture: Architecture) -> tuple[int, ...]:
        """Return the numbers of the blocks that can be moved so."""
        return ()

    @abstractmethod
    def apply(self, start: WarmStart, amount: float, context: TrainingContext) -> WarmStart:
        """Return the changed start.

        Args:
            start: the parent's network, calibrated.
            amount: how much, or the number of a block.
            context: what a training is given: recipe, seed, examples, engine.

        Raises:
            NetworkError: if the move does not fit the network.
        """

    def block(self, start: WarmStart, amount: float) -> Block:
        """Return the block of a number.

        Raises:
            NetworkError: if it is none of `choices`.
        """
        numbers, number = self.choices(start.architecture), int(amount)
        if number not in numbers:
            raise NetworkError(
                "move", f"block {number}", f"one of {numbers}", "Choose one of these."
            )
        return blocks_of(start.architecture)[number]


def narrowed(start: WarmStart, widths: dict[int, int], context: TrainingContext) -> WarmStart:
    """Return the start with the outputs of some tensors cut to a width, the least needed first.

    Args:
        start: the network.
        widths: by the numbers of tensors.
        context: what a training is given.
    """
    # Heavy: only workers need it.
    from minbits.compression.warm_start import with_widths

    return with_widths(start, widths, context)
