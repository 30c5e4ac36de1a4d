"""Copying rows and files from one ledger into another, each row once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from minbits.errors import LedgerError
from minbits.files import sha256_hex
from minbits.ledger.rows import UID_DIGITS, Row
from minbits.ledger.schema import ARTIFACTS, TABLES, TRAINING_COUNTS, TRIALS
from minbits.ledger.store import Ledger, LedgerReader, insert_new

_ROWS_AT_ONCE = 200

RowsOf = Callable[[str], Iterator[Row]]


class Source(Protocol):
    """What rows are taken from: a ledger, or an exported file."""

    def snapshot(self) -> AbstractContextManager[RowsOf]:
        """Give a function that yields the rows of a table, all as of one moment."""

    def read_file(self, sha256: str) -> bytes:
        """Return an artifact's bytes, checked against the digest.

        Raises:
            LedgerError: if it is not there, or damaged.
        """


@dataclass
class Taken:
    """What came of copying.

    Attributes:
        new: rows that were appended, by table.
        known: rows that were there already, by table.
        lost: digests of artifacts that the source does not have whole, and why; the rows that name
            them were copied, and the target says of these files that they are missing.
    """

    new: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TABLES, 0))
    known: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TABLES, 0))
    lost: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LedgerSource:
    """A ledger to take rows from."""

    ledger: LedgerReader

    def snapshot(self) -> AbstractContextManager[RowsOf]:
        """Give a function that yields the rows of a table, all as of one moment."""
        return self.ledger.snapshot()

    def read_file(self, sha256: str) -> bytes:
        """Return an artifact's bytes, checked against the digest."""
        return self.ledger.artifacts.read(sha256)


def take(source: Source, target: Ledger) -> Taken:
    """Append to ``target`` every row of ``source`` that it does not have, with its files.

    A row is known by its uid, an artifact by its digest; numbers are given anew. Where both ledgers
    did the same trial, each for itself, they have two rows of one uid: both are kept. It happens in
    transactions of some hundred rows, what is named before what names it: taking again goes on
    where it was cut short, and finds nothing to do where it was not.

    Raises:
        LedgerError: if a ledger cannot be used, or if claims or verifications of one uid differ.
    """
    taken = Taken()
    with source.snapshot() as rows_of:
        for table in TABLES:
            for rows in _batches(rows_of(table)):
                contents = {}
                if table == ARTIFACTS.name:
                    contents = _contents(source, target, [row["sha256"] for row in rows], taken)
                new = target.database.write(_appending(table, rows, contents, target))
                taken.new[table] += new
                taken.known[table] += len(rows) - new
    return taken


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rows = iter(rows)
    while batch := list(islice(rows, _ROWS_AT_ONCE)):
        yield batch


def _contents(
    source: Source, target: Ledger, sha256s: Sequence[str], taken: Taken
) -> dict[str, bytes]:
    """Return the files that the target lacks and the source has."""
    found: dict[str, bytes] = {}
    for sha256 in sorted(target.artifacts.lacking(sha256s)):
        try:
            found[sha256] = source.read_file(sha256)
        except LedgerError as error:
            taken.lost[sha256] = error.got
    return found


def _appending(
    name: str, rows: Sequence[Row], contents: dict[str, bytes], target: Ledger
) -> Callable[[Connection], int]:
    """Return what appends the rows that are not there yet, with their files, and counts them."""
    table = TABLES[name]
    key = "sha256" if name == ARTIFACTS.name else "uid"
    taken = [{column: value for column, value in row.items() if column != "id"} for row in rows]

    def append(connection: Connection) -> int:
        known = _by_key(connection, table, [row[key] for row in taken])
        new = [row for row in taken if row[key] not in known]
        others = [row for row in taken if row[key] in known and _differs(row, known[row[key]])]
        if name == TRIALS.name:
            new = _new_trials(connection, new, others)
        elif others:
            raise _altered(name, others[0], known[others[0][key]])
        insert_new(connection, table, new)
        target.artifacts.put(connection, contents)
        return len(new)

    return append


def _by_key(connection: Connection, table: sa.Table, names: Iterable[str]) -> dict[str, Row]:
    key = table.c.sha256 if table is ARTIFACTS else table.c.uid
    query = sa.select(table).where(key.in_(names))
    return {row[key.name]: dict(row) for row in connection.execute(query).mappings()}


def _differs(row: Row, known: Row) -> bool:
    # An artifact is its content: when it was stored first differs from ledger to ledger.
    ignored = {"created_at"} if "uid" not in row else set()
    return any(known[name] != value for name, value in row.items() if name not in ignored)


def _new_trials(connection: Connection, new: list[Row], others: list[Row]) -> list[Row]:
    """Return the trials to append: ``new`` ones, and ``others`` whose uids stand for other rows.

    A trial's uid may say what was to be done: whoever did it elsewhere, too, made another row. That
    one goes by a second name, which follows from all that it holds. A row is known if it is there
    under either of its names.
    """
    second = {_second_name(row): row for row in (*new, *others)}
    known = _by_key(connection, TRIALS, second)
    appended = {name: row for name, row in second.items() if name not in known}
    # Some that come by their second name may be here by the first.
    facts = [TRIALS.c[name] for name in ("data_digest", "candidate", "created_at")]
    query = sa.select(TRIALS).where(*(c.in_({row[c.name] for row in new}) for c in facts))
    here = [dict(row) for row in connection.execute(query).mappings()] if new else []
    first = {_second_name({k: v for k, v in row.items() if k != "id"}) for row in here}
    taken_uids = {row["uid"] for row in others}
    return [
        {**row, "uid": name} if row["uid"] in taken_uids else row
        for name, row in appended.items()
        if row["uid"] not in first
    ]


def _second_name(row: Row) -> str:
    # As older versions named it, which had no such columns.
    held = {k: v for k, v in row.items() if k not in TRAINING_COUNTS or v is not None}
    return sha256_hex(json.dumps(held, sort_keys=True).encode())[:UID_DIGITS]


def _altered(table: str, row: Row, known: Row) -> LedgerError:
    name = next(name for name, value in row.items() if known[name] != value)
    return LedgerError(
        f"{table} {row.get('uid', row.get('sha256'))}",
        f"{name} {row[name]!r}",
        f"{known[name]!r}, as in the ledger: rows never change",
        "One of the two was altered: see `minbits ledger verify` of both.",
    )
