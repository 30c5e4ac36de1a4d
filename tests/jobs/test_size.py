from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import minbits
from minbits.claims.claiming import Claimant
from minbits.claims.verification import verify_file
from minbits.data.assemble import assemble
from minbits.errors import ArgumentError, LedgerError, OutputError, TargetNotReachedError
from minbits.evaluation.accuracy import with_margin
from minbits.jobs.best_so_far import BestSoFar
from minbits.jobs.size import size_job
from minbits.jobs.size_report import plain_report
from minbits.jobs.size_request import SizeRequest
from minbits.ledger.store import Ledger
from minbits.search.driver import SearchEvents
from minbits.types import DataSet, TrialOutcome
from tests.conftest import stripes


def request(folder: Path, **changes: object) -> SizeRequest:
    usual = SizeRequest(
        accuracy=0.9,
        minutes=0.4,
        trials=2,
        seed=0,
        workers=2,
        ledger=folder / "ledger.sqlite",
        out=folder / "found.mbn",
    )
    return dataclasses.replace(usual, **changes)  # type: ignore[arg-type]


def test_the_main_job_and_a_second_run(tmp_path: Path, tiny: DataSet) -> None:
    asked = request(tmp_path)
    report = size_job(tiny, asked, SearchEvents())
    assert report.best is not None
    assert report.improved
    assert (report.trials, report.failed) == (2, 0)
    again = verify_file(asked.out, tiny)
    assert again.sha256 == report.best.sha256
    assert again.correct == report.best.correct >= 0.9 * again.n_test

    card = json.loads((tmp_path / "found.json").read_text())
    assert card["size_bits"] == 8 * asked.out.stat().st_size
    assert card["correct"] == again.correct
    assert card["seeds_tried"] >= 1
    assert card["reliability"]["successes"] >= 1
    assert (tmp_path / "found.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (tmp_path / "found.svg").read_bytes()
    assert json.dumps(plain_report(report))

    ledger = Ledger(asked.ledger)
    first_trials = ledger.rows("trials")
    assert [row["status"] for row in first_trials] == ["done", "done"]
    assert len(ledger.rows("claims")) == 1

    second = size_job(tiny, dataclasses.replace(asked, trials=1), SearchEvents())
    assert second.best is not None
    assert second.best.size_bits <= report.best.size_bits
    assert second.improved == (second.best.sha256 != report.best.sha256)
    rows = ledger.rows("trials")
    assert rows[:2] == first_trials
    keys = [(row["candidate"], row["seed"]) for row in rows]
    assert len(set(keys)) == len(keys) == 3
    ledger.close()


def test_a_claim_that_misses_is_followed_by_one_more_at_most(tmp_path: Path) -> None:
    """The test labels are swapped: whatever passes validation misses."""
    images, labels = stripes(200, 1)
    data = assemble("swapped", stripes(400, 0), (images, 1 - labels), "test", "made by the tests")
    report = size_job(data, request(tmp_path, trials=8, minutes=1.0), SearchEvents())
    assert report.reached >= 3
    assert report.best is None
    assert report.missed is not None
    assert report.claim_count == 2
    ledger = Ledger(tmp_path / "ledger.sqlite")
    claims, trials = ledger.rows("claims"), ledger.rows("trials")
    ledger.close()
    assert len({claim["artifact_sha256"] for claim in claims}) == 2
    second = next(row for row in trials if row["artifact_sha256"] == claims[1]["artifact_sha256"])
    target = with_margin(report.request.accuracy, second["validation_examples"])
    assert second["training_correct"] >= target * second["training_examples"] - 1e-9
    assert claims[0]["size_bits"] <= claims[1]["size_bits"]
    assert claims[1]["size_bits"] == report.missed.size_bits


def test_no_first_file_is_put_to_the_test_after_an_interrupt(
    tmp_path: Path, tiny: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int | None] = []

    def interrupted(claimant: Claimant, outcome: TrialOutcome) -> None:
        looks.append(outcome.size_bits)
        time.sleep(4)  # the other worker's trials end meanwhile, and are looked at afterwards
        raise KeyboardInterrupt

    monkeypatch.setattr(Claimant, "claim_early", interrupted)
    monkeypatch.setattr(BestSoFar, "offer", lambda best, outcome: outcome.status == "done")
    asked = request(tmp_path, trials=12, minutes=3.0, workers=2)
    report = size_job(tiny, asked, SearchEvents())
    assert report.interrupted
    assert len(looks) == 1


def test_where_no_file_reaches_the_target_the_nearest_one_is_left(tmp_path: Path) -> None:
    """Labels that mean nothing: the answer is a file, with the accuracy that it has."""
    images, _ = stripes(300, 0)
    noise = np.random.default_rng(0).integers(0, 2, 300)
    np.savez(tmp_path / "noise.npz", x=images, y=noise)
    data = minbits.load(tmp_path / "noise.npz")
    report = minbits.size(
        data, 0.999, 0.2, trials=1, workers=1,
        ledger=tmp_path / "l.sqlite", out=tmp_path / "o.mbn",
    )  # fmt: skip
    assert report.best is None
    assert report.nearest is not None
    with pytest.raises(TargetNotReachedError, match="on validation at best") as caught:
        report.raise_if_missed()
    assert caught.value.exit_code == 1
    ledger = Ledger(tmp_path / "l.sqlite")
    assert len(ledger.rows("trials")) == 1
    [claim] = ledger.rows("claims")
    assert claim["correct"] < 0.999 * claim["n_test"]
    assert ledger.best_claim(data.digest, 0.999) is None
    ledger.close()
    card = json.loads((tmp_path / "o.json").read_text())
    assert (card["reached_target"], card["target_accuracy"]) == (False, 0.999)
    assert verify_file(tmp_path / "o.mbn", data).correct == card["correct"] == claim["correct"]
    assert card["true_accuracy_may_be_below_target"]
    assert card["lower_limit"] < card["test_accuracy"]
    suffixes = (".mbn", ".data.json", ".json", ".png", ".svg")
    assert {path.name for path in tmp_path.glob("o*")} == {f"o{suffix}" for suffix in suffixes}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"accuracy": 0.0}, "`accuracy`: got 0.0"),
        ({"accuracy": 1.01}, "`accuracy`: got 1.01"),
        ({"accuracy": float("nan")}, "`accuracy`: got nan"),
        ({"minutes": 0.0}, "`minutes`"),
        ({"trials": 0}, "`trials`"),
        ({"workers": 0}, "`workers`"),
        ({"seed": -1}, "`seed`"),
        ({"network": "none"}, "`network`: got 'none'; expected pytorch-example"),
    ],
)
def test_arguments_out_of_range(
    tmp_path: Path, tiny: DataSet, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        size_job(tiny, request(tmp_path, **changes), SearchEvents())
    assert list(tmp_path.iterdir()) == []


def test_outputs_that_cannot_be_written_are_told_before_any_work(
    tmp_path: Path, tiny: DataSet
) -> None:
    with pytest.raises(OutputError, match="a folder"):
        size_job(tiny, request(tmp_path, out=tmp_path), SearchEvents())
    with pytest.raises(OutputError, match="/proc/none"):
        size_job(tiny, request(tmp_path, out=Path("/proc/none/x.mbn")), SearchEvents())
    with pytest.raises(LedgerError, match="/proc/none"):
        size_job(tiny, request(tmp_path, ledger=Path("/proc/none/l.sqlite")), SearchEvents())


def children_of(pid: int) -> set[int]:
    lists = Path(f"/proc/{pid}/task").glob("*/children")  # of every thread
    return {int(child) for found in lists for child in found.read_text().split()}


def test_a_kill_leaves_the_ledger_whole_and_no_worker_behind(
    tmp_path: Path, idx_folder: Path
) -> None:
    command = [
        sys.executable, "-m", "minbits", "size", str(idx_folder), "--accuracy", "0.999",
        "--minutes", "5", "--ledger", str(tmp_path / "l.sqlite"), "--out", str(tmp_path / "o.mbn"),
        "--verbose",
    ]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if ": training" in line:
                break
        workers = children_of(process.pid)
        process.kill()
    assert workers
    patience = time.monotonic() + 60
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < patience
        time.sleep(0.2)
    ledger = Ledger(tmp_path / "l.sqlite")
    assert all(row["status"] == "done" for row in ledger.rows("trials"))
    ledger.close()


def test_an_interrupt_leaves_a_usable_state(tmp_path: Path, idx_folder: Path) -> None:
    command = [
        sys.executable, "-m", "minbits", "size", str(idx_folder), "--accuracy", "0.999",
        "--minutes", "5", "--ledger", str(tmp_path / "l.sqlite"), "--out", str(tmp_path / "o.mbn"),
        "--verbose",
    ]  # fmt: skip
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if ": training" in line:
                break
        # To the whole group, as a terminal does it: workers are hit too.
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=120)
    assert process.returncode == 130
    ledger = Ledger(tmp_path / "l.sqlite")
    assert {row["status"] for row in ledger.rows("trials")} == {"interrupted"}
    ledger.close()
