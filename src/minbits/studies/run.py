"""Runs a study: its tasks on an executor, each result handed on before anything else happens."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass

from minbits.interrupts import answer_interrupt, check_interrupt
from minbits.studies.protocol import Measured, Study, StudyTask
from minbits.types import DataSet
from minbits.workers.work import NodeLostError, worker_context

_PATIENCE_SECONDS = 0.5
_MAX_LOSSES = 3


@dataclass(frozen=True)
class StudyProgress:
    """How far a study is.

    Attributes:
        done: networks measured, those of earlier runs included.
        total: networks in all.
        seconds_left: estimated; None before anything is known.
    """

    done: int
    total: int
    seconds_left: float | None


def measure_task(study: Study, task: StudyTask) -> list[Measured]:
    """Measure one task, in a worker that shares the data set."""
    context = worker_context()
    data: DataSet = context.shared
    return list(study.measure(task, data, context))


@dataclass
class _Clock:
    """Tells the time left from the costs that were worked off."""

    total: int
    done: int
    left: float
    worked: float = 0.0
    start: float = dataclasses.field(default_factory=time.monotonic)

    def after(self, task: StudyTask) -> StudyProgress:
        cost = task.cost * len(task.seeds)
        self.done += len(task.seeds)
        self.worked += cost
        self.left -= cost
        seconds = (time.monotonic() - self.start) * max(self.left, 0.0) / self.worked
        return StudyProgress(self.done, self.total, seconds)


def run_study(
    study: Study,
    tasks: Sequence[StudyTask],
    known: int,
    executor: Executor,
    remember: Callable[[Sequence[Measured]], None],
    on_progress: Callable[[StudyProgress], None] = lambda progress: None,
) -> bool:
    """Measure tasks, and return whether it was interrupted.

    A task of several seeds that fails is split into single ones; a single one that fails is a
    result that says why.

    Args:
        study: the kind of study.
        tasks: what is still to be measured, in order.
        known: networks that earlier runs measured.
        executor: shares the data set.
        remember: called with the results of a task, in the order in which tasks end.
        on_progress: told after every task.
    """
    total = known + sum(len(task.seeds) for task in tasks)
    clock = _Clock(total, known, sum(task.cost * len(task.seeds) for task in tasks))
    running: dict[Future[list[Measured]], tuple[StudyTask, int]] = {}

    def submit(some: Iterable[StudyTask], losses: int = 0) -> None:
        for task in some:
            running[executor.submit(measure_task, study, task)] = (task, losses)

    try:
        submit(tasks)
        while running:
            check_interrupt()
            ended = wait(running, timeout=_PATIENCE_SECONDS, return_when=FIRST_COMPLETED).done
            for future in ended:
                task, losses = running.pop(future)
                error = future.exception()
                if error is None:
                    remember(future.result())
                elif isinstance(error, NodeLostError) and losses < _MAX_LOSSES:
                    submit([task], losses + 1)
                    continue
                elif len(task.seeds) > 1:
                    submit(dataclasses.replace(task, seeds=(seed,)) for seed in task.seeds)
                    continue
                else:
                    reason = {"failed": f"{type(error).__name__}: {error}"}
                    remember([Measured(task.settings, task.seeds[0], reason, 0.0)])
                on_progress(clock.after(task))
    except KeyboardInterrupt:
        answer_interrupt()  # by an account of what is known
        return True
    return False
