"""Points near the best network of a family's ladder, where the goal is no accuracy to climb to."""

from __future__ import annotations

from typing import Any

from minbits.evaluation.goal import Goal
from minbits.search.family import Domain, Family, Point, Value
from minbits.search.sampled import RandomPoints, draw_point, rounded
from minbits.types import TrialOutcome

# The rate weight of a new point is that of the best one times a power of 2 up to this one.
_RATE_DOUBLINGS = 0.8
# The first rungs are these far from the start: together they show in which direction to go.
_FIRST_RUNGS = (0, -2, 2)
# One of so many points is drawn from the whole family.
_EXPLORED = 5


class LadderPoints(RandomPoints):
    """Some rungs of the ladder, then the best one so far and its neighbours, at rates near its own.

    The first rungs are tried at their own rate weights, unless the best known network is near them:
    what is known may be of a search for something else. What the ladder does not name is drawn.

    Args:
        goal: tells which file is the best.
        start: the rung to start from.
        seed: of all that is drawn.
    """

    def __init__(self, goal: Goal, start: int, seed: int) -> None:
        super().__init__(seed)
        self._goal = goal
        self._first = [start + step for step in _FIRST_RUNGS]
        self._start = self._rung = start
        self._rate: float | None = None
        self._best = float("inf")
        self._asked = 0

    def ask(self, family: Family) -> tuple[Any, Point]:
        """Return a new point, and where it stands on the ladder."""
        self._asked += 1
        if family.ladder is None or self._asked % _EXPLORED == 0:
            return super().ask(family)
        rungs, near = family.ladder.points, self._rung
        if self._first:
            place = min(max(self._first.pop(0), 0), len(rungs) - 1)
            rate = float(rungs[place]["rate_weight"])
        else:
            place = min(max(near + int(self._generator.integers(-1, 2)), 0), len(rungs) - 1)
            rate = float(rungs[near]["rate_weight"]) if self._rate is None else self._rate
            rate *= 2 ** float(self._generator.uniform(-_RATE_DOUBLINGS, _RATE_DOUBLINGS))
        known = {**rungs[place], "rate_weight": _held(rate, family.recipe["rate_weight"])}

        def drawn(name: str, domain: Domain) -> Value:
            return known[name] if name in known else self.draw(name, domain)

        return (place, known["rate_weight"]), draw_point(family, drawn)

    def tell(self, token: Any, outcome: TrialOutcome | None) -> None:
        """Go on from the point with the best file."""
        if token is not None and outcome is not None:
            place, rate = token
            self._learn(place, rate, outcome)

    def add(self, family: Family, point: Point, outcome: TrialOutcome) -> None:
        """Go on from a network of the ladder that an earlier search trained, if it is the best."""
        for place, rung in enumerate(family.ladder.points if family.ladder else ()):
            if all(
                point.get(name) == value
                for name, value in rung.items()
                if name not in family.recipe
            ):
                self._learn(place, float(point["rate_weight"]), outcome)
                break
        if self._rate is not None and abs(self._rung - self._start) <= max(_FIRST_RUNGS):
            self._first = []

    def _learn(self, place: int, rate: float, outcome: TrialOutcome) -> None:
        score = self._goal.score(outcome)
        if score is not None and score < self._best:
            self._best, self._rung, self._rate = score, place, rate


def _held(rate: float, domain: Domain) -> float:
    """Return a rate weight within what the family allows."""
    values = getattr(domain, "values", None) or (domain.low, domain.high)  # type: ignore[union-attr]
    return rounded(min(max(rate, float(min(values))), float(max(values))))
