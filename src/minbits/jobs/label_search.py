"""A search for the network of the two-part code: file and labels together are to be short."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from minbits.codec.file_format import decode_network
from minbits.codec.inference import predict_logits
from minbits.data.splits import validation_split
from minbits.errors import MinbitsError
from minbits.evaluation.goal import Goal
from minbits.evaluation.total_goal import TotalGoal, expected_label_bits
from minbits.jobs.size_search import SizeSearch
from minbits.label_codes.given_logits import labels_given_network_bits
from minbits.search.driver import Finished
from minbits.search.family import Family, Range
from minbits.search.ladder import start_rung
from minbits.search.ladder_points import LadderPoints
from minbits.search.sampled import SampledStrategy
from minbits.search.strategy import Strategy
from minbits.search.strategy_choice import StrategyRequest, drawn_base, with_moves
from minbits.types import DataSet

# At 1, a bit of the weights costs as much as a bit of the labels. Distorted examples are harder
# than those that are coded, so that the best weight is above.
RATE_WEIGHTS = Range(0.7, 16.0, is_whole=False, is_logarithmic=True)
# The size that this accuracy needs is where the search starts: the sum is mostly shortest there.
_START_ACCURACY = 0.985
# Of all time, the least for networks from random weights: long trainings make the shortest sums.
_BASE_PART = 0.5
# Of few errors the entropy is no measure.
_MIN_FACTOR, _MAX_FACTOR = 0.1, 1.5


def label_factor(content: bytes, data: DataSet) -> float:
    """Return what held-out labels take given a network, over the entropy of its errors on them.

    Args:
        content: the network's file.
        data: whose validation examples are looked at.
    """
    _, held_out = validation_split(data)
    logits = predict_logits(decode_network(content), data.train_inputs[held_out], allow_slow=True)
    labels = data.train_labels[held_out]
    accuracy = float((logits.argmax(1) == labels).mean())
    expected = expected_label_bits(accuracy, len(labels), data.class_count)
    factor = labels_given_network_bits(logits, labels) / expected
    return min(max(factor, _MIN_FACTOR), _MAX_FACTOR)


class LabelSearch(SizeSearch):
    """Networks near the best of the ladder, at other rate weights, and moves from the best files.

    Front ends are the search's to choose, as in a search for a small file.
    """

    is_measured = False

    def make_goal(self, validation_examples: int) -> Goal:
        """Return what the search is after: a short sum."""
        return TotalGoal(
            self.request.accuracy,
            validation_examples,
            labels=len(self.data.train_labels),
            classes=self.data.class_count,
        )

    def run(self, smaller_than_bits: float) -> bool:
        """Search, and return whether it was interrupted; see `SizeSearch.run`.

        What labels take is measured once before: of the best known network, or of the first one.
        """
        scored = [(self.goal.score(item), item.sha256) for item in self.past]
        known = sorted((score, sha256) for score, sha256 in scored if score and sha256)
        if known and (content := self.read(known[0][1])) is not None:
            self._measure(content)
        return super().run(smaller_than_bits)

    def remember(self, finished: Sequence[Finished]) -> None:
        """Append trials to the ledger first; of the first file, measure what labels take."""
        super().remember(finished)
        for item in finished:
            content = item.outcome.network_file
            if content is not None and not self.is_measured:
                self._measure(content)

    def _measure(self, content: bytes) -> None:
        assert isinstance(self.goal, TotalGoal)
        try:
            self.goal.label_factor = label_factor(content, self.data)
        except MinbitsError as error:
            self.events.on_stage(f"a network that cannot be run is passed over: {error}")
        else:
            self.is_measured = True

    def strategy(self) -> Strategy:
        """Return what decides."""
        plan = self.request
        request = StrategyRequest(self.data, self.goal, plan.seconds, self.read, plan)
        return with_moves(request, drawn_base(request, self._drawn), _BASE_PART)

    def _drawn(self, family: Family) -> SampledStrategy:
        recipe = {**family.recipe, "rate_weight": RATE_WEIGHTS}
        start = start_rung(self.data, _START_ACCURACY, family.front_ends[0])
        points = LadderPoints(self.goal, start, self.request.seed)
        return SampledStrategy(dataclasses.replace(family, recipe=recipe), self.data, points)
