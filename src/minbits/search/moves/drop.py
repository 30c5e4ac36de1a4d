"""Leaving a block of layers out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minbits.codec.architecture import Architecture
from minbits.networks.blocks import droppable
from minbits.search.moves.base import Amount, Move, narrowed

if TYPE_CHECKING:
    from minbits.compression.warm_start import WarmStart
    from minbits.training.context import TrainingContext


class Drop(Move):
    """Leaves out the block of a number; the layers around it are made to fit."""

    key = "drop"
    amounts = (Amount(1.0),)
    is_of_blocks = True

    def choices(self, architecture: Architecture) -> tuple[int, ...]:
        """Return the numbers of the blocks that can be left out."""
        return droppable(architecture)

    def apply(self, start: WarmStart, amount: float, context: TrainingContext) -> WarmStart:
        """Return the start without the block."""
        # Heavy: only workers need it.
        from minbits.compression.warm_start import without_layers

        block = self.block(start, amount)
        width = min(block.inputs, block.outputs)
        start = narrowed(start, {block.input_tensor: width, block.output_tensor: width}, context)
        return without_layers(start, block.layers.start, len(block.layers))
