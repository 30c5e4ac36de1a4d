"""A search for the network of the two-part code: file and labels together are to be short."""

from __future__ import annotations

import dataclasses

from minbits.evaluation.goal import Goal
from minbits.evaluation.total_goal import TotalGoal
from minbits.jobs.size_search import SizeSearch
from minbits.search.family import Family, Range
from minbits.search.ladder import start_rung
from minbits.search.ladder_points import LadderPoints
from minbits.search.sampled import SampledStrategy
from minbits.search.strategy import Strategy
from minbits.search.strategy_choice import StrategyRequest, drawn_base, with_moves

# At 1, a bit of the weights costs as much as a bit of the labels. Distorted examples are harder
# than those that are coded, so that the best weight is above.
RATE_WEIGHTS = Range(0.7, 16.0, is_whole=False, is_logarithmic=True)
# The size that this accuracy needs is where the search starts: the sum is mostly shortest there.
_START_ACCURACY = 0.985


class LabelSearch(SizeSearch):
    """Networks near the best of the ladder, at other rate weights, and moves from the best files.

    Front ends are the search's to choose, as in a search for a small file.
    """

    def aim(self, validation_examples: int) -> Goal:
        """Return what the search is after: a short sum."""
        return TotalGoal(
            self.request.accuracy,
            validation_examples,
            labels=len(self.data.train_labels),
            classes=self.data.class_count,
        )

    def strategy(self) -> Strategy:
        """Return what decides."""
        plan = self.request
        request = StrategyRequest(self.data, self.goal, plan.seconds, self.read, plan)
        return with_moves(request, drawn_base(request, self._drawn))

    def _drawn(self, family: Family) -> SampledStrategy:
        recipe = {**family.recipe, "rate_weight": RATE_WEIGHTS}
        start = start_rung(self.data, _START_ACCURACY, family.front_ends[0])
        points = LadderPoints(self.goal, start, self.request.seed)
        return SampledStrategy(dataclasses.replace(family, recipe=recipe), self.data, points)
