"""Moves from a network file to a start for the next one, made in the worker that trains it.

A move is a word and a number, such as ``thin 0.9``; it is a part of the trial's configuration, so
that the file, the move and the seed give the same start again.
"""

from __future__ import annotations

from collections.abc import Callable

from minbits.codec.architecture import Architecture
from minbits.codec.file_format import decode_network
from minbits.compression.warm_start import (
    WarmStart,
    calibrated,
    coarsened,
    thinned,
    warm_start,
    with_layers_shared,
    with_widths,
    without_layers,
)
from minbits.errors import NetworkError
from minbits.networks.blocks import Block, blocks_of, droppable, shareable
from minbits.search.move_names import MoveName, parse_move
from minbits.training.context import TrainingContext


def _go_on(start: WarmStart, amount: float, tools: TrainingContext) -> WarmStart:
    return start


def _thin(start: WarmStart, amount: float, tools: TrainingContext) -> WarmStart:
    return thinned(start, amount, tools)


def _coarsen(start: WarmStart, amount: float, tools: TrainingContext) -> WarmStart:
    return coarsened(start, amount)


def _drop(start: WarmStart, amount: float, tools: TrainingContext) -> WarmStart:
    block = _block(start, int(amount), droppable)
    width = min(block.inputs, block.outputs)
    start = _narrowed(start, {block.input_tensor: width, block.output_tensor: width}, tools)
    return without_layers(start, block.layers.start, len(block.layers))


def _share(start: WarmStart, amount: float, tools: TrainingContext) -> WarmStart:
    block = _block(start, int(amount), shareable)
    before = blocks_of(start.architecture)[int(amount) - 1]
    width = min(before.inputs, block.inputs, block.outputs)
    tensors = (before.input_tensor, block.input_tensor, block.output_tensor)
    start = _narrowed(start, dict.fromkeys(tensors, width), tools)
    return with_layers_shared(start, block.layers.start, len(block.layers))


MOVES: dict[MoveName, Callable[[WarmStart, float, TrainingContext], WarmStart]] = {
    "continue": _go_on,
    "thin": _thin,
    "coarsen": _coarsen,
    "drop": _drop,
    "share": _share,
}


def _narrowed(start: WarmStart, widths: dict[int, int], tools: TrainingContext) -> WarmStart:
    return with_widths(start, widths, tools)


def _block(
    start: WarmStart, number: int, allowed: Callable[[Architecture], tuple[int, ...]]
) -> Block:
    """Return a block by its number.

    Raises:
        NetworkError: if there is none, or it cannot be moved so.
    """
    numbers = allowed(start.architecture)
    if number not in numbers:
        raise NetworkError("move", f"block {number}", f"one of {numbers}", "Choose one of these.")
    return blocks_of(start.architecture)[number]


def moved_start(content: bytes, move: str, tools: TrainingContext) -> WarmStart:
    """Return where training starts: a file's network, calibrated on data and moved.

    Raises:
        NetworkFileError: if the bytes are no network file.
        NetworkError: if the move does not fit the network.
        ArgumentError: if it is no move.
    """
    name, amount = parse_move(move)
    start = calibrated(warm_start(decode_network(content)), tools.engine, tools.data)
    return MOVES[name](start, amount, tools)
