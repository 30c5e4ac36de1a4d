"""Removing the channels that matter least."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minbits.search.moves.base import Amount, Move

if TYPE_CHECKING:
    from minbits.compression.warm_start import WarmStart
    from minbits.training.context import TrainingContext


class Thin(Move):
    """Keeps about ``amount`` of the parameters, by whole channels."""

    key = "thin"
    amounts = (Amount(0.9), Amount(0.7, 1.3))

    def apply(self, start: WarmStart, amount: float, context: TrainingContext) -> WarmStart:
        """Return the start without some channels."""
        # Heavy: only workers need it.
        from minbits.compression.warm_start import thinned

        return thinned(start, amount, context)
