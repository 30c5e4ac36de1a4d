"""Processes that time subjects when asked, each under an environment of its own.

An allocator is set up when a process starts; so PyTorch under the system's settings and under ours
runs in two processes, which take turns: whoever is not asked sleeps. Times are processor time,
which other programs on the machine hardly change; with one thread each, an idle machine's clock
shows the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType

from minbits.child_processes import Child
from minbits.errors import ProcessError
from minbits.workers.environment import WORKER_ENVIRONMENT

_ENDING_SECONDS = 5.0
# One thread everywhere; the system's allocator as it is, or told to keep its memory.
ENVIRONMENTS = {
    "system allocator": {
        name: value for name, value in WORKER_ENVIRONMENT.items() if name.endswith("THREADS")
    },
    "tuned allocator": WORKER_ENVIRONMENT,
}


def _serve(connection: Connection) -> None:
    """Answer requests ``(case, subject, steps)`` by seconds, until the pipe is closed."""
    # Here alone: the command line itself imports neither PyTorch nor compiled code.
    from speed.subjects import make_subject

    subjects: dict[tuple[str, str], Callable[[int], None]] = {}
    while True:
        try:
            request: tuple[str, str, int] = connection.recv()
        except EOFError:
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
        self._child = Child(_serve, environment=ENVIRONMENTS[self.name])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the process."""
        self._child.end(_ENDING_SECONDS if error is None else 0.0)

    def seconds(self, case: str, subject: str, steps: int) -> float:
        """Return the processor time of some steps; the first call for a subject also sets it up.

        Raises:
            ProcessError: if the process died.
        """
        try:
            self._child.connection.send((case, subject, steps))
            return float(self._child.connection.recv())
        except (EOFError, OSError) as error:
            self._child.join(_ENDING_SECONDS)
            raise ProcessError(
                f"the process that times {subject} on {case}",
                f"its end, exit code {self._child.exitcode}", "a time", "Free some memory.",
            ) from error  # fmt: skip
