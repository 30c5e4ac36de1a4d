"""Real signals at every stage of every command: it ends with 130 and a word, and in no time."""

from __future__ import annotations

import os
import pty
import signal
import sys
import time
from pathlib import Path

import pytest

from minbits.child_processes import child_environment, python_command
from minbits.files import sha256_hex
from tests.faults.runs import ROOT, Run, Runner, assert_whole, reading, wait_until

MODULE = (
    "from torch import nn\n"
    "def build():\n"
    "    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 2))\n"
)
LONGEST_SECONDS = 20.0
# A command, what it says when the stage has begun, and what must not have come after it.
STAGES = {
    "the target is sought": ("size DATA --workers 2 LEDGER OUT", "fitting", "target:"),
    # Within a minute no file is verified early.
    "a file is verified": (
        "size DATA --engine torch --workers 2 --accuracy 0.3 --trials 40 --minutes 0.9 LEDGER OUT",
        "verifying in", "This run",
    ),
    # Then the search is what is interrupted: it ends with its answer.
    "the first file is verified": (
        "size DATA --engine torch --workers 2 --accuracy 0.3 LEDGER OUT",
        "verifying in", "first verified file",
    ),
    "a curve": (
        "size DATA --engine torch --curve --workers 2 LEDGER OUT", "searching", "99.2 % test",
    ),
    "a classifier": ("entropy DATA --minutes 1", "fitting", "Chow"),
    "a rung": ("entropy DATA --minutes 1", "hidden Chow–Liu tree", "autoregressive network"),
    "networks of the ladder": ("entropy DATA --minutes 2", "autoregressive network", "Tightest"),
    "a module is thinned": (
        "compress MODULE --data DATA LEDGER OUT", "thinning, epoch 1", "diagram png",
    ),
    "a module is quantised": (
        "compress MODULE --data DATA --thinning-epochs 0 --recovery-epochs 0 LEDGER OUT",
        "rate 1, epoch", "diagram png",
    ),
    "what is needed": ("capacity need DATA LEDGER", "the prequential code", "verdict"),
    "an audit that compresses": (
        "audit MODULE --data DATA --compress FILE --minutes 5 LEDGER", "thinning, epoch 1",
        "compressed as it is",
    ),
}  # fmt: skip


def start(runner: Runner, data: Path, command: str) -> Run:
    module = runner.folder / "net.py"
    module.write_text(MODULE)
    names = {
        "DATA": [data], "MODULE": [f"{module}:build"], "FILE": [runner.folder / "found.mbn"],
        "LEDGER": ["--ledger", runner.folder / "ledger.sqlite"],
        "OUT": ["--out", runner.folder / "found.mbn"],
    }  # fmt: skip
    words = [word for part in command.split() for word in names.get(part, [part])]
    if "entropy" in words:
        for option in ("heat-map", "features", "ladder"):
            words += [f"--{option}", runner.folder / f"{option}.png"]
    return runner.start(*words, fits=True, quick=True)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_ended(runner: Runner, idx_folder: Path, stage: str) -> None:
    command, begun, after = STAGES[stage]
    run = start(runner, idx_folder, command)
    run.wait_for(begun)
    if "ladder" in stage:
        wait_until(lambda: len(run.workers()) == len(os.sched_getaffinity(0)))
    time.sleep(0.03)
    number = list(STAGES).index(stage) % 3
    workers = run.workers()
    began = time.monotonic()
    # To one process, as `kill` does it, and to all of them, as a terminal does.
    send = os.kill if number == 1 else os.killpg
    send(run.pid, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[number])
    assert run.wait() == 130, run.text()
    assert time.monotonic() - began < LONGEST_SECONDS
    text = run.text()
    assert text.splitlines()[-1] == "minbits: interrupted"
    assert text.count("minbits: interrupted") == 1
    assert after not in text
    assert "Traceback" not in text
    assert "Exception ignored" not in text
    wait_until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))


def assert_ended_well(folder: Path) -> None:
    """Check that the best file was verified and written, as after an interrupt."""
    with reading(folder / "ledger.sqlite") as reader:
        best = reader.best_claim(reader.rows("claims")[0]["data_digest"], 0.3)
    assert best is not None
    assert sha256_hex((folder / "found.mbn").read_bytes()) == best.verification.sha256
    assert_whole(folder / "ledger.sqlite")


def test_a_hangup_ends_a_search_as_an_interrupt(runner: Runner, tmp_path: Path) -> None:
    run = runner.search(tmp_path / "ledger.sqlite", "--trials", 1_000_000)
    wait_until(lambda: len(run.rows_told()) > 50)
    for _ in range(2):  # one from the terminal, one from the shell
        os.killpg(run.pid, signal.SIGHUP)
        time.sleep(0.05)
    assert run.wait() == 130, run.text()
    assert run.text().splitlines()[-1] == "minbits: interrupted"
    with reading(tmp_path / "ledger.sqlite") as reader:
        assert {row["status"] for row in reader.rows("trials")} <= {"done", "interrupted"}
    assert_ended_well(tmp_path)


def test_nohup_is_respected(runner: Runner, tmp_path: Path) -> None:
    run = runner.search(tmp_path / "ledger.sqlite", "--trials", 200, hangups_ignored=True)
    wait_until(lambda: len(run.rows_told()) > 50)
    told = len(run.rows_told())
    os.killpg(run.pid, signal.SIGHUP)
    assert run.wait() in {0, 1}, run.text()
    assert len(run.rows_told()) == 200 > told
    with reading(tmp_path / "ledger.sqlite") as reader:
        assert {row["status"] for row in reader.rows("trials")} == {"done"}


def test_a_search_outlives_its_terminal(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from minbits.__main__ import main\n"
        "from tests.faults import children\n"
        "children.run_quick_trials()\n"
        f"sys.argv = ['minbits', 'size', 'iris', '--accuracy', '0.3', '--engine', 'torch',"
        f" '--workers', '2', '--ledger', {str(tmp_path / 'ledger.sqlite')!r},"
        f" '--out', {str(tmp_path / 'found.mbn')!r}]\n"
        "main()\n"
    )
    command = python_command("-c", program)
    environment = child_environment({"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])})
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(command[0], command, environment)
    seen = b""
    while b"best " not in seen:  # until there is a file to be verified
        part = os.read(terminal, 65536)
        assert part, seen
        seen += part
    os.close(terminal)  # the kernel sends SIGHUP, and whatever is printed fails from now on
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 130
    assert_ended_well(tmp_path)


@pytest.mark.parametrize("how", ["deleted", "replaced", "moved"])
def test_a_ledger_that_is_taken_away_is_told(runner: Runner, tmp_path: Path, how: str) -> None:
    folder = tmp_path / "ledgers"
    ledger = folder / "ledger.sqlite"
    run = runner.search(ledger, "--trials", 1_000_000)
    wait_until(lambda: len(run.rows_told()) > 20)
    for path in sorted(folder.glob("ledger.sqlite*")):
        path.rename(path.with_name(path.name.replace("ledger.", "away.")))
    if how == "deleted":
        for path in folder.glob("away.sqlite*"):
            path.unlink()
    if how == "replaced":
        other = tmp_path / "other.sqlite"
        assert (
            runner.start("ledger", "merge", folder / "away.sqlite", "--ledger", other).wait() == 0
        )
        other.rename(ledger)
    assert run.wait() == 2, run.text()
    last = run.text().splitlines()[-1]
    assert last.startswith(f"minbits: ledger {ledger}: got ")
    assert "deleted, moved or replaced" in last
    assert "network: " not in run.text()
    assert not (tmp_path / "found.mbn").exists()
    if how == "moved":
        assert assert_whole_but_for_place(folder) >= set(run.rows_told())


def assert_whole_but_for_place(folder: Path) -> set[int]:
    for path in sorted(folder.glob("away.sqlite*")):
        path.rename(path.with_name(path.name.replace("away.", "ledger.")))
    return assert_whole(folder / "ledger.sqlite")
