"""Which blocks the labels are coded in, and what may be spent on each."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from minbits.label_codes.learners import LEARNERS, Learner
from minbits.label_codes.network_learner import epochs_for

FIRST_BLOCK = 8
GROWTH = 1.5
# Efforts that a block can have: a factor on the epochs of networks, powers of two.
EFFORTS = tuple(2.0**power for power in range(-4, 3))
USUAL_EFFORT = EFFORTS.index(1.0)
# The part of the time that may be spent when it is over.
_OVERTIME = 0.1
# Seconds of a learner grow about so with the labels seen.
_GROWTH_OF_SECONDS = 1.2


def block_ends(labels: int) -> tuple[int, ...]:
    """Return where blocks end: after 8 labels, then after half as many again, and at the end."""
    ends, end = [], FIRST_BLOCK
    while end < labels:
        ends.append(end)
        end = math.ceil(end * GROWTH)
    return (*ends, labels)


@dataclass(frozen=True)
class BlockPlan:
    """What a block is predicted with.

    Attributes:
        used: for each learner, whether it predicts.
        effort: place in `EFFORTS`.
    """

    used: tuple[bool, ...]
    effort: int


def takes_part(learner: Learner, shape: tuple[int, int, int], seen: int) -> bool:
    """Return whether a learner takes part once so many labels were seen."""
    return seen >= learner.least_seen and learner.suits(shape, seen)


def usual_plan(shape: tuple[int, int, int], seen: int) -> BlockPlan:
    """Return what a block is predicted with where time does not matter.

    Args:
        shape: of an example.
        seen: labels before the block.
    """
    used = tuple(takes_part(learner, shape, seen) for learner in LEARNERS.values())
    return BlockPlan(used, USUAL_EFFORT)


class Timed(Protocol):
    """What tells how long a learner took."""

    @property
    def key(self) -> str:
        """The learner."""
        ...

    @property
    def seconds(self) -> float:
        """Seconds of workers."""
        ...


@dataclass
class Planner:
    """Fits what is done to the time that there is. Its choices are written into the code.

    Attributes:
        shape: of an example.
        ends: where blocks end.
        seconds: for all blocks.
        workers: predictions at a time.
        clock: seconds.
        spent: for each learner that ran, seconds of a worker, labels seen and effort the last time.
    """

    shape: tuple[int, int, int]
    ends: tuple[int, ...]
    seconds: float
    workers: int = 1
    clock: Callable[[], float] = time.monotonic
    spent: dict[str, tuple[float, int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._start = self.clock()

    def suits(self, learner: Learner, seen: int) -> bool:
        """Return whether a learner takes part once so many labels were seen."""
        return takes_part(learner, self.shape, seen)

    def _expected(self, learner: Learner, seen: int, effort: int) -> float:
        """Return seconds of a worker that a learner will take, from what it took the last time."""
        if learner.key not in self.spent:
            return 0.0
        seconds, before, past_effort = self.spent[learner.key]
        if not learner.is_network:
            return seconds * math.pow(seen / max(before, 1), _GROWTH_OF_SECONDS)
        work = seen * epochs_for(seen, EFFORTS[effort])
        return seconds * work / (before * epochs_for(before, EFFORTS[past_effort]))

    def _all_seconds(self, block: int, used: list[Learner], effort: int) -> float:
        """Return what this block and all later ones are expected to take."""
        total = 0.0
        for start in self.ends[block - 1 : -1] if block else ():
            total += sum(
                self._expected(learner, start, effort)
                for learner in used
                if self.suits(learner, start)
            )
        return total / self.workers

    def plan(self, block: int) -> BlockPlan:
        """Return what a block is predicted with."""
        seen = self.ends[block - 1] if block else 0
        learners = [learner for learner in LEARNERS.values() if self.suits(learner, seen)]
        # What costs next to nothing is not left out when the time is over.
        left = max(self.seconds - (self.clock() - self._start), _OVERTIME * self.seconds)
        effort = USUAL_EFFORT
        while effort and self._all_seconds(block, learners, effort) > left:
            effort -= 1
        # What still does not fit is left out, the dearest learner first.
        while len(learners) > 1 and self._all_seconds(block, learners, effort) > left:
            dearest = max(learners, key=lambda item: self._expected(item, seen, effort))
            learners.remove(dearest)
        return BlockPlan(tuple(learner in learners for learner in LEARNERS.values()), effort)

    def learn(self, found: Sequence[Timed], seen: int, plan: BlockPlan) -> None:
        """Take in how long the learners of a block took."""
        for item in found:
            self.spent[item.key] = (item.seconds, seen, plan.effort)
