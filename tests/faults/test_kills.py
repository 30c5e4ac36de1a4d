"""``kill -9`` of searches and of their workers, at random moments."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from minbits.claims.ledger_verification import verify_ledger
from minbits.files import sha256_hex
from minbits.ledger.prune import prune
from minbits.ledger.store import Ledger
from tests.faults.runs import Run, Runner, assert_whole, reading, wait_until

RUNS = 18
KILLS = 54
LONGEST_PAUSE_SECONDS = 0.25


def kill_a_worker(run: Run, moment: random.Random) -> bool:
    """Kill one of the workers, and return whether there was one."""
    workers = run.workers()
    if not workers:
        return False
    try:
        os.kill(moment.choice(workers), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def count_of_failed(ledger: Path) -> int:
    with reading(ledger) as reader:
        return sum(row["status"] == "failed" for row in reader.rows("trials"))


def wait_for_more_rows(run: Run, told: int) -> int:
    """Wait until a run tells of more committed rows than before, and return of how many."""
    wait_until(lambda: len(run.rows_told()) > told or run.has_ended())
    found = len(run.rows_told())
    assert found > told, run.text()
    return found


def assert_in_ledger(file: Path, ledger: Path) -> None:
    """Check that a file, where there is one, is whole: it was committed before it was written."""
    if file.exists():
        with reading(ledger) as reader:
            assert sha256_hex(file.read_bytes()) in reader.named_files()


def test_no_committed_row_is_lost_and_every_start_resumes(runner: Runner, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"
    moment = random.Random(7)
    rows: set[int] = set()
    kills = 0
    runs = 0
    while runs < RUNS or kills < KILLS:
        run = runner.search(ledger, "--minutes", 5, "--trials", 1_000_000)
        runs += 1
        if runs % 4:  # every fourth one is killed while it starts
            told = 0
            for _ in range(3):
                # Workers that are killed while they start, three in a row, end the search.
                told = wait_for_more_rows(run, told)
                time.sleep(moment.uniform(0, LONGEST_PAUSE_SECONDS))
                kills += kill_a_worker(run, moment)
        time.sleep(moment.uniform(0, LONGEST_PAUSE_SECONDS))
        run.kill()
        kills += 1
        assert run.resumed() in {0, len(rows)}  # 0: it was killed before it could say so
        found = assert_whole(ledger) if ledger.exists() else set()
        # What was being appended when the kill came may be there although it was not told.
        assert rows | set(run.rows_told()) <= found
        rows = found
        assert_in_ledger(tmp_path / "found.so-far.mbn", ledger)

    # One that lives on long enough tells of killed workers: batches are run again one by one.
    run = runner.search(ledger, "--minutes", 5, "--trials", 1_000_000)
    told = 0
    while not count_of_failed(ledger):
        # Only after rows were committed: workers that are always killed while they start end it.
        told = wait_for_more_rows(run, told)
        kill_a_worker(run, moment)
    run.kill()
    rows = assert_whole(ledger)

    last = runner.search(ledger, "--minutes", 1, "--trials", 4)
    assert last.wait() == 0, last.text()
    assert last.resumed() == len(rows) > RUNS
    with reading(ledger) as reader:
        best = reader.best_claim(reader.rows("claims")[0]["data_digest"], 0.3)
    assert best is not None
    written = (tmp_path / "found.mbn").read_bytes()
    assert sha256_hex(written) == best.verification.sha256
    store = Ledger(ledger)
    assert verify_ledger(store).is_good
    prune(store, dry_run=False)
    store.close()
    assert len(assert_whole(ledger)) == len(rows) + 4


def test_two_searches_append_to_one_ledger(runner: Runner, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"
    # Both find none, and make it.
    runs = [
        runner.search(ledger, "--trials", 60, "--seed", seed, "--out", tmp_path / f"{seed}.mbn")
        for seed in (0, 1000)
    ]
    for run in runs:
        assert run.wait() in {0, 1}, run.text()
        assert "Traceback" not in run.text()
    first, second = (set(run.rows_told()) for run in runs)
    assert (len(first), len(second), first & second) == (60, 60, set())
    assert assert_whole(ledger) == first | second


def test_a_damaged_best_file_gives_way_to_the_next(runner: Runner, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"
    for _ in range(2):
        assert runner.search(ledger, "--trials", 60).wait() in {0, 1}
    with reading(ledger) as reader:
        digest = reader.rows("claims")[0]["data_digest"]
        good = [row for row in reader.rows("claims") if row["correct"] >= 9]
        best = reader.best_claim(digest, 0.3)
    if best is None:
        pytest.fail("chance found no file that reaches 30 %")
    damaged = Path(best.verification.path)
    content = damaged.read_bytes()
    damaged.write_bytes(content[:-1] + bytes([content[-1] ^ 16]))
    # In another place: a whole copy of the damaged file lies at the first one, and would be kept.
    run = runner.search(ledger, "--trials", 1, "--out", tmp_path / "later.mbn")
    assert run.wait() in {0, 1}
    assert f"of {best.verification.size_bits:,} bits is passed over: a damaged file" in run.text()
    with reading(ledger) as reader:
        found = reader.best_claim(digest, 0.3)
        claims = [row for row in reader.rows("claims") if row["correct"] >= 9]
    assert len(claims) >= len(good)
    assert found is None or found.verification.sha256 != best.verification.sha256
    if run.returncode == 0:
        assert found is not None
        assert sha256_hex((tmp_path / "later.mbn").read_bytes()) == found.verification.sha256


def test_the_clock_decides_nothing(runner: Runner, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"
    start = time.monotonic()
    runs = []
    for _ in range(2):
        runs.append(runner.search(ledger, "--trials", 1_000_000, "--minutes", 0.04, clock=True))
        assert runs[-1].wait() in {0, 1}, runs[-1].text()
    took = time.monotonic() - start
    assert runs[1].resumed() == len(runs[0].rows_told()) > 0
    with reading(ledger) as reader:
        trials = reader.rows("trials")
        claims = reader.rows("claims")
    assert [row["id"] for row in trials] == runs[0].rows_told() + runs[1].rows_told()
    years = {row["created_at"][:4] for row in trials}
    assert len(years) > 5
    assert all(0 <= row["seconds"] <= took for row in trials + claims)
    assert len({row["seed"] for row in trials}) == len(trials)
