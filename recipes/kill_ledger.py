"""Kills searches and their workers at random moments, and counts what their ledgers lost: nothing.

``python recipes/kill_ledger.py [SQLITE] [POSTGRESQL]`` (1,000 and 100 kills). Three searches of two
workers append to one ledger at once; after random pauses ``kill -9`` hits one of them, or one of
their workers: half of the times in whatever it does, starting for the most part, half of the times
while it commits trials. A search that was killed is started again at once. Every search says which
rows it committed. After 50 kills the rest are killed, and the ledger is looked through: each row
that was told must be there, whole, with its file; each file that no row names must be told by
``minbits ledger prune``. A last search goes on from it, and a new ledger begins.

The trials are those of ``tests/faults``: real network files, decoded and validated, never trained.
PostgreSQL is started as the tests do it.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.faults.runs import Run, Runner, Zygote, assert_whole, reading, unnamed_files, wait_until
from tests.ledger.postgres_server import PostgresServer, server_binaries

from minbits.ledger.artifacts import FolderArtifacts
from minbits.ledger.location import LedgerTarget
from minbits.ledger.prune import prune
from minbits.ledger.store import Ledger

KILLS = {"SQLite": 1000, "PostgreSQL": 100}
KILLS_A_LEDGER = 50
PARENTS = 3
PARENT_PART = 0.4
COMMITTING_PART = 0.5
LONGEST_PAUSE_SECONDS = 0.5
# Searches of trials of milliseconds would make ledgers that take long to go on from.
MAX_TRIALS = 100_000


@dataclass
class Herd:
    """Searches on one ledger, and what they said."""

    runner: Runner
    ledger: LedgerTarget
    moment: random.Random
    counts: Counter[str]
    runs: list[Run] = field(default_factory=list)
    told: Counter[int] = field(default_factory=Counter)
    _names: int = 0

    def start(self) -> None:
        """Start one more search; all have the same seed."""
        self._names += 1
        out = self.runner.folder / f"found-{self._names}.mbn"
        self.runs.append(
            self.runner.search(self.ledger, "--trials", MAX_TRIALS, "--minutes", 60, "--out", out)
        )

    def bury(self, run: Run) -> None:
        """Note what a search said that has ended."""
        self.runs.remove(run)
        self.told.update(run.rows_told())
        # Workers that are starting when their search is killed say so, at length.
        if "Traceback" in run.text() and run.returncode != -signal.SIGKILL:
            raise RuntimeError(run.text())

    def kill_one(self) -> None:
        """Kill a search, or one of its workers, after a random pause."""
        run = self.moment.choice(self.runs)
        if self.moment.random() < COMMITTING_PART:
            before = len(run.rows_told())
            wait_until(lambda: len(run.rows_told()) > before or run.has_ended())
        time.sleep(self.moment.uniform(0, LONGEST_PAUSE_SECONDS))
        if run.has_ended():  # its workers were killed too often while they started
            self.counts["searches that ended by themselves"] += 1
            self.bury(run)
            self.start()
            return
        workers = run.workers()
        if self.moment.random() >= PARENT_PART and workers:
            try:
                os.kill(self.moment.choice(workers), signal.SIGKILL)
            except ProcessLookupError:
                return
            self.counts["workers killed"] += 1
            return
        run.kill()
        self.counts["searches killed"] += 1
        self.bury(run)
        self.start()

    def end(self) -> None:
        """Kill what still runs."""
        for run in list(self.runs):
            if not run.has_ended():
                run.kill()
                self.counts["searches killed"] += 1
            self.bury(run)


def kills(counts: Counter[str]) -> int:
    """Return how many kills there were."""
    return counts["searches killed"] + counts["workers killed"]


def look_through(herd: Herd) -> None:
    """Check a ledger after its searches were killed, and let one more go on from it."""
    counts = herd.counts
    Ledger(herd.ledger).close()  # where all were killed before they made it
    rows = assert_whole(herd.ledger)
    counts["ledgers"] += 1
    counts["rows told"] += len(herd.told)
    counts["rows told twice"] += sum(times > 1 for times in herd.told.values())
    counts["rows lost"] += len(set(herd.told) - rows)
    counts["rows found"] += len(rows)
    with reading(herd.ledger) as ledger:
        counts["failed trials among them"] += sum(
            row["status"] == "failed" for row in ledger.rows("trials")
        )
        seeds = Counter(row["seed"] for row in ledger.rows("trials"))
    counts["seeds run twice"] += sum(times > 1 for times in seeds.values())
    orphans = unnamed_files(herd.ledger)
    counts["files that no row names"] += len(orphans)
    store = Ledger(herd.ledger)
    reported = {item.path.stem for item in prune(store, dry_run=True)}
    counts["of these not told by prune"] += len(orphans - reported)
    if isinstance(store.artifacts, FolderArtifacts):
        prune(store, dry_run=False)
        left = [path for path in store.artifacts.folder.rglob("*") if path.is_file()]
        counts["files left after prune that no row names"] += len(left) - len(
            {path.stem for path in left} & store.named_files()
        )
    store.close()
    last = herd.runner.search(herd.ledger, "--trials", 5, "--minutes", 5)
    if last.wait() not in {0, 1} or last.resumed() != len(rows):
        raise RuntimeError(last.text())
    if assert_whole(herd.ledger) != rows | set(last.rows_told()) or len(last.rows_told()) != 5:
        raise RuntimeError(last.text())
    counts["searches that went on from a ledger"] += 1


def report(name: str, counts: Counter[str], seconds: float) -> None:
    """Print what came out."""
    print(f"{name}: {kills(counts):,} kills in {seconds:,.0f} s", flush=True)
    for key in (
        "searches killed", "workers killed", "searches that ended by themselves", "ledgers",
        "rows told", "rows found", "rows lost", "rows told twice", "failed trials among them",
        "seeds run twice", "files that no row names", "of these not told by prune",
        "files left after prune that no row names", "searches that went on from a ledger",
    ):  # fmt: skip
        print(f"  {key}: {counts[key]:,}", flush=True)


def kill_on(name: str, count: int, zygote: Zygote, server: PostgresServer | None) -> None:
    """Kill so many times, on one ledger after the other, and print what came out."""
    counts: Counter[str] = Counter()
    moment = random.Random(18)
    start = time.monotonic()
    while kills(counts) < count:
        with tempfile.TemporaryDirectory(prefix="minbits-kill-") as folder:
            runner = Runner(zygote, Path(folder))
            place = Path(folder) / "ledger.sqlite" if server is None else server.new_place()
            herd = Herd(runner, place, moment, counts)
            enough = min(count, kills(counts) + KILLS_A_LEDGER)
            try:
                for _ in range(PARENTS):
                    herd.start()
                while kills(counts) < enough:
                    herd.kill_one()
            finally:
                herd.end()
            look_through(herd)
        print(f"{kills(counts):,} kills, {counts['rows lost']} rows lost", flush=True)
    report(name, counts, time.monotonic() - start)


def main() -> None:
    """Kill, look through, and print, on both kinds of ledgers."""
    wanted = {**KILLS, **dict(zip(KILLS, map(int, sys.argv[1:]), strict=False))}
    zygote = Zygote()
    try:
        kill_on("SQLite", wanted["SQLite"], zygote, None)
        binaries = server_binaries()
        if binaries is None:
            raise SystemExit("PostgreSQL's server is not installed")
        server = PostgresServer(binaries)
        try:
            kill_on("PostgreSQL", wanted["PostgreSQL"], zygote, server)
        finally:
            server.remove()
    finally:
        zygote.close()


if __name__ == "__main__":
    main()
