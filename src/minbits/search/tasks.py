"""What is sent to a worker: trials, many in one call where they are short."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from minbits.records import DataSet, Progress, TrialConfig, TrialResult
from minbits.search.executors.work import worker_context


@dataclass(frozen=True)
class TrialTask:
    """One trial to run.

    Attributes:
        config: architecture, recipe and seed; the recipe's epochs are the most that are spent.
        number: under which its progress is reported.
        seconds: wall-clock time to plan for.
    """

    config: TrialConfig
    number: int
    seconds: float = math.inf


@dataclass(frozen=True)
class TrialHooks:
    """How a running trial talks to whoever started it."""

    report: Callable[[Progress], None] = lambda progress: None
    should_stop: Callable[[], bool] = lambda: False


# Runs one trial; a trial that fails is a result too.
Runner = Callable[[TrialTask, DataSet, TrialHooks], TrialResult]


def train_task(task: TrialTask, data: DataSet, hooks: TrialHooks) -> TrialResult:
    """Train, quantise, write, decode and validate one network; see `run_trial`."""
    # In the worker alone: compiled code takes a second to load, which the parent does not need.
    from minbits.search.trial import run_trial

    return run_trial(task.config, data, task.number, hooks, task.seconds)


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
    hooks = TrialHooks(context.report, context.should_stop)
    results: list[TrialResult] = []
    for task in tasks:
        if results and results[-1].status == "interrupted":
            results.append(TrialResult(task.config, "interrupted", 0.0))  # not even started
        else:
            results.append(runner(task, found, hooks))
    return results
