"""Several searches on one ledger at once: no trial is lost, and none is run twice."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import pytest

from minbits.ledger.location import LedgerTarget
from minbits.ledger.store import Ledger
from tests.faults.runs import Runner, assert_whole, reading, unnamed_files, wait_until
from tests.ledger.bad_rows import bad_rows_like, inject
from tests.ledger.postgres_server import PostgresServer

PARENTS = 4
TRIALS = 55


@pytest.fixture(params=["sqlite", "postgres"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> LedgerTarget:
    if request.param == "sqlite":
        return tmp_path / "ledger.sqlite"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_place()


def test_four_parents_lose_no_trial_and_repeat_none(
    runner: Runner, tmp_path: Path, shared: LedgerTarget
) -> None:
    # All with one seed, on a ledger that is not there yet: each would run the same trials.
    outs = [tmp_path / f"{number}.mbn" for number in range(PARENTS)]
    runs = [runner.search(shared, "--trials", TRIALS, "--workers", 1, "--out", out) for out in outs]
    for run in runs:
        assert run.wait() in {0, 1}, run.text()
        assert "Traceback" not in run.text()
    told = Counter(number for run in runs for number in run.rows_told())
    assert [len(run.rows_told()) for run in runs] == [TRIALS] * PARENTS
    assert max(told.values()) == 1
    assert assert_whole(shared) == set(told)
    assert unnamed_files(shared) == set()
    with reading(shared) as ledger:
        rows = ledger.rows("trials")
    assert len({row["seed"] for row in rows}) == len(rows) == PARENTS * TRIALS
    # A later one finds what all of them did, and does something else.
    later = runner.search(shared, "--trials", 5, "--out", outs[0])
    assert later.wait() in {0, 1}, later.text()
    assert later.resumed() == PARENTS * TRIALS
    with reading(shared) as ledger:
        rows = ledger.rows("trials")
    assert len({row["seed"] for row in rows}) == len(rows) == PARENTS * TRIALS + 5


def test_seeds_of_a_killed_parent_are_free_again(runner: Runner, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"  # tests/ledger has the same of a server
    killed = runner.search(ledger, "--trials", 1_000_000)
    wait_until(lambda: len(killed.rows_told()) > 20)
    killed.kill()
    wait_until(lambda: set(killed.rows_told()) <= assert_whole(ledger))
    later = runner.search(ledger, "--trials", 100, "--workers", 1)
    assert later.wait() in {0, 1}, later.text()
    with reading(ledger) as reader:
        seeds = sorted(row["seed"] for row in reader.rows("trials"))
    # What was in flight when the kill came had been reserved: the next one began with that.
    assert seeds[:100] == list(range(100))
    assert len(set(seeds)) == len(seeds)


def test_an_interrupted_parent_leaves_its_files_to_nobody(runner: Runner, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"
    run = runner.search(ledger, "--trials", 1_000_000)
    wait_until(lambda: len(run.rows_told()) > 20)
    run.send(signal.SIGTERM)
    assert run.wait() == 130, run.text()
    assert not list((tmp_path / "ledger-artifacts" / "running").iterdir())
    assert unnamed_files(ledger) == set()


def test_every_command_reads_around_bad_rows(runner: Runner, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"
    assert runner.search(ledger, "--trials", 20).wait() in {0, 1}
    store = Ledger(ledger)
    numbers = {}
    for table in ("trials", "claims"):
        (row, *_) = store.rows(table)
        numbers[table] = inject(store, table, bad_rows_like(table, row))
        assert len(numbers[table]) > 20
    store.close()
    exported = tmp_path / "all.jsonl"
    runs = {
        "size": runner.search(ledger, "--trials", 5),
        "list": runner.start("ledger", "list", "trials", "--ledger", ledger),
        "best": runner.start("ledger", "best", "--ledger", ledger),
        "prune": runner.start("ledger", "prune", "--dry-run", "--ledger", ledger),
        "export": runner.start("ledger", "export", exported, "--ledger", ledger),
        "verify": runner.start("ledger", "verify", "--ledger", ledger),
        "merge": runner.start("ledger", "merge", ledger, "--ledger", tmp_path / "other.sqlite"),
        "show": runner.start("ledger", "show", "trials", numbers["trials"][0], "--ledger", ledger),
    }
    codes = {name: run.wait() for name, run in runs.items()}
    for run in runs.values():
        assert "Traceback" not in run.text()
    # Verify says that not all is well.
    for name in ("size", "list", "best", "prune", "export", "verify", "show"):
        assert f"trials {numbers['trials'][0]} is passed over" in runs[name].text() or (
            name == "best" and f"claims {numbers['claims'][0]} is passed" in runs[name].text()
        )
    assert {name: codes[name] for name in ("list", "prune", "export")} == dict.fromkeys(
        ("list", "prune", "export"), 0
    )
    assert (codes["verify"], codes["merge"], codes["show"]) == (1, 2, 2)
    assert {codes["size"], codes["best"]} <= {0, 1}
    again = runner.start("ledger", "import", exported, "--ledger", tmp_path / "clean.sqlite")
    assert again.wait() == 0, again.text()
    assert len(assert_whole(tmp_path / "clean.sqlite")) >= 20
