from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minbits.evaluation.goal import Goal
from minbits.search.ladder import START_RUNG, ladder, own_candidate, start_rung
from minbits.search.ladder_strategy import LadderStrategy, RungState, next_rung
from minbits.search.options import SearchOptions
from minbits.search.strategy_choice import StrategyRequest, make_strategy
from minbits.types import DataSet, TrainingRecipe
from tests.search.outcomes import answer

GOLDEN = Path(__file__).parents[1] / "golden"

RUNGS = st.lists(
    st.builds(
        lambda tries, passes: RungState(max(tries, passes), passes),
        st.integers(0, 6),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=8,
)


def states(*pairs: tuple[int, int]) -> list[RungState]:
    return [RungState(tries, passes) for tries, passes in pairs]


def test_an_unknown_set_is_started_at_the_start() -> None:
    assert next_rung(states((0, 0), (0, 0), (0, 0)), 1) == 1


def test_a_second_worker_tries_the_next_smaller_rung() -> None:
    rungs = [RungState(), RungState(1, 0, running=1), RungState()]
    assert next_rung(rungs, 1) == 2
    rungs[2] = RungState(1, 0, running=1)
    assert next_rung(rungs, 1) == 1


def test_failures_lead_to_larger_networks() -> None:
    assert next_rung(states((0, 0), (2, 0), (0, 0)), 1) == 0


def test_strides_upwards_grow() -> None:
    """Where labels are noisy, all small networks fail: the ladder is not climbed rung by rung."""
    rungs = states(*[(0, 0)] * 12)
    visited = []
    while not rungs[0].tries:
        index = next_rung(rungs, 11)
        visited.append(index)
        rungs[index] = RungState(rungs[index].tries + 1, far_misses=1)
    assert visited == [11, 10, 8, 4, 0]


def test_a_near_miss_is_given_another_seed_and_a_far_one_is_not() -> None:
    assert next_rung([RungState(), RungState(1)], 1) == 1
    assert next_rung([RungState(), RungState(1, far_misses=1)], 1) == 0


def test_between_a_pass_and_a_failure_the_middle_is_tried() -> None:
    rungs = states(*[(0, 0)] * 9)
    rungs[2], rungs[8] = RungState(1, 1), RungState(1, far_misses=1)
    assert next_rung(rungs, 8) == 5
    rungs[5] = RungState(1, 1)
    assert next_rung(rungs, 8) == 6
    rungs[5] = RungState(1)
    assert next_rung(rungs, 8) == 3


def test_easy_data_skip_rungs() -> None:
    rungs = states(*[(0, 0)] * 9)
    rungs[1] = RungState(1, 1)
    assert next_rung(rungs, 1, hint=6) == 6
    assert next_rung(rungs, 1, hint=1) == 2
    assert next_rung(rungs, 1, hint=99) == 8
    rungs[6] = RungState(1)
    assert next_rung(rungs, 1, hint=6) == 3


@pytest.mark.parametrize(("correct", "rung"), [(985, 2), (989, 2), (994, 2), (999, 3), (1000, 4)])
def test_fewer_errors_than_usual_lead_further_down(tiny: DataSet, correct: int, rung: int) -> None:
    goal = Goal(0.98, 1000)
    rungs = ladder(tiny)
    starts = ((0.012, 1), (0.03, 2), (0.06, 4), (1.0, 7))
    strategy = LadderStrategy(rungs, 1, goal, 100.0, starts)
    first = strategy.propose(100.0)
    assert first is not None
    assert first.candidate == rungs[1]
    strategy.tell(answer(first, 4000, correct))
    second = strategy.propose(100.0)
    assert second is not None
    assert second.candidate == rungs[rung]


def test_where_the_largest_networks_fail_points_of_all_sizes_are_drawn(tiny: DataSet) -> None:
    """Rules that four hidden units explain are overfitted by the ladder's largest networks."""
    goal = Goal(0.99, 1000)
    options = SearchOptions(sampler="mixed", moves=False, seed=3)
    request = StrategyRequest(tiny, goal, 100.0, lambda _: None, options)
    strategy = make_strategy(request)
    rungs = {candidate.key for candidate in ladder(tiny)}
    proposed = []
    for seed in range(40):
        proposal = strategy.propose(100.0)
        assert proposal is not None
        proposed.append(proposal.candidate.key)
        strategy.tell(answer(proposal, 4000, 985, seed))
    climbed = next(place for place, key in enumerate(proposed) if key not in rungs)
    assert 2 <= climbed <= 10
    assert set(proposed[:climbed]) < rungs
    rest = proposed[climbed:]
    assert 0.6 < sum(key not in rungs for key in rest) / len(rest) < 0.9
    # A file at the target: from now on points alone, as after a ladder that passed.
    proposal = strategy.propose(100.0)
    assert proposal is not None
    strategy.tell(answer(proposal, 3000, 1000))
    for _ in range(5):
        proposal = strategy.propose(100.0)
        assert proposal is not None
        assert proposal.candidate.key not in rungs


def test_a_pass_leads_to_smaller_networks() -> None:
    assert next_rung(states((0, 0), (1, 1), (0, 0)), 1) == 2


def test_a_stubborn_rung_is_tried_in_turn_with_the_one_above() -> None:
    assert next_rung(states((0, 0), (2, 1), (3, 0)), 1) == 1
    assert next_rung(states((0, 0), (4, 1), (3, 0)), 1) == 2


def test_the_smallest_rung_is_tried_again_for_smaller_files() -> None:
    assert next_rung(states((1, 1), (5, 2)), 0) == 1


@given(RUNGS, st.integers(0, 7))
def test_every_answer_is_a_rung_and_never_above_a_pass(rungs: list[RungState], start: int) -> None:
    index = next_rung(rungs, min(start, len(rungs) - 1))
    assert 0 <= index < len(rungs)
    passed = [place for place, rung in enumerate(rungs) if rung.passes]
    if passed:
        below = max(passed) + 1
        failed = [place for place in range(below, len(rungs)) if rungs[place].tries]
        assert max(passed) <= index <= max(below, failed[0] - 1 if failed else below)


@given(st.integers(0, 4), st.integers(1, 5))
def test_a_search_in_which_all_fails_visits_every_larger_rung(start: int, count: int) -> None:
    rungs = [RungState() for _ in range(max(count, start + 1))]
    for _ in range(3 * len(rungs)):
        index = next_rung(rungs, start)
        rungs[index] = RungState(rungs[index].tries + 1, 0)
    assert all(rung.tries for rung in rungs[: start + 1])


def test_the_ladder_has_distinct_keys_and_a_start(tiny: DataSet, mnist: DataSet) -> None:
    for data in (tiny, mnist):
        rungs = ladder(data)
        assert len({rung.key for rung in rungs}) == len(rungs) > START_RUNG
        starts = [start_rung(data, accuracy) for accuracy in (0.999, 0.99, 0.988, 0.98, 0.94)]
        assert starts == sorted(starts)
        assert 0 <= min(starts) <= max(starts) < len(rungs)
    # Data on which so little is asked for are noisy, or harder than the ladder's: not easier.
    assert start_rung(tiny, 0.5) == start_rung(mnist, 0.9) == START_RUNG
    assert start_rung(mnist, 0.99) < start_rung(mnist, 0.98)


@pytest.mark.parametrize("case", json.loads((GOLDEN / "ladder.json").read_text()), ids=str)
def test_the_ladder_of_the_default_space_is_the_one_that_was_recorded(case: dict[str, Any]) -> None:
    inputs = np.zeros((case["examples"], *case["shape"]), np.uint8)
    labels = np.zeros(len(inputs), np.int64)
    names = tuple(map(str, range(case["classes"])))
    data = DataSet("zeros", inputs, labels, inputs[:1], labels[:1], names, 8, "0" * 64, "test")
    rungs = ladder(data)
    assert [rung.key for rung in rungs] == case["keys"]
    for place, rung in enumerate(rungs):
        text, _, rate = rung.key.partition(" @ rate ")
        changed = case.get("from_rung", {}) if place >= case.get("rung", len(rungs)) else {}
        recipe = TrainingRecipe(**{**case["recipe"], **changed}, rate_weight=float(rate))
        assert (rung.architecture, rung.recipe) == (text, recipe)
        assert own_candidate(text, float(rate), data) == rung
    for accuracy, start in case["starts"].items():
        assert start_rung(data, float(accuracy)) == start
