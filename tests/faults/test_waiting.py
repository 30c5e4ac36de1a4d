"""A lock that another process holds for 30 s: it was taken when the first test of faults began."""

from __future__ import annotations

from tests.faults.conftest import LOCK_SECONDS, Locked
from tests.faults.runs import assert_whole


def test_a_search_waits_for_a_lock_and_says_so(locked: Locked) -> None:
    run = locked.search
    assert run.wait() in {0, 1}, run.text()
    assert locked.holder.wait() == 0
    assert f"ledger {locked.ledger}: locked by another process; waiting up to 120 s" in run.text()
    assert f"ledger {locked.ledger}: went on after " in run.text()
    waited = float(run.text().split("went on after ")[1].split(" s")[0])
    assert LOCK_SECONDS - 10 < waited < LOCK_SECONDS + 10
    assert assert_whole(locked.ledger) == set(run.rows_told()) == {1, 2, 3}
