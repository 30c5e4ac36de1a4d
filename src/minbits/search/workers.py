"""Trials in worker processes of one thread each."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import queue
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event

from minbits.records import DataSet, Progress, TrialConfig, TrialResult

# One thread a worker, of PyTorch too where a trial needs it: tiny layers do not repay threads, and
# PyTorch reads the variables when it is first imported. And blocks of a few MiB are kept by the
# allocator instead of going back to the kernel and being zeroed page by page at every layer, which
# costs glibc's default settings a third of the training time.
WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 31),
    "MALLOC_TOP_PAD_": str(1 << 26),
}


@dataclass(frozen=True)
class _Worker:
    """What a worker process was given when it started."""

    data: DataSet
    progress: Queue[Progress]
    stop: Event


_worker: _Worker | None = None


def _end_with_parent() -> None:
    """Wait until the parent is gone, killed perhaps, and end: nobody would take the result.

    The queues do not tell, since every worker holds both ends of them.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)


def _start_worker(data: DataSet, progress: Queue[Progress], stop: Event) -> None:
    global _worker  # noqa: PLW0603 - a process pool has no other place for its initialiser's state
    # The parent decides what an interrupt from the keyboard means, and says so by the event.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker = _Worker(data, progress, stop)


def _work(config: TrialConfig, trial: int, seconds: float) -> TrialResult:
    # In the worker alone: compiled code takes a second to load, which the parent does not need.
    from minbits.search.trial import TrialHooks, run_trial

    assert _worker is not None
    hooks = TrialHooks(report=_worker.progress.put, should_stop=_worker.stop.is_set)
    return run_trial(config, _worker.data, trial, hooks, seconds)


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """Set variables for processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class WorkerPool:
    """A pool of fresh processes, each holding the data set, that run trials."""

    def __init__(self, data: DataSet, workers: int) -> None:
        self.workers = workers
        self._data = data
        self._context = multiprocessing.get_context("spawn")
        self._progress: Queue[Progress] = self._context.Queue()
        self._stop = self._context.Event()
        self._executor = self._new_executor()

    def _new_executor(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self.workers,
            mp_context=self._context,
            initializer=_start_worker,
            initargs=(self._data, self._progress, self._stop),
        )

    def submit(self, config: TrialConfig, trial: int, seconds: float) -> Future[TrialResult]:
        """Start a trial that should end within ``seconds``."""
        # A worker is started by the submission that needs it and inherits the environment then.
        with environment(WORKER_ENVIRONMENT):
            return self._executor.submit(_work, config, trial, seconds)

    def replace(self) -> None:
        """Start over with new processes after one of them died."""
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._executor = self._new_executor()

    def drain_progress(self) -> list[Progress]:
        """Return the signs of life that have come since the last call."""
        found: list[Progress] = []
        while True:
            try:
                found.append(self._progress.get_nowait())
            except queue.Empty:
                return found

    def stop(self) -> None:
        """Ask every running trial to stop after its current step."""
        self._stop.set()

    def close(self) -> None:
        """End the processes; running trials are asked to stop first."""
        self.stop()
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._progress.close()
        self._progress.join_thread()


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
