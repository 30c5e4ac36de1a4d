"""Successive halving on the epochs of the first phase, asynchronously and in brackets.

Li et al. 2018 (Hyperband) and 2020 (ASHA): a trial that reaches a milestone goes on if it belongs
to the best part of those that reached it before. Brackets differ in where their first milestone
lies, since early accuracies can mislead; the last one stops nothing.

The milestones travel with the trial, so that its worker needs to ask nobody.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from minbits.evaluation.goal import Goal
from minbits.search.tasks import Milestone

BRACKETS: tuple[tuple[float, ...], ...] = ((1 / 9, 1 / 3), (1 / 3,), ())
KEPT_PART = 1 / 3
_MIN_KNOWN = 6


class Halving:
    """Remembers what trials reached at their milestones, and asks the next ones for as much.

    What is ranked is the score that the search makes small, with parameters in place of bits: a
    small network may lag behind a large one.
    """

    def __init__(self, goal: Goal) -> None:
        self._goal = goal
        self._scores: dict[float, list[float]] = {part: [] for part in BRACKETS[0]}
        self._brackets = itertools.cycle(BRACKETS)

    def milestones(self, parameters: int) -> tuple[Milestone, ...]:
        """Return where the next trial is judged; the brackets take turns."""
        return tuple(
            Milestone(part, self._least_accuracy(part, parameters)) for part in next(self._brackets)
        )

    def _least_accuracy(self, part: float, parameters: int) -> float:
        known = self._scores[part]
        if len(known) < _MIN_KNOWN:
            return 0.0
        worst = float(np.quantile(known, KEPT_PART))
        return max(
            0.0, self._goal.accuracy_at(self._goal.allowed_standard_errors(parameters, worst))
        )

    def learn(
        self, asked: Sequence[Milestone], accuracies: Sequence[float], parameters: int
    ) -> None:
        """Remember what a trial reached at the milestones that it came to."""
        for milestone, accuracy in zip(asked, accuracies, strict=False):
            missing = self._goal.missing_standard_errors_at(accuracy)
            self._scores[milestone.part].append(self._goal.score_at(parameters, missing))
