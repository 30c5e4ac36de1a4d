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
# Efforts that a block can have: a factor on the epochs of networks, powers of the square root of 2.
EFFORTS = tuple(2.0 ** (power / 2) for power in range(-8, 7))
USUAL_EFFORT = EFFORTS.index(1.0)
# The part of the time that may be spent when it is over.
_OVERTIME = 0.1
# A change of the plan costs bits. Networks learn longer where that is expected to take no more than
# the first part of the time left, and less where they are expected to take more than the second.
_CAREFUL, _TOO_LONG = 0.7, 1.2
# Seconds of a learner grow about so with the labels seen and those that its start is worth.
_GROWTH_OF_SECONDS = 1.2
_START = 1000
# In less time than this, networks do not even start.
_NETWORK_SECONDS = 10.0


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


def expected_plan(
    before: BlockPlan | None, shape: tuple[int, int, int], start: int, seen: int
) -> BlockPlan:
    """Return what a block is predicted with, unless the sender chose otherwise.

    That is what the block before was predicted with, and learners that take part from now on.

    Args:
        before: plan of the block before; None for the first block.
        shape: of an example.
        start: labels before that block.
        seen: labels before this block.
    """
    used = []
    for place, learner in enumerate(LEARNERS.values()):
        was_left_out = (
            before is not None and takes_part(learner, shape, start) and not before.used[place]
        )
        used.append(takes_part(learner, shape, seen) and not was_left_out)
    return BlockPlan(tuple(used), USUAL_EFFORT if before is None else before.effort)


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
        effort: of the last block.
        before: seconds that were spent before this process.
        spent: for each learner that ran, seconds of a worker, labels seen and effort the last time.
        known: learners that ran.
    """

    shape: tuple[int, int, int]
    ends: tuple[int, ...]
    seconds: float
    workers: int = 1
    clock: Callable[[], float] = time.monotonic
    effort: int = USUAL_EFFORT
    before: float = 0.0
    spent: dict[str, tuple[float, int, int]] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._start = self.clock()

    @property
    def spent_seconds(self) -> float:
        """Seconds that all blocks so far took."""
        return self.before + self.clock() - self._start

    def suits(self, learner: Learner, seen: int) -> bool:
        """Return whether a learner takes part once so many labels were seen."""
        return takes_part(learner, self.shape, seen)

    def _expected(self, learner: Learner, seen: int, effort: int) -> float:
        """Return seconds of a worker that a learner will take, from what it took the last time."""
        if learner.key not in self.spent:
            return 0.0
        seconds, before, past_effort = self.spent[learner.key]
        if not learner.is_network:
            return seconds * math.pow((_START + seen) / (_START + before), _GROWTH_OF_SECONDS)
        work = seen * epochs_for(seen, EFFORTS[effort])
        return seconds * work / (before * epochs_for(before, EFFORTS[past_effort]))

    def seconds_left(self, block: int, plan: BlockPlan) -> float:
        """Return what a block and all later ones are expected to take under a plan."""
        learners = [
            learner for learner, flag in zip(LEARNERS.values(), plan.used, strict=True) if flag
        ]
        return self._all_seconds(block, learners, plan.effort)

    def _all_seconds(self, block: int, used: list[Learner], effort: int) -> float:
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
        learners = [
            learner
            for learner in LEARNERS.values()
            if self.suits(learner, seen)
            and not (learner.is_network and self.seconds < _NETWORK_SECONDS)
        ]
        # What costs next to nothing is not left out when the time is over.
        left = max(self.seconds - self.spent_seconds, _OVERTIME * self.seconds)
        while self._may_learn_longer(block, learners, left):
            self.effort += 1
        if self._all_seconds(block, learners, self.effort) > _TOO_LONG * left:
            while self.effort and self._all_seconds(block, learners, self.effort) > left:
                self.effort -= 1
        # What still does not fit is left out, the dearest learner first.
        most = _TOO_LONG * left
        while len(learners) > 1 and self._all_seconds(block, learners, self.effort) > most:
            dearest = max(learners, key=lambda item: self._expected(item, seen, self.effort))
            learners.remove(dearest)
        return BlockPlan(tuple(item in learners for item in LEARNERS.values()), self.effort)

    def _may_learn_longer(self, block: int, learners: list[Learner], left: float) -> bool:
        longer = self.effort + 1
        if longer == len(EFFORTS) or math.isinf(left):
            return False
        if not any(learner.is_network and learner.key in self.spent for learner in learners):
            return False
        return self._all_seconds(block, learners, longer) <= _CAREFUL * left

    def learn(self, found: Sequence[Timed], seen: int, plan: BlockPlan) -> None:
        """Take in how long learners took, but for the first time, when they were compiled, too."""
        for item in found:
            if item.key in self.known:
                self.spent[item.key] = (item.seconds, seen, plan.effort)
            self.known.add(item.key)
