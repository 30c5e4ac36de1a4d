"""Calls in processes of this machine, each worker by itself: one that dies is replaced alone.

The standard library's process pool gives up all its processes when one dies, which would cost
every trial that happens to run. Here each worker has a pipe of its own, and one thread of the
parent hands out calls, takes replies, keeps time limits and starts workers anew.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import pickle
import queue
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from multiprocessing.connection import Pipe, wait
from typing import Any, TypeVar

from minbits.child_processes import Child
from minbits.workers.environment import WORKER_ENVIRONMENT, default_memory_bytes
from minbits.workers.shared_object import SharedObject
from minbits.workers.work import TimeLimitError, WorkerDiedError, WorkExecutor
from minbits.workers.worker import Call, Reply, serve

T = TypeVar("T")

# How long a call that was asked to stop may take to do so.
STOPPING_SECONDS = 15.0
# Behind a quick call the next one waits in the worker's pipe, so that the worker never idles;
# behind a slow one it would wait while another worker has nothing to do.
_QUICK_SECONDS = 1.0
# Workers that die or hang before they are ready would be replaced for ever.
_MAX_DEAD_STARTS = 3
_STARTING_SECONDS = 120.0
_LONGEST_WAIT_SECONDS = 60.0


@dataclass
class _Task:
    number: int
    pickled: bytes
    seconds: float
    future: Future[Any]
    start: float = math.inf
    is_asked_to_stop: bool = False
    is_claimed: bool = False

    @property
    def deadline(self) -> float:
        """When something is to be done about it: asking it to stop, then ending it."""
        return self.start + self.seconds + (STOPPING_SECONDS if self.is_asked_to_stop else 0.0)

    def claim(self) -> bool:
        """Mark the future as running, once; return False where it was cancelled before."""
        if not self.is_claimed:
            self.is_claimed = self.future.set_running_or_notify_cancel()
        return self.is_claimed

    def cancel(self) -> None:
        if self.future.cancel():
            self.future.set_running_or_notify_cancel()  # wakes who waits for it
        else:
            self.future.set_exception(CancelledError())  # it waited in a dead worker's pipe


@dataclass
class _Process:
    child: Child
    tasks: deque[_Task] = field(default_factory=deque)  # the first one runs
    is_ready: bool = False
    is_quick: bool = False
    started: float = field(default_factory=time.monotonic)

    @property
    def deadline(self) -> float:
        if not self.is_ready:
            return self.started + _STARTING_SECONDS
        return self.tasks[0].deadline if self.tasks else math.inf

    def begin_next(self) -> None:
        if self.tasks:
            self.tasks[0].start = time.monotonic()

    def finish(self) -> _Task:
        task = self.tasks.popleft()
        self.is_quick = time.monotonic() - task.start < _QUICK_SECONDS
        self.begin_next()
        return task

    def send(self, call: Call) -> None:
        with contextlib.suppress(OSError):  # it has died, which its end of the pipe will tell
            self.child.connection.send(call)


def _explain(child: Child) -> str:
    child.join(5.0)
    code = child.exitcode
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return f"the worker process died by {name} (out of memory, or killed)"
    return f"the worker process died with exit code {code}"


class ProcessExecutor(WorkExecutor):
    """Worker processes of one thread each, started when they are first needed.

    Args:
        workers: most processes.
        shared: handed to all of them through one memory-mapped file.
        memory_bytes: private memory of each, past which its allocations fail; None takes an equal
            share of the machine's.
    """

    def __init__(self, workers: int, shared: Any = None, memory_bytes: int | None = None) -> None:
        self._workers = workers
        self._shared = SharedObject(shared) if os.name == "posix" else shared
        self._memory_bytes = memory_bytes or default_memory_bytes(workers)
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._waiting: deque[_Task] = deque()
        self._signs: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._processes: list[_Process] = []
        self._wake_reader, self._wake_writer = Pipe(duplex=False)
        self._is_stopping = False
        self._is_closing = False
        self._is_broken: str | None = None
        self._is_woken = False
        self._dead_starts = 0
        self._manager: threading.Thread | None = None

    @property
    def capacity(self) -> int:
        """The number of workers; dead ones are replaced."""
        return self._workers

    @property
    def pids(self) -> list[int]:
        """The numbers of the worker processes that run now."""
        return [worker.child.pid for worker in list(self._processes)]

    def submit_within(
        self, seconds: float, function: Callable[..., T], /, *args: Any, **kwargs: Any
    ) -> Future[T]:
        """Schedule a call, see `WorkExecutor.submit_within`.

        Raises:
            RuntimeError: if the executor was shut down.
            pickle.PicklingError: if the call cannot be pickled.
        """
        future: Future[T] = Future()
        pickled = pickle.dumps((function, args, kwargs), protocol=5)
        with self._lock:
            if self._is_closing:
                raise RuntimeError("the executor was shut down")
            if self._is_broken is not None:
                future.set_exception(WorkerDiedError(self._is_broken))
                return future
            self._waiting.append(_Task(next(self._numbers), pickled, seconds, future))
            if self._manager is None:
                self._manager = threading.Thread(target=self._manage, daemon=True)
                self._manager.start()
        self._wake()
        return future

    def signs(self) -> list[Any]:
        """Return the signs of life that have come since the last call."""
        found: list[Any] = []
        while not self._signs.empty():
            found.append(self._signs.get())
        return found

    def stop(self) -> None:
        """Ask every running call to stop soon; those that wait are cancelled."""
        self._is_stopping = True
        self._cancel_waiting()
        self._wake()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls and end the processes once the last call has ended."""
        with self._lock:
            self._is_closing = True
            manager = self._manager
        if cancel_futures:
            self._cancel_waiting()
        self._wake()
        if wait and manager is not None:
            manager.join()
        if manager is None:
            self._close_shared()

    def _close_shared(self) -> None:
        if isinstance(self._shared, SharedObject):
            self._shared.close()

    def _wake(self) -> None:
        with self._lock:
            if self._is_woken:
                return
            self._is_woken = True
            with contextlib.suppress(OSError):  # the manager has ended
                self._wake_writer.send_bytes(b"1")

    def _cancel_waiting(self) -> None:
        with self._lock:
            waiting = list(self._waiting)
            self._waiting.clear()
        for task in waiting:
            task.cancel()

    # All that follows runs in the manager's thread alone.

    def _manage(self) -> None:
        try:
            while not self._is_done():
                self._hand_out()
                self._listen()
                self._keep_limits()
        finally:
            for worker in self._processes:
                worker.child.end(STOPPING_SECONDS)
            self._processes.clear()
            self._close_shared()
            self._wake_reader.close()
            self._wake_writer.close()

    def _is_done(self) -> bool:
        busy = any(worker.tasks for worker in self._processes)
        return self._is_closing and not busy and not self._waiting

    def _start_process(self) -> _Process:
        shared = self._shared
        is_file = isinstance(shared, SharedObject)
        child = Child(
            serve,
            shared.received() if is_file else shared,
            self._memory_bytes,
            environment=WORKER_ENVIRONMENT,
            descriptors=[shared.fileno()] if is_file else [],
        )
        worker = _Process(child)
        self._processes.append(worker)
        return worker

    def _next_task(self) -> _Task | None:
        while True:
            with self._lock:
                if not self._waiting:
                    return None
                task = self._waiting.popleft()
            if task.claim():
                return task

    def _hand_out(self) -> None:
        for worker in self._processes:
            if not worker.tasks and not self._give(worker):
                return
        while self._waiting and len(self._processes) < self._workers:
            self._give(self._start_process())
        for worker in self._processes:
            if worker.is_quick and len(worker.tasks) == 1 and not self._give(worker):
                return

    def _give(self, worker: _Process) -> bool:
        task = self._next_task()
        if task is None:
            return False
        worker.tasks.append(task)
        worker.send(Call(task.number, task.pickled))
        if len(worker.tasks) == 1 and worker.is_ready:
            worker.begin_next()
        return True

    def _listen(self) -> None:
        now = time.monotonic()
        deadline = min([worker.deadline for worker in self._processes], default=math.inf)
        patience = min(_LONGEST_WAIT_SECONDS, max(0.0, deadline - now))
        connections: list[Any] = [worker.child.connection for worker in self._processes]
        for ready in wait([self._wake_reader, *connections], patience):
            if ready is self._wake_reader:
                with self._lock:
                    self._wake_reader.recv_bytes()
                    self._is_woken = False
            else:
                self._receive(next(w for w in self._processes if w.child.connection is ready))
        if self._is_stopping:
            for worker in self._processes:
                for task in worker.tasks:
                    self._ask_to_stop(worker, task)

    def _receive(self, worker: _Process) -> None:
        try:
            reply: Reply = worker.child.connection.recv()
        except (EOFError, OSError):
            self._bury(worker, WorkerDiedError(_explain(worker.child)))
            return
        if reply.kind == "ready":
            worker.is_ready = True
            self._dead_starts = 0
            worker.begin_next()
        elif reply.kind == "sign":
            self._signs.put(pickle.loads(reply.pickled))
        else:
            self._settle(worker.finish(), reply)

    def _settle(self, task: _Task, reply: Reply) -> None:
        assert task.number == reply.number
        try:
            outcome = pickle.loads(reply.pickled)
        except Exception as error:  # noqa: BLE001 - a class may do anything while it is unpickled
            task.future.set_exception(error)
            return
        if reply.kind == "value":
            task.future.set_result(outcome)
        else:
            task.future.set_exception(outcome)

    def _bury(self, worker: _Process, error: Exception) -> None:
        """Forget a dead process: its running call failed, what waited in its pipe waits on."""
        self._processes.remove(worker)
        worker.child.end(0.0)
        if not worker.is_ready:
            self._dead_starts += 1
        elif worker.tasks:
            worker.tasks.popleft().future.set_exception(error)
        with self._lock:
            self._waiting.extendleft(reversed(worker.tasks))
        if self._is_stopping:
            self._cancel_waiting()
        if self._dead_starts >= _MAX_DEAD_STARTS:
            self._give_up(str(error))

    def _give_up(self, reason: str) -> None:
        with self._lock:
            self._is_broken = f"worker processes do not start: {reason}"
            waiting = list(self._waiting)
            self._waiting.clear()
        for task in waiting:
            if task.claim():
                task.future.set_exception(WorkerDiedError(self._is_broken))

    def _ask_to_stop(self, worker: _Process, task: _Task) -> None:
        if not task.is_asked_to_stop:
            task.is_asked_to_stop = True
            if task.start < math.inf:
                task.seconds = time.monotonic() - task.start
            worker.send(Call(task.number))

    def _keep_limits(self) -> None:
        now = time.monotonic()
        for worker in list(self._processes):
            if now < worker.deadline:
                continue
            if not worker.is_ready:
                self._bury(worker, WorkerDiedError(f"not ready after {_STARTING_SECONDS:.0f} s"))
            elif not worker.tasks[0].is_asked_to_stop:
                self._ask_to_stop(worker, worker.tasks[0])
            else:
                took = now - worker.tasks[0].start
                error = TimeLimitError(f"no end after {took:.0f} s: its process was ended")
                worker.child.kill()
                self._bury(worker, error)
