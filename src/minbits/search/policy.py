"""Which candidate to try next, from what is known of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TRIES_BEFORE_LARGER = 2
TRIES_BEFORE_ALTERNATING = 3


@dataclass(frozen=True)
class RungState:
    """What is known of one rung of the ladder.

    Attributes:
        tries: trials that ended or run, each long enough to count.
        passes: trials that reached the target on validation.
        running: those of the tries that have not ended.
    """

    tries: int = 0
    passes: int = 0
    running: int = 0


def next_rung(rungs: Sequence[RungState], start: int) -> int:
    """Return the index of the rung to try next; rungs go from the largest network to the smallest.

    Until something passes, the search starts at ``start`` and goes up to larger networks; while the
    outcome at ``start`` is open, another worker tries the next smaller rung. Then it goes down from
    the smallest rung that passed; one that keeps failing is tried in turn with the rung above it,
    whose next seed may give a smaller file.
    """
    passed = [index for index, rung in enumerate(rungs) if rung.passes]
    if not passed:
        bold = start + 1
        if bold < len(rungs) and rungs[start].running and not rungs[bold].tries:
            return bold
        for index in range(min(start, len(rungs) - 1), -1, -1):
            if rungs[index].tries < TRIES_BEFORE_LARGER:
                return index
        return min(range(start + 1), key=lambda index: rungs[index].tries)
    best = max(passed)
    if best == len(rungs) - 1:
        return best
    if rungs[best + 1].tries < TRIES_BEFORE_ALTERNATING:
        return best + 1
    return min((best + 1, best), key=lambda index: rungs[index].tries)
