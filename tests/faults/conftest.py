from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from minbits.ledger.store import Ledger
from tests.faults.runs import Run, Runner, Zygote

LOCK_SECONDS = 30.0
HOLD = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
connection.execute("COMMIT")
"""


@dataclass(frozen=True)
class Locked:
    """A ledger, the process that holds its lock, and a search that waits for it."""

    ledger: Path
    holder: subprocess.Popen[str]
    search: Run


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    if sys.platform != "linux":
        pytest.skip("the harm that these tests do is that of Linux")
    found = Zygote()
    yield found
    found.close()


@pytest.fixture(scope="session", autouse=True)
def locked(zygote: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    """Lock a ledger for 30 s and let a search wait for it, while other tests go on."""
    folder = tmp_path_factory.mktemp("locked")
    ledger = folder / "ledger.sqlite"
    Ledger(ledger).close()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(ledger), str(LOCK_SECONDS)],
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        search = Runner(zygote, folder).search(ledger, "--trials", 3)
        yield Locked(ledger, holder, search)
        holder.kill()
        if not search.has_ended():
            search.kill()


@pytest.fixture
def runner(zygote: Zygote, tmp_path: Path) -> Runner:
    return Runner(zygote, tmp_path)
