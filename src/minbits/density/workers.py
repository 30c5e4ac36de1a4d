"""Members of an ensemble in fresh processes of one thread each; the caller needs no PyTorch."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal

from minbits.density.member import MemberJob, MemberResult

Kind = Literal["patch", "masked"]

# See minbits.search.executors.environment: one thread, and an allocator that keeps its memory.
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 31),
    "MALLOC_TOP_PAD_": str(1 << 26),
}


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
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


def _ignore_interrupts() -> None:
    # The parent ends its workers itself when it is interrupted.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _train(kind: Kind, job: MemberJob) -> MemberResult:
    # Imported in the worker alone, after its environment was set: the parent needs no PyTorch.
    import torch

    torch.set_num_threads(1)
    if kind == "patch":
        from minbits.density.train_patch import train_patch

        return train_patch(job)
    from minbits.density.train_masked import train_masked

    return train_masked(job)


def train_members(kind: Kind, job: MemberJob, members: int) -> list[MemberResult]:
    """Train ``members`` networks that differ in their seed, at the same time, each on one core."""
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(members, mp_context=context, initializer=_ignore_interrupts)
    try:
        with _environment(_ENVIRONMENT):
            jobs = [replace(job, seed=job.seed + index) for index in range(members)]
            futures = [executor.submit(_train, kind, item) for item in jobs]
            results = [future.result() for future in futures]
    except BaseException:
        for process in list(executor._processes.values()):
            process.terminate()
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
    return results
