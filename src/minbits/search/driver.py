"""The driver: keeps every worker busy with the most promising candidate until time is up."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field

from minbits.records import DataSet, EngineName, Progress, TrialConfig, TrialResult
from minbits.search.policy import RungState, next_rung
from minbits.search.space import Candidate
from minbits.search.workers import WorkerPool

POLL_SECONDS = 0.2
# A trial that got less than this part of the present time allowance says little about a candidate.
FAIR_SHARE = 0.5
# No trial is started with less time left than this.
LEAST_SECONDS = 20.0
# Trials plan to end in time; whatever still runs this long after the end is told to stop.
GRACE_SECONDS = 20.0


@dataclass(frozen=True)
class PastTrial:
    """What a driver needs to know of a trial of an earlier run."""

    candidate: str
    seed: int
    passed: bool
    seconds: float
    float_epochs: int


@dataclass(frozen=True)
class SearchSettings:
    """The bounds of one search.

    Attributes:
        accuracy: target on validation, in (0, 1].
        seconds: wall-clock time for all trials.
        trials: most trials to run.
        seed: first seed; every trial takes the next one that no trial on this data has used.
        workers: worker processes.
        start: rung of the ladder to start from when nothing is known.
        engine: which engine trains.
    """

    accuracy: float
    seconds: float
    trials: int
    seed: int
    workers: int
    start: int
    engine: EngineName = "auto"


@dataclass(frozen=True)
class SearchEvents:
    """What a driver tells while it works."""

    on_result: Callable[[Candidate, TrialResult], None]
    on_progress: Callable[[Progress], None] = lambda progress: None


def reaches(correct: int, examples: int, accuracy: float) -> bool:
    """Return whether ``correct`` of ``examples`` is at least ``accuracy``, safe from rounding."""
    return correct >= accuracy * examples - 1e-9


@dataclass
class _Bookkeeping:
    """Tries and passes of every candidate, and used seeds, past and present."""

    ladder: Sequence[Candidate]
    states: list[RungState] = field(init=False)
    seeds: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.states = [RungState() for _ in self.ladder]

    def index(self, key: str) -> int | None:
        keys = [candidate.key for candidate in self.ladder]
        return keys.index(key) if key in keys else None

    def remember(self, past: PastTrial, trial_seconds: float) -> None:
        self.seeds.add(past.seed)
        index = self.index(past.candidate)
        if index is None:
            return
        full = past.float_epochs >= self.ladder[index].recipe.float_epochs
        if past.passed or full or past.seconds >= FAIR_SHARE * trial_seconds:
            self.count(index, tries=1, passes=int(past.passed))

    def count(self, index: int, tries: int = 0, passes: int = 0, running: int = 0) -> None:
        state = self.states[index]
        self.states[index] = RungState(
            state.tries + tries, state.passes + passes, state.running + running
        )

    def new_seed(self, first: int) -> int:
        # Never shared, since candidates of one architecture would train the same float network.
        seed = first
        while seed in self.seeds:
            seed += 1
        self.seeds.add(seed)
        return seed


class _Search:
    def __init__(
        self,
        data: DataSet,
        ladder: Sequence[Candidate],
        settings: SearchSettings,
        past: Sequence[PastTrial],
        events: SearchEvents,
    ) -> None:
        self.settings = settings
        self.events = events
        self.ladder = ladder
        self.deadline = time.monotonic() + settings.seconds
        self.books = _Bookkeeping(ladder)
        for trial in past:
            self.books.remember(trial, settings.seconds)
        self.pool = WorkerPool(data, settings.workers)
        self.running: dict[Future[TrialResult], tuple[int, TrialConfig, float]] = {}
        self.started = 0
        self.shortest_seconds = 0.0  # of the trials of this run that ended well

    def time_left(self) -> float:
        return self.deadline - time.monotonic()

    def start_trial(self) -> None:
        index = next_rung(self.books.states, self.settings.start)
        candidate = self.ladder[index]
        seed = self.books.new_seed(self.settings.seed)
        config = TrialConfig(candidate.architecture, candidate.recipe, seed, self.settings.engine)
        future = self.pool.submit(config, self.started, self.time_left())
        self.running[future] = (index, config, time.monotonic())
        self.books.count(index, tries=1, running=1)
        self.started += 1

    def is_time_for_another(self) -> bool:
        # A trial that must make do with far less than the others had would only waste the time.
        needed = max(LEAST_SECONDS, FAIR_SHARE * self.shortest_seconds)
        return self.started == 0 or self.time_left() >= needed

    def fill(self) -> None:
        while (
            len(self.running) < self.settings.workers
            and self.started < self.settings.trials
            and self.is_time_for_another()
        ):
            self.start_trial()

    def pass_on_progress(self) -> None:
        for progress in self.pool.drain_progress():
            self.events.on_progress(progress)

    def finish(self, future: Future[TrialResult]) -> None:
        index, config, start = self.running.pop(future)
        try:
            result = future.result()
        except BrokenProcessPool:
            seconds = time.monotonic() - start
            error = "the worker process died (out of memory, or killed)"
            result = TrialResult(config, "failed", seconds, error=error)
        self.settle(index, result)

    def settle(self, index: int, result: TrialResult) -> None:
        self.books.count(index, running=-1)
        if result.status == "done":
            shortest = self.shortest_seconds or result.seconds
            self.shortest_seconds = min(shortest, result.seconds)
        if result.validation_correct is not None and result.validation_examples is not None:
            passed = reaches(
                result.validation_correct, result.validation_examples, self.settings.accuracy
            )
            self.books.count(index, passes=int(passed))
        self.events.on_result(self.ladder[index], result)

    def collect(self) -> None:
        done, _ = wait(self.running, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
        self.pass_on_progress()
        broken = [future for future in done if isinstance(future.exception(), BrokenProcessPool)]
        if broken:
            # A dead process takes the whole pool with it; every trial in flight is a failed row.
            done = set(self.running)
        for future in done:
            self.finish(future)
        if broken:
            self.pool.replace()

    def run(self) -> None:
        try:
            self.fill()
            while self.running:
                self.collect()
                self.fill()
                if self.time_left() < -GRACE_SECONDS:
                    self.pool.stop()
        except KeyboardInterrupt:
            self.pool.stop()
            while self.running:
                self.collect()
            raise
        finally:
            self.pool.close()


def run_search(
    data: DataSet,
    ladder: Sequence[Candidate],
    settings: SearchSettings,
    past: Sequence[PastTrial],
    events: SearchEvents,
) -> None:
    """Run trials until the time or the number of trials is used up.

    Every trial that ends, whatever its outcome, is handed to ``events.on_result`` before anything
    else happens.

    Args:
        data: the data set; the test set is not looked at.
        ladder: candidates from the largest to the smallest.
        settings: the bounds.
        past: what earlier runs found.
        events: who is told.

    Raises:
        KeyboardInterrupt: if interrupted, after the running trials ended as interrupted rows.
    """
    _Search(data, ladder, settings, past, events).run()
