"""Studies that are worked off in blocks of seeds, over several runs and ledgers.

What the recipes of trainability share: rows of earlier runs are taken from the records, and those
that come are written there again at once.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

from minbits.cli.trainability import StudyLines
from minbits.files import write_atomically
from minbits.interrupts import answer_interrupt
from minbits.jobs.shared_options import StudyOptions
from minbits.jobs.study import StudyOutcome, complete_study, known_study
from minbits.jobs.study_records import StudyRecords
from minbits.studies.protocol import Study, StudyTask
from minbits.studies.run import StudyProgress
from minbits.types import DataSet, Plain

_SECONDS_BETWEEN_WRITES = 30.0


@dataclass(frozen=True, eq=False)
class Part:
    """A study of some kinds of networks, worked off in blocks of seeds of all kinds.

    Attributes:
        name: in what is printed.
        study: the kind of study.
        data: the data set.
        kinds: the settings of each kind.
        labels: what each kind is called, one a kind.
        seeds: of each kind.
        block: seeds of all kinds that are worked off between two looks at the clock.
        tasks: given how many seeds are wanted, and those of each kind that are known: what is left.
        records: where the rows are kept.
    """

    name: str
    study: Study
    data: DataSet
    kinds: Sequence[Mapping[str, Plain]]
    labels: Sequence[str]
    seeds: int
    block: int
    tasks: Callable[[int, Sequence[set[int]]], Sequence[StudyTask]]
    records: StudyRecords

    def known(self, options: StudyOptions, seeds: int | None = None) -> StudyOutcome:
        """Return what the ledger knows of the first seeds."""
        wanted = self.seeds if seeds is None else seeds
        return known_study(self.study, self.data, self.kinds, wanted, options)

    def account(self, options: StudyOptions) -> str:
        """Return in words how many seeds of each kind are known."""
        outcome = self.known(options)
        counts = [len(found) for found in outcome.found]
        seconds = sum(row["seconds"] for found in outcome.found for row in found.values())
        if len(set(counts)) == 1:
            each = f"{counts[0]:,} of {self.seeds:,} seeds each"
        else:
            pairs = zip(self.labels, counts, strict=True)
            each = "seeds " + ", ".join(f"{label}: {count:,}" for label, count in pairs)
            each += f" of {self.seeds:,}"
        left = len(self.kinds) * self.seeds - outcome.done
        end = "all done" if not left else f"{left:,} left"
        return f"{self.name}: {each}, {end}; {seconds / 3600:.2f} hours of one worker"


def seed_tasks(
    kinds: Sequence[Mapping[str, Plain]], costs: Sequence[float], together: int
) -> Callable[[int, Sequence[set[int]]], list[StudyTask]]:
    """Return the tasks of a part: so many seeds of one kind in each, all kinds in turn.

    Args:
        kinds: the settings of each kind.
        costs: of one network of each kind.
        together: most seeds of a task.
    """

    def tasks(wanted: int, done: Sequence[set[int]]) -> list[StudyTask]:
        found = []
        for start in range(0, wanted, together):
            block = range(start, min(start + together, wanted))
            for kind, cost, known in zip(kinds, costs, done, strict=True):
                if seeds := tuple(seed for seed in block if seed not in known):
                    found.append(StudyTask(kind, seeds, cost))
        return found

    return tasks


@dataclass
class Hours:
    """A budget of time, looked at between chunks of work.

    Attributes:
        hours: None for no limit.
    """

    hours: float | None
    _start: float = field(default_factory=time.monotonic)
    _seconds_a_network: dict[str, float] = field(default_factory=dict)

    def allow(self, part: Part, networks: int) -> bool:
        """Whether so many more networks end in time, as far as the last ones tell."""
        if self.hours is None:
            return True
        left = 3600 * self.hours - (time.monotonic() - self._start)
        return left > networks * self._seconds_a_network.get(part.name, 0.0)

    @contextmanager
    def timed(self, part: Part, networks: int) -> Iterator[None]:
        """Note how long a chunk takes."""
        start = time.monotonic()
        yield
        self._seconds_a_network[part.name] = (time.monotonic() - start) / networks


Chunk = tuple[Part, int]


def one_after_another(parts: Iterable[Part]) -> Iterator[Chunk]:
    """Yield each part and how many seeds it is to have, up to all of its seeds."""
    for part in parts:
        for wanted in range(part.block, part.seeds + part.block, part.block):
            yield part, min(wanted, part.seeds)


def side_by_side(parts: Iterable[Part]) -> list[Chunk]:
    """Return the chunks of all parts, so that all parts grow in proportion."""
    return sorted(one_after_another(parts), key=lambda chunk: chunk[1] / chunk[0].seeds)


def work_off(chunks: Iterable[Chunk], options: StudyOptions, hours: float | None) -> bool:
    """Measure what is missing, chunk by chunk, and return whether an interrupt ended it.

    Rows are written to the records after the tasks, at most twice a minute, and after each chunk.
    """
    clock = Hours(hours)
    try:
        for part, wanted in chunks:
            missing = len(part.kinds) * wanted - part.known(options, wanted).done
            if not missing:
                continue
            if not clock.allow(part, missing):
                print(f"no time left for {missing:,} more of {part.name}", flush=True)
                return False
            with clock.timed(part, missing):
                interrupted = _measured(part, wanted, options)
            part.records.write()
            if interrupted:
                return True
    except KeyboardInterrupt:
        answer_interrupt()  # by the text of what is known
        return True
    return False


def _measured(part: Part, wanted: int, options: StudyOptions) -> bool:
    lines, written = StudyLines(quiet=False), time.monotonic()

    def after_task(progress: StudyProgress) -> None:
        nonlocal written
        lines(progress)
        if time.monotonic() - written > _SECONDS_BETWEEN_WRITES:
            part.records.write()
            written = time.monotonic()

    return complete_study(
        part.study, part.data, part.kinds, wanted, lambda done: part.tasks(wanted, done),
        options, after_task,
    ).interrupted  # fmt: skip


def written_rows(records: StudyRecords) -> str:
    """Write the rows to their file, and return in words how many they are and how large it is."""
    return f"Rows: {records.write():,}, {records.path.stat().st_size:,} bytes"


def record_text(path: Path, tell: Callable[[], None]) -> None:
    """Print what a function prints, and keep it in a file."""
    text = io.StringIO()
    with redirect_stdout(text):
        tell()
    lines = "".join(line.rstrip() + "\n" for line in text.getvalue().splitlines())
    print(lines, flush=True)
    write_atomically(path, lines.encode())


def shared_arguments(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that all these recipes have."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("ledger", type=Path)
    parser.add_argument("records", type=Path, help="folder of the rows")
    parser.add_argument("--hours", type=float, help="begin nothing that would end later")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--texts", type=Path, default=Path("recipes"), help="folder of the text")
    parser.add_argument(
        "--pictures", type=Path, default=Path("docs/images"), help="folder of the pictures"
    )
    return parser
