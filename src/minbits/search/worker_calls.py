"""What workers are called with: trials, many in one call where they are short."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from minbits.search.tasks import TrialTask
from minbits.types import DataSet, TrialOutcome
from minbits.workers.work import WorkerContext, worker_context

# Runs one trial; a trial that fails is a result too.
Runner = Callable[[TrialTask, DataSet, WorkerContext], TrialOutcome]


def train_task(task: TrialTask, data: DataSet, worker: WorkerContext) -> TrialOutcome:
    """Train, quantise, write, decode and validate one network; see `run_task`."""
    # In the worker alone: compiled code takes a second to load, which the parent does not need.
    from minbits.search.trial import run_task

    return run_task(task, data, worker)


def compile_once() -> None:
    """Compile what trials run through, or load it from the cache that a compilation leaves."""
    # See `train_task`.
    from minbits.search.precompile import precompile

    precompile()


def run_tasks(
    tasks: Sequence[TrialTask], runner: Runner, data: DataSet | None = None
) -> list[TrialOutcome]:
    """Run trials one after the other, in a worker.

    Args:
        tasks: the trials.
        runner: runs each.
        data: the data set; None takes the one that the executor shares.
    """
    context = worker_context()
    found: DataSet = context.shared if data is None else data
    results: list[TrialOutcome] = []
    for task in tasks:
        if results and results[-1].status == "interrupted":
            results.append(TrialOutcome(task.config, "interrupted", 0.0))  # not even started
        else:
            results.append(runner(task, found, context))
    return results
