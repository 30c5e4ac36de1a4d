from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minbits.evaluation.goal import Goal
from minbits.intervals import wilson_interval
from minbits.search.reliability import ReliabilityTable, reliability_table
from minbits.search.repeats import RepeatingStrategy
from minbits.search.space import Candidate
from minbits.search.strategy import Proposal
from minbits.types import TrialOutcome
from tests.search.outcomes import RECIPE, answer, outcome, without_file


def table_of(successes: int, tries: int) -> ReliabilityTable:
    rows = [outcome("one", 800 + 8 * i, 950 if i < successes else 850, i) for i in range(tries)]
    return reliability_table(rows, 0.9)


def test_tries_successes_interval_and_cost() -> None:
    table = table_of(3, 4)
    table.add(without_file("one", "failed", seconds=12.0))
    table.add(without_file("one", "interrupted"))
    found = table.of("one")
    assert found is not None
    assert (found.tries, found.successes) == (5, 3)
    assert (found.low, found.high) == (wilson_interval(3, 5).low, wilson_interval(3, 5).high)
    assert found.mean_seconds == pytest.approx(4.0)
    assert found.expected_seconds == pytest.approx(20 / 3)
    assert found.smallest_bits == 800
    assert not found.is_moved
    assert table.of("another") is None


def test_no_success_costs_no_one_knows_what() -> None:
    found = table_of(0, 3).of("one")
    assert found is not None
    assert found.expected_seconds is None
    assert found.smallest_bits is None
    assert table_of(0, 3).surviving(5) == ()


@given(st.integers(0, 30), st.integers(1, 30), st.floats(0.01, 0.99))
def test_nothing_is_shown_and_refuted_at_once(successes: int, tries: int, chance: float) -> None:
    found = table_of(min(successes, tries), tries).of("one")
    assert found is not None
    assert not (found.is_shown(chance) and found.is_refuted(chance))


@pytest.mark.parametrize(
    ("successes", "tries", "shown", "refuted"),
    [(1, 1, False, False), (2, 2, False, False), (3, 3, True, False), (4, 5, False, False),
     (7, 8, True, False), (0, 3, False, True), (1, 8, False, True)],
)  # fmt: skip
def test_evidence_for_one_half(successes: int, tries: int, shown: bool, refuted: bool) -> None:
    found = table_of(successes, tries).of("one")
    assert found is not None
    assert (found.is_shown(0.5), found.is_refuted(0.5)) == (shown, refuted)
    assert table_of(successes, tries).shown(0.5) == ({"one"} if shown else set())


def test_survivors_come_with_the_smallest_file_first() -> None:
    rows = [outcome("large", 900, 950), outcome("small", 700, 950), outcome("bad", 100, 800)]
    found = reliability_table(rows, 0.9).surviving(5)
    assert [item.candidate for item in found] == ["small", "large"]


class Fresh:
    """Proposes a new candidate every time."""

    def __init__(self) -> None:
        self.count = 0

    def propose(self, seconds_left: float) -> Proposal | None:
        self.count += 1
        return Proposal(Candidate(f"fresh {self.count}", "linear 2", RECIPE))

    def tell(self, outcome: TrialOutcome) -> None:
        """Learn nothing."""


def test_the_smallest_open_candidate_is_repeated_until_it_is_known() -> None:
    strategy = RepeatingStrategy(Fresh(), Goal(0.9, 1000), 0.5, lambda sha256: b"file")
    first = strategy.propose(10.0)
    assert first is not None
    strategy.tell(answer(first, 500, 950, 0))
    tries = 1
    for seed in range(1, 20):
        proposal = strategy.propose(10.0)
        assert proposal is not None
        is_again = proposal.candidate.key == first.candidate.key
        tries += is_again
        strategy.tell(answer(proposal, 500 if is_again else 900, 950, seed))
    assert tries == 3  # three of three are enough
    assert strategy._table.shown(0.5) >= {first.candidate.key}


def test_a_moved_candidate_is_repeated_from_the_same_file() -> None:
    strategy = RepeatingStrategy(Fresh(), Goal(0.9, 1000), 0.5, lambda sha256: b"parent")
    config = outcome("x", 1, 1).config
    moved = type(config)(config.architecture, config.recipe, 0, parent="a" * 64, move="thin 0.9")
    strategy.tell(outcome("moved", 400, 950, config=moved))
    proposals = [strategy.propose(10.0) for _ in range(2)]
    starts = [p.start for p in proposals if p is not None and p.start is not None]
    assert [(s.sha256, s.content, s.move) for s in starts] == [("a" * 64, b"parent", "thin 0.9")]
