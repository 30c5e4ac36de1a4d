"""Opening a ledger and appending to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from minbits.files import sha256_hex
from minbits.ledger.artifacts import ArtifactStore, DatabaseArtifacts
from minbits.ledger.location import LedgerTarget, parse_target
from minbits.ledger.postgres import open_server, open_server_to_read
from minbits.ledger.provenance import Provenance
from minbits.ledger.queries import Claim, LedgerReader, TrialFile
from minbits.ledger.rows import (
    Row,
    TrialEntry,
    VerificationEntry,
    claim_row,
    now,
    trial_row,
    verification_row,
)
from minbits.ledger.schema import ARTIFACTS, CLAIMS, TRIALS, VERIFICATIONS
from minbits.ledger.sqlite import artifacts_beside, open_file, open_file_to_read
from minbits.records import DataSet, TrialResult, Verification

__all__ = [
    "Claim",
    "Ledger",
    "LedgerReader",
    "TrialEntry",
    "TrialFile",
    "VerificationEntry",
    "open_ledger",
    "read_ledger",
]

_INSERT: dict[str, Callable[[sa.Table], Any]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
_NAMES_AT_ONCE = 500


class Ledger(LedgerReader):
    """An append-only ledger: in one file with a folder of artifacts, or in a PostgreSQL database.

    Rows are never updated or deleted; triggers in the database refuse both. Every append is a
    committed transaction, forced to disk, so that a kill loses nothing that was appended. Where
    another process holds the ledger's lock, an append waits for it.

    Args:
        target: the path of the file, or the URL of the database; made where there is none.

    Raises:
        LedgerError: if the ledger cannot be opened, read or written.
        OutputError: if an artifact cannot be written.
    """

    def __init__(self, target: LedgerTarget) -> None:
        place = parse_target(target)
        if isinstance(place, Path):
            super().__init__(open_file(place), artifacts_beside(place))
        else:
            database = open_server(place)
            super().__init__(database, DatabaseArtifacts(database))

    def append_trial(
        self,
        data: DataSet,
        target_accuracy: float,
        candidate: str,
        result: TrialResult,
        provenance: Provenance,
    ) -> int:
        """Append a trial, and its file to the artifacts; return the row's number."""
        entry = TrialEntry(data, target_accuracy, candidate, result, provenance)
        return self.append_trials([entry])[0]

    def append_trials(self, entries: Sequence[TrialEntry]) -> list[int]:
        """Append trials and their files in one transaction; return the rows' numbers.

        A kill leaves all of them or none: many trials of milliseconds cost one wait for the disk.
        """
        files = [entry.result.network_file for entry in entries]
        rows = [trial_row(entry) for entry in entries]
        return self._append(TRIALS, rows, [file for file in files if file is not None])

    def append_claim(
        self,
        data: DataSet,
        target_accuracy: float,
        verification: Verification,
        provenance: Provenance,
    ) -> int:
        """Append the outcome of one run of the test set, whether or not it reached the target."""
        return self._append(CLAIMS, [claim_row(data, target_accuracy, verification, provenance)])[0]

    def append_verification(self, entry: VerificationEntry) -> int:
        """Append the outcome of one more run of a claimed file."""
        return self._append(VERIFICATIONS, [verification_row(entry)])[0]

    def _append(self, table: sa.Table, rows: list[Row], files: Iterable[bytes] = ()) -> list[int]:
        if not rows:
            return []
        contents = {sha256_hex(file): file for file in files}

        def append(connection: Connection) -> list[int]:
            put_artifacts(connection, self.artifacts, contents)
            insert_new(connection, table, rows)
            return _numbers(connection, table, [row["uid"] for row in rows])

        return self.database.write(append)


def open_ledger(target: LedgerTarget) -> Ledger:
    """Open a ledger by its path or URL; it is created where there is none.

    Raises:
        LedgerError: if it cannot be opened.
    """
    return Ledger(target)


def read_ledger(target: LedgerTarget) -> LedgerReader:
    """Open a ledger for reading: it stays exactly as it is, and so does what lies beside a file.

    Raises:
        LedgerError: if there is none, or it cannot be read.
    """
    place = parse_target(target)
    if isinstance(place, Path):
        return LedgerReader(open_file_to_read(place), artifacts_beside(place))
    database = open_server_to_read(place)
    return LedgerReader(database, DatabaseArtifacts(database))


def put_artifacts(connection: Connection, store: ArtifactStore, contents: dict[str, bytes]) -> None:
    """Append artifacts that are new, rows and files, within a transaction."""
    rows = [
        {"sha256": sha256, "size_bytes": len(content), "created_at": now()}
        for sha256, content in contents.items()
    ]
    insert_new(connection, ARTIFACTS, rows)
    store.put(connection, contents)


def insert_new(connection: Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Insert rows; those whose key or uid is in the table already are left as they are there."""
    if rows:
        insert = _INSERT[connection.dialect.name](table)
        key = "uid" if "uid" in table.c else "sha256"
        connection.execute(insert.on_conflict_do_nothing(index_elements=[key]), rows)


def _numbers(connection: Connection, table: sa.Table, uids: Sequence[str]) -> list[int]:
    found: dict[str, int] = {}
    for start in range(0, len(uids), _NAMES_AT_ONCE):
        names = uids[start : start + _NAMES_AT_ONCE]
        query = sa.select(table.c.uid, table.c.id).where(table.c.uid.in_(names))
        found.update((uid, number) for uid, number in connection.execute(query))
    return [found[uid] for uid in uids]
