"""Training on, at another rate weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minbits.search.moves.base import Amount, Move

if TYPE_CHECKING:
    from minbits.compression.warm_start import WarmStart
    from minbits.training.context import TrainingContext


class Continue(Move):
    """Leaves the network as it is; the rate weight alone changes."""

    key = "continue"
    amounts = tuple(Amount(0.0, rate_factor) for rate_factor in (0.5, 0.8, 1.0, 1.25, 1.6, 2.2))

    def apply(self, start: WarmStart, amount: float, context: TrainingContext) -> WarmStart:
        """Return the start as it is."""
        return start
