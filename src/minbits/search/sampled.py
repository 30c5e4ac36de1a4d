"""Points of a space one after the other: at random, or as Optuna's samplers ask for them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from minbits.codec.architecture import parameter_count
from minbits.errors import ArgumentError, NetworkError
from minbits.evaluation.goal import Goal
from minbits.networks.zoo import architecture_for
from minbits.search.family import Choices, Domain, Family, Point, Value
from minbits.search.halving import Halving
from minbits.search.strategy import Proposal
from minbits.types import DataSet, TrialOutcome

_MAX_MISFITS = 100
# Of the points of `NearbyPoints`, so many are near one of so many best ones, and have each of its
# values so often.
_NEARBY_SHARE = 0.5
_NEARBY_POINTS = 5
_KEPT_SHARE = 0.7
_DIGITS = 4  # of real values that are drawn, so that keys are short and exact


class PointSource(Protocol):
    """Gives points and is told how good they were."""

    def ask(self, family: Family) -> tuple[Any, Point]:
        """Return a new point, and a token to tell about it."""
        ...

    def tell(self, token: Any, outcome: TrialOutcome | None) -> None:
        """Tell how the trial at a point ended; None where the point was no network."""
        ...

    def add(self, family: Family, point: Point, outcome: TrialOutcome) -> None:
        """Tell of a point that this source did not give."""
        ...


class SampledStrategy:
    """Tries what a source of points gives.

    Args:
        family: the space.
        data: the data set.
        source: of points.
        halving: stops trials early; None for none.
    """

    def __init__(
        self, family: Family, data: DataSet, source: PointSource, halving: Halving | None = None
    ) -> None:
        self._family = family
        self._data = data
        self._source = source
        self._halving = halving
        self._asked: dict[str, list[tuple[Any, Proposal, int]]] = {}

    def propose(self, seconds_left: float) -> Proposal | None:
        """Return a new point's trial."""
        for _ in range(_MAX_MISFITS):
            token, point = self._source.ask(self._family)
            try:
                candidate = self._family.candidate(point, self._data)
            except NetworkError:
                self._source.tell(token, None)  # such as a kernel that does not fit what is left
                continue
            architecture = architecture_for(candidate.architecture, self._data)
            parameters = parameter_count(architecture)
            proposal = Proposal(candidate)
            if self._halving is not None:
                milestones = self._halving.milestones(parameters)
                proposal = dataclasses.replace(proposal, milestones=milestones)
            self._asked.setdefault(candidate.key, []).append((token, proposal, parameters))
            return proposal
        raise ArgumentError(
            f"family {self._family.name!r}", f"{_MAX_MISFITS} points in a row that are no network "
            f"for {self._data.name}", "layers that fit the inputs", "Correct the space.",
        )  # fmt: skip

    def tell(self, outcome: TrialOutcome) -> None:
        """Learn from a trial, also of the past or of another strategy; not from moved ones."""
        asked = self._asked.get(outcome.candidate)
        if asked and not outcome.is_past and outcome.config.parent is None:
            token, proposal, parameters = asked.pop(0)
            self._source.tell(token, outcome)
            if self._halving is not None:
                self._halving.learn(proposal.milestones, outcome.milestones, parameters)
        elif outcome.config.parent is None and outcome.status == "done":
            point = self._family.point_of(outcome.config, self._data.class_count)
            if point is not None:
                self._source.add(self._family, point, outcome)


class RandomPoints:
    """Points drawn evenly and independently."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.default_rng(seed)

    def ask(self, family: Family) -> tuple[Any, Point]:
        """Return a new point."""
        return None, draw_point(family, self.draw)

    def tell(self, token: Any, outcome: TrialOutcome | None) -> None:
        """Learn nothing."""

    def add(self, family: Family, point: Point, outcome: TrialOutcome) -> None:
        """Learn nothing."""

    def draw(self, name: str, domain: Domain) -> Value:
        """Return a value of a domain."""
        if isinstance(domain, Choices):
            return domain.values[int(self._generator.integers(len(domain.values)))]
        low, high = domain.low, domain.high
        if domain.is_whole:
            low, high = low - 0.499, high + 0.499
        if domain.is_logarithmic:
            value = math.exp(self._generator.uniform(math.log(low), math.log(high)))
        else:
            value = float(self._generator.uniform(low, high))
        return round(value) if domain.is_whole else rounded(value)


class NearbyPoints:
    """Points drawn at random; until a file reaches the goal, half of them near the best ones.

    Which size of network finds the rule of some data, and from how many random weights, shows after
    some tries only. A point near another one has most of its values, and new random weights.

    Args:
        goal: tells how good a trial was, and when the search is there.
        seed: of all that is drawn.
    """

    def __init__(self, goal: Goal, seed: int) -> None:
        self._goal = goal
        self._random = RandomPoints(seed)
        self._generator = np.random.default_rng((seed, 1))
        self._best: list[tuple[float, Point]] = []
        self._is_met = False

    def ask(self, family: Family) -> tuple[Any, Point]:
        """Return a new point; it is its own token."""
        if self._is_met or not self._best or self._generator.random() >= _NEARBY_SHARE:
            _, point = self._random.ask(family)
            return point, point
        _, near = self._best[int(self._generator.integers(len(self._best)))]

        def draw(name: str, domain: Domain) -> Value:
            is_kept = self._generator.random() < _KEPT_SHARE
            if is_kept and name in near and domain.holds(near[name]):
                return near[name]
            return self._random.draw(name, domain)

        point = draw_point(family, draw)
        return point, point

    def tell(self, token: Any, outcome: TrialOutcome | None) -> None:
        """Learn how a point's trial ended."""
        if outcome is not None:
            self._learn(token, outcome)

    def add(self, family: Family, point: Point, outcome: TrialOutcome) -> None:
        """Learn from a trial at a point of another source."""
        self._learn(point, outcome)

    def _learn(self, point: Point, outcome: TrialOutcome) -> None:
        self._is_met = self._is_met or self._goal.is_met(outcome)
        score = self._goal.score(outcome)
        if score is not None:
            self._best = sorted([*self._best, (score, point)], key=lambda item: item[0])
            del self._best[_NEARBY_POINTS:]


def rounded(value: float) -> float:
    """Return a number with few digits."""
    return float(f"{value:.{_DIGITS}g}")


def draw_point(family: Family, draw: Callable[[str, Domain], Value]) -> Point:
    """Return a point of a family, each value drawn after those that it depends on."""
    point: Point = {}
    for name, domain in family.variables(point):
        if isinstance(domain, Choices) and len(domain.values) == 1:
            point[name] = domain.values[0]
        else:
            point[name] = draw(name, domain)
    return point
