"""Tries of promising candidates with more seeds, until their chance of success is known."""

from __future__ import annotations

from collections.abc import Callable

from minbits.evaluation.goal import Goal
from minbits.search.reliability import ReliabilityTable
from minbits.search.space import Candidate
from minbits.search.strategy import Proposal, Start, Strategy
from minbits.types import TrialOutcome

# Candidates in question: those with the smallest files.
_MAX_CANDIDATES = 8


class RepeatingStrategy:
    """Every other trial repeats the smallest candidate whose reliability is open.

    Args:
        inner: proposes the others.
        goal: whose target counts as a success.
        chance: of success over seeds that is asked for.
        read: returns a network file by its digest, None where it is gone.
    """

    def __init__(
        self, inner: Strategy, goal: Goal, chance: float, read: Callable[[str], bytes | None]
    ) -> None:
        self._inner = inner
        self._chance = chance
        self._read = read
        self._table = ReliabilityTable(goal.accuracy)
        self._known: dict[str, TrialOutcome] = {}
        self._is_turn = False

    def propose(self, seconds_left: float) -> Proposal | None:
        """Return a repetition, or what the other strategy proposes."""
        self._is_turn = not self._is_turn
        if self._is_turn:
            proposal = self._repetition()
            if proposal is not None:
                return proposal
        return self._inner.propose(seconds_left)

    def tell(self, outcome: TrialOutcome) -> None:
        """Count a trial and pass it on."""
        self._table.add(outcome)
        if outcome.status == "done":
            self._known[outcome.candidate] = outcome
            self._forget()
        self._inner.tell(outcome)

    def _forget(self) -> None:
        if len(self._known) > 4 * _MAX_CANDIDATES:
            kept = {item.candidate for item in self._table.surviving(_MAX_CANDIDATES)}
            self._known = {key: known for key, known in self._known.items() if key in kept}

    def _repetition(self) -> Proposal | None:
        for item in self._table.surviving(_MAX_CANDIDATES):
            if item.is_shown(self._chance):
                return None  # what is larger than a reliable one is of no interest
            known = self._known.get(item.candidate)
            if known is None or item.is_refuted(self._chance):
                continue
            proposal = self._repeated(known)
            if proposal is not None:
                return proposal
        return None

    def _repeated(self, known: TrialOutcome) -> Proposal | None:
        config = known.config
        candidate = Candidate(known.candidate, config.architecture, config.recipe)
        if config.parent is None:
            return Proposal(candidate)
        content = self._read(config.parent)
        if content is None:
            return None
        return Proposal(candidate, start=Start(config.parent, content, config.move or "continue"))
