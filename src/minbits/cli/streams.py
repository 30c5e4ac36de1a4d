"""Standard output and error: what is written there cannot command a terminal, nor end the program.

Text of our own consoles is made visible piece by piece (`minbits.cli.output`), since a console
writes commands of its own. All else, such as messages of the argument parser, warnings and logs, is
made visible here.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from minbits.cli.flags import with_flags
from minbits.plain_text import escaped, is_visible, visible

# The terminal is gone, or whoever read the pipe.
_NOBODY_READS = {errno.EIO, errno.EPIPE}


class Stream:
    """A text stream that takes every character, and goes on when nobody reads it any more."""

    def __init__(self, inner: IO[str], is_for_progress: bool) -> None:
        self._inner = inner
        self._is_for_progress = is_for_progress

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def write(self, text: str) -> int:
        """Write text; what the stream's encoding lacks is escaped."""
        encoding = getattr(self._inner, "encoding", None) or "utf-8"
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            text = text.encode(encoding, "backslashreplace").decode(encoding)
        try:
            self._inner.write(text)
        except OSError as error:
            self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Write what is held back."""
        try:
            self._inner.flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        if error.errno in _NOBODY_READS:
            # What is held back still is written nowhere, so that the process can end in quiet.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._inner.fileno())
            os.close(nowhere)
            if error.errno == errno.EIO or self._is_for_progress:
                return
        raise error


class VisibleStream(Stream):
    """A stream whose lines show every character that is in them."""

    def write(self, text: str) -> int:
        """Write text; line ends are left as they are."""
        if not text.replace("\n", "").isprintable():
            kept = (c if c in "\n\t" or is_visible(c) else escaped(c) for c in text)
            text = "".join(kept)
        return super().write(text)


class _VisibleFormatter(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:
        return visible(with_flags(super().formatMessage(record)))


def console_stream(is_error: bool) -> IO[str]:
    """Return where a console writes to, commands for the terminal included."""
    stream: Any = sys.stderr if is_error else sys.stdout
    stream = getattr(stream, "rich_proxied_file", stream)  # while a live display is on
    if isinstance(stream, VisibleStream):
        stream = Stream(stream._inner, stream._is_for_progress)
    found: IO[str] = stream
    return found


@contextmanager
def guarded_streams() -> Iterator[None]:
    """Guard standard output and error, and what is logged, for the time of a command."""
    before: Any = (sys.stdout, sys.stderr)
    visible: Any = (VisibleStream(sys.stdout, False), VisibleStream(sys.stderr, True))
    sys.stdout, sys.stderr = visible
    last_resort = logging.lastResort
    assert last_resort is not None
    formatter = last_resort.formatter
    last_resort.setFormatter(_VisibleFormatter())
    try:
        yield
    finally:
        last_resort.setFormatter(formatter)
        sys.stdout, sys.stderr = before
