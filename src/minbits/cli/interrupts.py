"""What Ctrl-C and SIGTERM mean to a command: first end well, then end at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from minbits.cli.output import EXIT_INTERRUPTED


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM into KeyboardInterrupt; a second one ends the process.

    It may end so at any moment, as if it were killed: ledgers and files are written for that, and
    workers end with their parent.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python lets nobody else handle signals
        return
    is_second = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal is_second
        if is_second:
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, b"minbits: ended at once\n")
            os._exit(EXIT_INTERRUPTED)
        is_second = True
        raise KeyboardInterrupt

    # What whoever started this process wants ignored, as a script does for what it leaves running,
    # stays ignored.
    heeded = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) != signal.SIG_IGN]
    before = {number: signal.signal(number, handle) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
