"""One search of 8,000 trials: memory, open files, threads, temporary files at three moments.

``python recipes/long_search.py [TRIALS]`` measures after an eighth, a half and all of them. The
trials are those of ``tests/faults``: real network files, decoded and validated, never trained, so
that a run of hours takes minutes. All else is as `minbits size` does it: strategy, two workers,
ledger, the best file so far. Memory is the proportional set size of the search, and of its workers
together. Temporary files are counted in a folder that is empty at the start, and beside the ledger.
"""

from __future__ import annotations

import functools
import os
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.faults.quick import quick_trial

from minbits.data import load
from minbits.jobs import size_search
from minbits.jobs.shared_options import Origin
from minbits.jobs.size_plan import size_plan
from minbits.jobs.size_request import SizeRequest
from minbits.jobs.size_search import SizeSearch
from minbits.ledger.provenance import current_provenance
from minbits.ledger.store import open_ledger
from minbits.search.driver import Finished, SearchEvents

TRIALS = 8000
MARKS = (1 / 8, 1 / 2, 1)
WORKERS = 2


def memory_mebibytes(pids: Sequence[int]) -> float:
    """Return the proportional set size of some processes."""
    kibibytes = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                kibibytes += int(line.split()[1])
    return kibibytes / 1024


def children() -> list[int]:
    """Return the processes that this one has started and that run."""
    tasks = Path("/proc/self/task").glob("*/children")
    return sorted({int(pid) for task in tasks for pid in task.read_text().split()})


def open_files(pids: Sequence[int]) -> int:
    """Return how many descriptors some processes have."""
    return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids)


class Marks:
    """Measures the search while it runs."""

    def __init__(self, trials: int, temporary: Path, ledger: Path) -> None:
        self._marks = [int(part * trials) for part in MARKS]
        self._temporary, self._ledger = temporary, ledger
        self._done = 0
        self._start = time.perf_counter()

    def count(self, finished: Sequence[Finished]) -> None:
        """Count trials, and measure where one is one of the marks."""
        for _ in finished:
            self._done += 1
            if self._done in self._marks:
                self.measure()

    def measure(self) -> None:
        """Print what there is."""
        workers = children()
        own = [os.getpid()]
        leftovers = [path for path in self._temporary.rglob("*") if path.is_file()]
        beside = [path for path in self._ledger.parent.rglob(".*") if path.is_file()]
        size = sum(path.stat().st_size for path in self._ledger.parent.glob("*.sqlite*"))
        print(
            f"{self._done:,} trials, {time.perf_counter() - self._start:,.0f} s: "
            f"search {memory_mebibytes(own):.1f} MiB, {open_files(own)} open files, "
            f"{threading.active_count()} threads; {len(workers)} workers "
            f"{memory_mebibytes(workers):.1f} MiB, {open_files(workers)} open files; temporary "
            f"files {len(leftovers)}, beside the ledger {len(beside)}; ledger "
            f"{size / 2**20:.1f} MiB",
            flush=True,
        )


def main() -> None:
    """Search, and measure on the way."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else TRIALS
    settings = size_search.SearchSettings
    size_search.SearchSettings = functools.partial(settings, runner=quick_trial)  # type: ignore[misc,assignment]
    with tempfile.TemporaryDirectory(prefix="minbits-long-") as name:
        folder = Path(name)
        temporary = folder / "temporary"
        temporary.mkdir()
        os.environ["TMPDIR"] = tempfile.tempdir = str(temporary)
        place = folder / "ledger" / "ledger.sqlite"
        request = SizeRequest(
            0.9, 60.0, trials=trials, workers=WORKERS, ledger=place, out=folder / "found.mbn",
            engine="torch",
        )  # fmt: skip
        data = load("iris")
        plan = size_plan(data, request, Origin())
        ledger = open_ledger(place)
        marks = Marks(trials, temporary, place)
        events = SearchEvents(on_results=marks.count)
        search = SizeSearch(data, plan, ledger, current_provenance("cpu", WORKERS), events)
        search.run(float("inf"))
        print(f"{ledger.trial_count(data.digest):,} rows, {search.tally.failed} of failed trials")
        ledger.close()
        tempfile.tempdir = None


if __name__ == "__main__":
    main()
