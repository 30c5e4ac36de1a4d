"""The moves by their words: a new one is a file and a line here."""

from __future__ import annotations

import math
from dataclasses import dataclass

from minbits.errors import ArgumentError
from minbits.registry import Registry
from minbits.search.moves.base import Move
from minbits.search.moves.coarsen import Coarsen
from minbits.search.moves.drop import Drop
from minbits.search.moves.front_end import ChangeFrontEnd
from minbits.search.moves.going_on import Continue
from minbits.search.moves.share import Share
from minbits.search.moves.thin import Thin

# Strategies draw in this order.
MOVES: Registry[Move] = Registry(
    "move",
    Continue(),
    Thin(),
    Coarsen(),
    Drop(),
    Share(),
    ChangeFrontEnd(),
)


@dataclass(frozen=True)
class MoveKind:
    """A move and one of its amounts: what a strategy chooses.

    Attributes:
        move: the key of the move.
        amount: how much; of blocks it is chosen among those that there are.
        rate_factor: on the parent's rate weight, beside what its accuracy asks for.
    """

    move: str
    amount: float
    rate_factor: float


def move_kinds() -> tuple[MoveKind, ...]:
    """Return every move with each of its amounts, in order."""
    return tuple(
        MoveKind(move.key, item.amount, item.rate_factor)
        for move in MOVES.values()
        for item in move.amounts
    )


def parse_move(text: str) -> tuple[str, float]:
    """Return the key and the amount of a move such as ``thin 0.9``; ``continue`` has none.

    Raises:
        ArgumentError: if it is no move.
    """
    key, _, amount = text.partition(" ")
    try:
        number = float(amount) if amount else 0.0
    except ValueError:
        number = math.nan
    if key not in MOVES or not math.isfinite(number):
        known = ", ".join(MOVES)
        raise ArgumentError("move", f"'{text}'", f"one of {known}, and a number", "Correct it.")
    return key, number


def format_move(key: str, amount: float = 0.0) -> str:
    """Return the text of a move, such that `parse_move` gives it back."""
    return f"{key} {amount:g}" if amount else key
