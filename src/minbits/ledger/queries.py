"""What a ledger is asked.

Whatever is asked, a row that cannot be relied upon (`minbits.ledger.row_checks`) is left out where
rows leave the database, with a warning that names it: whoever asks need not know of it. Counts are
of all rows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from minbits.errors import LedgerError
from minbits.evaluation.accuracy import accuracy_reaches, passes, reaches
from minbits.ledger.artifacts import ArtifactStore, problem_of
from minbits.ledger.database import Database
from minbits.ledger.references import sound_rows
from minbits.ledger.row_checks import Fault, is_digest
from minbits.ledger.rows import Row, expected_row_hash, trial_outcome
from minbits.ledger.schema import (
    ARTIFACTS,
    CLAIMS,
    MEASUREMENTS,
    TABLES,
    TRIALS,
    VERIFICATIONS,
)
from minbits.ledger.shown import shown
from minbits.types import ShownFile, TrialOutcome, Verification
from minbits.units import BITS_PER_BYTE, bytes_to_bits

_ROWS_AT_ONCE = 1000
# Outcomes of a verification that speak against a claim. A file that was missing or damaged then may
# be whole again, which is looked at anew.
_CONTRADICTIONS = ("differs", "failed")
_CONFIRMED = "confirmed"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Claim:
    """One run of the test set: a row of the ledger's claims."""

    claim_id: int
    verification: Verification


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
        self._told: set[tuple[str, str]] = set()

    def close(self) -> None:
        """Close every connection."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # --- trials

    def trial_count(self, data_digest: str) -> int:
        """Return how many trials on a data set there are, interrupted ones too."""
        return self._count(TRIALS, _on(TRIALS, data_digest))

    def trial_outcomes(self, data_digest: str) -> list[TrialOutcome]:
        """Return what came of the trials on a data set, oldest first."""
        return self._outcomes(_on(TRIALS, data_digest))

    def trials_of(self, data_digest: str, candidate: str) -> list[TrialOutcome]:
        """Return what came of the trials of one candidate on a data set, oldest first."""
        return self._outcomes(_on(TRIALS, data_digest), TRIALS.c.candidate == candidate)

    def trials_of_file(self, data_digest: str, sha256: str) -> list[TrialOutcome]:
        """Return the trials on a data set that gave a file, oldest first."""
        return self._outcomes(_on(TRIALS, data_digest), TRIALS.c.artifact_sha256 == sha256)

    def _outcomes(self, *where: sa.ColumnElement[bool]) -> list[TrialOutcome]:
        query = sa.select(TRIALS).where(*where).order_by(TRIALS.c.id)
        return [trial_outcome(row) for row in self._select(query)]

    def data_of_file(self, sha256: str) -> dict[str, str]:
        """Return the digests and names of the data sets that a file was made for or claimed on."""
        found: dict[str, str] = {}
        for table in (TRIALS, CLAIMS):
            columns = (table.c.data_digest, table.c.data_name)
            rows = self._select(
                sa.select(*columns).where(table.c.artifact_sha256 == sha256).distinct()
            )
            found.update((row["data_digest"], row["data_name"]) for row in rows)
        return found

    def trial_of_file(self, data_digest: str, sha256: str) -> Row | None:
        """Return the first trial on a data set that gave a file, or None."""
        return next(iter(self._select(_of_file(data_digest, sha256), 1)), None)

    def files_to_claim(
        self,
        data_digest: str,
        accuracy: float,
        smaller_than_bits: float,
        candidates: Collection[str] | None = None,
    ) -> list[TrialOutcome]:
        """Return the files that reached ``accuracy`` on validation and were never put to the test.

        A file whose claims were all contradicted by a later verification counts as never tested:
        what the test set says of it is not known.

        Args:
            data_digest: of the data set.
            accuracy: in (0, 1]; 0 takes every file.
            smaller_than_bits: larger ones are left out.
            candidates: keys of those to consider; None stands for all.
        """
        tested = self._tested(data_digest)
        return [
            file
            for file in self._files(data_digest, candidates)
            if file.sha256 not in tested
            and (file.size_bits or 0) < smaller_than_bits
            and passes(file, accuracy)
        ]

    def claimed_files(
        self, data_digest: str, candidates: Collection[str] | None = None
    ) -> list[TrialOutcome]:
        """Return the files that were put to the test, with their validation results.

        Args:
            data_digest: of the data set.
            candidates: keys of those to consider; None stands for all.
        """
        tested = self._tested(data_digest)
        return [file for file in self._files(data_digest, candidates) if file.sha256 in tested]

    def _tested(self, data_digest: str) -> set[str]:
        """Return the files that have a claim which no verification contradicts."""
        claims = self._select(sa.select(CLAIMS).where(_on(CLAIMS, data_digest)))
        sound = [row for row in claims if self.objection(row, whole=False) is None]
        return {row["artifact_sha256"] for row in sound}

    def _files(self, data_digest: str, candidates: Collection[str] | None) -> list[TrialOutcome]:
        where = [
            _on(TRIALS, data_digest),
            TRIALS.c.artifact_sha256.is_not(None),
            TRIALS.c.validation_examples > 0,
        ]
        if candidates is not None:
            where.append(TRIALS.c.candidate.in_(candidates))
        return self._outcomes(*where)

    def validation_accuracies(self, data_digest: str) -> dict[str, float]:
        """Return the validation accuracy of every file on a data set, the largest of its trials."""
        found: dict[str, float] = {}
        for file in self._files(data_digest, None):
            assert file.sha256 is not None
            part = file.validation_accuracy or 0.0
            found[file.sha256] = max(part, found.get(file.sha256, 0.0))
        return found

    # --- studies

    def measurements(self, data_digest: str, study: str) -> list[Row]:
        """Return the rows of a study on a data set, oldest first."""
        where = (_on(MEASUREMENTS, data_digest), MEASUREMENTS.c.study == study)
        return self._select(sa.select(MEASUREMENTS).where(*where).order_by(MEASUREMENTS.c.id))

    # --- claims

    def best_claim(
        self,
        data_digest: str,
        accuracy: float,
        among: Collection[str] | None = None,
        candidates: Collection[str] | None = None,
    ) -> Claim | None:
        """Return the smallest whole file that passed validation and the test set, or None.

        Both at ``accuracy``: a file that was chosen for less and happens to reach more on the test
        set is not claimed at more, since the test set alone would choose it. A file that is missing
        or damaged, whose row says another size than its bytes have, or that a verification
        contradicted, is passed over with a warning.

        Args:
            data_digest: of the data set.
            accuracy: in (0, 1].
            among: digests of the files to consider; None stands for all.
            candidates: keys of the candidates whose files are considered; None stands for all.
        """
        passed = {
            file.sha256 for file in self._files(data_digest, candidates) if passes(file, accuracy)
        }
        row = next(
            (
                row
                for row in self._claims_reaching(data_digest, accuracy)
                if row["artifact_sha256"] in passed
                and (among is None or row["artifact_sha256"] in among)
                and self._is_sound(row)
            ),
            None,
        )
        return None if row is None else self._claim(row)

    def smallest_shown(
        self, data_digest: str, accuracy: float, smaller_than_bits: float = float("inf")
    ) -> ShownFile | None:
        """Return the smallest file that reached ``accuracy`` on the test set alone, or None.

        It may be shown beside the best claim, as what it was chosen for and what it reached.

        Args:
            data_digest: of the data set.
            accuracy: in (0, 1].
            smaller_than_bits: of files that are worth being shown.
        """
        validated = self.validation_accuracies(data_digest)
        for row in self._claims_reaching(data_digest, accuracy):
            if row["size_bits"] >= smaller_than_bits:
                return None
            found = validated.get(row["artifact_sha256"])
            if (found is None or not accuracy_reaches(found, accuracy)) and self._is_sound(row):
                return ShownFile(
                    row["id"], row["size_bits"], row["correct"], row["n_test"],
                    row["target_accuracy"], found,
                )  # fmt: skip
        return None

    def _claims_reaching(self, data_digest: str, accuracy: float) -> list[Row]:
        """Return the claims that reach an accuracy on the test set, smallest first."""
        query = sa.select(CLAIMS).where(_on(CLAIMS, data_digest))
        rows = self._select(query.order_by(CLAIMS.c.size_bits, CLAIMS.c.id))
        return [row for row in rows if reaches(row["correct"], row["n_test"], accuracy)]

    def _is_sound(self, row: Row) -> bool:
        """Whether nothing speaks against a claim; if something does, it is told."""
        problem = self.objection(row)
        if problem is not None:
            _log.warning(
                "ledger %s: claim %s of %s bits is passed over: %s",
                self.name, row["id"], f"{row['size_bits']:,}", problem,
            )  # fmt: skip
        return problem is None

    def objection(self, claim: Row, whole: bool = True) -> str | None:
        """Return why a claim must not be relied upon, in words, or None.

        Its file may be missing or damaged, or have other bits than the row says; or the file
        answered otherwise when it was last verified.

        Args:
            claim: its row.
            whole: whether the file must be there; without, the rows alone are looked at.
        """
        sha256 = claim["artifact_sha256"]
        problem = problem_of(self.artifacts, sha256)
        if problem is not None and whole:
            return problem
        if problem is None:
            size_bits = bytes_to_bits(len(self.artifacts.read(sha256)))
            if size_bits != claim["size_bits"]:
                return f"its file has {size_bits:,} bits"
        query = (
            sa.select(VERIFICATIONS)
            .where(
                VERIFICATIONS.c.claim_uid == claim["uid"],
                VERIFICATIONS.c.outcome.in_((*_CONTRADICTIONS, _CONFIRMED)),
            )
            .order_by(VERIFICATIONS.c.id.desc())
        )
        for row in self._select(query, 1):
            if row["outcome"] != _CONFIRMED:
                found = row["problem"]
                if row["n_test"] and row["correct"] != claim["correct"]:
                    found = f"{row['correct']:,} of {row['n_test']:,} correct"
                return f"verification {row['id']} found {found}"
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

    def claim_of_file(self, data_digest: str, sha256: str) -> Claim | None:
        """Return the last claim of a file that nothing speaks against, or None."""
        where = (_on(CLAIMS, data_digest), CLAIMS.c.artifact_sha256 == sha256)
        rows = self._select(sa.select(CLAIMS).where(*where).order_by(CLAIMS.c.id.desc()))
        return next((self._claim(row) for row in rows if self.objection(row) is None), None)

    def is_claimed(self, data_digest: str, sha256: str) -> bool:
        """Return whether that file was run on the test set before: its result is known."""
        where = (_on(CLAIMS, data_digest), CLAIMS.c.artifact_sha256 == sha256)
        return bool(self._select(sa.select(CLAIMS.c.id).where(*where), 1))

    def look_count(self, data_digest: str) -> int:
        """Return how many looks a data set's test set was given: different files run for a claim.

        A file that is run again gives the same answers, and chooses nothing. Claims that cannot be
        relied upon count as well: a look may be all that is true of them.
        """
        query = sa.select(CLAIMS.c.artifact_sha256).where(_on(CLAIMS, data_digest)).distinct()
        return len(self.database.read(lambda connection: connection.execute(query).all()))

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
                return self._sound(connection, TABLES[table], _all_rows(connection, table))

            yield rows_of

    @contextmanager
    def snapshot_of_all(self) -> Iterator[Callable[[str], Iterator[Row]]]:
        """As `snapshot`, with rows that cannot be relied upon: for whoever checks them."""
        with self.database.transaction(writes=False) as connection:
            yield lambda table: _all_rows(connection, table)

    def faulty_rows(self) -> list[str]:
        """Return the rows that nothing may rely upon, such as ``trials 12``.

        Those are the ones that every other question is answered without, and rows whose hash is not
        that of what they hold: somebody altered them.
        """
        found: list[str] = []

        def note(table: str, row: Row, fault: Fault | None = None) -> None:
            found.append(f"{table} {_name_of(row)}")
            if fault is not None:
                self._tell(table, row, fault)

        with self.database.transaction(writes=False) as connection:
            for name, table in TABLES.items():
                rows = _all_rows(connection, name)
                for row in sound_rows(connection, table, rows, self.artifacts, partial(note, name)):
                    if table is not ARTIFACTS and row["row_hash"] != expected_row_hash(name, row):
                        note(name, row)
        return found

    def latest(self, table: str, data_name: str | None, most: int | None) -> list[Row]:
        """Return the last rows of a table, oldest first; of one data set if it is named."""
        chosen = TABLES[table]
        if "id" not in chosen.c:
            query = sa.select(chosen).order_by(ARTIFACTS.c.created_at.desc(), ARTIFACTS.c.sha256)
        else:
            query = sa.select(chosen).order_by(chosen.c.id.desc())
            if data_name is not None:
                query = query.where(chosen.c.data_name == data_name)
        return self._select(query, most)[::-1]

    def find(self, table: str, key: str) -> list[Row]:
        """Return the rows of a table with a number, or whose uid or digest starts with ``key``."""
        chosen = TABLES[table]
        if "id" not in chosen.c:
            return self._select(
                sa.select(chosen).where(chosen.c.sha256.startswith(key, autoescape=True))
            )
        query = sa.select(chosen).order_by(chosen.c.id)
        is_number = key.isascii() and key.isdigit() and len(key) < 10
        if is_number and self._count(chosen, chosen.c.id == int(key)):
            return self._select(query.where(chosen.c.id == int(key)))
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

    def _select(self, query: sa.Select[Any], most: int | None = None) -> list[Row]:
        """Return the rows of a query on one table that can be relied upon.

        Args:
            query: without a limit.
            most: so many at most; rows that are left out do not count.
        """
        names = [column.name for column in query.selected_columns]
        table = next(
            table for table in TABLES.values() if query.selected_columns[0] in set(table.c)
        )
        # To judge a row takes all of it.
        whole = query.with_only_columns(*table.c)

        def select(connection: Connection) -> list[Row]:
            found = self._sound(connection, table, _rows(connection, whole))
            return [{name: row[name] for name in names} for row in islice(found, most)]

        return self.database.read(select)

    def _sound(self, connection: Connection, table: sa.Table, rows: Iterator[Row]) -> Iterator[Row]:
        return sound_rows(connection, table, rows, self.artifacts, partial(self._tell, table.name))

    def _tell(self, table: str, row: Row, fault: Fault) -> None:
        """Tell once of a row that is left out."""
        name = _name_of(row)
        if (table, name) not in self._told:
            self._told.add((table, name))
            _log.warning("ledger %s: %s %s is passed over: got %s", self.name, table, name, fault)


def _name_of(row: Row) -> str:
    return shown(row.get("id", row.get("sha256")))


def _rows(connection: Connection, query: sa.Select[Any]) -> Iterator[Row]:
    """Yield rows as they are in the database, as many at a time as fit into memory."""
    found = connection.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE})
    names = tuple(found.keys())
    for row in found:
        yield dict(zip(names, row, strict=True))


def _all_rows(connection: Connection, table: str) -> Iterator[Row]:
    chosen = TABLES[table]
    return _rows(connection, sa.select(chosen).order_by(*chosen.primary_key.columns))


def files_named(connection: Connection) -> set[str]:
    """Return the digests of all files that any trial or claim names, within a transaction.

    Rows that cannot be relied upon count as well, as long as they name a file: it may be all that
    is left of what was found.
    """
    trials = sa.select(TRIALS.c.artifact_sha256).where(TRIALS.c.artifact_sha256.is_not(None))
    query = trials.union(sa.select(CLAIMS.c.artifact_sha256))
    return {name for name in connection.execute(query).scalars() if is_digest(name)}


def _on(table: sa.Table, data_digest: str) -> sa.ColumnElement[bool]:
    found: sa.ColumnElement[bool] = table.c.data_digest == data_digest
    return found


def _of_file(data_digest: str, sha256: str) -> sa.Select[Any]:
    where = (_on(TRIALS, data_digest), TRIALS.c.artifact_sha256 == sha256)
    return sa.select(TRIALS).where(*where).order_by(TRIALS.c.id)


def no_such_row(table: str, key: str) -> LedgerError:
    """Return the error for a row that is not there."""
    return LedgerError(
        f"ledger {table}", repr(key), "a row's number, or the start of its uid or digest",
        f"See `minbits ledger list {table}`.",
    )  # fmt: skip
