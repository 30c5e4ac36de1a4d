"""Executors by name: a new one is a file and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from minbits.errors import ArgumentError
from minbits.registry import Registry
from minbits.workers.environment import usable_cores
from minbits.workers.processes import ProcessExecutor
from minbits.workers.ray_cluster import RayExecutor
from minbits.workers.work import WorkExecutor

DEFAULT_EXECUTOR = "processes"
MAX_WORKERS = 256


@dataclass(frozen=True)
class ExecutorRequest:
    """What an executor is made from.

    Attributes:
        workers: most calls at a time.
        shared: handed to all calls; None for nothing.
        address: what follows ``://`` in the executor's name; empty where nothing does.
        memory_bytes: private memory of each worker; None takes a share of the machine's.
    """

    workers: int
    shared: Any = None
    address: str = ""
    memory_bytes: int | None = None


def _processes(request: ExecutorRequest) -> WorkExecutor:
    if request.address:
        raise ArgumentError(
            "`executor`", f"'processes://{request.address}'", "processes", "Leave the address out."
        )
    return ProcessExecutor(request.workers, request.shared, request.memory_bytes)


def _ray(request: ExecutorRequest) -> WorkExecutor:
    return RayExecutor(request.workers, request.shared, request.address, request.memory_bytes)


@dataclass(frozen=True)
class ExecutorKind:
    """A kind of executor.

    Attributes:
        key: its name, before any ``://``.
        usages: what may be written for it, for messages.
        open: returns an executor.
        default_workers: calls at a time where nobody says how many.
    """

    key: str
    usages: tuple[str, ...]
    open: Callable[[ExecutorRequest], WorkExecutor]
    default_workers: Callable[[], int]


EXECUTORS: Registry[ExecutorKind] = Registry(
    "executor",
    ExecutorKind("processes", ("processes",), _processes, usable_cores),
    ExecutorKind("ray", ("ray", "ray://HOST:PORT"), _ray, lambda: MAX_WORKERS),
)


def executor_kind(name: str) -> str:
    """Return the kind of executor that a name such as ``ray://HOST:10001`` means.

    Raises:
        ArgumentError: if there is none of that name.
    """
    kind = name.partition("://")[0]
    if kind not in EXECUTORS:
        *usages, last = [usage for found in EXECUTORS.values() for usage in found.usages]
        known = f"{', '.join(usages)} or {last}"
        raise ArgumentError("`executor`", f"'{name}'", known, "Choose one of these.")
    return kind


def default_workers(name: str) -> int:
    """Return how many calls run at a time where nobody says: one a core, of a cluster all.

    Raises:
        ArgumentError: if there is no executor of that name.
    """
    return EXECUTORS[executor_kind(name)].default_workers()


def open_executor(
    name: str, workers: int, shared: Any = None, memory_bytes: int | None = None
) -> WorkExecutor:
    """Return an executor by name.

    Args:
        name: a key of `EXECUTORS`, with ``://`` and an address where it takes one.
        workers: most calls at a time.
        shared: handed to all calls.
        memory_bytes: private memory of each worker; None takes a share of the machine's.

    Raises:
        ArgumentError: if there is none of that name, or it cannot be reached.
    """
    request = ExecutorRequest(workers, shared, name.partition("://")[2], memory_bytes)
    return EXECUTORS[executor_kind(name)].open(request)
