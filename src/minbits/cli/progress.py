"""Progress of a search: live on a terminal, plain lines elsewhere, nothing when asked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from minbits.cli.flags import with_flags
from minbits.interrupts import check_interrupt
from minbits.plain_text import visible
from minbits.search.driver import Finished
from minbits.types import Progress as Sign
from minbits.types import TrialOutcome

PLAIN_LINES_A_STAGE = 6
MAX_BARS = 8
# Trials that end closer together than this share a line.
SECONDS_A_RESULT = 0.2


def describe(sign: Sign) -> str:
    """Return a sign of life in words: epoch, validation accuracy and bits so far."""
    words = [f"epoch {sign.epoch}/{sign.epochs}"] if sign.epochs else []
    if sign.validation_accuracy is not None:
        words.append(f"validation {100 * sign.validation_accuracy:.2f} %")
    if sign.size_bits is not None:
        words.append(f"about {sign.size_bits:,.0f} bits")
    return ", ".join(words)


def _column(text_format: str, style: str = "none") -> TextColumn:
    return TextColumn(text_format, style=style, markup=False)


class SearchProgress:
    """Shows stage, epoch, validation accuracy, bits so far and the time left."""

    def __init__(self, console: Console, seconds: float, quiet: bool) -> None:
        self._console = console
        self._deadline = time.monotonic() + seconds
        self._quiet = quiet
        self._live = not quiet and console.is_terminal
        self._bar = Progress(
            _column("trial {task.fields[number]}"),
            _column("{task.description:<10}", "bold"),
            BarColumn(bar_width=24),
            _column("{task.fields[facts]}"),
            _column("{task.fields[left]}"),
            console=console,
            disable=not self._live,
        )
        self._tasks: dict[int, TaskID] = {}
        self._parts: dict[int, tuple[str, int]] = {}
        self._last_result = 0.0
        self._unshown = 0

    def __enter__(self) -> SearchProgress:
        """Start the display."""
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the display."""
        self._bar.stop()

    def _time_left(self) -> str:
        left = max(0, round(self._deadline - time.monotonic()))
        return f"{left // 60}:{left % 60:02d} left"

    def stage(self, text: str) -> None:
        """Show what is being done."""
        check_interrupt()
        if not self._quiet:
            self._console.print(f"{with_flags(text)} …", soft_wrap=True)

    def sign(self, sign: Sign) -> None:
        """Show a sign of life of a trial."""
        check_interrupt()
        if self._live:
            self._update_bar(sign)
        elif not self._quiet and self._is_worth_a_line(sign):
            self._console.print(
                ", ".join(
                    part
                    for part in (
                        f"trial {sign.trial}: {sign.stage}",
                        describe(sign),
                        self._time_left(),
                    )
                    if part
                ),
                soft_wrap=True,
            )

    def _is_worth_a_line(self, sign: Sign) -> bool:
        """Whether a stage has gone on by a part since its last line: signs may skip epochs."""
        every = max(1, sign.epochs // PLAIN_LINES_A_STAGE)
        part = sign.epoch // every if sign.epoch < sign.epochs else PLAIN_LINES_A_STAGE + every
        before = self._parts.pop(sign.trial, None)
        self._parts[sign.trial] = (sign.stage, part)
        if len(self._parts) > MAX_BARS:
            del self._parts[next(iter(self._parts))]
        if before is None or before[0] != sign.stage:
            return part > 0 or not sign.epochs
        return part > before[1]

    def _update_bar(self, sign: Sign) -> None:
        task = self._tasks.get(sign.trial)
        if task is None:
            if len(self._tasks) == MAX_BARS:
                oldest = next(iter(self._tasks))
                self._bar.remove_task(self._tasks.pop(oldest))
            task = self._tasks[sign.trial] = self._bar.add_task(
                visible(sign.stage), total=1, number=sign.trial, facts="", left=""
            )
        self._bar.update(
            task,
            description=visible(sign.stage),
            completed=sign.epoch,
            total=max(1, sign.epochs),
            facts=describe(sign),
            left=self._time_left(),
        )

    def results(self, finished: Sequence[Finished]) -> None:
        """Show how trials ended that are in the ledger."""
        for item in finished if not self._quiet else ():
            self._result(item.row, item.outcome)

    def _result(self, number: int | None, result: TrialOutcome) -> None:
        now = time.monotonic()
        if now - self._last_result < SECONDS_A_RESULT and result.status == "done":
            self._unshown += 1
            return
        if self._unshown:
            self._console.print(f"{self._unshown} more trials ended meanwhile")
        self._last_result, self._unshown = now, 0
        head = f"ledger row {number}, seed {result.config.seed}, {result.seconds:.0f} s"
        if result.size_bits is None or result.validation_accuracy is None:
            reason = f": {with_flags(result.error)}" if result.error else ""
            self._console.print(f"{head}: {result.status}{reason}", soft_wrap=True)
            return
        self._console.print(
            f"{head}: {result.size_bits:,} bits, validation "
            f"{100 * result.validation_accuracy:.2f} % ({result.candidate})",
            soft_wrap=True,
        )
