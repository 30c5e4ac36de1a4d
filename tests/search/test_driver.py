from __future__ import annotations

import dataclasses
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest

from minbits.evaluation.accuracy import reaches
from minbits.evaluation.goal import Goal
from minbits.search import driver
from minbits.search.driver import Finished, SearchEvents, SearchSettings, run_search
from minbits.search.ladder_strategy import LadderStrategy
from minbits.search.space import Candidate
from minbits.search.strategy import Proposal
from minbits.search.tasks import TrialTask
from minbits.search.worker_calls import Runner, train_task
from minbits.types import DataSet, Progress, TrainingRecipe, TrialConfig, TrialOutcome
from minbits.workers import processes
from minbits.workers.inline import InlineExecutor
from minbits.workers.processes import ProcessExecutor
from minbits.workers.work import NodeLostError
from tests.workers import calls

TEXT = "conv 4 k3 p1 relu; maxpool 2; conv 4 k3 relu; avgpool all; linear 2"
FAST = TrainingRecipe(float_epochs=3, quantized_epochs=3, batch_size=64, augmentation=0.2)
SLOW = TrainingRecipe(float_epochs=100_000, quantized_epochs=5, batch_size=64)


def strategy(recipe: TrainingRecipe, seconds: float = 120.0) -> LadderStrategy:
    ladder = [Candidate(f"rung {index}", TEXT, recipe) for index in range(3)]
    return LadderStrategy(ladder, 1, Goal(0.5, 40), seconds)


def settings(
    trials: int,
    seconds: float = 120.0,
    workers: int = 2,
    runner: Runner = train_task,
    reserve: Callable[[int, int], Sequence[int]] = lambda first, count: range(first, first + count),
) -> SearchSettings:
    return SearchSettings(seconds, trials, seed=0, workers=workers, runner=runner, reserve=reserve)


def search(
    data: DataSet,
    recipe: TrainingRecipe,
    bounds: SearchSettings,
    past: Sequence[TrialOutcome] = (),
    on_progress: Callable[[Progress], None] = lambda progress: None,
    executor: Executor | None = None,
) -> list[tuple[str, TrialOutcome]]:
    found: list[Finished] = []
    events = SearchEvents(on_results=found.extend, on_progress=on_progress)
    pool = executor or ProcessExecutor(bounds.workers, data, memory_bytes=3 << 28)
    try:
        run_search(data, strategy(recipe, bounds.seconds), bounds, past, events, pool)
    finally:
        if executor is None:
            pool.shutdown(cancel_futures=True)
    return [(item.proposal.candidate.key, item.outcome) for item in found]


def test_trials_run_in_workers_and_report(tiny: DataSet) -> None:
    signs: list[Progress] = []
    found = search(tiny, FAST, settings(3), on_progress=signs.append)
    assert [result.status for _, result in found] == ["done"] * 3
    assert signs
    assert {sign.stage for sign in signs} <= {"compiling", "planning", "training", "quantising"}
    assert {result.config.seed for _, result in found} == {0, 1, 2}


def past_trial(candidate: str, seed: int) -> TrialOutcome:
    return TrialOutcome(
        TrialConfig(TEXT, FAST, seed), "done", 1.0, validation_correct=9, validation_examples=10,
        candidate=candidate, size_bits=80, sha256="0" * 64, is_past=True,
    )  # fmt: skip


def test_past_trials_move_the_start_and_use_up_seeds(tiny: DataSet) -> None:
    past = [past_trial("rung 2", 0), past_trial("forgotten", 0)]
    found = search(tiny, FAST, settings(1), past)
    assert [(key, result.config.seed) for key, result in found] == [("rung 2", 1)]


def test_a_dead_worker_is_a_failed_row_and_the_search_goes_on(tiny: DataSet) -> None:
    killed: list[int] = []

    def kill_first(progress: Progress) -> None:
        if not killed and progress.stage == "training":
            killed.append(pool.pids[0])
            os.kill(killed[0], signal.SIGKILL)

    recipe = TrainingRecipe(float_epochs=3000, quantized_epochs=3, batch_size=64)
    with ProcessExecutor(1, tiny) as pool:
        bounds = settings(2, workers=1)
        found = search(tiny, recipe, bounds, on_progress=kill_first, executor=pool)
    assert [result.status for _, result in found] == ["failed", "done"]
    assert "worker process died" in str(found[0][1].error)


def test_every_kind_of_trouble_fails_one_trial(
    tiny: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "GRACE_SECONDS", 0.5)
    monkeypatch.setattr(driver, "MIN_SECONDS", 0.0)
    monkeypatch.setattr(driver, "MIN_HANG_SECONDS", 3.0)
    monkeypatch.setattr(processes, "STOPPING_SECONDS", 0.5)
    found = search(tiny, FAST, settings(12, runner=calls.trial_with_trouble))
    status = {result.config.seed: result for _, result in found}
    assert len(found) == len(status) == 12
    errors = {seed: str(result.error) for seed, result in status.items() if result.error}
    assert "SIGKILL" in errors.pop(1)
    assert "the loss is nan" in errors.pop(2)
    assert "returned nan seconds" in errors.pop(3)
    assert "MemoryError" in errors.pop(4)
    assert "no end after" in errors.pop(5)
    assert "returned float, not a result" in errors.pop(6)
    assert not errors
    assert Counter(result.status for _, result in found) == {"failed": 6, "done": 6}


class _Planned(LadderStrategy):
    """Gives its trials four seconds."""

    def propose(self, seconds_left: float) -> Proposal | None:
        proposal = super().propose(seconds_left)
        return None if proposal is None else dataclasses.replace(proposal, seconds=4.0)


@pytest.mark.parametrize(("seconds", "status"), [(60.0, "done"), (4.5, "interrupted")])
def test_a_late_trial_goes_on_while_the_search_has_time(
    tiny: DataSet, monkeypatch: pytest.MonkeyPatch, seconds: float, status: str
) -> None:
    monkeypatch.setattr(driver, "GRACE_SECONDS", 0.2)
    found: list[Finished] = []
    planned = _Planned([Candidate("one", TEXT, FAST)], 0, Goal(0.5, 40), seconds)
    bounds = settings(1, seconds, runner=calls.late_trial)
    with ProcessExecutor(1, tiny) as executor:
        run_search(tiny, planned, bounds, [], SearchEvents(on_results=found.extend), executor)
    assert [item.outcome.status for item in found] == [status]


def test_short_trials_share_calls_and_a_death_costs_one(tiny: DataSet) -> None:
    sizes: list[int] = []
    found: list[Finished] = []

    def note(finished: Sequence[Finished]) -> None:
        sizes.append(len(finished))
        found.extend(finished)

    bounds = settings(600, runner=calls.quick_trial_with_trouble)
    with ProcessExecutor(2, tiny) as executor:
        run_search(tiny, strategy(FAST), bounds, [], SearchEvents(on_results=note), executor)
    assert len(found) == 600
    assert max(sizes) > 50
    failed = [item.outcome for item in found if item.outcome.status != "done"]
    assert [result.config.seed for result in failed] == [70]
    assert len({item.outcome.config.seed for item in found}) == 600


def test_any_executor_will_do(tiny: DataSet) -> None:
    with ThreadPoolExecutor(2) as pool:
        found = search(tiny, FAST, settings(2), executor=pool)
    assert [result.status for _, result in found] == ["done", "done"]


def test_trials_lost_with_their_node_are_run_once_more(tiny: DataSet) -> None:
    class Unlucky(ThreadPoolExecutor):
        lost = 0

        def submit(self, fn, /, tasks: list[TrialTask], *rest):  # type: ignore[no-untyped-def,override]
            if any(task.config.seed == 0 for task in tasks) or self.lost == 1:
                self.lost += 1
                return super().submit(_lose_node)
            return super().submit(fn, tasks, *rest)

    with Unlucky(1) as pool:
        found = search(tiny, FAST, settings(3, workers=1, runner=calls.quick_trial), executor=pool)
    # Seed 0 is lost twice and fails; seed 1, if any, comes after.
    status = {result.config.seed: result.status for _, result in found}
    assert status == {0: "failed", 1: "done", 2: "done"}
    assert pool.lost == 2


def _lose_node() -> None:
    raise NodeLostError("the node that ran it was lost")


def test_an_interrupt_ends_running_trials_as_rows(tiny: DataSet) -> None:
    found: list[Finished] = []
    events = SearchEvents(on_results=found.extend, on_progress=_interrupt_soon())
    executor = ProcessExecutor(2, tiny)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_search(tiny, strategy(SLOW), settings(4, seconds=600), [], events, executor)
    finally:
        executor.shutdown()
    assert len(found) == 2
    assert {item.outcome.status for item in found} == {"interrupted"}
    assert not executor.pids


def _interrupt_soon() -> Callable[[Progress], None]:
    sent = threading.Event()

    def interrupt(progress: Progress) -> None:
        if progress.stage == "training" and not sent.is_set():
            sent.set()
            signal.raise_signal(signal.SIGINT)

    return interrupt


def test_the_environment_is_left_as_it_was(tiny: DataSet) -> None:
    before = dict(os.environ)
    search(tiny, FAST, settings(1))
    assert dict(os.environ) == before


def test_time_is_kept(tiny: DataSet) -> None:
    start = time.monotonic()
    found = search(tiny, SLOW, settings(8, seconds=15.0))
    assert time.monotonic() - start < 60
    assert all(result.status == "done" for _, result in found)
    assert found[0][1].config.recipe.float_epochs < SLOW.float_epochs


def test_reaching_a_target_is_counted_exactly() -> None:
    assert reaches(9900, 10_000, 0.99)
    assert not reaches(9899, 10_000, 0.99)
    assert reaches(5, 5, 1.0)


def test_seeds_are_those_that_were_reserved_in_order(tiny: DataSet) -> None:
    found: list[Finished] = []
    asked: list[tuple[int, int]] = []

    def reserve(first: int, count: int) -> list[int]:
        """As a ledger does where another process has 1, 2, 5 and all from 7 to 20."""
        asked.append((first, count))
        free = (seed for seed in range(first, 100) if seed not in {1, 2, 5, *range(7, 21)})
        return [next(free) for _ in range(count)]

    past = [TrialOutcome(TrialConfig(TEXT, FAST, 4), "failed", 1.0, candidate="own", is_past=True)]
    bounds = settings(6, workers=1, runner=calls.quick_trial, reserve=reserve)
    events = SearchEvents(on_results=found.extend)
    run_search(tiny, strategy(FAST), bounds, past, events, InlineExecutor(tiny))
    assert sorted(item.asked.seed for item in found) == [0, 3, 6, 21, 22, 23]
    firsts = [first for first, _ in asked]
    assert firsts == sorted(set(firsts))
    # No more than will be run, but for the one that the past had.
    assert sum(count for _, count in asked) <= 7


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "splendid"}, "an unknown status"),
        ({"seconds": float("nan")}, "nan seconds"),
        ({"seconds": "1"}, "'1' seconds"),
        ({"network_file": None}, "no file"),
        ({"network_file": "text"}, "a file of type str"),
        ({"validation_correct": 11}, "11 of 10 correct"),
        ({"validation_correct": True}, "True of 10 correct"),
        ({"validation_correct": None, "validation_examples": None}, "no examples"),
        ({"validation_correct": 0, "validation_examples": 0}, "0 of 0 correct"),
        ({"training_correct": -1}, "-1 of 20 correct"),
        ({"training_examples": None}, "19 of None correct"),
        ({"status": "failed", "network_file": None}, "counts, and no file"),
        ({"config": None}, "not a result"),
    ],
)
def test_what_a_worker_cannot_have_meant_is_a_failed_trial(
    changes: dict[str, object], reason: str
) -> None:
    config = TrialConfig(TEXT, FAST, 0)
    good = TrialOutcome(
        config, "done", 1.0, network_file=b"file", validation_correct=9, validation_examples=10,
        training_correct=19, training_examples=20,
    )  # fmt: skip
    assert driver.checked(good, config) is good
    found = driver.checked(dataclasses.replace(good, **changes), config)  # type: ignore[arg-type]
    assert found.status == "failed"
    assert reason in (found.error or "")
    assert found.network_file is None
