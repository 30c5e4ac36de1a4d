"""The environment and the limits of worker processes."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

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

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
# What the parent, the system and the cache of files keep.
_PART_FOR_WORKERS = 0.9
SMALLEST_LIMIT_BYTES = 1 << 30


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine_memory_bytes() -> int | None:
    """Return the memory that this machine or container has, None where the system does not tell."""
    try:
        found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    except (AttributeError, ValueError, OSError):
        return None
    for name in _CGROUP_LIMITS:
        try:
            text = Path(name).read_text(encoding="ascii").strip()
        except OSError:
            continue  # no such controller here
        if text.isdigit():
            found.append(int(text))
    return min(found)


def default_memory_bytes(workers: int) -> int | None:
    """Return each worker's share of the memory; None where the system does not tell how much."""
    memory = machine_memory_bytes()
    if memory is None:
        return None
    return max(SMALLEST_LIMIT_BYTES, int(_PART_FOR_WORKERS * memory / workers))


def limit_memory(limit_bytes: int) -> None:
    """Make allocations of this process fail beyond a limit (Linux; elsewhere nothing happens).

    The limit is on private writable memory (RLIMIT_DATA): files mapped read-only do not count, nor
    do addresses that PyTorch reserves without using them.
    """
    try:
        import resource  # POSIX alone has it
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        limit_bytes = min(limit_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, hard))


def volunteer_for_out_of_memory() -> None:
    """Let the kernel, where memory runs out all the same, end this process and not its parent."""
    with contextlib.suppress(OSError):  # not Linux, or not allowed: the kernel chooses
        Path("/proc/self/oom_score_adj").write_text("900", encoding="ascii")
