"""What a ledger is asked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from minbits.errors import LedgerError
from minbits.ledger.artifacts import ArtifactStore, problem_of
from minbits.ledger.database import Database
from minbits.ledger.rows import Row
from minbits.ledger.schema import (
    ARTIFACTS,
    CLAIMS,
    TABLES,
    TRAINING_COUNTS,
    TRIALS,
    VERIFICATIONS,
)
from minbits.records import Verification
from minbits.units import BITS_PER_BYTE

_ROWS_AT_ONCE = 1000
# Counts, not quotients: 9,900 of 10,000 reaches 0.99 exactly.
_ROUNDING = 1e-9

_OUTCOME_COLUMNS = (
    "candidate",
    "config",
    "seed",
    "status",
    "validation_correct",
    "validation_examples",
    *TRAINING_COUNTS,
    "size_bits",
    "artifact_sha256",
    "seconds",
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Claim:
    """One run of the test set: a row of the ledger's claims."""

    claim_id: int
    verification: Verification


@dataclass(frozen=True)
class TrialFile:
    """A trial's file and its validation result."""

    sha256: str
    size_bits: int
    correct: int
    examples: int


class LedgerReader:
    """What can be asked of a ledger; see `minbits.ledger.store` for how to open one.

    Attributes:
        name: how it is called in what is printed.
        database: its rows.
        artifacts: its network files.
    """

    def __init__(self, database: Database, artifacts: ArtifactStore) -> None:
        self.name = database.name
        self.database = database
        self.artifacts = artifacts

    def close(self) -> None:
        """Close every connection."""
        self.database.close()

    # --- trials

    def trials_on(self, data_digest: str) -> list[Row]:
        """Return every trial on a data set, oldest first, as rows of the table."""
        return self._select(sa.select(TRIALS).where(_on(TRIALS, data_digest)).order_by(TRIALS.c.id))

    def trial_count(self, data_digest: str) -> int:
        """Return how many trials on a data set there are, interrupted ones too."""
        return self._count(TRIALS, _on(TRIALS, data_digest))

    def known_trials(self, uids: Sequence[str]) -> set[str]:
        """Return those of some names that trials are known by."""
        found: set[str] = set()
        for start in range(0, len(uids), _ROWS_AT_ONCE):
            names = uids[start : start + _ROWS_AT_ONCE]
            rows = self._select(sa.select(TRIALS.c.uid).where(TRIALS.c.uid.in_(names)))
            found.update(row["uid"] for row in rows)
        return found

    def trial_outcomes(self, data_digest: str) -> list[Row]:
        """Return the trials on a data set, oldest first: the columns that a search asks for."""
        query = sa.select(*(TRIALS.c[name] for name in _OUTCOME_COLUMNS))
        return self._select(query.where(_on(TRIALS, data_digest)).order_by(TRIALS.c.id))

    def trials_of(self, data_digest: str, candidate: str) -> list[Row]:
        """Return the trials of one candidate on a data set, oldest first."""
        where = (_on(TRIALS, data_digest), TRIALS.c.candidate == candidate)
        return self._select(sa.select(TRIALS).where(*where).order_by(TRIALS.c.id))

    def trial_of_file(self, data_digest: str, sha256: str) -> Row | None:
        """Return the first trial on a data set that gave a file, or None."""
        where = (_on(TRIALS, data_digest), TRIALS.c.artifact_sha256 == sha256)
        rows = self._select(sa.select(TRIALS).where(*where).order_by(TRIALS.c.id).limit(1))
        return rows[0] if rows else None

    def files_to_claim(
        self,
        data_digest: str,
        accuracy: float,
        smaller_than_bits: float,
        candidates: Collection[str] | None = None,
    ) -> list[TrialFile]:
        """Return the files that reached ``accuracy`` on validation and were never put to the test.

        Args:
            data_digest: of the data set.
            accuracy: in (0, 1].
            smaller_than_bits: larger ones are left out.
            candidates: keys of those to consider; None stands for all.
        """
        tested = sa.select(CLAIMS.c.id).where(
            CLAIMS.c.data_digest == data_digest,
            CLAIMS.c.artifact_sha256 == TRIALS.c.artifact_sha256,
        )
        columns = (
            TRIALS.c.artifact_sha256,
            TRIALS.c.size_bits,
            TRIALS.c.validation_correct,
            TRIALS.c.validation_examples,
        )
        query = sa.select(*columns).where(
            _on(TRIALS, data_digest),
            TRIALS.c.artifact_sha256.is_not(None),
            TRIALS.c.validation_correct >= accuracy * TRIALS.c.validation_examples - _ROUNDING,
            ~sa.exists(tested),
        )
        if smaller_than_bits < float("inf"):
            query = query.where(TRIALS.c.size_bits < smaller_than_bits)
        if candidates is not None:
            query = query.where(TRIALS.c.candidate.in_(candidates))
        return [TrialFile(*row.values()) for row in self._select(query.order_by(TRIALS.c.id))]

    # --- claims

    def best_claim(
        self,
        data_digest: str,
        accuracy: float,
        among: Collection[str] | None = None,
        candidates: Collection[str] | None = None,
    ) -> Claim | None:
        """Return the smallest whole file whose test accuracy is at least ``accuracy``, or None.

        A file that is missing or damaged, or that missed the accuracy when it was last verified, is
        passed over with a warning.

        Args:
            data_digest: of the data set.
            accuracy: in (0, 1].
            among: digests of the files to consider; None stands for all.
            candidates: keys of the candidates whose files are considered; None stands for all.
        """
        query = sa.select(CLAIMS).where(
            _on(CLAIMS, data_digest),
            CLAIMS.c.correct >= accuracy * CLAIMS.c.n_test - _ROUNDING,
        )
        if candidates is not None:
            files = sa.select(TRIALS.c.artifact_sha256).where(
                _on(TRIALS, data_digest), TRIALS.c.candidate.in_(candidates)
            )
            query = query.where(CLAIMS.c.artifact_sha256.in_(files))
        for row in self._select(query.order_by(CLAIMS.c.size_bits, CLAIMS.c.id)):
            sha256 = row["artifact_sha256"]
            if among is not None and sha256 not in among:
                continue
            problem = self.objection(row, accuracy)
            if problem is None:
                return self._claim(row)
            _log.warning(
                "ledger %s: claim %s of %s bits is passed over: %s",
                self.name, row["id"], f"{row['size_bits']:,}", problem,
            )  # fmt: skip
        return None

    def objection(self, claim: Row, accuracy: float) -> str | None:
        """Return why a claim must not be relied upon for an accuracy, in words, or None.

        Its file may be missing or damaged, or have missed the accuracy when it was last verified.
        """
        if (problem := problem_of(self.artifacts, claim["artifact_sha256"])) is not None:
            return problem
        query = (
            sa.select(VERIFICATIONS)
            .where(VERIFICATIONS.c.claim_uid == claim["uid"], VERIFICATIONS.c.n_test.is_not(None))
            .order_by(VERIFICATIONS.c.id.desc())
            .limit(1)
        )
        for row in self._select(query):
            if row["correct"] < accuracy * row["n_test"] - _ROUNDING:
                counts = f"{row['correct']:,} of {row['n_test']:,}"
                return f"verification {row['id']} found {counts} correct"
        return None

    def _claim(self, row: Row) -> Claim:
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
            energy_joules=row["energy_joules"],
        )
        return Claim(row["id"], verification)

    def is_claimed(self, data_digest: str, sha256: str) -> bool:
        """Return whether that file was run on the test set before: its result is known."""
        where = (_on(CLAIMS, data_digest), CLAIMS.c.artifact_sha256 == sha256)
        return bool(self._select(sa.select(CLAIMS.c.id).where(*where).limit(1)))

    def claim_count(self, data_digest: str) -> int:
        """Return how many times the test set of a data set was run for a claim."""
        return self._count(CLAIMS, _on(CLAIMS, data_digest))

    def test_accuracies(self, data_digest: str) -> list[float]:
        """Return the accuracies of all claims on a data set, reached or missed."""
        query = sa.select(CLAIMS.c.correct, CLAIMS.c.n_test).where(_on(CLAIMS, data_digest))
        return [row["correct"] / row["n_test"] for row in self._select(query)]

    # --- tables

    def rows(self, table: str) -> list[Row]:
        """Return every row of a table of the schema, oldest first."""
        with self.snapshot() as rows_of:
            return list(rows_of(table))

    @contextmanager
    def snapshot(self) -> Iterator[Callable[[str], Iterator[Row]]]:
        """Give a function that yields the rows of a table, all as of one moment, oldest first."""
        with self.database.transaction(writes=False) as connection:

            def rows_of(table: str) -> Iterator[Row]:
                chosen = TABLES[table]
                query = sa.select(chosen).order_by(*chosen.primary_key.columns)
                found = connection.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE})
                for row in found.mappings():
                    yield dict(row)

            yield rows_of

    def latest(self, table: str, data_name: str | None, most: int | None) -> list[Row]:
        """Return the last rows of a table, oldest first; of one data set if it is named."""
        chosen = TABLES[table]
        if "id" not in chosen.c:
            query = sa.select(chosen).order_by(ARTIFACTS.c.created_at.desc(), ARTIFACTS.c.sha256)
        else:
            query = sa.select(chosen).order_by(chosen.c.id.desc())
            if data_name is not None:
                query = query.where(chosen.c.data_name == data_name)
        return self._select(query if most is None else query.limit(most))[::-1]

    def find(self, table: str, key: str) -> list[Row]:
        """Return the rows of a table with a number, or whose uid or digest starts with ``key``."""
        chosen = TABLES[table]
        if "id" not in chosen.c:
            return self._select(sa.select(chosen).where(chosen.c.sha256.startswith(key)))
        query = sa.select(chosen).order_by(chosen.c.id)
        is_number = key.isdigit() and len(key) < 10
        if is_number and (found := self._select(query.where(chosen.c.id == int(key)))):
            return found
        return self._select(query.where(chosen.c.uid.startswith(key, autoescape=True)))

    def row_count(self, table: str) -> int:
        """Return how many rows a table has."""
        return self._count(TABLES[table])

    def named_files(self) -> set[str]:
        """Return the digests of all files that a trial or a claim names."""
        return self.database.read(files_named)

    def _count(self, table: sa.Table, *where: sa.ColumnElement[bool]) -> int:
        query = sa.select(sa.func.count()).select_from(table).where(*where)
        return self.database.read(lambda connection: int(connection.execute(query).scalar_one()))

    def _select(self, query: sa.Select[Any]) -> list[Row]:
        return self.database.read(
            lambda connection: [dict(row) for row in connection.execute(query).mappings()]
        )


def files_named(connection: Connection) -> set[str]:
    """Return the digests of all files that a trial or a claim names, within a transaction."""
    trials = sa.select(TRIALS.c.artifact_sha256).where(TRIALS.c.artifact_sha256.is_not(None))
    query = trials.union(sa.select(CLAIMS.c.artifact_sha256))
    return set(connection.execute(query).scalars())


def _on(table: sa.Table, data_digest: str) -> sa.ColumnElement[bool]:
    found: sa.ColumnElement[bool] = table.c.data_digest == data_digest
    return found


def no_such_row(table: str, key: str) -> LedgerError:
    """Return the error for a row that is not there."""
    return LedgerError(
        f"ledger {table}", repr(key), "a row's number, or the start of its uid or digest",
        f"See `minbits ledger list {table}`.",
    )  # fmt: skip
