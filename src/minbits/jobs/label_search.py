"""A search for the network of the two-part code: file and labels together are to be short."""

from __future__ import annotations

import dataclasses

from minbits.evaluation.goal import Goal
from minbits.evaluation.total_goal import TotalGoal
from minbits.jobs.size_search import SizeSearch
from minbits.search.family import Range
from minbits.search.local_moves import LocalStrategy
from minbits.search.sampled import RandomPoints, SampledStrategy
from minbits.search.space_file import read_space
from minbits.search.strategy import Strategy
from minbits.search.strategy_choice import FIRST_PART, WithinPart

# At 1, a bit of the weights costs as much as a bit of the labels. Distorted examples are harder
# than those that are coded, so that the best weight is a little above.
RATE_WEIGHTS = Range(0.7, 6.0, is_whole=False, is_logarithmic=True)


class LabelSearch(SizeSearch):
    """Random points of the default space at rate weights near 1, and moves from the best files."""

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
        family = read_space(None).family_for(self.data)
        family = dataclasses.replace(family, recipe={**family.recipe, "rate_weight": RATE_WEIGHTS})
        seed, seconds = self.request.seed, self.request.seconds
        points = SampledStrategy(family, self.data, RandomPoints(seed))
        return LocalStrategy(
            WithinPart(points, FIRST_PART * seconds),
            self.goal,
            self.data,
            family.full_recipe(self.data),
            self.read,
            seed,
        )
