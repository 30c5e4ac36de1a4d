from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from typing import Any

import pytest

from minbits.studies.protocol import Measured, Study, StudyTask
from minbits.studies.run import StudyProgress, run_study
from minbits.types import DataSet
from minbits.workers.inline import InlineExecutor
from minbits.workers.work import NodeLostError, WorkerContext


def measure(task: StudyTask, data: DataSet, context: WorkerContext) -> Sequence[Measured]:
    """Return the seeds' squares; odd tasks fail by their largest seed."""
    if 13 in task.seeds:
        raise FloatingPointError("thirteen")
    return [Measured(task.settings, seed, {"square": seed * seed}, 0.5) for seed in task.seeds]


SQUARES = Study("squares", measure, "no paper")


def run(tasks: list[StudyTask], executor: Executor) -> tuple[dict[int, Any], list[StudyProgress]]:
    found: dict[int, Any] = {}
    told: list[StudyProgress] = []

    def remember(results: Sequence[Measured]) -> None:
        found.update({item.seed: item.result for item in results})

    assert not run_study(SQUARES, tasks, 7, executor, remember, told.append)
    return found, told


def test_results_come_and_time_left_falls_to_nothing() -> None:
    tasks = [StudyTask({"n": 1}, (1, 2)), StudyTask({"n": 1}, (3,), cost=4.0)]
    found, told = run(tasks, InlineExecutor())
    assert found == {1: {"square": 1}, 2: {"square": 4}, 3: {"square": 9}}
    assert [item.total for item in told] == [10, 10]
    assert told[-1].done == 10
    assert told[-1].seconds_left == 0


def test_of_a_task_that_fails_only_what_fails_alone_is_lost() -> None:
    found, told = run([StudyTask({}, (12, 13, 14))], InlineExecutor())
    assert found == {
        12: {"square": 144},
        13: {"failed": "FloatingPointError: thirteen"},
        14: {"square": 196},
    }
    assert told[-1].done == told[-1].total == 10


class _Unsteady(InlineExecutor):
    """Loses every task once, with the machine that ran it."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: set[tuple[int, ...]] = set()

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        seeds = args[1].seeds
        if seeds in self.lost:
            return super().submit(fn, *args, **kwargs)
        self.lost.add(seeds)
        future: Future[Any] = Future()
        future.set_exception(NodeLostError("gone"))
        return future


def test_a_task_that_was_lost_with_its_machine_runs_again() -> None:
    found, _ = run([StudyTask({}, (1, 2))], _Unsteady())
    assert found == {1: {"square": 1}, 2: {"square": 4}}


def test_an_interrupt_ends_a_study_and_keeps_what_was_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept: list[int] = []

    def remember(results: Sequence[Measured]) -> None:
        kept.extend(item.seed for item in results)
        raise KeyboardInterrupt

    tasks = [StudyTask({}, (1,)), StudyTask({}, (2,))]
    assert run_study(SQUARES, tasks, 0, InlineExecutor(), remember)
    assert len(kept) == 1
