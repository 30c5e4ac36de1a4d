from __future__ import annotations

import dataclasses
import math
import sys
from pathlib import Path
from typing import Any

import pytest

from minbits import load
from minbits.codec.architecture import parameter_count
from minbits.errors import ArgumentError
from minbits.evaluation.goal import Goal
from minbits.networks.zoo import architecture_for
from minbits.search import space_file
from minbits.search.halving import BRACKETS, Halving
from minbits.search.ladder import ladder
from minbits.search.options import SearchOptions
from minbits.search.optuna_points import OptunaPoints
from minbits.search.sampled import NearbyPoints, PointSource, RandomPoints, SampledStrategy
from minbits.search.space_file import DEFAULT_SPACE, parse_space, read_space
from minbits.search.strategy import Proposal
from minbits.search.strategy_choice import StrategyRequest, chosen_sampler, make_strategy
from minbits.types import DataSet, TrialOutcome, TrialStatus
from tests.search.outcomes import answer, outcome, without_file

GOAL = Goal(0.9, 1000)
STATUSES: tuple[TrialStatus, ...] = ("failed", "interrupted", "stopped")


def strategy(data: DataSet, source: PointSource, halving: Halving | None = None) -> SampledStrategy:
    return SampledStrategy(read_space().family_for(data), data, source, halving)


def proposed(found: SampledStrategy) -> Proposal:
    proposal = found.propose(100.0)
    assert proposal is not None
    return proposal


def make_believe(data: DataSet, proposal: Proposal) -> TrialOutcome:
    """A trial whose bits grow with parameters and fall with the rate, and accuracy with bits."""
    parameters = parameter_count(architecture_for(proposal.candidate.architecture, data))
    bits = 8 * round(parameters / (1 + proposal.candidate.recipe.rate_weight) + 20)
    correct = round(1000 * min(0.99, 0.99 * (1 - math.exp(-bits / 250))))
    return answer(proposal, bits, correct)


@pytest.mark.parametrize("name", ["random", "tpe", "nsga2", "gp", "cmaes"])
def test_every_sampler_gives_points_and_learns(tiny: DataSet, name: str) -> None:
    source = RandomPoints(1) if name == "random" else OptunaPoints(name, GOAL, 1)
    found = strategy(tiny, source)
    keys = set()
    for _ in range(12):
        proposal = proposed(found)
        keys.add(proposal.candidate.key)
        found.tell(make_believe(tiny, proposal))
    assert len(keys) >= 10


@pytest.mark.parametrize("name", ["tpe", "nsga2"])
def test_failed_and_lost_trials_do_not_stop_a_sampler(tiny: DataSet, name: str) -> None:
    found = strategy(tiny, OptunaPoints(name, GOAL, 1))
    several = [proposed(found) for _ in range(4)]
    for status, proposal in zip(STATUSES, several, strict=False):
        found.tell(without_file(proposal.candidate.key, status, milestones=(0.5,)))
    assert proposed(found).candidate.key


def test_tpe_ends_with_smaller_files_than_chance(tiny: DataSet) -> None:
    def best(source: PointSource) -> int:
        found = strategy(tiny, source)
        bits = [10**9]
        for _ in range(40):
            result = make_believe(tiny, proposal := proposed(found))
            found.tell(result)
            if GOAL.is_met(result) and result.size_bits is not None:
                bits.append(result.size_bits)
            assert proposal
        return min(bits)

    by_chance = sorted(best(RandomPoints(seed)) for seed in range(5))
    by_tpe = sorted(best(OptunaPoints("tpe", GOAL, seed)) for seed in range(5))
    assert by_tpe[2] <= by_chance[2]


def test_points_near_the_best_are_drawn_until_the_goal_is_met(tiny: DataSet) -> None:
    """Only one kind of point does well here: narrow, and a small rate weight."""
    family = read_space().families[-1]
    data = dataclasses.replace(
        tiny,
        train_inputs=tiny.train_inputs.reshape(len(tiny.train_inputs), -1, 1, 1),
        test_inputs=tiny.test_inputs.reshape(len(tiny.test_inputs), -1, 1, 1),
    )
    goal = Goal(0.99, 1000)

    def run(source: PointSource) -> list[bool]:
        found = SampledStrategy(family, data, source)
        good = []
        for seed in range(200):
            proposal = proposed(found)
            recipe, text = proposal.candidate.recipe, proposal.candidate.architecture
            good.append(recipe.rate_weight < 0.5 and text.count("linear") == 2)
            found.tell(answer(proposal, 1000, 980 if good[-1] else 960, seed))
        return good

    near, chance = run(NearbyPoints(goal, 0)), run(RandomPoints(0))
    assert sum(near[100:]) > sum(chance)  # of 200: twice as often
    assert sum(not is_good for is_good in near[100:]) > 20  # others are still looked at

    source = NearbyPoints(goal, 0)
    found = SampledStrategy(family, data, source)
    found.tell(answer(proposed(found), 1000, 1000))
    others = RandomPoints(0)
    others.ask(family)
    assert [source.ask(family)[1] for _ in range(5)] == [others.ask(family)[1] for _ in range(5)]


def test_trials_of_the_past_are_learned_from(tiny: DataSet) -> None:
    source = OptunaPoints("tpe", GOAL, 0)
    found = strategy(tiny, source)
    earlier = strategy(tiny, RandomPoints(0))
    for seed in range(20):
        result = make_believe(tiny, proposed(earlier))
        found.tell(
            outcome(
                result.candidate, result.size_bits or 0, result.validation_correct or 0, seed,
                config=result.config, is_past=True,
            )
        )  # fmt: skip
    assert len(source._study.trials) == 20
    # Trials that started from a file say nothing about points.
    moved = make_believe(tiny, proposed(earlier))
    found.tell(
        outcome("moved", 100, 900, config=type(moved.config)(
            moved.config.architecture, moved.config.recipe, 0, parent="0" * 64, move="continue"
        ))
    )  # fmt: skip
    assert len(source._study.trials) == 20


def test_a_space_without_networks_is_told(tiny: DataSet) -> None:
    text = """
    version = 1
    [[family]]
    architecture = "conv 4 k{kernel}; linear {classes}"
    [family.architecture_values]
    kernel = [11, 13]
    [family.training]
    float_epochs = 1
    quantized_epochs = 1
    """
    family = parse_space(text, "bad").families[0]
    with pytest.raises(ArgumentError, match="100 points in a row that are no network"):
        SampledStrategy(family, tiny, RandomPoints(0)).propose(1.0)


def test_optuna_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ArgumentError, match=r"minbits\[optuna\]"):
        OptunaPoints("tpe", GOAL, 0)


def test_halving_asks_for_nothing_until_it_knows_something() -> None:
    halving = Halving(GOAL)
    seen = [halving.milestones(300) for _ in range(2 * len(BRACKETS))]
    assert [tuple(m.part for m in asked) for asked in seen] == [*BRACKETS, *BRACKETS]
    assert all(m.least_accuracy == 0 for asked in seen for m in asked)


def test_halving_lets_the_best_third_go_on() -> None:
    halving = Halving(GOAL)
    accuracies = [0.3, 0.5, 0.7, 0.8, 0.85, 0.9, 0.35, 0.45, 0.55]
    for accuracy in accuracies:
        asked = halving.milestones(300)
        halving.learn(asked, [accuracy], 300) if asked else None
    known = [a for i, a in enumerate(accuracies) if BRACKETS[i % 3][:1] == (1 / 3,)]
    assert len(known) == 3  # too few at a third; the first bracket's are at a ninth
    for accuracy in (0.3, 0.5, 0.7, 0.8, 0.85, 0.9):
        halving.learn(halving_bracket(halving), [accuracy], 300)
    least = halving_bracket(halving)[0].least_accuracy
    kept = [a for a in (0.3, 0.5, 0.7, 0.8, 0.85, 0.9, *known) if a >= least]
    assert 0.2 <= len(kept) / 9 <= 0.5
    # A smaller network may lag behind a larger one, a larger one not.
    smaller = next(m for m in small_first(halving, 150))
    assert smaller.least_accuracy < least


def halving_bracket(halving: Halving) -> tuple:  # type: ignore[type-arg]
    """Return the milestones of the bracket that begins at a third."""
    while True:
        asked = halving.milestones(300)
        if len(asked) == 1:
            return asked


def small_first(halving: Halving, parameters: int) -> tuple:  # type: ignore[type-arg]
    while True:
        asked = halving.milestones(parameters)
        if len(asked) == 1:
            return asked


@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        ("mnist", {}, "ladder"),
        ("digits", {}, "mixed"),
        ("digits", {"halving": True}, "tpe"),
        ("mnist", {"space": Path(space_file.__file__).with_name(DEFAULT_SPACE)}, "tpe"),
        ("digits", {"sampler": "ladder"}, "ladder"),
    ],
)
def test_auto_takes_the_ladder_where_trials_are_few(
    name: str, changes: dict[str, Any], expected: str
) -> None:
    options = SearchOptions(**changes)
    request = StrategyRequest(load(name), Goal(0.9, 100), 60.0, lambda sha256: None, options)
    assert chosen_sampler(request) == expected


def test_the_ladder_comes_first_and_random_points_once_a_file_is_good(tiny: DataSet) -> None:
    options = SearchOptions(sampler="mixed", moves=False)
    request = StrategyRequest(tiny, GOAL, 1000.0, lambda sha256: None, options)
    found = make_strategy(request)
    rungs = {candidate.key for candidate in ladder(tiny)}
    taken = []
    for correct in (500, 800, 950, 500, 950):
        proposal = found.propose(1000.0)
        assert proposal is not None
        taken.append(proposal.candidate.key in rungs)
        found.tell(answer(proposal, 1000, correct))
    assert taken == [True, True, True, False, False]


def test_the_gap_is_that_of_files_near_the_aim() -> None:
    def seen(correct: int, parent: str | None = None) -> TrialOutcome:
        """One that gets 20 of 1,000 more right of its training examples than of validation."""
        found = outcome("one", 800, correct, training_correct=correct + 20, training_examples=1000)
        return dataclasses.replace(found, config=dataclasses.replace(found.config, parent=parent))

    at_aim = 909  # 0.9 and a standard error of 0.0095
    goal = Goal(0.9, 1000)
    goal.learn(seen(at_aim))
    assert goal.generalisation_gap == pytest.approx(
        0.01, abs=1e-4
    )  # as if one without a gap had come before
    for far in (at_aim - 80, at_aim + 80):  # eight standard errors
        goal.learn(seen(far))
    assert goal.generalisation_gap == pytest.approx(0.01, abs=1e-4)
    # Whatever luck its parent had on validation, a child has too.
    child = Goal(0.9, 1000)
    child.learn(seen(at_aim, parent="ab"))
    assert child.generalisation_gap == pytest.approx((0.02 + 0.5 * 0.0095) / 2, abs=1e-4)


def test_training_examples_must_show_the_target_and_the_gap_and_more_after_a_miss() -> None:
    goal, unit = Goal(0.9, 1000), 0.3 / math.sqrt(1000)
    assert goal.training_accuracy_needed() == pytest.approx(0.9)
    goal.learn(outcome("one", 800, 909, training_correct=929, training_examples=1000))
    assert goal.training_accuracy_needed() == pytest.approx(0.91, abs=1e-4)
    assert goal.training_accuracy_needed(1.0) == pytest.approx(0.91 + unit, abs=1e-4)
    # No more than all can be asked for.
    assert goal.training_accuracy_needed(20.0) == 1
    hard = Goal(1.0, 1000)
    hard.learn(outcome("one", 800, 1000, training_correct=1000, training_examples=1000))
    hard.learn(outcome("two", 800, 999, training_correct=1000, training_examples=1000))
    assert hard.generalisation_gap > 0
    assert hard.is_met(outcome("one", 800, 1000, training_correct=1000, training_examples=1000))


def test_a_surplus_is_what_a_file_exceeds_both_bounds_by() -> None:
    goal, unit = Goal(0.9, 1000), 0.3 / math.sqrt(1000)
    good = outcome("one", 1024, 930)
    expected = (0.93 - 0.9) / unit - 1
    assert goal.spare_standard_errors(good) == pytest.approx(expected)
    doubted = dataclasses.replace(good, training_correct=910, training_examples=1000)
    assert goal.spare_standard_errors(doubted) == pytest.approx(0.01 / unit)
    assert goal.spare_standard_errors(outcome("one", 1024, 905)) == 0
    promise = goal.expected_score(good)
    assert goal.score(good) == 10
    assert promise == pytest.approx(10 - 0.15 * expected)
    poor = outcome("one", 1024, 890)
    missing = 1 + (0.9 - 0.89) / unit
    assert goal.score(poor) == pytest.approx(10 + 2 * missing)
    assert goal.expected_score(poor) == pytest.approx(10 + 0.5 * missing)
    assert goal.allowed_standard_errors(1024, goal.score_at(1024, 2.5)) == pytest.approx(2.5)
    assert goal.allowed_standard_errors(4096, goal.score_at(1024, 0.5)) == 0
