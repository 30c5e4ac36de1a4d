"""SIGTERM and SIGINT to searches that really train."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from minbits.files import sha256_hex
from tests.faults.runs import Run, Runner, assert_whole, reading, wait_until


def start(runner: Runner, data: Path, accuracy: float) -> Run:
    return runner.start(
        "size", data, "--accuracy", accuracy, "--minutes", 5, "--trials", 1000, "--workers", 2,
        "--ledger", runner.folder / "ledger.sqlite", "--out", runner.folder / "found.mbn",
    )  # fmt: skip


def assert_ended_well(run: Run, folder: Path, accuracy: float) -> list[str]:
    """Check that the best file was verified and written; return how the trials ended."""
    assert run.wait() == 130, run.text()
    assert "Traceback" not in run.text()
    wait_until(lambda: not run.workers())
    with reading(folder / "ledger.sqlite") as reader:
        statuses = [row["status"] for row in reader.rows("trials")]
        best = reader.best_claim(reader.rows("claims")[0]["data_digest"], accuracy)
    assert best is not None
    assert sha256_hex((folder / "found.mbn").read_bytes()) == best.verification.sha256
    assert assert_whole(folder / "ledger.sqlite") == set(run.rows_told())
    return statuses


def test_sigterm_ends_as_an_interrupt(runner: Runner, tmp_path: Path) -> None:
    run = runner.search(tmp_path / "ledger.sqlite", "--trials", 1_000_000)
    wait_until(lambda: len(run.rows_told()) > 50)
    run.send(signal.SIGTERM)
    assert "failed" not in assert_ended_well(run, tmp_path, 0.3)


def test_sigterm_to_workers_too_makes_interrupted_rows(
    runner: Runner, tmp_path: Path, idx_folder: Path
) -> None:
    run = start(runner, idx_folder, 0.8)
    run.wait_for("committed 1\n")
    os.killpg(run.pid, signal.SIGTERM)  # as whoever ends a job or a service does it
    assert set(assert_ended_well(run, tmp_path, 0.8)) == {"done", "interrupted"}


def test_a_second_sigint_ends_at_once(runner: Runner, tmp_path: Path, idx_folder: Path) -> None:
    run = start(runner, idx_folder, 0.8)
    run.wait_for("committed 1\n")
    workers = run.workers()
    os.killpg(run.pid, signal.SIGINT)
    time.sleep(0.02)
    before = time.monotonic()
    os.killpg(run.pid, signal.SIGINT)
    assert run.wait() == 130, run.text()
    assert time.monotonic() - before < 1.0
    assert "minbits: ended at once" in run.text()
    assert "Traceback" not in run.text()
    wait_until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))
    assert set(run.rows_told()) <= assert_whole(tmp_path / "ledger.sqlite")
    found = tmp_path / "found.mbn"
    if found.exists():
        with reading(tmp_path / "ledger.sqlite") as reader:
            claimed = {row["artifact_sha256"] for row in reader.rows("claims")}
        assert sha256_hex(found.read_bytes()) in claimed
