"""Copying rows and files from one ledger into another, each row once, after a check of all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from minbits.errors import LedgerError
from minbits.ledger.import_check import check_source
from minbits.ledger.references import batches
from minbits.ledger.row_checks import row_fault
from minbits.ledger.rows import Row, second_name
from minbits.ledger.schema import ARTIFACTS, TABLES, TRIALS
from minbits.ledger.source import (
    LedgerSource,
    Source,
    altered,
    differs,
    key_of,
    without_number,
)
from minbits.ledger.store import Ledger, insert_new, rows_by_key

__all__ = ["LedgerSource", "Source", "Taken", "take"]

_ROWS_AT_ONCE = 200


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


def take(source: Source, target: Ledger) -> Taken:
    """Append to ``target`` every row of ``source`` that it does not have, with its files.

    Every row is checked before the first one is appended (`minbits.ledger.import_check`). A row is
    known by its uid, an artifact by its digest; numbers are given anew. Where both ledgers have a
    trial of one uid that is not the same, both are kept. It happens in transactions of some hundred
    rows, what is named before what names it: taking again goes on where it was cut short, and finds
    nothing to do where it was not.

    Raises:
        LedgerError: if a ledger cannot be used, if a row is bad, or if claims or verifications of
            one uid differ.
    """
    taken = Taken()
    with source.snapshot() as rows_of:
        check_source(source, rows_of, target)
        for table in TABLES:
            for found in batches(rows_of(table), _ROWS_AT_ONCE):
                rows = [item.row for item in found]
                contents = {}
                if table == ARTIFACTS.name:
                    contents = _contents(source, target, [row["sha256"] for row in rows], taken)
                new = target.database.write(_appending(table, rows, contents, target))
                taken.new[table] += new
                taken.known[table] += len(rows) - new
    return taken


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
    key = key_of(table)
    taken = [without_number(row) for row in rows]
    for row in taken:
        if (
            fault := row_fault(name, row)
        ) is not None:  # an exported file that was changed just now
            raise LedgerError(f"a row of {name}", fault.got, fault.expected, "Import it again.")

    def append(connection: Connection) -> int:
        known = rows_by_key(connection, key, [row[key.name] for row in taken])
        new: dict[str, Row] = {}
        others: list[Row] = []
        for row in taken:
            there = known.get(row[key.name], new.get(row[key.name]))
            if there is None:
                new[row[key.name]] = row
            elif differs(row, there):
                if name != TRIALS.name:  # appended by somebody since the check
                    raise altered(target.name, name, row, there)
                others.append(row)
        if name == TRIALS.name:
            new = _new_trials(connection, list(new.values()), others)
        insert_new(connection, table, list(new.values()))
        target.artifacts.put(connection, contents)
        return len(new)

    return append


def _new_trials(connection: Connection, new: list[Row], others: list[Row]) -> dict[str, Row]:
    """Return the trials to append by uid: new ones, and others whose uids stand for other rows.

    In older versions a trial's uid said what was to be done: whoever did it elsewhere, too, made
    another row. Such a one goes by its second name. A row is known if it is there under either.
    """
    names = {second_name(row): row for row in (*new, *others)}
    known = rows_by_key(connection, TRIALS.c.uid, list(names))
    # Some that come by their second name may be here by the first.
    facts = [TRIALS.c[name] for name in ("data_digest", "candidate", "created_at")]
    query = sa.select(TRIALS).where(*(c.in_({row[c.name] for row in new}) for c in facts))
    here = [dict(row) for row in connection.execute(query).mappings()] if new else []
    first = {second_name(without_number(row)) for row in here}
    renamed = {id(row) for row in others}
    found: dict[str, Row] = {}
    for name, row in names.items():
        if name not in known and row["uid"] not in first:
            uid = name if id(row) in renamed else row["uid"]
            found[uid] = {**row, "uid": uid}
    return found
