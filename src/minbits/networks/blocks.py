"""Blocks of a chain: a convolution that mixes channels, and the depthwise ones right before it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from minbits.codec.architecture import Architecture, activation_shapes
from minbits.layers.base import Layer, WeightedLayer
from minbits.layers.convolution import Convolution


@dataclass(frozen=True)
class Block:
    """Some layers in a row; normalisations of examples behind the convolution belong to it.

    Attributes:
        layers: their indices.
        inputs: channels that go in.
        outputs: channels that come out.
        input_tensor: number of the tensor that makes the inputs; -1 where they are the data.
        output_tensor: number of the tensor that makes the outputs.
    """

    layers: range
    inputs: int
    outputs: int
    input_tensor: int
    output_tensor: int


def blocks_of(architecture: Architecture) -> tuple[Block, ...]:
    """Return the blocks in order; none where layers repeat or add, which ties them to others."""
    if any(layer.channel_role == "tied" for layer in architecture.layers):
        return ()
    found: list[Block] = []
    start: int | None = None
    channels, producer, tensor = activation_shapes(architecture)[0][0], -1, -1
    for index, layer in enumerate(architecture.layers):
        tensor += isinstance(layer, WeightedLayer)
        if not isinstance(layer, Convolution):
            start = None
            if layer.channel_role == "alike" and found and found[-1].layers.stop == index:
                found[-1] = dataclasses.replace(
                    found[-1], layers=range(found[-1].layers.start, index + 1)
                )
            continue
        start = index if start is None else start
        if not layer.depthwise:
            layers = range(start, index + 1)
            found.append(Block(layers, channels, layer.out_channels, producer, tensor))
            channels, producer, start = layer.out_channels, tensor, None
    return tuple(found)


def droppable(architecture: Architecture) -> tuple[int, ...]:
    """Return the numbers of the blocks that can be left out.

    The first one stays, and so does one that makes the logits.
    """
    blocks = blocks_of(architecture)
    found = range(1, len(blocks))
    return tuple(number for number in found if not _is_last(architecture, blocks[number]))


def _is_last(architecture: Architecture, block: Block) -> bool:
    """Whether nothing behind a block mixes its channels: they are those of the logits."""
    behind = architecture.layers[block.layers.stop :]
    return not any(layer.channel_role == "mixed" for layer in behind)


def shareable(architecture: Architecture) -> tuple[int, ...]:
    """Return the numbers of the blocks that the one right before them can stand in for.

    Both are of the same layers but for the numbers of channels, which can be made equal; those of
    the logits cannot.
    """
    blocks = blocks_of(architecture)
    layers = architecture.layers

    def kinds(block: Block) -> list[Layer]:
        chosen = [layers[index] for index in block.layers]
        return [c.with_outputs(1) if isinstance(c, Convolution) else c for c in chosen]

    return tuple(
        number
        for number in range(1, len(blocks))
        if blocks[number - 1].layers.stop == blocks[number].layers.start
        and blocks[number - 1].input_tensor >= 0
        and not _is_last(architecture, blocks[number])
        and kinds(blocks[number - 1]) == kinds(blocks[number])
    )
