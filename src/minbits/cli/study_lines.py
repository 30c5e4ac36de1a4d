"""What commands of studies print: how far a study is, and what it came to."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from minbits.cli.output import ShowOptions, end_of_search, print_report, progress_printer
from minbits.studies.run import StudyProgress

_SECONDS_A_LINE = 10.0


class _Interruptible(Protocol):
    @property
    def interrupted(self) -> bool: ...


Report = TypeVar("Report", bound=_Interruptible)


def tell(
    report: Report,
    show: ShowOptions,
    plain: Callable[[Report], dict[str, Any]],
    print_text: Callable[[Report], None],
) -> None:
    """Print a report as JSON or as text; a study that was interrupted ends with its exit code."""
    print_report(report, show, plain, print_text)
    end_of_search(report.interrupted)


class StudyLines:
    """Tells of a study now and then."""

    def __init__(self, quiet: bool) -> None:
        self._say = progress_printer(quiet)
        self._last = time.monotonic()

    def __call__(self, progress: StudyProgress) -> None:
        """Take note of how far it is, and print a line where the last one is some time ago."""
        now = time.monotonic()
        if now - self._last < _SECONDS_A_LINE and progress.done < progress.total:
            return
        self._last = now
        left = round(progress.seconds_left or 0)
        self._say(
            f"{progress.done:,} of {progress.total:,} trainings, "
            f"about {left // 60}:{left % 60:02d} left"
        )
