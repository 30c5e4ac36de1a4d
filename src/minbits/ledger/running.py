"""Which processes that append to a ledger still run: each holds a lock that ends with it.

No clock decides: the system gives a lock back at the moment in which its process ends, however that
happens, and a server does when it notices that a connection is gone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from minbits.errors import LedgerError

FOLDER = "running"
SUFFIX = ".lock"
# After so long a server asks a silent machine whether it is still there, and gives it up.
_KEEPALIVE = {"idle": 60, "interval": 10, "count": 3}


class Runs(Protocol):
    """The processes that append to one ledger, each known by the uid of its run."""

    def hold(self, connection: Connection, run: str) -> None:
        """Let others see from now on that this run is alive, within a transaction that writes.

        Raises:
            LedgerError: if a lock cannot be made.
        """

    def alive(self, connection: Connection, runs: Collection[str]) -> set[str]:
        """Return those of some runs whose processes are alive."""

    def release(self) -> None:
        """Let others see that this run has ended."""


class FolderRuns:
    """A file a run, in a folder beside the ledger, that SQLite has locked.

    SQLite's locks work on every system that SQLite works on. Files are made and removed in
    transactions that hold the ledger's own lock, so that no two processes do so at once.

    Args:
        folder: of the ledger's artifacts.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._held: sqlite3.Connection | None = None
        self._path: Path | None = None

    def hold(self, connection: Connection, run: str) -> None:
        """Make this run's file and lock it, once."""
        if self._held is not None:
            return
        path = self._path_of(run)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            self._held, self._path = _lock(path), path
        except (OSError, sqlite3.Error) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise LedgerError(
                str(path), reason, "a file that can be locked", "Check the ledger's folder."
            ) from error

    def alive(self, connection: Connection, runs: Collection[str]) -> set[str]:
        """Return those whose files are locked; the files of others are removed."""
        return {run for run in runs if self._is_alive(self._path_of(run))}

    def ended(self) -> list[Path]:
        """Return the files of runs that were killed, within a transaction that writes."""
        paths = sorted(self._folder.glob(f"*{SUFFIX}"))
        return [path for path in paths if path != self._path and not _is_locked(path)]

    def release(self) -> None:
        """Give the lock back and remove the file."""
        if self._held is None or self._path is None:
            return
        self._held.close()
        # What cannot be removed now is when somebody asks for it.
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
        self._held, self._path = None, None

    def _is_alive(self, path: Path) -> bool:
        if path == self._path:
            return True
        if not path.exists():
            return False
        if _is_locked(path):
            return True
        with suppress(OSError):
            path.unlink(missing_ok=True)
        return False

    def _path_of(self, run: str) -> Path:
        return self._folder / f"{run}{SUFFIX}"


def _lock(path: Path) -> sqlite3.Connection:
    """Return a connection that holds a file's lock.

    Raises:
        sqlite3.Error: if another one does, or the file cannot be used.
    """
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw", uri=True, timeout=0, isolation_level=None,
        check_same_thread=False,
    )  # fmt: skip
    try:
        connection.execute("PRAGMA journal_mode = MEMORY")  # no second file: nothing is written
        connection.execute("BEGIN EXCLUSIVE")
    except BaseException:
        connection.close()
        raise
    return connection


def _is_locked(path: Path) -> bool:
    try:
        _lock(path).close()
    except sqlite3.Error as error:
        # What cannot be used for any other reason is nobody's lock.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        return code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    return False


class ServerRuns:
    """An advisory lock a run, on a connection of its own.

    Args:
        engine: of the ledger's database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._held: Connection | None = None

    def hold(self, connection: Connection, run: str) -> None:
        """Take the lock; where its connection was lost, on a new one."""
        if self._held is not None and _key_of(run) in _held_keys(connection):
            return
        self.release()
        lock = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            for name, value in _KEEPALIVE.items():
                lock.exec_driver_sql(f"SET tcp_keepalives_{name} = {value}")
            lock.execute(sa.select(sa.func.pg_try_advisory_lock(_key_of(run))))
        except BaseException:
            lock.invalidate()
            lock.close()
            raise
        self._held = lock

    def alive(self, connection: Connection, runs: Collection[str]) -> set[str]:
        """Return those whose locks the server knows."""
        held = _held_keys(connection) if runs else set()
        return {run for run in runs if _key_of(run) in held}

    def release(self) -> None:
        """End the connection, and the lock with it."""
        if self._held is None:
            return
        lock, self._held = self._held, None
        # The server may take a moment to see that a connection has ended.
        with suppress(sa.exc.DBAPIError):
            lock.execute(sa.select(sa.func.pg_advisory_unlock_all()))
        # Back in the pool it would be somebody else's.
        lock.invalidate()
        lock.close()


def _key_of(run: str) -> int:
    """Return the number of a run's lock: 60 of its uid's 128 bits."""
    return int(run[:15], 16)


def _held_keys(connection: Connection) -> set[int]:
    query = sa.text(
        "SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks "
        "WHERE locktype = 'advisory' AND objsubid = 1 AND granted AND database = "
        "(SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return set(connection.execute(query).scalars())
