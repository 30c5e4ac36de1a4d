from __future__ import annotations

import dataclasses
import math

from minbits import load
from minbits.evaluation.total_goal import TotalGoal
from minbits.jobs.label_search import RATE_WEIGHTS
from minbits.search.family import Family
from minbits.search.ladder import family_behind
from minbits.search.ladder_points import LadderPoints
from minbits.search.sampled import SampledStrategy
from minbits.types import DataSet
from tests.search.outcomes import answer

GOAL = TotalGoal(0.9, 1000, labels=10_000, classes=10)
START = 5


def family(data: DataSet) -> Family:
    found = family_behind(data, None)
    return dataclasses.replace(found, recipe={**found.recipe, "rate_weight": RATE_WEIGHTS})


def on_ladder(found: Family, architecture: str, data: DataSet) -> bool:
    assert found.ladder is not None
    return architecture in {found.text(point, data.class_count) for point in found.ladder.points}


def test_points_go_to_where_file_and_labels_are_short() -> None:
    data = load("digits")
    space = family(data)
    drawn = SampledStrategy(space, data, LadderPoints(GOAL, START, 0))
    tried: list[tuple[bool, float, int]] = []
    for _ in range(60):
        proposal = drawn.propose(100.0)
        assert proposal is not None
        rate = proposal.candidate.recipe.rate_weight
        # Shortest at a rate weight of 8; a file of equal accuracy is longer elsewhere.
        bits = 800 + 8 * round(100 * abs(math.log2(rate / 8)))
        drawn.tell(answer(proposal, bits, 950))
        known = on_ladder(space, proposal.candidate.architecture, data)
        tried.append((known, rate, bits))
    # It starts at the rate weight of its rung, stays in the range, and ends near the best.
    assert space.ladder is not None
    assert tried[0][:2] == (True, space.ladder.points[START]["rate_weight"])
    assert all(RATE_WEIGHTS.holds(rate) for _, rate, _ in tried)
    late = [rate for known, rate, _ in tried[30:] if known]
    assert 4 < min(late) < max(late) < 16
    # Others of the family are tried too, but seldom.
    assert 0.7 < sum(known for known, _, _ in tried) / len(tried) < 0.95


def test_a_network_of_an_earlier_search_is_gone_on_from() -> None:
    data = load("digits")
    space = family(data)
    first = SampledStrategy(space, data, LadderPoints(GOAL, 0, 0)).propose(100.0)
    assert first is not None
    recipe = dataclasses.replace(first.candidate.recipe, rate_weight=3.7)
    past = answer(
        dataclasses.replace(first, candidate=dataclasses.replace(first.candidate, recipe=recipe)),
        800, 950,
    )  # fmt: skip
    outcome = dataclasses.replace(past, is_past=True)

    def later(start: int) -> list[tuple[str, float]]:
        drawn = SampledStrategy(space, data, LadderPoints(GOAL, start, 1))
        drawn.tell(outcome)
        found = [drawn.propose(100.0) for _ in range(4)]
        assert all(one and on_ladder(space, one.candidate.architecture, data) for one in found)
        return [
            (one.candidate.architecture, one.candidate.recipe.rate_weight) for one in found if one
        ]

    near, far = later(0), later(6)
    assert all(3.7 / 2 < rate < 3.7 * 2 for _, rate in near)
    # Far from the start it is of another search, perhaps: the first rungs come before it.
    assert space.ladder is not None
    rates = [space.ladder.points[place]["rate_weight"] for place in (6, 4, 8)]
    # Below the rate weights of this search, its least one is taken.
    first = [max(float(rate), RATE_WEIGHTS.low) for rate in rates]
    assert [rate for _, rate in far[:3]] == first
    assert 3.7 / 2 < far[3][1] < 3.7 * 2
