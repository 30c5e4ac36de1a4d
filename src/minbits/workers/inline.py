"""Calls in the caller's own process and thread, at once: for experiments and for debugging."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, TypeVar

from minbits.interrupts import interrupts_kept
from minbits.workers.work import WorkerContext, running_in

P = ParamSpec("P")
T = TypeVar("T")


class InlineExecutor(Executor):
    """Runs a call while it is submitted.

    Args:
        shared: what a `WorkExecutor` shares with all calls.
        clock: seconds that trials count their time in; `time.process_time` makes searches that are
            comparable on a busy machine.
    """

    def __init__(self, shared: Any = None, clock: Callable[[], float] = time.perf_counter) -> None:
        self._context = WorkerContext(shared, clock=clock)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a call and return its future, which is done."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        try:
            # A trial takes an interrupt for the end of itself alone, as Ray means it.
            with interrupts_kept(), running_in(self._context):
                future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - the caller's future has it
            future.set_exception(error)
        return future
