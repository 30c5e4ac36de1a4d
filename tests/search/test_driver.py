from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

from minbits.records import DataSet, Progress, TrainingRecipe, TrialResult
from minbits.search.driver import (
    PastTrial,
    SearchEvents,
    SearchSettings,
    reaches,
    run_search,
)
from minbits.search.space import Candidate

TEXT = "conv 4 k3 p1 relu; maxpool 2; conv 4 k3 relu; avgpool all; linear 2"
FAST = TrainingRecipe(float_epochs=3, quantized_epochs=3, batch_size=64, augmentation=0.2)
SLOW = TrainingRecipe(float_epochs=100_000, quantized_epochs=5, batch_size=64)


def candidates(recipe: TrainingRecipe) -> list[Candidate]:
    return [Candidate(f"rung {index}", TEXT, recipe) for index in range(3)]


def settings(trials: int, seconds: float = 120.0, workers: int = 2) -> SearchSettings:
    return SearchSettings(
        accuracy=0.5, seconds=seconds, trials=trials, seed=0, workers=workers, start=1
    )


def search(
    data: DataSet,
    recipe: TrainingRecipe,
    bounds: SearchSettings,
    past: list[PastTrial] | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> list[tuple[str, TrialResult]]:
    found: list[tuple[str, TrialResult]] = []
    events = SearchEvents(
        lambda candidate, result: found.append((candidate.key, result)), on_progress
    )
    run_search(data, candidates(recipe), bounds, past or [], events)
    return found


def test_trials_run_in_workers_and_report(tiny: DataSet) -> None:
    signs: list[Progress] = []
    found = search(tiny, FAST, settings(3), on_progress=signs.append)
    assert [result.status for _, result in found] == ["done"] * 3
    assert {sign.stage for sign in signs} == {"compiling", "planning", "training", "quantising"}
    assert {result.config.seed for _, result in found} == {0, 1, 2}


def test_past_trials_move_the_start_and_use_up_seeds(tiny: DataSet) -> None:
    past = [PastTrial("rung 2", 0, True, 1.0, 3), PastTrial("forgotten", 0, True, 1.0, 3)]
    found = search(tiny, FAST, settings(1), past)
    assert [(key, result.config.seed) for key, result in found] == [("rung 2", 1)]


def test_a_dead_worker_is_a_failed_row_and_the_search_goes_on(tiny: DataSet) -> None:
    killed: list[int] = []

    def kill_first(progress: Progress) -> None:
        if not killed and progress.stage == "training":
            victim = multiprocessing.active_children()[0]
            assert victim.pid is not None
            os.kill(victim.pid, signal.SIGKILL)
            killed.append(victim.pid)

    recipe = TrainingRecipe(float_epochs=200, quantized_epochs=3, batch_size=64)
    found = search(tiny, recipe, settings(2, workers=1), on_progress=kill_first)
    assert [result.status for _, result in found] == ["failed", "done"]
    assert "worker process died" in str(found[0][1].error)


def test_an_interrupt_ends_running_trials_as_rows(tiny: DataSet) -> None:
    found: list[TrialResult] = []
    events = SearchEvents(lambda candidate, result: found.append(result), _interrupt_soon())
    with pytest.raises(KeyboardInterrupt):
        run_search(tiny, candidates(SLOW), settings(4, seconds=600), [], events)
    assert {result.status for result in found} == {"interrupted"}
    assert not multiprocessing.active_children()


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
