"""Ctrl-C, SIGTERM and SIGHUP: the first one ends a command well, a second one at once.

An interrupt is a KeyboardInterrupt wherever the main thread happens to be, and code there may
catch it: scikit-learn's network takes it for the end of its training, and Python itself drops what
is raised while an object is deleted or a C library calls back. So an interrupt is remembered as
well, until somebody has dealt with it on purpose.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

EXIT_INTERRUPTED = 130
# What is dropped is raised again so much later, in other code as it is to be hoped.
_AGAIN_SECONDS = 0.02
_HANGUP = getattr(signal, "SIGHUP", None)
_SIGNALS = [signal.SIGINT, signal.SIGTERM, *([] if _HANGUP is None else [_HANGUP])]


class _Interrupts:
    """What has come, and what was done about it."""

    def __init__(self) -> None:
        self.has_come = False
        self.is_answered = False
        self.is_over = False
        self._orders = 0  # a terminal that is closed sends two hangups, which are one order

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Raise at the first signal; end the process at the second."""
        self._orders += number != _HANGUP
        if self._orders > 1:
            # At any moment, as if it were killed: ledgers and files are written for that, and
            # workers end with their parent.
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, b"minbits: ended at once\n")
            os._exit(EXIT_INTERRUPTED)
        if not self.has_come:
            self.has_come = True
            if not self.is_over:
                raise KeyboardInterrupt

    def handle_again(self, number: int, frame: FrameType | None) -> None:
        """Raise what was dropped."""
        self.check()

    def check(self) -> None:
        """Raise an interrupt that nobody has dealt with."""
        if self.has_come and not self.is_answered and not self.is_over:
            raise KeyboardInterrupt

    def note_dropped(self, dropped: Any, report: Callable[[Any], object]) -> None:
        """Take what Python could raise nowhere; see `sys.unraisablehook`."""
        if not issubclass(dropped.exc_type, KeyboardInterrupt):
            # What an interrupt left half made cannot be taken apart without complaints.
            if not self.has_come:
                report(dropped)
        elif hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)


_current = _Interrupts()


def check_interrupt() -> None:
    """Raise KeyboardInterrupt if an interrupt came that nobody has dealt with.

    To be called now and then in long work: between its stages, at every sign of life.
    """
    if threading.current_thread() is threading.main_thread():
        _current.check()


def answer_interrupt() -> None:
    """Say that the interrupt is dealt with: what follows is how the command ends well."""
    _current.is_answered = True


@contextmanager
def interrupts_kept() -> Iterator[None]:
    """Raise KeyboardInterrupt after a block whose code may have caught one that came meanwhile."""
    if threading.current_thread() is not threading.main_thread():
        yield  # no signal is handled there
        return
    raised: list[int] = []

    def noting(handler: Callable[[int, FrameType | None], Any]) -> Callable[..., None]:
        def handle(number: int, frame: FrameType | None) -> None:
            try:
                handler(number, frame)
            except KeyboardInterrupt:
                raised.append(number)
                raise

        return handle

    with _handlers({n: noting(h) for n in _SIGNALS if callable(h := signal.getsignal(n))}):
        yield
    if raised:
        raise KeyboardInterrupt


def ignore_interrupts() -> None:
    """Take no notice of signals any more: for the last moments of a process."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def _handlers(handlers: dict[int, Callable[..., Any]]) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_interruptibly(command: Callable[[], int]) -> int:
    """Run a command and return its exit code; after an interrupt, one word and 130.

    What whoever started this process wants ignored, as ``nohup`` does for hangups, stays ignored.
    """
    global _current  # noqa: PLW0603 - there is one main thread, and one command in it
    if threading.current_thread() is not threading.main_thread():
        return command()  # Python lets nobody else handle signals
    _current = found = _Interrupts()
    handlers: dict[int, Callable[..., Any]] = {
        number: found.handle for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN
    }
    if hasattr(signal, "SIGALRM"):
        handlers[signal.SIGALRM] = found.handle_again
    report = sys.unraisablehook
    with _handlers(handlers):
        sys.unraisablehook = lambda dropped: found.note_dropped(dropped, report)
        try:
            code = command()
        except KeyboardInterrupt:
            code = EXIT_INTERRUPTED
        finally:
            found.is_over = True
            sys.unraisablehook = report
            if hasattr(signal, "setitimer"):
                signal.setitimer(signal.ITIMER_REAL, 0)  # nobody is there any more to handle it
        if found.has_come:
            code = EXIT_INTERRUPTED
        if code == EXIT_INTERRUPTED:
            with suppress(OSError):  # the terminal may be gone
                print("minbits: interrupted", file=sys.stderr)
    return code
