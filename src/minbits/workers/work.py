"""What every executor offers, and what a function that it runs finds around itself."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class WorkerDiedError(RuntimeError):
    """The process that ran a function died; what it ran is lost, nothing else."""


class TimeLimitError(RuntimeError):
    """A function went on past its limit, also after it was asked to stop; its process was ended."""


class NodeLostError(RuntimeError):
    """The machine that ran a function is gone: the function itself may be sound."""


@dataclass(frozen=True)
class WorkerContext:
    """What a function finds in its worker.

    Attributes:
        shared: the object that the executor was given for all functions, read-only.
        report: sends a small sign of life to whoever asks the executor for signs.
        should_stop: whether the function was asked to stop.
        clock: seconds that its time is counted in.
    """

    shared: Any = None
    report: Callable[[Any], None] = lambda sign: None
    should_stop: Callable[[], bool] = lambda: False
    clock: Callable[[], float] = time.perf_counter


_current: ContextVar[WorkerContext] = ContextVar("minbits_worker")


def worker_context() -> WorkerContext:
    """Return the context of the function that now runs; an empty one outside of executors."""
    return _current.get(WorkerContext())


@contextmanager
def running_in(context: WorkerContext) -> Iterator[None]:
    """Run the block with a context."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)


class WorkExecutor(Executor, ABC):
    """A `concurrent.futures.Executor` whose functions share one object and keep time limits.

    A function that raises, whose process dies, or that goes on past its limit fails alone: its
    future gets the exception, and every other function goes on.
    """

    @property
    @abstractmethod
    def capacity(self) -> int:
        """How many functions can run at the same time, as things are now."""

    @abstractmethod
    def submit_within(
        self, seconds: float, function: Callable[..., T], /, *args: Any, **kwargs: Any
    ) -> Future[T]:
        """Schedule a call; past ``seconds`` it is asked to stop, and some seconds later ended.

        The future raises `WorkerDiedError`, `NodeLostError` or `TimeLimitError`, or whatever the
        function raises.
        """

    @abstractmethod
    def signs(self) -> list[Any]:
        """Return the signs of life that have come since the last call."""

    @abstractmethod
    def stop(self) -> None:
        """Ask every running function to stop soon; those that wait are cancelled."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Schedule a call without a time limit."""
        return self.submit_within(math.inf, fn, *args, **kwargs)
