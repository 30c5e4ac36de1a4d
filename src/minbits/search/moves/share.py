"""Running a block once more in place of the one behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minbits.codec.architecture import Architecture
from minbits.networks.blocks import blocks_of, shareable
from minbits.search.moves.base import Amount, Move, narrowed

if TYPE_CHECKING:
    from minbits.compression.warm_start import WarmStart
    from minbits.training.context import TrainingContext


class Share(Move):
    """Replaces the block of a number by the one before it, run again with the same weights."""

    key = "share"
    amounts = (Amount(1.0),)
    is_of_blocks = True

    def choices(self, architecture: Architecture) -> tuple[int, ...]:
        """Return the numbers of the blocks that the one before can stand in for."""
        return shareable(architecture)

    def apply(self, start: WarmStart, amount: float, context: TrainingContext) -> WarmStart:
        """Return the start with the block before it shared."""
        # Heavy: only workers need it.
        from minbits.compression.warm_start import with_layers_shared

        block = self.block(start, amount)
        before = blocks_of(start.architecture)[int(amount) - 1]
        width = min(before.inputs, block.inputs, block.outputs)
        tensors = (before.input_tensor, block.input_tensor, block.output_tensor)
        start = narrowed(start, dict.fromkeys(tensors, width), context)
        return with_layers_shared(start, block.layers.start, len(block.layers))
