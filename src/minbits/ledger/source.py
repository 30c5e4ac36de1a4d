"""What rows are taken from to be copied into a ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa

from minbits.errors import LedgerError
from minbits.ledger.queries import LedgerReader
from minbits.ledger.rows import Row
from minbits.ledger.schema import ARTIFACTS
from minbits.ledger.shown import shown


@dataclass(frozen=True)
class Found:
    """A row of a source.

    Attributes:
        row: its values.
        place: what it is called in messages, such as ``line 12`` or ``trials 12``.
    """

    row: Row
    place: str


RowsOf = Callable[[str], Iterator[Found]]


class Source(Protocol):
    """What rows are taken from: a ledger, or an exported file.

    Attributes:
        name: what it is called in messages.
        remedy: what to do where a row of it is bad.
    """

    name: str
    remedy: str

    def snapshot(self) -> AbstractContextManager[RowsOf]:
        """Give a function that yields the rows of a table, all as of one moment."""

    def read_file(self, sha256: str) -> bytes:
        """Return an artifact's bytes, checked against the digest.

        Raises:
            LedgerError: if it is not there, or damaged.
        """


class LedgerSource:
    """A ledger to take rows from: all that it has, so that a bad one is refused and not left out.

    Args:
        ledger: open for reading.
    """

    def __init__(self, ledger: LedgerReader) -> None:
        self._ledger = ledger
        self.name = f"ledger {ledger.name}"
        self.remedy = "`minbits ledger export` leaves such rows out: import what it writes."

    @contextmanager
    def snapshot(self) -> Iterator[RowsOf]:
        """Give a function that yields the rows of a table, all as of one moment."""
        with self._ledger.snapshot_of_all() as rows_of:
            yield lambda table: (_placed(table, row) for row in rows_of(table))

    def read_file(self, sha256: str) -> bytes:
        """Return an artifact's bytes, checked against the digest."""
        return self._ledger.artifacts.read(sha256)


def _placed(table: str, row: Row) -> Found:
    return Found(row, f"{table} {shown(row.get('id', row.get('sha256')))}")


def key_of(table: sa.Table) -> sa.Column[Any]:
    """Return the column that rows are known by in every ledger."""
    return ARTIFACTS.c.sha256 if table is ARTIFACTS else table.c.uid


def without_number(row: Row) -> Row:
    """Return a row without what only its own ledger calls it."""
    return {column: value for column, value in row.items() if column != "id"}


def differs(row: Row, known: Mapping[str, Any]) -> bool:
    """Whether a row is not the known one of its name."""
    # An artifact is its content: when it was stored first differs from ledger to ledger.
    return "uid" in row and any(known[name] != value for name, value in row.items())


def altered(target: str, table: str, row: Row, known: Mapping[str, Any]) -> LedgerError:
    """Return the error for a row that is another one in the target."""
    name = next(name for name, value in row.items() if known[name] != value)
    return LedgerError(
        f"{table} {row.get('uid', row.get('sha256'))}",
        f"{name} {shown(row[name])}",
        f"{shown(known[name])}, as in the ledger {target}: rows never change",
        "One of the two was altered: see `minbits ledger verify` of both.",
    )
