"""What the tests let workers do: importable there."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np

from minbits.search.tasks import TrialTask
from minbits.types import DataSet, TrialOutcome
from minbits.workers.work import WorkerContext, worker_context


def double(value: int) -> int:
    return 2 * value


def raise_value_error(text: str) -> None:
    raise ValueError(text)


def sleep(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def sleep_until_asked() -> str:
    worker_context().report("running")
    while not worker_context().should_stop():
        time.sleep(0.01)
    return "stopped"


def die(signal_number: int) -> None:
    os.kill(os.getpid(), signal_number)
    time.sleep(60)


def leave(code: int) -> None:
    os._exit(code)


def exhaust_memory() -> int:
    blocks = []
    while True:
        blocks.append(np.ones(1 << 24))  # written to, 128 MiB each


def shared_facts() -> tuple[float, bool, int]:
    array = worker_context().shared["array"]
    return float(array.sum()), bool(array.flags.writeable), os.getpid()


def private_kibibytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1])
    raise AssertionError("no such line")


def return_lambda() -> Any:
    return lambda: None


def fake_result(task: TrialTask) -> TrialOutcome:
    return TrialOutcome(task.config, "done", 0.001, None, b"file", 9, 10)


def trial_with_trouble(task: TrialTask, data: DataSet, worker: WorkerContext) -> TrialOutcome:
    """Misbehave as the seed says; every other trial is good."""
    seed = task.config.seed
    if seed == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if seed == 2:
        raise FloatingPointError("the loss is nan")
    if seed == 3:
        return TrialOutcome(task.config, "done", float("nan"), None, b"file", 9, 10)
    if seed == 4:
        exhaust_memory()
    if seed == 5:
        time.sleep(600)
    if seed == 6:
        return float("nan")  # type: ignore[return-value]
    return fake_result(task)


def quick_trial(task: TrialTask, data: DataSet, worker: WorkerContext) -> TrialOutcome:
    time.sleep(0.002)
    return TrialOutcome(task.config, "done", 0.002, None, b"file", 9, 10)


def quick_trial_with_trouble(task: TrialTask, data: DataSet, worker: WorkerContext) -> TrialOutcome:
    if task.config.seed == 70:
        os.kill(os.getpid(), signal.SIGKILL)
    return quick_trial(task, data, worker)


def slow_trial(task: TrialTask, data: DataSet, worker: WorkerContext) -> TrialOutcome:
    time.sleep(1.0)
    return fake_result(task)


def sleep_deaf(seconds: float) -> None:
    """Sleep whatever exception comes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            time.sleep(1.0)
        except BaseException:  # noqa: BLE001 - deaf on purpose
            continue


def late_trial(task: TrialTask, data: DataSet, worker: WorkerContext) -> TrialOutcome:
    """One that takes half as long again as it planned for."""
    end = time.monotonic() + 1.5 * task.seconds
    while time.monotonic() < end:
        if worker.should_stop():
            return TrialOutcome(task.config, "interrupted", task.seconds)
        time.sleep(0.01)
    return TrialOutcome(task.config, "done", 1.5 * task.seconds, None, b"file", 9, 10)
