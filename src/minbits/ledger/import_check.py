"""All rows that are to be taken into a ledger, checked before the first one is appended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from minbits.errors import LedgerError
from minbits.ledger.references import Known, Lookup, batches, reference_fault
from minbits.ledger.row_checks import Fault, row_fault
from minbits.ledger.rows import expected_row_hash, second_name
from minbits.ledger.schema import ARTIFACTS, TABLES, TRIALS
from minbits.ledger.source import (
    Found,
    RowsOf,
    Source,
    altered,
    differs,
    key_of,
    without_number,
)
from minbits.ledger.store import Ledger, rows_by_key

_ROWS_AT_ONCE = 200


def check_source(source: Source, rows_of: RowsOf, target: Ledger) -> None:
    """Check every row of a source: by itself, in what it names, and beside what the target has.

    Raises:
        LedgerError: if one is bad; nothing was appended then.
    """
    check = _Check(source, target)
    for table in TABLES:
        for found in batches(rows_of(table), _ROWS_AT_ONCE):
            check.rows(TABLES[table], found)


@dataclass
class _Check:
    source: Source
    target: Ledger
    known: Known = field(default_factory=Known)
    # By a row's name, a digest of all that it holds.
    names: dict[tuple[str, str], str] = field(default_factory=dict)

    def rows(self, table: sa.Table, found: Sequence[Found]) -> None:
        """Check some rows of a table; what they may name was checked before."""
        for item in found:
            self.one(table, item)
        rows = [item.row for item in found]
        # In one transaction, which may be tried again.
        lengths, known = self.target.database.read(
            lambda connection: (
                self.lengths(connection, table, found),
                Lookup(connection, self.target.artifacts).known_to(table.name, rows),
            )
        )
        self.known.update(known)
        for item in found:
            if (fault := reference_fault(table.name, item.row, self.known)) is not None:
                raise self.bad(item, fault)
            self.known.add(table.name, item.row)
        if table is ARTIFACTS:
            self.files(found, lengths)

    def one(self, table: sa.Table, item: Found) -> None:
        """Check a row by itself, and that no other row of the source has its name."""
        row = item.row
        if (fault := row_fault(table.name, row)) is not None:
            raise self.bad(item, fault)
        if table is not ARTIFACTS and row["row_hash"] != expected_row_hash(table.name, row):
            raise self.bad(item, Fault("a row that was altered", f"row_hash {row['row_hash']}"))
        if table is TRIALS:
            return  # both are kept
        held = without_number(row)
        if table is ARTIFACTS:
            held = {"size_bytes": row["size_bytes"]}
        digest = second_name(held)
        if self.names.setdefault((table.name, row[key_of(table).name]), digest) != digest:
            raise self.bad(item, Fault("another row of the same name", "each name once"))

    def lengths(
        self, connection: Connection, table: sa.Table, found: Sequence[Found]
    ) -> dict[str, int]:
        """Compare with the target's rows; return what these say of the lengths of artifacts."""
        key = key_of(table)
        there = rows_by_key(connection, key, [item.row[key.name] for item in found])
        if table is ARTIFACTS:
            return {name: row["size_bytes"] for name, row in there.items()}
        for item in found:
            row = without_number(item.row)
            known = there.get(row[key.name])
            if table is not TRIALS and known is not None and differs(row, known):
                raise altered(self.target.name, table.name, row, known)
        return {}

    def files(self, found: Sequence[Found], lengths: dict[str, int]) -> None:
        """Check the lengths of files by the files themselves, and else by the target's rows."""
        lacking = self.target.artifacts.lacking([item.row["sha256"] for item in found])
        for item in found:
            sha256, size = item.row["sha256"], item.row["size_bytes"]
            if sha256 not in lacking and lengths.get(sha256) == size:
                continue
            read = self.source.read_file if sha256 in lacking else self.target.artifacts.read
            length: int | None
            try:
                length = len(read(sha256))
            except LedgerError:  # it is lost, which the target will say of it
                length = lengths.get(sha256, size)
            if length != size:
                raise self.bad(item, Fault(f"size_bytes {size}", f"{length}, as the file has"))

    def bad(self, item: Found, fault: Fault) -> LedgerError:
        where = f"{self.source.name}, {item.place}"
        return LedgerError(where, fault.got, fault.expected, self.source.remedy)
