"""A ledger in one SQLite file, with its artifacts in a folder beside it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from minbits.errors import LedgerError, OutputError
from minbits.files import check_writable, sync_folder
from minbits.ledger.artifacts import FolderArtifacts
from minbits.ledger.database import Database
from minbits.ledger.file_watch import FileWatch
from minbits.ledger.migrate import current_version, schema_version, state_of, upgrade

# SQLite itself waits this long for a lock; longer waits are ours, so that Ctrl-C still works.
_BUSY_SECONDS = 0.25
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_CANNOT_WRITE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
# Python sees a signal only between two of its own steps: a statement lets it have one after so many
# of SQLite's, some milliseconds.
_STEPS_BETWEEN_SIGNALS = 100_000


class _Rules:
    """WAL mode: one process writes at a time, and readers go on meanwhile."""

    def __init__(self, path: Path) -> None:
        self._watch = FileWatch(path)

    def passing_trouble(self, error: Exception) -> str | None:
        return "locked by another process" if _code(error) in _LOCKED else None

    def storage_trouble(self, error: Exception) -> str | None:
        return self._watch.trouble(_code(error))

    def begin(self, connection: Connection, writes: bool) -> None:
        self._watch.check()
        # A writer takes the lock at once: SQLite lets none wait for it that has read before.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    def was_interrupted(self, error: Exception) -> bool:
        # Nothing else interrupts a statement: see `_let_signals_in`.
        return _code(error) == sqlite3.SQLITE_INTERRUPT


def artifacts_beside(path: Path) -> FolderArtifacts:
    """Return the artifacts of the ledger in a file."""
    return FolderArtifacts(path.parent / f"{path.stem}-artifacts")


def open_file(path: Path) -> Database:
    """Open a ledger's file for appending; it and its folder are made where they are missing.

    An older schema is migrated, after a backup copy; what is no ledger, or a newer one, is left as
    it was.

    Raises:
        LedgerError: if it cannot be used, or its folder of artifacts cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error
    if path.exists() and not _is_writable(path):
        raise _unusable(path, "a file or a folder that is read-only")
    if path.exists() and path.stat().st_size:
        _version(path)  # what is refused is refused before anything is written
    database = Database(str(path), _engine(lambda: _connect_to_write(path)), _Rules(path))
    try:
        database.write(lambda connection: _prepare(connection, path))
    except OutputError as error:
        database.close()
        raise LedgerError(error.where, error.got, error.expected, error.remedy) from error
    except BaseException:
        database.close()
        raise
    return database


def open_file_to_read(path: Path) -> Database:
    """Open a ledger's file for reading; nothing in it or beside it is changed.

    One with an older schema is read through an upgraded copy, and so is one in a folder that cannot
    be written, where SQLite cannot make the files that WAL mode needs.

    Raises:
        LedgerError: if there is none, or it cannot be read.
    """
    if not path.is_file():
        raise LedgerError(f"ledger {path}", "no file", "a ledger", "Name another with `ledger`.")
    try:
        version = _version(path)
    except LedgerError as error:
        if _code(error.__cause__) not in _CANNOT_WRITE:
            raise
        return _open_copy(path, _copy_files)
    if version is None:
        raise _unusable(path, "an empty database")
    if state_of(version) == "older":
        return _open_copy(path, _copy_online)
    return Database(str(path), _engine(lambda: _connect_to_read(path)), _Rules(path))


def _open_copy(path: Path, copy: Callable[[Path, Path], None]) -> Database:
    folder = tempfile.TemporaryDirectory(prefix="minbits-ledger-")
    place = Path(folder.name) / path.name
    copy(path, place)
    engine = _engine(lambda: _connect(place, "rw"))
    database = Database(str(path), engine, _Rules(place), folder.cleanup)
    try:
        version = database.read(lambda connection: schema_version(connection, str(path)))
        if state_of(version) == "older":
            database.write(upgrade)
    except BaseException:
        database.close()
        raise
    return database


def _version(path: Path) -> str | None:
    """Return the version of a file's schema, and leave the file as it is; see `schema_version`."""
    # Whoever closes the last connection that may write moves the journal into the file. Where there
    # is a journal, only a connection that may not write leaves the file as it was; where there is
    # none, only one that may write removes what it made beside the file.
    mode = "ro" if _has_journal(path) else _best_mode(path)
    database = Database(str(path), _engine(lambda: _connect(path, mode)), _Rules(path))
    try:
        return database.read(lambda connection: schema_version(connection, str(path)))
    finally:
        database.close()


def _prepare(connection: Connection, path: Path) -> None:
    check_writable(artifacts_beside(path).folder / "any")
    version = schema_version(connection, str(path))
    if state_of(version) == "current":
        return
    if version is not None:
        _back_up(path)
    upgrade(connection)


def _back_up(path: Path) -> None:
    """Copy the file as it is before the migration that is about to run, under the same lock."""
    stem = f"{path.stem}.before-{current_version()}"
    place = path.with_name(f"{stem}.sqlite")
    number = 2
    while place.exists():
        place = path.with_name(f"{stem}-{number}.sqlite")
        number += 1
    temporary = place.with_name(f".{place.name}")
    temporary.unlink(missing_ok=True)  # of a run that was killed at this very moment
    _copy_online(path, temporary)
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(place)
    sync_folder(place.parent)


def _engine(connect: Callable[[], sqlite3.Connection]) -> Engine:
    return sa.create_engine("sqlite://", creator=connect, poolclass=sa.pool.QueuePool)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,  # transactions are begun by the rules, those of migrations too
        check_same_thread=False,
    )
    try:
        # Somebody else may have made the file: what its schema calls has no other effect, and what
        # stands on its pages is compared with what can stand there.
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        # A row that REPLACE would remove fires the triggers of DELETE.
        connection.execute("PRAGMA recursive_triggers = ON")
    except BaseException:
        connection.close()
        raise
    # A text that is no Unicode makes its row a bad one, and not every query one that fails.
    connection.text_factory = _lenient_text
    connection.set_progress_handler(_let_signals_in, _STEPS_BETWEEN_SIGNALS)
    return connection


def _lenient_text(content: bytes) -> str:
    return str(content, "utf-8", "surrogateescape")


def _let_signals_in() -> bool:
    """Let Python handle signals while SQLite works: what a handler raises ends the statement."""
    return False


def _connect_to_write(path: Path) -> sqlite3.Connection:
    connection = _connect(path, "rwc")
    try:
        with closing(connection.cursor()) as cursor:
            # WAL lets readers go on while one process writes; FULL forces every commit to disk.
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = FULL")
            cursor.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _connect_to_read(path: Path) -> sqlite3.Connection:
    connection = _connect(path, _best_mode(path))
    connection.execute("PRAGMA query_only = ON")
    return connection


def _is_writable(path: Path) -> bool:
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def _has_journal(path: Path) -> bool:
    journal = Path(f"{path}-wal")
    return journal.exists() and journal.stat().st_size > 0


def _best_mode(path: Path) -> str:
    """Return how to open a file so that nothing is left beside it."""
    if _is_writable(path):
        return "rw"
    # Without a journal nobody has it open, and SQLite need not make the files that sharing takes.
    return "ro" if _has_journal(path) else "ro&immutable=1"


def _copy_online(source: Path, target: Path) -> None:
    """Copy a database that others may be using, by SQLite's online backup."""
    with closing(_connect_to_read(source)) as here, closing(_connect(target, "rwc")) as there:
        here.backup(there)


def _copy_files(source: Path, target: Path) -> None:
    """Copy a database that nobody on this machine can be writing to, with its journal."""
    shutil.copyfile(source, target)
    journal = Path(f"{source}-wal")
    if journal.exists():
        shutil.copyfile(journal, f"{target}-wal")


def _code(error: BaseException | None) -> int | None:
    """Return SQLite's primary error code behind an error, or None."""
    found = getattr(getattr(error, "orig", error), "sqlite_errorcode", None)
    return None if found is None else found & 0xFF


def _unusable(path: Path, reason: str) -> LedgerError:
    return LedgerError(f"ledger {path}", reason, "a ledger", "Choose another with `ledger`.")
