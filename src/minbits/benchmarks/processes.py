"""Processes that time subjects when asked, each under an environment of its own.

An allocator is set up when a process starts; so PyTorch under the system's settings and under ours
runs in two processes, which take turns: whoever is not asked sleeps. Times are processor time,
which other programs on the machine hardly change; with one thread each, an idle machine's clock
shows the same.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType

from minbits.search.executors.environment import WORKER_ENVIRONMENT, environment

# One thread everywhere; the system's allocator as it is, or told to keep its memory.
ENVIRONMENTS = {
    "system allocator": {
        name: value for name, value in WORKER_ENVIRONMENT.items() if name.endswith("THREADS")
    },
    "tuned allocator": WORKER_ENVIRONMENT,
}


def _serve(connection: Connection) -> None:
    """Answer requests ``(case, subject, steps)`` by seconds, until there are no more."""
    # Here alone: the command line itself imports neither PyTorch nor compiled code.
    from minbits.benchmarks.subjects import make_subject

    subjects: dict[tuple[str, str], Callable[[int], None]] = {}
    while True:
        request: tuple[str, str, int] | None = connection.recv()
        if request is None:
            return
        case, subject, steps = request
        run = subjects.get((case, subject))
        if run is None:
            run = subjects[case, subject] = make_subject(case, subject)
        start = time.process_time()
        run(steps)
        connection.send(time.process_time() - start)


class Stopwatch:
    """A process that times subjects; use it as a context."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> Stopwatch:
        """Start the process."""
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        with environment(ENVIRONMENTS[self.name]):
            self._process.start()
        theirs.close()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the process."""
        if self._process.is_alive() and error is None:
            self._connection.send(None)
        else:
            self._process.terminate()
        self._process.join()

    def seconds(self, case: str, subject: str, steps: int) -> float:
        """Return the processor time of some steps; the first call for a subject also sets it up.

        Raises:
            EOFError: if the process died.
        """
        self._connection.send((case, subject, steps))
        return float(self._connection.recv())
