"""Opening a ledger, appending to it and asking it what was found so far."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import alembic.command
import alembic.config
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from minbits.errors import LedgerError
from minbits.files import sha256_hex
from minbits.ledger.artifacts import ArtifactStore
from minbits.ledger.location import LedgerTarget, parse_target
from minbits.ledger.provenance import Provenance
from minbits.ledger.schema import ARTIFACTS, CLAIMS, TRIALS
from minbits.records import DataSet, TrialResult, Verification
from minbits.units import BITS_PER_BYTE, bytes_to_bits


@dataclass(frozen=True)
class TrialEntry:
    """A trial that ended, and what it was a trial of.

    Attributes:
        data: the data set.
        target_accuracy: that was searched for, in (0, 1].
        candidate: key of what was trained and how.
        result: its outcome.
        provenance: the code, libraries and machine that made it.
    """

    data: DataSet
    target_accuracy: float
    candidate: str
    result: TrialResult
    provenance: Provenance


@dataclass(frozen=True)
class Claim:
    """One run of the test set: a row of the ledger's claims."""

    claim_id: int
    verification: Verification


class Ledger:
    """An append-only ledger in one SQLite file, with its artifacts in a folder beside it.

    Rows are never updated or deleted; triggers in the database refuse both. Every append is a
    committed transaction, forced to disk, so that a kill loses nothing that was appended.

    Raises:
        LedgerError: if the ledger cannot be opened, read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unusable(path, error.strerror or str(error)) from error
        self._engine = _engine(path)
        self.artifacts = ArtifactStore(path.parent / f"{path.stem}-artifacts")
        try:
            _migrate(self._engine)
        except sa.exc.DatabaseError as error:
            raise _unusable(path, str(error.orig)) from error

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

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
        if not entries:
            return []
        files = [entry.result.network_file for entry in entries]
        artifacts = self._put_artifacts([file for file in files if file is not None])
        rows = [_trial_row(entry) for entry in entries]
        query = sa.insert(TRIALS).returning(TRIALS.c.id, sort_by_parameter_order=True)
        try:
            with self._engine.begin() as connection:
                _insert_new_artifacts(connection, artifacts)
                return list(connection.execute(query, rows).scalars())
        except sa.exc.DatabaseError as error:
            raise _unusable(self.path, str(error.orig)) from error

    def append_claim(
        self,
        data: DataSet,
        target_accuracy: float,
        verification: Verification,
        provenance: Provenance,
    ) -> int:
        """Append the outcome of one run of the test set, whether or not it reached the target."""
        row = {
            "created_at": _now(),
            "row_hash": _row_hash(verification.sha256, data.digest, provenance.code_version),
            "data_name": data.name,
            "data_digest": data.digest,
            "target_accuracy": target_accuracy,
            "artifact_sha256": verification.sha256,
            "size_bits": verification.size_bits,
            "n_test": verification.n_test,
            "correct": verification.correct,
            "wilson_low": verification.wilson_low,
            "wilson_high": verification.wilson_high,
            "code_version": provenance.code_version,
            "machine": json.dumps(provenance.machine, sort_keys=True),
            "seconds": verification.seconds,
        }
        return self._insert(CLAIMS, row)

    def best_claim(
        self, data_digest: str, accuracy: float, among: Collection[str] | None = None
    ) -> Claim | None:
        """Return the smallest file whose test accuracy is at least ``accuracy``, or None.

        Args:
            data_digest: of the data set.
            accuracy: in (0, 1].
            among: digests of the files to consider; None stands for all.
        """
        query = sa.select(CLAIMS).where(
            CLAIMS.c.data_digest == data_digest,
            # Counts, not quotients: 9,900 of 10,000 reaches 0.99 exactly.
            CLAIMS.c.correct >= accuracy * CLAIMS.c.n_test - 1e-9,
        )
        rows = self._select(query.order_by(CLAIMS.c.size_bits, CLAIMS.c.id))
        for row in rows:
            if among is None or row["artifact_sha256"] in among:
                return self._claim(row)
        return None

    def _claim(self, row: dict[str, Any]) -> Claim:
        verification = Verification(
            path=str(self.artifacts.path(row["artifact_sha256"])),
            sha256=row["artifact_sha256"],
            bytes=row["size_bits"] // BITS_PER_BYTE,
            size_bits=row["size_bits"],
            n_test=row["n_test"],
            correct=row["correct"],
            test_accuracy=row["correct"] / row["n_test"],
            wilson_low=row["wilson_low"],
            wilson_high=row["wilson_high"],
            seconds=row["seconds"],
        )
        return Claim(row["id"], verification)

    def is_claimed(self, data_digest: str, sha256: str) -> bool:
        """Return whether that file was run on the test set before: its result is known."""
        query = sa.select(CLAIMS.c.id).where(
            CLAIMS.c.data_digest == data_digest, CLAIMS.c.artifact_sha256 == sha256
        )
        return bool(self._select(query))

    def claim_count(self, data_digest: str) -> int:
        """Return how many times the test set of a data set was run for a claim."""
        query = sa.select(sa.func.count().label("count")).where(CLAIMS.c.data_digest == data_digest)
        return int(self._select(query.select_from(CLAIMS))[0]["count"])

    def trials_on(self, data_digest: str) -> list[dict[str, Any]]:
        """Return every trial on a data set, oldest first, as rows of the table."""
        query = sa.select(TRIALS).where(TRIALS.c.data_digest == data_digest).order_by(TRIALS.c.id)
        return self._select(query)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return every row of ``trials``, ``claims`` or ``artifacts``, oldest first."""
        tables = {"trials": TRIALS, "claims": CLAIMS, "artifacts": ARTIFACTS}
        chosen = tables[table]
        return self._select(sa.select(chosen).order_by(*chosen.primary_key.columns))

    def _put_artifacts(self, contents: Sequence[bytes]) -> list[dict[str, Any]]:
        """Store files and return their rows, one a digest."""
        now = _now()
        found = {self.artifacts.put(content): len(content) for content in contents}
        return [
            {"sha256": digest, "size_bytes": size, "created_at": now}
            for digest, size in found.items()
        ]

    def _insert(self, table: sa.Table, row: dict[str, Any]) -> int:
        try:
            with self._engine.begin() as connection:
                key = connection.execute(sa.insert(table).values(**row)).inserted_primary_key
        except sa.exc.DatabaseError as error:
            raise _unusable(self.path, str(error.orig)) from error
        assert key is not None
        return key[0] if isinstance(key[0], int) else 0

    def _select(self, query: sa.Select[Any]) -> list[dict[str, Any]]:
        try:
            with self._engine.connect() as connection:
                return [dict(row) for row in connection.execute(query).mappings()]
        except sa.exc.DatabaseError as error:
            raise _unusable(self.path, str(error.orig)) from error


def open_ledger(target: LedgerTarget) -> Ledger:
    """Open a ledger by its path or URL; it is created where there is none.

    Raises:
        LedgerError: if it cannot be opened.
    """
    place = parse_target(target)
    if not isinstance(place, Path):
        raise LedgerError("--ledger", "a URL", "a path", "Give the path of a file.")
    return Ledger(place)


def _trial_row(entry: TrialEntry) -> dict[str, Any]:
    result, provenance = entry.result, entry.provenance
    config = json.dumps(dataclasses.asdict(result.config), sort_keys=True)
    file = result.network_file
    return {
        "created_at": _now(),
        "row_hash": _row_hash(config, entry.data.digest, provenance.code_version),
        "data_name": entry.data.name,
        "data_digest": entry.data.digest,
        "target_accuracy": entry.target_accuracy,
        "candidate": entry.candidate,
        "config": config,
        "seed": result.config.seed,
        "code_version": provenance.code_version,
        "libraries": json.dumps(provenance.libraries, sort_keys=True),
        "machine": json.dumps(provenance.machine, sort_keys=True),
        "status": result.status,
        "error": result.error,
        "validation_correct": result.validation_correct,
        "validation_examples": result.validation_examples,
        "size_bits": None if file is None else bytes_to_bits(len(file)),
        "artifact_sha256": None if file is None else sha256_hex(file),
        "seconds": result.seconds,
    }


def _insert_new_artifacts(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        query = sa.select(ARTIFACTS.c.sha256).where(ARTIFACTS.c.sha256 == row["sha256"])
        if connection.execute(query).first() is None:
            connection.execute(sa.insert(ARTIFACTS).values(**row))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _row_hash(subject: str, data_digest: str, code_version: str) -> str:
    return sha256_hex(f"{subject}\n{data_digest}\n{code_version}".encode())


def _unusable(path: Path, reason: str) -> LedgerError:
    return LedgerError(
        f"ledger {path}", reason, "a writable SQLite ledger", "Choose another with --ledger PATH."
    )


def _engine(path: Path) -> Engine:
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 30.0})

    def set_pragmas(connection: Any, record: Any) -> None:
        with closing(connection.cursor()) as cursor:
            # WAL lets readers go on while one process writes; FULL forces every commit to disk.
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = FULL")
            cursor.execute("PRAGMA foreign_keys = ON")

    sa.event.listen(engine, "connect", set_pragmas)
    return engine


def _migrate(engine: Engine) -> None:
    config = alembic.config.Config()
    config.set_main_option("script_location", "minbits.ledger:migrations")
    with engine.begin() as connection:
        if _is_current(connection, config):
            return
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "head")


def _is_current(connection: Connection, config: alembic.config.Config) -> bool:
    """Return whether no migration is due: looking is much faster than running Alembic."""
    from alembic.script import ScriptDirectory

    if not sa.inspect(connection).has_table("alembic_version"):
        return False
    versions: Sequence[str] = [
        row[0] for row in connection.execute(sa.text("SELECT version_num FROM alembic_version"))
    ]
    head = ScriptDirectory.from_config(config).get_current_head()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if unknown := [version for version in versions if version not in known]:
        raise LedgerError(
            "ledger",
            f"schema version {unknown[0]}",
            f"at most {head}",
            "It was written by a newer minbits: update minbits.",
        )
    return list(versions) == [head]
