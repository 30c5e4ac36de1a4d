"""The driver: keeps every worker busy with what the strategy proposes until time is up."""

from __future__ import annotations

import dataclasses
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from minbits.interrupts import answer_interrupt, check_interrupt
from minbits.search.strategy import Proposal, Strategy
from minbits.search.tasks import TrialTask
from minbits.search.worker_calls import Runner, run_tasks, train_task
from minbits.types import DataSet, EngineName, Progress, TrialConfig, TrialOutcome, TrialStatus
from minbits.workers.work import NodeLostError, WorkExecutor

POLL_SECONDS = 0.2
# A trial that gets less than this part of what the others took would only waste the time.
FAIR_SHARE = 0.5
# No trial is started with less time left than this, unless trials are known to be shorter.
MIN_SECONDS = 20.0
# Trials plan to end in time; whatever still runs this long after the end is told to stop, and ended
# by the executor if it does not.
GRACE_SECONDS = 20.0
# A trial hangs that takes this many times what the others took, and this long.
HANG_FACTOR = 30.0
# A trial may take so many times what it planned for.
LATE_FACTOR = 2.0
MIN_HANG_SECONDS = 60.0
# Short trials go to a worker in calls of about this length.
BATCH_SECONDS = 0.5
_MAX_IN_A_BATCH = 1000
# Weight of the newest trial in the running mean of their seconds.
_NEWEST_WEIGHT = 0.1


@dataclass(frozen=True)
class SearchSettings:
    """The bounds of one search.

    Attributes:
        seconds: wall-clock time for all trials.
        trials: most trials to run.
        seed: first seed; every trial takes the next one that no trial on this data has used.
        workers: most trials at a time.
        engine: which engine trains.
        runner: runs a trial in a worker; to be importable there.
        clock: seconds that the time is counted in.
        is_enough: whether to end before time is up.
        reserve: gives some seeds, from a first one on, that no other process uses; asked for the
            next ones when those are used up.
    """

    seconds: float
    trials: int
    seed: int
    workers: int
    engine: EngineName = "auto"
    runner: Runner = train_task
    clock: Callable[[], float] = time.monotonic
    is_enough: Callable[[], bool] = lambda: False
    reserve: Callable[[int, int], Sequence[int]] = lambda first, count: range(first, first + count)


@dataclass(frozen=True)
class Finished:
    """A trial that ended.

    Attributes:
        proposal: that it came from.
        asked: the configuration that was to be run; the outcome's is what was done.
        outcome: what came of it.
        row: its number in the ledger, once it is there.
    """

    proposal: Proposal
    asked: TrialConfig
    outcome: TrialOutcome
    row: int | None = None


@dataclass(frozen=True)
class SearchEvents:
    """What a search tells while it works.

    Attributes:
        on_stage: told what is being done, in words.
        on_results: told of trials that ended, before anything else happens.
        on_progress: told of signs of life.
        on_best: told of the best file so far that passes validation, and where it was written.
        on_interrupt: told that the search ends, before it waits for the trials that still run.
    """

    on_stage: Callable[[str], None] = lambda text: None
    on_results: Callable[[Sequence[Finished]], None] = lambda finished: None
    on_progress: Callable[[Progress], None] = lambda progress: None
    on_best: Callable[[TrialOutcome, Path], None] = lambda outcome, path: None
    on_interrupt: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class _Asked:
    proposal: Proposal
    task: TrialTask
    losses: int = 0  # how often it was lost with the machine that ran it
    since: float = 0.0  # when it was submitted


@dataclass
class _Seeds:
    """Seeds that no trial on this data has used, and no other process.

    Never shared, since candidates of one architecture would train the same float network.
    """

    next_seed: int
    used: set[int]
    reserve: Callable[[int, int], Sequence[int]]
    free: deque[int] = field(default_factory=deque)

    def take(self, wanted: int) -> int:
        """Return the next one; ``wanted`` is how many will be asked for now."""
        while not self.free:
            found = self.reserve(self.next_seed, wanted)
            self.next_seed = found[-1] + 1
            self.free.extend(seed for seed in found if seed not in self.used)
            self.used.difference_update(found)
        return self.free.popleft()


class _Search:
    def __init__(
        self,
        data: DataSet,
        strategy: Strategy,
        settings: SearchSettings,
        past: Iterable[TrialOutcome],
        events: SearchEvents,
        executor: Executor,
    ) -> None:
        self.settings = settings
        self.strategy = strategy
        self.events = events
        self.executor = executor
        # An executor of another make has no object that its workers share.
        self.data = None if isinstance(executor, WorkExecutor) else data
        self.deadline = settings.clock() + settings.seconds
        used: set[int] = set()
        for outcome in past:
            used.add(outcome.config.seed)
            strategy.tell(outcome)
        self.seeds = _Seeds(settings.seed, used, settings.reserve)
        self.running: dict[Future[list[TrialOutcome]], tuple[_Asked, ...]] = {}
        self.retry_queue: deque[tuple[_Asked, ...]] = deque()
        self.started = 0
        self.is_interrupted = False
        self.mean_seconds = math.inf  # of the trials of this run, the newest ones counting more
        self.shortest_seconds = math.inf  # of those with all their epochs

    def time_left(self) -> float:
        return self.deadline - self.settings.clock()

    def is_time_for_another(self) -> bool:
        shortest = self.shortest_seconds
        needed = MIN_SECONDS if shortest == math.inf else min(MIN_SECONDS, shortest)
        if shortest < math.inf:
            needed = max(needed, FAIR_SHARE * shortest)
        return self.started == 0 or self.time_left() >= needed

    def slots(self) -> int:
        """Return how many more calls can be submitted; of quick ones some wait at the workers."""
        places = self.settings.workers
        if isinstance(self.executor, WorkExecutor):
            places = min(places, self.executor.capacity)
        each = 2 if self.mean_seconds < BATCH_SECONDS else 1
        return each * places - len(self.running)

    def batch_size(self) -> int:
        fitting = int(BATCH_SECONDS / max(self.mean_seconds, BATCH_SECONDS / _MAX_IN_A_BATCH))
        left = self.settings.trials - self.started
        fair = math.ceil(left / (2 * self.settings.workers))
        return max(1, min(fitting, fair))

    def limit_seconds(self, tasks: Sequence[TrialTask]) -> float:
        """Return after how many seconds a call must hang: it plans for less, or others took less.

        Otherwise one that hangs would keep its worker until the end. But a machine that is slower
        than it was while the trial was planned must not cost the trial, as long as there is time.
        """
        planned = sum(task.seconds for task in tasks)
        late = max(planned, min(LATE_FACTOR * planned, self.time_left()))
        usual = max(MIN_HANG_SECONDS, HANG_FACTOR * self.mean_seconds * len(tasks))
        return min(late, usual) + GRACE_SECONDS

    def config_of(self, proposal: Proposal, seeds_wanted: int) -> TrialConfig:
        candidate, start = proposal.candidate, proposal.start
        return TrialConfig(
            candidate.architecture,
            candidate.recipe,
            self.seeds.take(seeds_wanted),
            self.settings.engine,
            parent=None if start is None else start.sha256,
            move=None if start is None else start.move,
        )

    def next_trial(self, seeds_wanted: int) -> _Asked | None:
        if self.started >= self.settings.trials or not self.is_time_for_another():
            return None
        if self.settings.is_enough():
            return None
        left = self.time_left()
        proposal = self.strategy.propose(left)
        if proposal is None:
            return None
        config = self.config_of(proposal, seeds_wanted)
        start = proposal.start
        seconds = left if proposal.seconds is None else proposal.seconds
        if math.isfinite(seconds):
            seconds = max(0.0, min(left, seconds))
        task = TrialTask(
            config,
            self.started,
            seconds,
            None if start is None else start.content,
            proposal.milestones,
        )
        self.started += 1
        return _Asked(proposal, task)

    def next_batch(self) -> tuple[_Asked, ...]:
        if self.retry_queue:
            left = max(0.0, self.time_left())
            return tuple(_within(asked, left) for asked in self.retry_queue.popleft())
        batch: list[_Asked] = []
        size = self.batch_size()
        while len(batch) < size:
            asked = self.next_trial(size - len(batch))
            if asked is None:
                break
            batch.append(asked)
        return tuple(batch)

    def fill(self) -> None:
        for _ in range(self.slots()):
            now = time.monotonic()
            batch = tuple(dataclasses.replace(asked, since=now) for asked in self.next_batch())
            if not batch:
                return
            tasks = [asked.task for asked in batch]
            arguments = (tasks, self.settings.runner, self.data)
            if isinstance(self.executor, WorkExecutor):
                limit = self.limit_seconds(tasks)
                future = self.executor.submit_within(limit, run_tasks, *arguments)
            else:
                future = self.executor.submit(run_tasks, *arguments)
            self.running[future] = batch

    def pass_on_progress(self) -> None:
        if isinstance(self.executor, WorkExecutor):
            for sign in self.executor.signs():
                self.events.on_progress(sign)

    def results_of(self, future: Future[list[TrialOutcome]]) -> list[Finished]:
        """Return how the trials of a call ended; those to be run again are put aside."""
        batch = self.running.pop(future)
        try:
            results = future.result()
        except CancelledError:
            return [_without_file(asked, "interrupted", None) for asked in batch]
        except NodeLostError as error:
            if all(asked.losses for asked in batch):
                return [_without_file(asked, "failed", str(error)) for asked in batch]
            losses = (dataclasses.replace(asked, losses=asked.losses + 1) for asked in batch)
            self.retry_queue.append(tuple(losses))
            return []
        except Exception as error:  # noqa: BLE001 - whatever a worker died of becomes a failed row
            return self.failed(batch, f"{type(error).__name__}: {error}")
        return [
            _finished(asked, checked(result, asked.task.config))
            for asked, result in zip(batch, results, strict=True)
        ]

    def failed(self, batch: tuple[_Asked, ...], reason: str) -> list[Finished]:
        if self.is_interrupted:  # whoever ends a group of processes ends workers, too
            return [_without_file(asked, "interrupted", None) for asked in batch]
        if len(batch) > 1:
            # One trial must not take others with it: each is run again by itself.
            self.retry_queue.extend((asked,) for asked in batch)
            return []
        return [_without_file(batch[0], "failed", reason)]

    def learn(self, finished: Finished) -> None:
        outcome = finished.outcome
        if outcome.status == "done" and outcome.config.recipe == finished.asked.recipe:
            self.shortest_seconds = min(self.shortest_seconds, outcome.seconds)
        if self.mean_seconds == math.inf:
            self.mean_seconds = outcome.seconds
        self.mean_seconds += _NEWEST_WEIGHT * (outcome.seconds - self.mean_seconds)
        self.strategy.tell(outcome.without_file())

    def collect(self) -> None:
        done, _ = wait(self.running, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
        check_interrupt()
        self.pass_on_progress()
        self.settle([item for future in done for item in self.results_of(future)])

    def settle(self, finished: Sequence[Finished]) -> None:
        if finished:
            self.events.on_results(finished)
        for item in finished:
            self.learn(item)

    def stop(self) -> None:
        given_up = [asked for batch in self.retry_queue for asked in batch]
        self.retry_queue.clear()
        self.settle([_without_file(asked, "interrupted", None) for asked in given_up])
        if isinstance(self.executor, WorkExecutor):
            self.executor.stop()
        for future in self.running:
            future.cancel()

    def run(self) -> None:
        try:
            self.fill()
            while self.running:
                self.collect()
                self.fill()
                if self.time_left() < -GRACE_SECONDS:
                    self.stop()
        except KeyboardInterrupt:
            answer_interrupt()
            self.is_interrupted = True
            self.events.on_interrupt()
            self.stop()
            while self.running:
                self.collect()
            raise
        except BaseException:
            self.stop()  # whoever closes the executor need not wait for trials that nobody records
            raise


def _within(asked: _Asked, seconds_left: float) -> _Asked:
    task = dataclasses.replace(asked.task, seconds=min(asked.task.seconds, seconds_left))
    return dataclasses.replace(asked, task=task)


def _without_file(asked: _Asked, status: TrialStatus, error: str | None) -> Finished:
    seconds = time.monotonic() - asked.since
    return _finished(asked, TrialOutcome(asked.task.config, status, seconds, error=error))


def _finished(asked: _Asked, outcome: TrialOutcome) -> Finished:
    key = asked.proposal.candidate.key
    return Finished(asked.proposal, asked.task.config, outcome.of_candidate(key))


def checked(result: object, config: TrialConfig) -> TrialOutcome:
    """Return what a worker gave back, or a failed result where that makes no sense."""
    reason = _fault(result)
    if reason is None:
        assert isinstance(result, TrialOutcome)
        return result
    return TrialOutcome(config, "failed", 0.0, error=f"the worker returned {reason}")


def _fault(result: object) -> str | None:
    if not isinstance(result, TrialOutcome) or not isinstance(result.config, TrialConfig):
        return f"{type(result).__name__}, not a result"
    if result.status not in get_args(TrialStatus):
        return f"an unknown status {result.status!r:.20}"
    if not (_is_number(result.seconds) and result.seconds >= 0):
        return f"{result.seconds!r:.20} seconds"
    return _file_fault(result)


def _file_fault(result: TrialOutcome) -> str | None:
    """Return what is wrong with a result's file and counts; only what is done must have them."""
    correct, examples = result.validation_correct, result.validation_examples
    trained = (result.training_correct, result.training_examples)
    if result.network_file is not None and not isinstance(result.network_file, bytes):
        return f"a file of type {type(result.network_file).__name__}"
    if result.status == "done" and (correct is None or not result.network_file):
        return "no file, or no examples"
    if not result.network_file and (correct, *trained) != (None, None, None):
        return "counts, and no file"
    for right, of in ((correct, examples), trained):
        if (right, of) != (None, None) and not _are_counts(right, of):
            return f"{right} of {of} correct"
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _are_counts(correct: object, examples: object) -> bool:
    return type(correct) is type(examples) is int and 0 <= correct <= examples != 0


def run_search(
    data: DataSet,
    strategy: Strategy,
    settings: SearchSettings,
    past: Iterable[TrialOutcome],
    events: SearchEvents,
    executor: Executor,
) -> None:
    """Run trials until the time or the number of trials is used up.

    Trials that end, whatever their outcome, are handed to ``events.on_results`` before anything
    else happens.

    Args:
        data: the data set; the test set is not looked at.
        strategy: proposes trials and is told how they, and past ones, ended.
        settings: the bounds.
        past: what earlier runs found.
        events: who is told.
        executor: where trials run; a `WorkExecutor` was given the data set when it was made.

    Raises:
        KeyboardInterrupt: if interrupted, after the running trials ended as interrupted rows.
    """
    _Search(data, strategy, settings, past, events, executor).run()
