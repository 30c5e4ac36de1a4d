from __future__ import annotations

import dataclasses
from collections import Counter

import pytest

from minbits.evaluation.goal import Goal
from minbits.search.local_moves import FILES_BEFORE_FAR_PARENTS, MAX_PARENTS, LocalStrategy
from minbits.search.moves.registry import parse_move
from minbits.search.space import Candidate
from minbits.search.strategy import Proposal
from minbits.types import DataSet, TrialConfig, TrialOutcome
from tests.search.outcomes import RECIPE, answer, outcome

GOAL = Goal(0.9, 1000)
TEXT = "conv 4 k3 p1 relu; depthwise k3 p1; pointwise 5 relu; avgpool all; linear 2"
KINDS = {"continue", "thin", "coarsen", "drop", "front"}  # no block that another could stand in for


class Base:
    """Always proposes the same, and counts what it is told."""

    def __init__(self) -> None:
        self.told: list[TrialOutcome] = []

    def propose(self, seconds_left: float) -> Proposal | None:
        return Proposal(Candidate("base", TEXT, RECIPE))

    def tell(self, outcome: TrialOutcome) -> None:
        self.told.append(outcome)


@pytest.fixture
def local(tiny: DataSet) -> LocalStrategy:
    return LocalStrategy(Base(), GOAL, tiny, RECIPE, lambda sha256: b"file", 0)


def proposed(local: LocalStrategy, seconds_left: float = 1000.0) -> Proposal:
    proposal = local.propose(seconds_left)
    assert proposal is not None
    return proposal


def test_the_base_goes_alone_until_a_file_is_near_the_aim(local: LocalStrategy) -> None:
    for _ in range(10):
        proposal = proposed(local)
        assert proposal.start is None
        local.tell(answer(proposal, 1000, 600))
    local.tell(answer(proposed(local), 1000, 905))
    starts = [proposed(local).start for _ in range(40)]
    assert any(start is not None for start in starts)


def test_where_many_files_are_far_moves_start_from_the_best(local: LocalStrategy) -> None:
    """A search that nothing comes near must not be left without moves."""
    for number in range(FILES_BEFORE_FAR_PARENTS):
        proposal = proposed(local)
        assert proposal.start is None
        local.tell(answer(proposal, 1000, 600 + number, number))
    best = outcome("base", 1000, 600 + number, number).sha256
    moves, bases = [], 0
    for seed in range(200):
        proposal = proposed(local)
        moves += [proposal] if proposal.start is not None else []
        bases += proposal.start is None
        local.tell(answer(proposal, 1000, 500, seed))
    starts = Counter(move.start.sha256 for move in moves if move.start is not None)
    assert 0 < len(starts) <= MAX_PARENTS
    assert starts.most_common(1)[0][0] == best
    # So far below, an eighth of the parent's rate weight is the least, but for the move's own part.
    assert min(move.candidate.recipe.rate_weight for move in moves) >= RECIPE.rate_weight / 8 / 2.1
    assert bases > 0
    # One that is near takes their place.
    near = answer(proposed(local), 1000, 905)
    local.tell(near)
    later = [proposed(local).start for _ in range(60)]
    assert {start.sha256 for start in later if start is not None} == {near.sha256}


def test_a_move_is_a_short_trial_from_a_parent(local: LocalStrategy) -> None:
    parent = answer(proposed(local), 1000, 950)
    local.tell(parent)
    moves: list[Proposal] = []
    for number in range(300):  # long moves come once short ones have failed
        proposal = proposed(local)
        moves += [proposal] if proposal.start is not None else []
        local.tell(answer(proposal, 100_000, 500, number))
    assert {move.start.sha256 for move in moves if move.start} == {parent.sha256}
    for move in moves:
        assert move.start is not None
        assert move.candidate.recipe.float_epochs == 0
        assert 3 <= move.candidate.recipe.quantized_epochs <= 1.5 * RECIPE.quantized_epochs
        parse_move(move.start.move)
    assert {parse_move(move.start.move)[0] for move in moves if move.start} == KINDS


def test_what_pays_is_tried_more_often(local: LocalStrategy) -> None:
    local.tell(answer(proposed(local), 10**9, 950))
    size = 1e9
    for number in range(300):
        proposal = proposed(local)
        paid = proposal.start is not None and proposal.start.move == "thin 0.9"
        size *= 0.97 if paid else 1
        local.tell(answer(proposal, int(size if paid else 2e9), 950, number))
    late = Counter(
        "base" if p.start is None else p.start.move for p in (proposed(local) for _ in range(100))
    )
    del late["base"]  # has its part of the epochs whatever it brings
    assert late.most_common(1)[0][0] == "thin 0.9"


def test_large_gains_count_for_more_than_small_ones(local: LocalStrategy) -> None:
    """Two moves always give a better file: one by 0.5 % of the bits, the other by 5 %."""
    local.tell(answer(proposed(local), 10**9, 905))
    gains = {"thin 0.9": 0.05, "coarsen 1": 0.005}
    size, moves = 1e9, Counter[str]()
    for number in range(300):
        proposal = proposed(local)
        move = "" if proposal.start is None else proposal.start.move
        moves[move] += number >= 150
        size *= 1 - gains.get(move, 0)
        local.tell(answer(proposal, int(size if move in gains else 2e9), 905, number))
    assert moves["thin 0.9"] > 2 * moves["coarsen 1"]


def test_accuracy_to_spare_raises_the_rate_weight_and_a_lack_lowers_it(tiny: DataSet) -> None:
    def rates(correct: int) -> set[float]:
        local = LocalStrategy(Base(), GOAL, tiny, RECIPE, lambda sha256: b"file", 0)
        local.tell(outcome("parent", 1000, correct, is_past=True))
        found = (proposed(local) for _ in range(100))
        return {item.candidate.recipe.rate_weight for item in found if item.start is not None}

    aim, unit = GOAL.validation_target, GOAL.validation_target - 0.9
    at_aim = rates(round(1000 * aim))
    beyond = rates(round(1000 * (aim + 2 * unit)))  # two standard errors are worth a doubling
    assert max(beyond) == pytest.approx(2 * max(at_aim), rel=0.1)
    assert min(beyond) == pytest.approx(2 * min(at_aim), rel=0.1)
    assert max(rates(1000)) <= 8 * 2.2 + 1e-9
    short = rates(round(1000 * (aim - 2 * unit)))  # and two that are missing cost one
    assert max(short) == pytest.approx(0.5 * max(at_aim), rel=0.1)


@pytest.mark.parametrize("base_seconds_an_epoch", [1.0, 4.0])
def test_the_base_keeps_its_part_of_the_time(
    local: LocalStrategy, base_seconds_an_epoch: float
) -> None:
    """Epochs of moves, which go on from small files, take a second each."""

    def ended(proposal: Proposal, size_bits: int, correct: int, number: int) -> TrialOutcome:
        recipe = proposal.candidate.recipe
        pace = base_seconds_an_epoch if proposal.start is None else 1.0
        seconds = pace * (recipe.float_epochs + recipe.quantized_epochs)
        return dataclasses.replace(answer(proposal, size_bits, correct, number), seconds=seconds)

    size = 1e12
    local.tell(ended(proposed(local), int(size), 950, 0))
    spent = {True: 0.0, False: 0.0}
    for number in range(300):
        proposal = proposed(local)
        size *= 1 if proposal.start is None else 0.93
        outcome = ended(proposal, int(size) if proposal.start else 10**12, 950, number)
        spent[proposal.start is None] += outcome.seconds
        local.tell(outcome)
    part = spent[True] / sum(spent.values())
    assert part == pytest.approx(local.base_part, abs=0.03)  # moves pay: it gets no more


def test_epochs_of_earlier_runs_count(tiny: DataSet) -> None:
    """Where networks from random weights have had their part, a short search refines what is."""

    def moves(past_bases: int, past_moves: int) -> int:
        local = LocalStrategy(Base(), GOAL, tiny, RECIPE, lambda sha256: b"file", 0, base_part=0.8)
        moved = TrialConfig(TEXT, RECIPE, 0, parent="0" * 64, move="thin 0.9")
        for number in range(past_bases):
            local.tell(outcome("base", 1000, 905, number, is_past=True))
        for number in range(past_moves):
            local.tell(outcome("moved", 1000, 905, number, is_past=True, config=moved))
        return sum(proposed(local).start is not None for _ in range(20))

    assert moves(past_bases=100, past_moves=1) > 8
    assert moves(past_bases=1, past_moves=1) <= 4
    assert moves(past_bases=1, past_moves=100) == 0


def test_parents_are_the_best_few(local: LocalStrategy) -> None:
    for number in range(30):
        local.tell(outcome(f"candidate {number}", 1000 + 8 * number, 950, number, is_past=True))
    local.tell(outcome("too bad", 8, 500, is_past=True))
    assert [parent.size_bits for parent in local.parents] == [
        1000 + 8 * number for number in range(MAX_PARENTS)
    ]
    local.tell(outcome("candidate 0", 1000, 950, 0, is_past=True))
    assert len({parent.sha256 for parent in local.parents}) == MAX_PARENTS


def test_a_file_that_is_gone_is_no_parent(tiny: DataSet) -> None:
    local = LocalStrategy(Base(), GOAL, tiny, RECIPE, lambda sha256: None, 0)
    local.tell(outcome("gone", 1000, 950, is_past=True))
    assert all(proposed(local).start is None for _ in range(20))
    assert local.parents == []


def test_what_would_take_too_long_is_not_started(local: LocalStrategy) -> None:
    local.tell(answer(proposed(local), 1000, 950))  # 30 epochs took 2 seconds
    assert local.propose(0.1) is None
    assert local.propose(1.5 * RECIPE.quantized_epochs * 2 / 30) is not None
    # Where time is plenty, nothing needs to be planned.
    plenty = [p for p in (proposed(local, 1e6) for _ in range(50)) if p.start is not None]
    assert all(move.seconds == float("inf") for move in plenty)


def test_the_base_hears_of_everything(local: LocalStrategy) -> None:
    for number in range(20):
        local.tell(answer(proposed(local), 1000 - 8 * number, 950, number))
    assert isinstance(local.base, Base)
    assert len(local.base.told) == 20
