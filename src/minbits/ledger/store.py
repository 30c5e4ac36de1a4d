"""Opening a ledger and appending to it."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from minbits.errors import LedgerError
from minbits.files import sha256_hex
from minbits.ledger.artifacts import ArtifactStore, DatabaseArtifacts
from minbits.ledger.location import LedgerTarget, parse_target
from minbits.ledger.postgres import open_server, open_server_to_read
from minbits.ledger.provenance import Provenance
from minbits.ledger.queries import Claim, LedgerReader
from minbits.ledger.references import Known, Lookup, batches, reference_fault
from minbits.ledger.reservations import SeedRequest, reserve_seeds
from minbits.ledger.row_checks import Fault, row_fault
from minbits.ledger.rows import (
    MeasurementEntry,
    Row,
    TrialEntry,
    VerificationEntry,
    claim_row,
    measurement_row,
    new_uid,
    now,
    second_name,
    trial_row,
    verification_row,
)
from minbits.ledger.running import FolderRuns, Runs, ServerRuns
from minbits.ledger.schema import ARTIFACTS, CLAIMS, MEASUREMENTS, TRIALS, VERIFICATIONS
from minbits.ledger.sqlite import artifacts_beside, open_file, open_file_to_read
from minbits.types import DataSet, TrialOutcome, Verification

__all__ = [
    "Claim",
    "Ledger",
    "LedgerReader",
    "MeasurementEntry",
    "TrialEntry",
    "VerificationEntry",
    "open_ledger",
    "read_ledger",
]

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
        self._run = new_uid()
        self._runs: Runs
        self._reserving = threading.Lock()
        self._given: defaultdict[str, set[int]] = defaultdict(set)
        if isinstance(place, Path):
            artifacts = artifacts_beside(place)
            super().__init__(open_file(place), artifacts)
            self._runs = FolderRuns(artifacts.folder)
        else:
            database = open_server(place)
            super().__init__(database, DatabaseArtifacts(database))
            self._runs = ServerRuns(database.engine)

    def append_trial(
        self,
        data: DataSet,
        target_accuracy: float,
        outcome: TrialOutcome,
        provenance: Provenance,
    ) -> int:
        """Append a trial, and its file to the artifacts; return the row's number."""
        entry = TrialEntry(data, target_accuracy, outcome, provenance)
        return self.append_trials([entry])[0]

    def append_trials(self, entries: Sequence[TrialEntry]) -> list[int]:
        """Append trials and their files in one transaction; return the rows' numbers.

        A kill leaves all of them or none: many trials of milliseconds cost one wait for the disk.
        """
        files = [entry.outcome.network_file for entry in entries]
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

    def append_measurements(self, entries: Sequence[MeasurementEntry]) -> list[int]:
        """Append what a study measured in one transaction; return the rows' numbers.

        Raises:
            ValueError: if a value is NaN or infinite.
        """
        return self._append(MEASUREMENTS, [measurement_row(entry) for entry in entries])

    def reserve_seeds(self, data_digest: str, first: int, count: int) -> list[int]:
        """Reserve seeds for trials of this process, so that no other one runs the same.

        A seed is free if no trial on the data set has it and no process that still runs has
        reserved it: those of one that was killed are free again. They are given back on closing.

        Args:
            data_digest: of the data set.
            first: the least one that is wanted.
            count: how many.

        Returns:
            The smallest free ones, in order.

        Raises:
            LedgerError: if the ledger cannot be used, or there are not so many.
        """
        with self._reserving:
            given = self._given[data_digest]
            request = SeedRequest(data_digest, first, count, self._run, given)

            def reserve(connection: Connection) -> list[int]:
                self._runs.hold(connection, self._run)
                return reserve_seeds(connection, request, self._runs, self.name)

            found = self.database.write(reserve)
            given.update(found)
        return found

    def close(self) -> None:
        """Give back what was reserved, and close every connection."""
        self._runs.release()
        super().close()

    def _append(self, table: sa.Table, rows: list[Row], files: Iterable[bytes] = ()) -> list[int]:
        if not rows:
            return []
        for row in rows:
            if (fault := row_fault(table.name, row)) is not None:
                raise self._refused(table, fault)
        contents = {sha256_hex(file): file for file in files}

        def append(connection: Connection) -> list[int]:
            put_artifacts(connection, self.artifacts, contents)
            known = Known(bytes_of={sha256: len(file) for sha256, file in contents.items()})
            if table not in (TRIALS, MEASUREMENTS):
                known = Lookup(connection, self.artifacts).known_to(table.name, rows)
            for row in rows:
                if (fault := reference_fault(table.name, row, known)) is not None:
                    raise self._refused(table, fault)
            insert_new(connection, table, rows)
            return _numbers(connection, table, rows)

        return self.database.write(append)

    def _refused(self, table: sa.Table, fault: Fault) -> LedgerError:
        return LedgerError(
            f"ledger {self.name}, a new row of {table.name}", fault.got, fault.expected,
            "Nothing was appended: correct what makes the row.",
        )  # fmt: skip


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
    key = table.c.uid if "uid" in table.c else table.c.sha256
    new = list({row[key.name]: row for row in reversed(rows)}.values())[::-1]
    if connection.dialect.name == "postgresql":
        # Others may be inserting the same at this moment.
        query = postgresql.insert(table).on_conflict_do_nothing(index_elements=[key.name])
        if new:
            connection.execute(query, new)
        return
    # Nobody else is inserting; and a conflict fires the triggers that forbid to replace a row.
    known = rows_by_key(connection, key, [row[key.name] for row in new])
    if new := [row for row in new if row[key.name] not in known]:
        connection.execute(sa.insert(table), new)


def rows_by_key(
    connection: Connection, key: sa.Column[Any], names: Sequence[str]
) -> dict[str, Row]:
    """Return the rows of some names, by name."""
    found: dict[str, Row] = {}
    for some in batches(names, _NAMES_AT_ONCE):
        query = sa.select(key.table).where(key.in_(some))
        found.update((row[key.name], dict(row)) for row in connection.execute(query).mappings())
    return found


def _numbers(connection: Connection, table: sa.Table, rows: Sequence[Row]) -> list[int]:
    """Return the numbers of rows that were just inserted, or were there.

    Where another row has a row's uid, this one is inserted under its second name: no result is
    dropped because somebody else's bears its name.
    """
    found = rows_by_key(connection, table.c.uid, [row["uid"] for row in rows])
    named = [
        {**row, "uid": _second_name(row)} if _is_other(row, found[row["uid"]]) else row
        for row in rows
    ]
    if others := [row for row in named if row["uid"] not in found]:
        insert_new(connection, table, others)
        found.update(rows_by_key(connection, table.c.uid, [row["uid"] for row in others]))
    return [int(found[row["uid"]]["id"]) for row in named]


def _is_other(row: Row, known: Row) -> bool:
    """Whether a row is not the known one of its uid; what arrives again may arrive later."""
    return any(known[name] != value for name, value in row.items() if name != "created_at")


def _second_name(row: Row) -> str:
    return second_name({name: value for name, value in row.items() if name != "created_at"})
