"""What may happen to the file of an open ledger: it is taken away, or its disk takes no more."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from minbits.errors import LedgerError
from minbits.files import file_limit_bytes, refusal

_TROUBLES = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
# A page and its header: a journal that is as near to its limit does not take another one.
_NEAR_BYTES = 1 << 16


class FileWatch:
    """Looks after the file of one open ledger.

    Where a file is deleted or replaced, whoever has it open goes on with the old one, and all that
    is appended is lost when it is closed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._first: tuple[int, int] | None = None

    def check(self) -> None:
        """Compare the file of that name with the one that was first seen there.

        Raises:
            LedgerError: if it is another one, or none.
        """
        try:
            facts = self._path.stat()
            now = (facts.st_dev, facts.st_ino)
        except FileNotFoundError:
            now = None
        if self._first is None:
            self._first = now
        elif now != self._first:
            got = "no file any more" if now is None else "another file than at the start"
            raise LedgerError(
                f"ledger {self._path}", f"{got}: it was deleted, moved or replaced in mid-run",
                "one file from start to end",
                "What was appended since is lost unless the first file is still somewhere. "
                "Bring it back, or start again.",
            )  # fmt: skip

    def trouble(self, code: int | None) -> str | None:
        """Return in words why the disk takes no more, None where an error code means another thing.

        SQLite says "disk I/O error" for a full disk as well as for a broken one.
        """
        if code not in _TROUBLES:
            return None
        limit = file_limit_bytes()
        for name in (self._path, Path(f"{self._path}-wal")):
            if limit is not None and name.exists() and name.stat().st_size > limit - _NEAR_BYTES:
                return f"{name} may not grow beyond {limit:,} bytes (see `ulimit -f`)"
        if code == sqlite3.SQLITE_FULL:
            return f"no space left on the disk that holds {self._path.parent}"
        return refusal(self._path.parent)
