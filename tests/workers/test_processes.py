from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor, wait
from pathlib import Path

import numpy as np
import pytest

from minbits.workers import processes
from minbits.workers.processes import ProcessExecutor
from minbits.workers.work import TimeLimitError, WorkerDiedError
from tests.workers import calls


@pytest.fixture(scope="module")
def executor() -> Iterator[ProcessExecutor]:
    shared = {"array": np.arange(4_000_000, dtype=np.float64), "empty": np.zeros(0)}
    found = ProcessExecutor(2, shared, memory_bytes=1 << 30)
    yield found
    found.shutdown()


def test_it_is_an_executor(executor: ProcessExecutor) -> None:
    assert isinstance(executor, Executor)
    assert list(executor.map(calls.double, range(50))) == [2 * i for i in range(50)]


def test_errors_come_back(executor: ProcessExecutor) -> None:
    with pytest.raises(ValueError, match="as asked"):
        executor.submit(calls.raise_value_error, "as asked").result(60)
    with pytest.raises(Exception, match="pickle"):
        executor.submit(calls.return_lambda).result(60)
    with pytest.raises(Exception, match="pickle"):
        executor.submit(lambda: None)


def test_the_shared_object_is_mapped_and_not_copied(executor: ProcessExecutor) -> None:
    before = executor.submit(calls.private_kibibytes).result(60)
    found = [executor.submit(calls.shared_facts).result(60) for _ in range(4)]
    assert {total for total, _, _ in found} == {float(np.arange(4_000_000).sum())}
    assert not any(writable for _, writable, _ in found)
    assert executor.submit(calls.private_kibibytes).result(60) - before < 16_000  # of 31,250


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_dead_worker_fails_its_call_alone(
    executor: ProcessExecutor, signal_number: signal.Signals
) -> None:
    good = [executor.submit(calls.sleep, 0.05) for _ in range(10)]
    bad = executor.submit(calls.die, signal_number)
    more = [executor.submit(calls.sleep, 0.05) for _ in range(10)]
    with pytest.raises(WorkerDiedError, match=signal_number.name):
        bad.result(60)
    assert all(future.result(60) for future in good + more)


def test_an_exit_is_told(executor: ProcessExecutor) -> None:
    with pytest.raises(WorkerDiedError, match="exit code 7"):
        executor.submit(calls.leave, 7).result(60)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
def test_a_worker_that_exhausts_its_memory_fails_alone(executor: ProcessExecutor) -> None:
    good = executor.submit(calls.sleep, 0.5)
    with pytest.raises((MemoryError, WorkerDiedError)):
        executor.submit(calls.exhaust_memory).result(60)
    assert good.result(60)


def test_a_call_past_its_limit_is_asked_and_then_ended(
    executor: ProcessExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "STOPPING_SECONDS", 0.5)
    polite = executor.submit_within(0.2, calls.sleep_until_asked)
    assert polite.result(60) == "stopped"
    start = time.monotonic()
    deaf = executor.submit_within(0.2, calls.sleep, 600.0)
    good = executor.submit(calls.double, 4)
    with pytest.raises(TimeLimitError, match="its process was ended"):
        deaf.result(60)
    assert time.monotonic() - start < 30
    assert good.result(60) == 8
    assert executor.submit(calls.double, 5).result(60) == 10


def test_signs_of_life_come_through(executor: ProcessExecutor) -> None:
    executor.signs()
    executor.submit_within(0.3, calls.sleep_until_asked).result(60)
    assert executor.signs() == ["running"]


def test_stopping_ends_what_runs_and_cancels_what_waits() -> None:
    with ProcessExecutor(1) as executor:
        running = executor.submit(calls.sleep_until_asked)
        waiting = [executor.submit(calls.sleep_until_asked) for _ in range(3)]
        while not executor.signs():
            time.sleep(0.02)
        executor.stop()
        assert running.result(60) == "stopped"
        assert all(future.cancelled() for future in waiting)


def test_quick_calls_that_wait_at_a_dead_worker_are_run_elsewhere() -> None:
    with ProcessExecutor(1) as executor:
        first = [executor.submit(calls.double, i) for i in range(20)]
        wait(first)
        bad = executor.submit(calls.leave, 3)
        behind = [executor.submit(calls.double, i) for i in range(20)]
        assert isinstance(bad.exception(60), WorkerDiedError)
        assert [future.result(60) for future in behind] == [2 * i for i in range(20)]


def test_a_closed_executor_takes_nothing() -> None:
    executor = ProcessExecutor(1)
    future = executor.submit(calls.sleep, 30.0)
    waiting = executor.submit(calls.sleep, 30.0)
    executor.stop()
    executor.shutdown(cancel_futures=True)
    with pytest.raises(RuntimeError, match="shut down"):
        executor.submit(calls.double, 1)
    assert waiting.cancelled() or isinstance(waiting.exception(0), CancelledError)
    assert future.done()


def test_workers_that_never_start_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "serve", calls.leave)
    with ProcessExecutor(2) as executor:
        futures = [executor.submit(calls.double, i) for i in range(3)]
        for future in futures:
            with pytest.raises(WorkerDiedError, match="do not start"):
                future.result(60)


def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from minbits.workers.processes import ProcessExecutor\n"
        "from tests.workers import calls\n"
        "if __name__ == '__main__':\n"
        "    executor = ProcessExecutor(2)\n"
        "    pids = {executor.submit(calls.sleep, 0.2).result() for _ in range(2)}\n"
        "    running = [executor.submit(calls.sleep, 600.0) for _ in range(2)]\n"
        "    print(*pids, flush=True)\n"
        "    time.sleep(600)\n"
    )
    script = tmp_path / "parent.py"
    script.write_text(code)
    root = Path(__file__).parent.parent.parent
    paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        workers = process.stdout.readline().split()
        process.kill()
    assert workers
    patience = time.monotonic() + 30
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < patience
        time.sleep(0.1)
