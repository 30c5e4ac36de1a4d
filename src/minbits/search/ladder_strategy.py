"""The ladder as a strategy: which rung to try next, from what is known of each."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from minbits.evaluation.goal import Goal
from minbits.search.space import Candidate
from minbits.search.strategy import Proposal
from minbits.types import TrialOutcome

# A past trial that got less than this part of the time that one has now says little.
FAIR_SHARE = 0.5

# A network so many standard errors below the validation target is not worth another seed.
FAR_STANDARD_ERRORS = 4.0

TRIES_BEFORE_LARGER = 2
TRIES_BEFORE_ALTERNATING = 3


@dataclass(frozen=True)
class RungState:
    """What is known of one rung of the ladder.

    Attributes:
        tries: trials that ended or run, each long enough to count.
        passes: trials that reached the target on validation.
        running: those of the tries that have not ended.
        far_misses: those that ended far below the target.
    """

    tries: int = 0
    passes: int = 0
    running: int = 0
    far_misses: int = 0

    @property
    def has_had_its_tries(self) -> bool:
        """Whether larger networks come next, if it has not passed."""
        return self.tries >= TRIES_BEFORE_LARGER or self.far_misses > 0


def next_rung(rungs: Sequence[RungState], start: int, hint: int | None = None) -> int:
    """Return the index of the rung to try next; rungs go from the largest network to the smallest.

    Until something passes, the search starts at ``start`` and goes up to larger networks, with
    longer and longer strides; while the outcome at ``start`` is open, another worker tries the next
    smaller rung. Then it goes down from the smallest rung that passed: halfway to the next rung
    that is known to fail, or to the hint where none is known. A rung just below that keeps failing
    is tried in turn with the one that passed, whose next seed may give a smaller file.

    Args:
        rungs: what is known of each.
        start: where to begin.
        hint: a rung that the data seem to be easy enough for.
    """
    passed = [index for index, rung in enumerate(rungs) if rung.passes]
    return _below(rungs, max(passed), hint) if passed else _upwards(rungs, start)


def _upwards(rungs: Sequence[RungState], start: int) -> int:
    bold = start + 1
    if bold < len(rungs) and rungs[start].running and not rungs[bold].tries:
        return bold
    for index in _strides(min(start, len(rungs) - 1)):
        if not rungs[index].has_had_its_tries:
            return index
    return min(range(start + 1), key=lambda index: rungs[index].tries)


def _below(rungs: Sequence[RungState], best: int, hint: int | None) -> int:
    if best == len(rungs) - 1:
        return best
    below = best + 1
    if not rungs[below].tries:
        failed = next((i for i in range(below, len(rungs)) if rungs[i].tries), None)
        aim = (below if hint is None else hint) if failed is None else (best + failed) // 2
        return min(max(below, aim), len(rungs) - 1)
    if rungs[below].tries < TRIES_BEFORE_ALTERNATING:
        return below
    return min((below, best), key=lambda index: rungs[index].tries)


def _strides(start: int) -> Iterator[int]:
    """Yield rungs from the start up to the largest network, each stride twice as long."""
    index, stride = start, 1
    while index > 0:
        yield index
        index, stride = max(0, index - stride), 2 * stride
    yield 0


class LadderStrategy:
    """Goes up the ladder until a rung passes, then down as far as rungs pass.

    Args:
        ladder: candidates from the largest to the smallest.
        start: rung to start from when nothing is known.
        goal: what a rung must reach to pass.
        trial_seconds: what a trial may take now; earlier ones that had far less do not count.
        starts: up to a share of errors, the rung to start from; they tell which rung suits data
            that are easier than usual.
    """

    def __init__(
        self,
        ladder: Sequence[Candidate],
        start: int,
        goal: Goal,
        trial_seconds: float,
        starts: Sequence[tuple[float, int]] = (),
    ) -> None:
        self._ladder = ladder
        self._start = min(start, len(ladder) - 1)
        self._goal = goal
        self._trial_seconds = trial_seconds
        self._rungs = {candidate.key: index for index, candidate in enumerate(ladder)}
        self._starts = starts
        self._hints: dict[int, int] = {}
        self.states = [RungState() for _ in ladder]

    def propose(self, seconds_left: float) -> Proposal | None:
        """Return the next rung; a trial may take all the time that is left."""
        hint = self._hints[max(self._hints)] if self._hints else None
        index = next_rung(self.states, self._start, hint)
        state = self.states[index]
        self.states[index] = dataclasses.replace(
            state, tries=state.tries + 1, running=state.running + 1
        )
        return Proposal(self._ladder[index])

    @property
    def is_climbed(self) -> bool:
        """Whether all rungs up to the largest have had their tries, and none passed."""
        has_passed = any(state.passes for state in self.states)
        return not has_passed and self.states[0].has_had_its_tries

    def tell(self, outcome: TrialOutcome) -> None:
        """Count a trial of one of the rungs."""
        index = self._rungs.get(outcome.candidate)
        if index is None:
            return
        state, passed = self.states[index], self._goal.is_met(outcome)
        if passed:
            self._hints[index] = self._suitable(index, outcome)
        is_counted = not outcome.is_past and state.running > 0
        if not is_counted and not passed and not self._had_its_chance(outcome, self._ladder[index]):
            return
        self.states[index] = RungState(
            state.tries + (not is_counted),
            state.passes + passed,
            state.running - is_counted,
            state.far_misses + self._is_far_miss(outcome),
        )

    def _is_far_miss(self, outcome: TrialOutcome) -> bool:
        if outcome.status != "done" or outcome.validation_accuracy is None:
            return False
        return self._goal.missing_standard_errors(outcome) > FAR_STANDARD_ERRORS

    def _suitable(self, index: int, outcome: TrialOutcome) -> int:
        """Return the rung for data on which the network of a rung made so few errors.

        Fewer errors than usual at this rung mean that the data are easier. How much smaller a
        network may be is not known: the square root of the ratio is a careful guess.
        """
        assert outcome.validation_correct is not None
        assert outcome.validation_examples is not None
        examples = outcome.validation_examples
        errors = (examples - outcome.validation_correct + 1) / (examples + 1)
        usual = next((most for most, rung in self._starts if rung >= index), None)
        if usual is None or errors >= usual:
            return index
        allowed = (1 - self._goal.accuracy) * math.sqrt(usual / errors)
        shares, rungs = zip(*self._starts, strict=True)
        return max(index, int(np.interp(math.log(allowed), np.log(shares), rungs)))

    def _had_its_chance(self, outcome: TrialOutcome, candidate: Candidate) -> bool:
        if outcome.status == "interrupted":
            return False
        full = outcome.config.recipe.float_epochs >= candidate.recipe.float_epochs
        return full or outcome.seconds >= FAIR_SHARE * self._trial_seconds
