"""Moves by name, for whoever chooses them; `minbits.search.moves` makes them."""

from __future__ import annotations

import math
from typing import Literal, cast, get_args

from minbits.errors import ArgumentError

# continue: train on; thin: keep this part of the parameters; coarsen: this many steps of the grid,
# 4 to a bit; drop: leave out the block of that number; share: run the block before it again.
MoveName = Literal["continue", "thin", "coarsen", "drop", "share"]


def parse_move(move: str) -> tuple[MoveName, float]:
    """Return the name and the amount of a move such as ``thin 0.9``; ``continue`` has none.

    Raises:
        ArgumentError: if it is no move.
    """
    name, _, amount = move.partition(" ")
    try:
        number = float(amount) if amount else 0.0
    except ValueError:
        number = math.nan
    if name not in get_args(MoveName) or not math.isfinite(number):
        known = ", ".join(get_args(MoveName))
        raise ArgumentError("move", f"'{move}'", f"one of {known}, and a number", "Correct it.")
    return cast(MoveName, name), number


def format_move(name: MoveName, amount: float = 0.0) -> str:
    """Return the text of a move, such that `parse_move` gives it back."""
    return f"{name} {amount:g}" if amount else name
