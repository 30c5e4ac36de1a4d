"""Real ``minbits`` processes to do harm to, and what must hold of a ledger after it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from minbits.files import sha256_hex
from minbits.ledger.artifacts import FolderArtifacts
from minbits.ledger.location import LedgerTarget
from minbits.ledger.store import LedgerReader, read_ledger

PATIENCE_SECONDS = 120.0
# In the command line of every process that `minbits.child_processes` starts.
WORKER = b"minbits.child_processes"
ROOT = Path(__file__).parents[2]


class Zygote:
    """The process that forks others, see `tests.faults.zygote`."""

    def __init__(self) -> None:
        # By name: workers import nothing from the current folder, and need this package.
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.zygote"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )  # fmt: skip
        assert self._process.stdout is not None
        assert json.loads(self._process.stdout.readline()) == "ready"

    def ask(self, request: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE_SECONDS)


def wait_until(condition: Callable[[], bool]) -> None:
    patience = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < patience
        time.sleep(0.01)


@dataclass
class Run:
    """One process and what it has printed so far."""

    zygote: Zygote
    pid: int
    output: Path
    returncode: int | None = None

    def text(self) -> str:
        return self.output.read_text()

    def rows_told(self) -> list[int]:
        """Return the numbers of rows that it said were in the ledger."""
        return [int(n) for line in re.findall(r"committed (.*)", self.text()) for n in line.split()]

    def resumed(self) -> int:
        """Return how many trials it said that it found."""
        found = re.search(r"resumed: ([\d,]+) trials?", self.text())
        return int(found[1].replace(",", "")) if found else 0

    def workers(self) -> list[int]:
        try:
            text = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
            text += "".join(
                path.read_text() for path in Path(f"/proc/{self.pid}/task").glob("*/children")
            )
        except OSError:
            return []  # it has ended
        return sorted(
            {
                pid
                for pid in map(int, text.split())
                if WORKER in _command_line(pid)
            }
        )  # fmt: skip

    def has_ended(self) -> bool:
        if self.returncode is None:
            self.returncode = self.zygote.ask({"poll": self.pid})
        return self.returncode is not None

    def wait_for(self, text: str) -> None:
        wait_until(lambda: text in self.text() or self.has_ended())
        assert text in self.text(), self.text()

    def wait(self) -> int:
        wait_until(self.has_ended)
        assert self.returncode is not None
        return self.returncode

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it and wait until its workers are gone, too."""
        workers = self.workers()
        self.send(signal.SIGKILL)
        assert self.wait() == -signal.SIGKILL
        wait_until(lambda: not any(WORKER in _command_line(pid) for pid in workers))


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


class Runner:
    """Starts runs of ``minbits`` whose outputs go to a folder."""

    def __init__(self, zygote: Zygote, folder: Path) -> None:
        self._zygote = zygote
        self.folder = folder
        self._names = count()

    def start(self, *arguments: object, **changes: bool) -> Run:
        """Start a process; ``changes`` are what `tests.faults.zygote` does otherwise."""
        output = self.folder / f"output-{next(self._names)}.txt"
        output.touch()
        request = {
            "arguments": [str(argument) for argument in arguments],
            "output": str(output), **changes,
        }  # fmt: skip
        return Run(self._zygote, self._zygote.ask(request), output)

    def search(self, ledger: LedgerTarget, *more: object, **changes: bool) -> Run:
        """Start a search on iris with trials of milliseconds."""
        return self.start(
            "size", "iris", "--accuracy", 0.3, "--engine", "torch", "--workers", 2,
            "--ledger", ledger, "--out", self.folder / "found.mbn", "--verbose", *more, quick=True,
            **changes,
        )  # fmt: skip


@contextmanager
def reading(target: LedgerTarget) -> Iterator[LedgerReader]:
    reader = read_ledger(target)
    try:
        yield reader
    finally:
        reader.close()


def assert_whole(target: LedgerTarget) -> set[int]:
    """Check that a ledger's rows and files are whole, and return the numbers of its trials."""
    with reading(target) as ledger:
        trials = ledger.rows("trials")
        # All of them can be relied upon: none was passed over.
        assert len(trials) == ledger.row_count("trials")
        named = {row["artifact_sha256"] for row in trials} - {None}
        assert named <= {row["sha256"] for row in ledger.rows("artifacts")}
        assert not ledger.artifacts.lacking(sorted(named))
        assert len({row["uid"] for row in trials}) == len(trials)
        if not isinstance(ledger.artifacts, FolderArtifacts):
            return {row["id"] for row in trials}
        with ledger.database.engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        folder = ledger.artifacts.folder
    for file in folder.rglob("*.mbn"):  # those that no row names as well
        assert sha256_hex(file.read_bytes()) == file.stem
    return {row["id"] for row in trials}


def unnamed_files(target: LedgerTarget) -> set[str]:
    """Return the digests of stored files that no row names."""
    with reading(target) as ledger:
        if isinstance(ledger.artifacts, FolderArtifacts):
            stored = {file.stem for file in ledger.artifacts.folder.glob("??/*.mbn")}
        else:
            stored = {row["sha256"] for row in ledger.rows("artifacts")}
        return stored - ledger.named_files()
