"""Progress of a search: one status line; every trial and its stages where that is asked for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.text import Text

from minbits.cli.flags import with_flags
from minbits.interrupts import check_interrupt
from minbits.plain_text import visible
from minbits.search.driver import Finished
from minbits.types import Progress as Sign
from minbits.types import TrialOutcome

PLAIN_LINES_A_STAGE = 6
# Of more trials than these, stages that were printed are forgotten.
MAX_TRIALS = 64
# Trials that end closer together than this share a line.
SECONDS_A_RESULT = 0.2
# Where lines cannot be drawn over, the status is printed this often, and this soon where the best
# is new.
SECONDS_A_STATUS = 30.0
SECONDS_A_BEST = 3.0
# Before that, a rate is chance.
_SECONDS_BEFORE_RATE = 10.0


def describe(sign: Sign) -> str:
    """Return a sign of life in words: epoch, validation accuracy and bits so far."""
    words = [f"epoch {sign.epoch}/{sign.epochs}"] if sign.epochs else []
    if sign.validation_accuracy is not None:
        words.append(f"validation {100 * sign.validation_accuracy:.2f} %")
    if sign.size_bits is not None:
        words.append(f"about {sign.size_bits:,.0f} bits")
    return ", ".join(words)


class SearchProgress:
    """Shows the best file so far, trials, their rate and the time left.

    Args:
        console: where it is shown: drawn over on a terminal, as a line now and then elsewhere.
        seconds: of the search.
        quiet: whether nothing is shown.
        verbose: whether every trial and its stages are printed too.
    """

    def __init__(
        self, console: Console, seconds: float, quiet: bool, verbose: bool = False
    ) -> None:
        self._console = console
        self._start = time.monotonic()
        self._deadline = self._start + seconds
        self._quiet, self._verbose = quiet, verbose
        self._parts: dict[int, tuple[str, int]] = {}
        self._last_result = self._last_status = 0.0
        self._unshown = 0
        self._trials = self._failed = 0
        self._best: TrialOutcome | None = None
        self._path: Path | None = None
        self._is_best_told = True
        self._nearest: float | None = None
        self._sign: Sign | None = None
        live = not quiet and console.is_terminal
        self._live = (
            Live(get_renderable=self._line, console=console, transient=True) if live else None
        )

    def __enter__(self) -> SearchProgress:
        """Start the display."""
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop the display."""
        if self._live:
            self._live.stop()

    # --- the status

    def status(self) -> str:
        """Return the status in one line."""
        left = max(0, round(self._deadline - time.monotonic()))
        return " | ".join(
            part
            for part in (
                f"{left // 60}:{left % 60:02d} left",
                self._best_text(),
                self._trials_text(),
                self._sign_text(),
            )
            if part
        )

    def _best_text(self) -> str:
        if self._best is not None and self._best.size_bits is not None:
            accuracy = 100 * (self._best.validation_accuracy or 0.0)
            return f"best {self._best.size_bits:,} bits, {accuracy:.2f} % validated"
        if self._nearest is not None:
            return f"none accepted yet, at most {100 * self._nearest:.2f} % validated"
        return ""

    def _trials_text(self) -> str:
        if not self._trials:
            return ""
        text = f"{self._trials:,} trial{'s' * (self._trials > 1)}"
        seconds = time.monotonic() - self._start
        if seconds > _SECONDS_BEFORE_RATE:
            text += f", {60 * self._trials / seconds:.0f}/min"
        return text + f", {self._failed:,} failed" * (self._failed > 0)

    def _sign_text(self) -> str:
        sign = self._sign
        if sign is None:
            return ""
        return f"{sign.stage} {sign.epoch}/{sign.epochs}" if sign.epochs else sign.stage

    def _line(self) -> Text:
        return Text(visible(self.status()), no_wrap=True, overflow="ellipsis")

    def _print_status(self) -> None:
        """Print the status where it cannot be drawn over, now and then."""
        if self._quiet or self._live:
            return
        now = time.monotonic()
        wait = SECONDS_A_STATUS if self._is_best_told else SECONDS_A_BEST
        if now - max(self._last_status, self._start) >= wait:
            self._last_status, self._is_best_told = now, True
            self._console.print(self.status(), soft_wrap=True)

    # --- what a search tells

    def stage(self, text: str) -> None:
        """Show what is being done."""
        check_interrupt()
        if not self._quiet:
            self._console.print(f"{with_flags(text)} …", soft_wrap=True)

    def best(self, outcome: TrialOutcome, path: Path) -> None:
        """Show the best file so far that passes validation."""
        if path != self._path and not self._quiet:
            self._console.print(
                f"the best file so far that passes validation is kept in {path}", soft_wrap=True
            )
        self._best, self._path, self._is_best_told = outcome, path, False
        if self._verbose and not self._quiet:
            self._console.print(f"best so far: {outcome.size_bits:,} bits", soft_wrap=True)
        self._print_status()

    def sign(self, sign: Sign) -> None:
        """Show a sign of life of a trial."""
        check_interrupt()
        self._sign = sign
        if self._verbose and not self._quiet and self._is_worth_a_line(sign):
            parts = (f"trial {sign.trial}: {sign.stage}", describe(sign))
            self._console.print(", ".join(part for part in parts if part), soft_wrap=True)
        self._print_status()

    def _is_worth_a_line(self, sign: Sign) -> bool:
        """Whether a stage has gone on by a part since its last line: signs may skip epochs."""
        every = max(1, sign.epochs // PLAIN_LINES_A_STAGE)
        part = sign.epoch // every if sign.epoch < sign.epochs else PLAIN_LINES_A_STAGE + every
        before = self._parts.pop(sign.trial, None)
        self._parts[sign.trial] = (sign.stage, part)
        if len(self._parts) > MAX_TRIALS:
            del self._parts[next(iter(self._parts))]
        if before is None or before[0] != sign.stage:
            return part > 0 or not sign.epochs
        return part > before[1]

    def results(self, finished: Sequence[Finished]) -> None:
        """Show how trials ended that are in the ledger."""
        for item in finished:
            self._count(item.outcome)
            if self._verbose and not self._quiet:
                self._result(item.row, item.outcome)
        self._print_status()

    def _count(self, outcome: TrialOutcome) -> None:
        self._trials += 1
        self._failed += outcome.status == "failed"
        if outcome.validation_accuracy is not None:
            self._nearest = max(self._nearest or 0.0, outcome.validation_accuracy)
        if outcome.status == "failed" and self._failed == 1 and not (self._quiet or self._verbose):
            # The first one tells the user at once what may be wrong with all of them.
            reason = with_flags(outcome.error or "no reason is known")
            self._console.print(f"a trial failed: {reason}", soft_wrap=True)

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
