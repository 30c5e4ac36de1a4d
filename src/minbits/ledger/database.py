"""Transactions on a ledger's database: they wait where waiting helps, and speak plainly."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from minbits.errors import LedgerError

Result = TypeVar("Result")

# A backup of a large ledger or a slow file system may hold a lock for a while; nothing that was
# searched for is thrown away for less than this.
PATIENCE_SECONDS = 120.0
_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.5

_log = logging.getLogger(__name__)


class Patience:
    """Pauses between attempts, told once when they start and once when they helped."""

    def __init__(self, name: str, seconds: float = PATIENCE_SECONDS) -> None:
        self._name = name
        self._seconds = seconds
        self._start: float | None = None
        self._pause = _FIRST_PAUSE_SECONDS
        self._told = False

    def wait(self, reason: str) -> bool:
        """Pause, and return True; return False where the time is used up."""
        now = time.monotonic()
        if self._start is None:
            self._start = now
        waited = now - self._start
        if waited >= self._seconds:
            return False
        if waited > 1.0 and not self._told:
            self._told = True
            _log.warning("%s: %s; waiting up to %g s", self._name, reason, self._seconds)
        time.sleep(self._pause)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE_SECONDS)
        return True

    def is_over(self) -> None:
        """Tell that what was waited for has come, if the wait was told."""
        if self._told and self._start is not None:
            _log.warning("%s: went on after %.0f s", self._name, time.monotonic() - self._start)


class Rules(Protocol):
    """How one kind of database is dealt with."""

    def passing_trouble(self, error: Exception) -> str | None:
        """Return why an error will pass if the transaction is tried again; None if it will not."""

    def storage_trouble(self, error: Exception) -> str | None:
        """Return in words why the disk takes no more; None if an error says something else."""

    def begin(self, connection: Connection, writes: bool) -> None:
        """Prepare a transaction that has just begun."""

    def was_interrupted(self, error: Exception) -> bool:
        """Return whether an error says that the user interrupted a statement."""


class Database:
    """A database that holds a ledger's rows.

    Attributes:
        name: how it is called in what is printed: never with a password.
        engine: SQLAlchemy's.

    Args:
        rules: how its kind is dealt with.
        clean_up: called when it is closed.
        mask: takes secrets out of what a driver says.
    """

    def __init__(
        self,
        name: str,
        engine: Engine,
        rules: Rules,
        clean_up: Callable[[], None] = lambda: None,
        mask: Callable[[str], str] = str,
    ) -> None:
        self.name = name
        self.engine = engine
        self._rules = rules
        self._clean_up = clean_up
        self._mask = mask

    def read(self, action: Callable[[Connection], Result]) -> Result:
        """Run ``action`` in a transaction; it may be run again, so it has no other effect.

        Raises:
            LedgerError: if the database cannot be used.
        """
        return self._run(action, writes=False)

    def write(self, action: Callable[[Connection], Result]) -> Result:
        """Run ``action`` in a transaction that is on disk when this returns, or undone.

        Where a connection is lost while it commits, nobody knows which of the two: the action is
        run again, so it must leave rows alone that are there already.

        Raises:
            LedgerError: if the database cannot be used.
        """
        return self._run(action, writes=True)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()
        self._clean_up()

    def unusable(
        self, error: Exception, expected: str = "a ledger that can be used"
    ) -> LedgerError:
        """Return the error to raise for one of the database."""
        trouble = self._rules.storage_trouble(error)
        if trouble is not None:
            remedy = "Free some, or choose another with `ledger`."
            return LedgerError(f"ledger {self.name}", trouble, "room for its rows", remedy)
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()
        return LedgerError(
            f"ledger {self.name}",
            self._mask(reason[0]) if reason else type(error).__name__,
            expected,
            "Choose another with `ledger`.",
        )

    def _cause(self, error: Exception) -> Exception | None:
        """Return an error to be shown as the cause of ours: none that tells a secret."""
        return error if self._mask(str(error)) == str(error) else None

    def _run(self, action: Callable[[Connection], Result], writes: bool) -> Result:
        patience = Patience(f"ledger {self.name}")
        while True:
            try:
                with self._transaction(writes) as connection:
                    result = action(connection)
            except sa.exc.DBAPIError as error:
                if self._rules.was_interrupted(error):
                    raise KeyboardInterrupt from error
                reason = self._rules.passing_trouble(error)
                if reason is None or not patience.wait(reason):
                    raise self.unusable(error) from self._cause(error)
            else:
                patience.is_over()
                return result

    @contextmanager
    def transaction(self, writes: bool) -> Iterator[Connection]:
        """Give a connection in a transaction that is tried once: committed after the block.

        Raises:
            LedgerError: if the database cannot be used.
        """
        try:
            with self._transaction(writes) as connection:
                yield connection
        except sa.exc.DBAPIError as error:
            if self._rules.was_interrupted(error):
                raise KeyboardInterrupt from error
            raise self.unusable(error) from self._cause(error)

    @contextmanager
    def _transaction(self, writes: bool) -> Iterator[Connection]:
        with self.engine.connect() as connection, connection.begin():
            self._rules.begin(connection, writes)
            yield connection
