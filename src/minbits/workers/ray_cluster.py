"""Calls on a Ray cluster: the shared object goes once into its object store.

A call is never retried by Ray. One that is lost with its node gets `NodeLostError`, and whoever
submitted it decides; one whose process died gets `WorkerDiedError`.
"""

from __future__ import annotations

import ctypes
import itertools
import math
import os
import queue
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from typing import Any, TypeVar

from minbits.child_processes import safe_environment
from minbits.errors import ArgumentError
from minbits.workers.environment import limit_memory, volunteer_for_out_of_memory
from minbits.workers.work import (
    NodeLostError,
    TimeLimitError,
    WorkerContext,
    WorkerDiedError,
    WorkExecutor,
    running_in,
)

T = TypeVar("T")

# How long a call that was asked to stop may take to do so.
STOPPING_SECONDS = 15.0
_POLL_SECONDS = 0.1
_SIGN_SECONDS = 0.5
_CAPACITY_SECONDS = 2.0
_CONNECTION_SECONDS = 5.0
# mallopt's parameters, and the values that WORKER_ENVIRONMENT gives to processes of our own.
_MALLOC_OPTIONS = ((-3, 1 << 30), (-1, (1 << 31) - 1), (-2, 1 << 26))


def _ray() -> Any:
    # Heavy, and an extra.
    try:
        import ray
    except ImportError as error:
        raise ArgumentError(
            "`executor`", "ray, which is not installed", "the package ray",
            "Run: pip install 'minbits[ray]'",
        ) from error  # fmt: skip
    return ray


def _job_config() -> Any:
    """Return a job whose workers import nothing from this process's current folder.

    Ray puts that folder, and the script's, first on the list of places that its workers import
    from, unless the job brings a folder of its own.
    """
    from ray.job_config import JobConfig

    class OwnFolder(JobConfig):
        def _runtime_env_has_working_dir(self) -> bool:
            return True

    return OwnFolder()


def _check_answers(address: str, where: str) -> None:
    """Find in seconds that nobody listens there, which Ray takes half a minute for."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=_CONNECTION_SECONDS):
            pass
    except (OSError, ValueError, OverflowError) as error:
        raise _unreachable(where, str(error)) from error


def _unreachable(where: str, reason: str) -> ArgumentError:
    return ArgumentError(
        "`executor`", f"no Ray cluster at {where} ({reason})", "a running cluster",
        "Start it with `ray start --head`, or correct the address.",
    )  # fmt: skip


@dataclass(frozen=True)
class Started:
    """The sign that a call has begun, by the number of its submission."""

    number: int


class Mailbox:
    """An actor that holds signs of life until the driver fetches them."""

    def __init__(self) -> None:
        self._signs: list[Any] = []

    def put(self, sign: Any) -> None:
        """Keep a sign."""
        self._signs.append(sign)

    def take(self) -> list[Any]:
        """Return the signs since the last call."""
        signs, self._signs = self._signs, []
        return signs


def _settle_into_worker(memory_bytes: int | None) -> None:
    """Give a Ray worker the allocator and the limit of our own worker processes."""
    if memory_bytes is not None:
        limit_memory(memory_bytes)
    volunteer_for_out_of_memory()
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return  # another C library: slower, nothing else
    for option, value in _MALLOC_OPTIONS:
        mallopt(option, value)


def run_remotely(
    number: int,
    function: Callable[..., T],
    arguments: tuple[Any, ...],
    keywords: dict[str, Any],
    shared: Any,
    mailbox: Any,
    memory_bytes: int | None,
) -> T:
    """Run a call in a Ray worker."""
    mailbox.put.remote(Started(number))
    _settle_into_worker(memory_bytes)
    last = -math.inf

    def report(sign: Any) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _SIGN_SECONDS:
            last = now
            mailbox.put.remote(sign)

    # Ray stops a call by an exception of its own, so that nothing has to be asked.
    with running_in(WorkerContext(shared, report, lambda: False)):
        return function(*arguments, **keywords)


@dataclass
class _Task:
    number: int
    future: Future[Any]
    reference: Any
    seconds: float
    # Waiting for a CPU, or for a fresh process, takes nothing of a call's time.
    start: float | None = None
    is_asked_to_stop: bool = False
    is_over_its_limit: bool = False
    is_ended: bool = False


class RayExecutor(WorkExecutor):
    """Calls on a Ray cluster, each on one CPU of one of its nodes.

    Args:
        workers: most calls at a time.
        shared: put into the object store once.
        address: ``HOST:PORT`` of a Ray client server; empty takes the cluster that RAY_ADDRESS
            names or that this machine is a node of, and starts one here where there is none.
        memory_bytes: private memory of each worker, past which its allocations fail; None for all.

    Raises:
        ArgumentError: if Ray is not installed, or the cluster cannot be reached.
    """

    def __init__(
        self, workers: int, shared: Any = None, address: str = "", memory_bytes: int | None = None
    ) -> None:
        self._ray = ray = _ray()
        self._workers = workers
        self._memory_bytes = memory_bytes
        self._was_connected = bool(ray.is_initialized())
        if not self._was_connected:
            self._connect(address)
        self._shared = ray.put(shared)
        self._mailbox = ray.remote(num_cpus=0)(Mailbox).remote()
        self._is_mailbox_lost = False
        self._fetch: Any = None
        # No retries: what became of a call is for the driver to decide.
        self._function = ray.remote(num_cpus=1, max_retries=0, max_calls=0)(run_remotely)
        self._signs: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._tasks: dict[Any, _Task] = {}
        self._numbers = itertools.count()
        self._is_closing = False
        self._known_capacity = (-math.inf, workers)
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def _connect(self, address: str) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        where = f"ray://{address}" if address else (os.environ.get("RAY_ADDRESS") or "auto")
        if address:
            _check_answers(address, where)
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if not where.startswith("ray://"):  # there the driver is a process of the cluster's
            options["job_config"] = _job_config()
        with safe_environment():
            try:
                try:
                    self._ray.init(where, **options)
                except ConnectionError:
                    if where != "auto":
                        raise
                    self._ray.init(include_dashboard=False, num_cpus=self._workers, **options)
            except Exception as error:
                raise _unreachable(where, str(error)) from error

    @property
    def capacity(self) -> int:
        """The cluster's CPUs, as far as workers are wanted; it falls when a node is lost."""
        asked, known = self._known_capacity
        if time.monotonic() - asked > _CAPACITY_SECONDS:
            known = int(self._ray.cluster_resources().get("CPU", 0))
            self._known_capacity = (time.monotonic(), known)
        return max(1, min(self._workers, known))

    def submit_within(
        self, seconds: float, function: Callable[..., T], /, *args: Any, **kwargs: Any
    ) -> Future[T]:
        """Schedule a call, see `WorkExecutor.submit_within`.

        Raises:
            RuntimeError: if the executor was shut down.
        """
        future: Future[T] = Future()
        with self._lock:
            if self._is_closing:
                raise RuntimeError("the executor was shut down")
            number = next(self._numbers)
            reference = self._function.remote(
                number, function, args, kwargs, self._shared, self._mailbox, self._memory_bytes
            )
            future.set_running_or_notify_cancel()
            self._tasks[reference] = _Task(number, future, reference, seconds)
        return future

    def signs(self) -> list[Any]:
        """Return the signs of life that have come since the last call."""
        found: list[Any] = []
        while not self._signs.empty():
            found.append(self._signs.get())
        return found

    def stop(self) -> None:
        """Ask every running call to stop soon; those that wait are cancelled."""
        with self._lock:
            tasks = list(self._tasks.values())
        for task in tasks:
            self._ask_to_stop(task)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; leave the cluster once the last call has ended."""
        with self._lock:
            self._is_closing = True
        if cancel_futures:
            self.stop()
        if wait:
            self._watcher.join()

    # All that follows runs in the watcher's thread alone, but for asking calls to stop.

    def _watch(self) -> None:
        while True:
            with self._lock:
                references = list(self._tasks)
                if not references and self._is_closing:
                    break
            self._fetch_signs()
            if not references:
                time.sleep(_POLL_SECONDS)
                continue
            # All that is ready at once, but never more than a moment for the first.
            ready, _ = self._ray.wait(references, num_returns=1, timeout=_POLL_SECONDS)
            if ready:
                ready, _ = self._ray.wait(references, num_returns=len(references), timeout=0)
            for reference in ready:
                self._settle(reference)
            self._keep_limits()
        self._ray.kill(self._mailbox)
        if not self._was_connected:
            self._ray.shutdown()

    def _settle(self, reference: Any) -> None:
        with self._lock:
            task = self._tasks.pop(reference)
        try:
            task.future.set_result(self._ray.get(reference))
        except Exception as error:  # noqa: BLE001 - the caller's future has it
            task.future.set_exception(self._translated(error, task))

    def _translated(self, error: Exception, task: _Task) -> BaseException:
        kinds = self._ray.exceptions
        took = time.monotonic() - (task.start or math.inf)
        if task.is_ended:
            return TimeLimitError(f"no end after {took:.0f} s: its process was ended")
        if isinstance(error, kinds.TaskCancelledError):
            late = TimeLimitError(f"stopped after {took:.0f} s")
            return late if task.is_over_its_limit else CancelledError()
        if isinstance(error, kinds.NodeDiedError | kinds.ObjectLostError):
            return NodeLostError("the node that ran it was lost")
        if isinstance(error, kinds.WorkerCrashedError | kinds.OutOfMemoryError):
            return WorkerDiedError("the worker process died (out of memory, or killed)")
        if isinstance(error, kinds.RayTaskError) and isinstance(error.cause, BaseException):
            return error.cause
        return error

    def _ask_to_stop(self, task: _Task) -> None:
        if not task.is_asked_to_stop:
            task.is_asked_to_stop = True
            task.seconds = 0.0 if task.start is None else time.monotonic() - task.start
            self._ray.cancel(task.reference, force=False)

    def _keep_limits(self) -> None:
        now = time.monotonic()
        with self._lock:
            tasks = list(self._tasks.values())
        for task in tasks:
            if task.start is None:
                if not self._is_mailbox_lost:
                    continue
                task.start = now  # nobody will tell
            over = now - task.start - task.seconds
            if over >= 0 and not task.is_asked_to_stop:
                task.is_over_its_limit = True
                self._ask_to_stop(task)
            elif over >= STOPPING_SECONDS and not task.is_ended:
                task.is_ended = True
                self._ray.cancel(task.reference, force=True)

    def _note_start(self, number: int) -> None:
        with self._lock:
            for task in self._tasks.values():
                if task.number == number:
                    task.start = time.monotonic()

    def _fetch_signs(self) -> None:
        """Fetch signs without waiting for them; the search goes on without, if they are lost."""
        if self._is_mailbox_lost:
            return
        if self._fetch is None:
            self._fetch = self._mailbox.take.remote()
            return
        ready, _ = self._ray.wait([self._fetch], timeout=0)
        if not ready:
            return
        try:
            signs = self._ray.get(self._fetch)
        except self._ray.exceptions.RayError:
            self._is_mailbox_lost = True  # with its node
            return
        for sign in signs:
            if isinstance(sign, Started):
                self._note_start(sign.number)
            else:
                self._signs.put(sign)
        self._fetch = self._mailbox.take.remote()
