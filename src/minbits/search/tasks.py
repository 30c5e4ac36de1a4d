"""What is sent to a worker: trials, many in one call where they are short."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from minbits.records import DataSet, Progress, TrialConfig, TrialResult
from minbits.search.executors.work import worker_context


@dataclass(frozen=True)
class Milestone:
    """A part of the first phase's epochs, and the validation accuracy that must be reached there.

    Attributes:
        part: in (0, 1).
        least_accuracy: with less the trial is stopped.
    """

    part: float
    least_accuracy: float


@dataclass(frozen=True)
class TrialTask:
    """One trial to run.

    Attributes:
        config: architecture, recipe and seed; the recipe's epochs are the most that are spent.
        number: under which its progress is reported.
        seconds: time to plan for, on the clock of the hooks.
        parent_file: content of the file that training starts from; None: random weights.
        milestones: where the first phase is stopped for lack of promise.
    """

    config: TrialConfig
    number: int
    seconds: float = math.inf
    parent_file: bytes | None = field(default=None, repr=False)
    milestones: tuple[Milestone, ...] = ()


@dataclass(frozen=True)
class TrialHooks:
    """How a running trial talks to whoever started it.

    Attributes:
        report: takes signs of life.
        should_stop: asked after every step.
        clock: seconds that its time is counted in: of the wall, or of the processor.
    """

    report: Callable[[Progress], None] = lambda progress: None
    should_stop: Callable[[], bool] = lambda: False
    clock: Callable[[], float] = time.perf_counter


# Runs one trial; a trial that fails is a result too.
Runner = Callable[[TrialTask, DataSet, TrialHooks], TrialResult]


def train_task(task: TrialTask, data: DataSet, hooks: TrialHooks) -> TrialResult:
    """Train, quantise, write, decode and validate one network; see `run_task`."""
    # In the worker alone: compiled code takes a second to load, which the parent does not need.
    from minbits.search.trial import run_task

    return run_task(task, data, hooks)


def compile_once() -> None:
    """Compile what trials run through, or load it from the cache that a compilation leaves."""
    # See `train_task`.
    from minbits.search.warm_up import warm_up

    warm_up()


def run_tasks(
    tasks: Sequence[TrialTask], runner: Runner, data: DataSet | None = None
) -> list[TrialResult]:
    """Run trials one after the other, in a worker.

    Args:
        tasks: the trials.
        runner: runs each.
        data: the data set; None takes the one that the executor shares.
    """
    context = worker_context()
    found: DataSet = context.shared if data is None else data
    hooks = TrialHooks(context.report, context.should_stop, context.clock)
    results: list[TrialResult] = []
    for task in tasks:
        if results and results[-1].status == "interrupted":
            results.append(TrialResult(task.config, "interrupted", 0.0))  # not even started
        else:
            results.append(runner(task, found, hooks))
    return results
