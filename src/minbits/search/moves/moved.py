"""Makes a move, in the worker that trains what comes of it."""

from __future__ import annotations

from minbits.codec.file_format import decode_network
from minbits.compression.warm_start import WarmStart, calibrated, warm_start
from minbits.search.moves.registry import MOVES, parse_move
from minbits.training.context import TrainingContext


def moved_start(content: bytes, move: str, context: TrainingContext) -> WarmStart:
    """Return where training starts: a file's network, calibrated on data and moved.

    Raises:
        NetworkFileError: if the bytes are no network file.
        NetworkError: if the move does not fit the network.
        ArgumentError: if it is no move.
    """
    key, amount = parse_move(move)
    start = calibrated(warm_start(decode_network(content)), context.engine, context.data)
    return MOVES[key].apply(start, amount, context)
