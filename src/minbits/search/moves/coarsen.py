"""Larger quantisation steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minbits.search.moves.base import Amount, Move

if TYPE_CHECKING:
    from minbits.compression.warm_start import WarmStart
    from minbits.training.context import TrainingContext


class Coarsen(Move):
    """Makes all steps larger by ``amount`` places of the format's grid; 4 drop a bit a weight."""

    key = "coarsen"
    amounts = (Amount(1.0), Amount(2.0))

    def apply(self, start: WarmStart, amount: float, context: TrainingContext) -> WarmStart:
        """Return the start with larger steps."""
        # Heavy: only workers need it.
        from minbits.compression.warm_start import coarsened

        return coarsened(start, amount)
