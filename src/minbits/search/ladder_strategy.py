"""The ladder as a strategy: which rung to try next, from what is known of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from minbits.evaluation.goal import Goal
from minbits.search.space import Candidate
from minbits.search.strategy import Proposal
from minbits.types import TrialOutcome

# A past trial that got less than this part of the time that one has now says little.
FAIR_SHARE = 0.5

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


class LadderStrategy:
    """Goes up the ladder until a rung passes, then down as far as rungs pass.

    Args:
        ladder: candidates from the largest to the smallest.
        start: rung to start from when nothing is known.
        goal: what a rung must reach to pass.
        trial_seconds: what a trial may take now; earlier ones that had far less do not count.
    """

    def __init__(
        self, ladder: Sequence[Candidate], start: int, goal: Goal, trial_seconds: float
    ) -> None:
        self._ladder = ladder
        self._start = min(start, len(ladder) - 1)
        self._goal = goal
        self._trial_seconds = trial_seconds
        self._rungs = {candidate.key: index for index, candidate in enumerate(ladder)}
        self.states = [RungState() for _ in ladder]

    def propose(self, seconds_left: float) -> Proposal | None:
        """Return the next rung; a trial may take all the time that is left."""
        index = next_rung(self.states, self._start)
        state = self.states[index]
        self.states[index] = dataclasses.replace(
            state, tries=state.tries + 1, running=state.running + 1
        )
        return Proposal(self._ladder[index])

    def tell(self, outcome: TrialOutcome) -> None:
        """Count a trial of one of the rungs."""
        index = self._rungs.get(outcome.candidate)
        if index is None:
            return
        state, passed = self.states[index], self._goal.is_met(outcome)
        if not outcome.is_past and state.running:
            self.states[index] = RungState(state.tries, state.passes + passed, state.running - 1)
        elif passed or self._had_its_chance(outcome, self._ladder[index]):
            self.states[index] = RungState(state.tries + 1, state.passes + passed, state.running)

    def _had_its_chance(self, outcome: TrialOutcome, candidate: Candidate) -> bool:
        if outcome.status == "interrupted":
            return False
        full = outcome.config.recipe.float_epochs >= candidate.recipe.float_epochs
        return full or outcome.seconds >= FAIR_SHARE * self._trial_seconds
