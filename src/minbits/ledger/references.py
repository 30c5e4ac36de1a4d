"""What rows say of other rows: files and sizes, trials of claims, claims of verifications."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from minbits.errors import LedgerError
from minbits.ledger.artifacts import ArtifactStore
from minbits.ledger.row_checks import Fault, row_fault
from minbits.ledger.rows import Row
from minbits.ledger.schema import ARTIFACTS, CLAIMS, MEASUREMENTS, TRIALS
from minbits.units import BITS_PER_BYTE

_NAMES_AT_ONCE = 500
# Some files are those of thousands of trials, of which one is enough.
_ROWS_AT_ONCE = 100

Item = TypeVar("Item")


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield the items in lists of at most ``size``."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


@dataclass
class Known:
    """What there is for rows to name.

    Attributes:
        bytes_of: length of each artifact, by its digest.
        trial_files: data set and file of trials, both by digest.
        claims: data set and file of each claim, by its uid.
    """

    bytes_of: dict[str, int] = field(default_factory=dict)
    trial_files: set[tuple[str, str]] = field(default_factory=set)
    claims: dict[str, tuple[str, str]] = field(default_factory=dict)

    def add(self, table: str, row: Row) -> None:
        """Add a row that others may name."""
        if table == ARTIFACTS.name:
            self.bytes_of[row["sha256"]] = row["size_bytes"]
        elif table == TRIALS.name and row["artifact_sha256"] is not None:
            self.trial_files.add((row["data_digest"], row["artifact_sha256"]))
        elif table == CLAIMS.name:
            self.claims[row["uid"]] = (row["data_digest"], row["artifact_sha256"])

    def update(self, other: Known) -> None:
        """Add what another one knows."""
        self.bytes_of.update(other.bytes_of)
        self.trial_files.update(other.trial_files)
        self.claims.update(other.claims)


def reference_fault(table: str, row: Row, known: Known) -> Fault | None:
    """Return what a row that is sound by itself says wrongly of other rows, or None."""
    sha256 = row.get("artifact_sha256")
    if sha256 is None:
        return None
    if sha256 not in known.bytes_of:
        return Fault(f"a row that names artifact {sha256[:16]}", "a row of that artifact")
    bits = BITS_PER_BYTE * known.bytes_of[sha256]
    if row.get("size_bits", bits) != bits:
        return Fault(f"size_bits {row['size_bits']}", f"{bits}, as its artifact has")
    made = (row["data_digest"], sha256)
    if table == CLAIMS.name and made not in known.trial_files:
        return Fault(f"a claim of file {sha256[:16]}", "a trial on the same data that gave it")
    if table == "verifications" and known.claims.get(row["claim_uid"]) != made:
        return Fault(f"claim_uid {row['claim_uid']}", "a claim of the same file and data")
    return None


class Lookup:
    """What the rows of a ledger name, as far as it is there and sound itself.

    Args:
        connection: in a transaction.
        store: of the ledger's artifacts: where rows do not agree on a length, the file decides.
    """

    def __init__(self, connection: Connection, store: ArtifactStore) -> None:
        self._connection = connection
        self._store = store
        self._known = Known()
        self._asked: dict[str, set[Any]] = {"artifacts": set(), "trials": set(), "claims": set()}

    def known_to(self, table: str, rows: Sequence[Row]) -> Known:
        """Return what some rows, each sound by itself, may name."""
        if table in (ARTIFACTS.name, MEASUREMENTS.name):  # they name no other row
            return self._known
        if table == "verifications":
            self._look_up_claims({row["claim_uid"] for row in rows})
        if table == CLAIMS.name:
            self._look_up_trials({(row["data_digest"], row["artifact_sha256"]) for row in rows})
        self._look_up_artifacts({row["artifact_sha256"] for row in rows} - {None})
        self._measure(table, rows)
        return self._known

    def _new(self, kind: str, names: Collection[Any]) -> list[list[Any]]:
        new = sorted(set(names) - self._asked[kind])
        self._asked[kind].update(new)
        return list(batches(new, _NAMES_AT_ONCE))

    def _look_up_artifacts(self, sha256s: Collection[str]) -> None:
        for names in self._new("artifacts", sha256s):
            query = sa.select(ARTIFACTS).where(ARTIFACTS.c.sha256.in_(names))
            for row in map(dict, self._connection.execute(query).mappings()):
                # Another row of a file cannot be appended: what is wrong with this one must not
                # be the end of all trials that give the file.
                if row_fault(ARTIFACTS.name, row) is not None:
                    row["size_bytes"] = self._length(row["sha256"])
                if row["size_bytes"] is not None:
                    self._known.add(ARTIFACTS.name, row)

    def _measure(self, table: str, rows: Sequence[Row]) -> None:
        """Measure files of claims, and those of which a trial's row and an artifact's differ."""
        lengths = self._known.bytes_of
        for row in rows:
            sha256, bits = row["artifact_sha256"], row.get("size_bits")
            if sha256 not in lengths or bits is None:
                continue
            if table == CLAIMS.name or bits != BITS_PER_BYTE * lengths[sha256]:
                lengths[sha256] = self._length(sha256) or lengths[sha256]

    def _length(self, sha256: str) -> int | None:
        """Return the length of a file, None where it is not there, or damaged."""
        try:
            return len(self._store.read(sha256))
        except LedgerError:
            return None

    def _look_up_trials(self, made: Collection[tuple[str, str]]) -> None:
        """Look up whether there is a sound trial on each data set that gave each file."""
        for pairs in self._new("trials", made):
            for data_digest, sha256 in pairs:
                query = sa.select(TRIALS).where(
                    TRIALS.c.artifact_sha256 == sha256, TRIALS.c.data_digest == data_digest
                )
                found = self._connection.execute(
                    query.order_by(TRIALS.c.id), execution_options={"yield_per": _ROWS_AT_ONCE}
                )
                row = next(filter(self._is_sound_trial, map(dict, found.mappings())), None)
                found.close()
                if row is not None:
                    self._known.add(TRIALS.name, row)

    def _is_sound_trial(self, row: Row) -> bool:
        if row_fault(TRIALS.name, row) is not None:
            return False
        self._look_up_artifacts([row["artifact_sha256"]])
        self._measure(TRIALS.name, [row])
        return reference_fault(TRIALS.name, row, self._known) is None

    def _look_up_claims(self, uids: Collection[str]) -> None:
        for names in self._new("claims", uids):
            query = sa.select(CLAIMS).where(CLAIMS.c.uid.in_(names))
            rows = [dict(row) for row in self._connection.execute(query).mappings()]
            whole = [row for row in rows if row_fault(CLAIMS.name, row) is None]
            known = self.known_to(CLAIMS.name, whole)
            for row in whole:
                if reference_fault(CLAIMS.name, row, known) is None:
                    self._known.add(CLAIMS.name, row)


def sound_rows(
    connection: Connection,
    table: sa.Table,
    rows: Iterable[Row],
    store: ArtifactStore,
    on_fault: Callable[[Row, Fault], None],
) -> Iterator[Row]:
    """Yield the rows of a table that can be relied upon, by themselves and in what they name.

    Args:
        connection: in the transaction that the rows come from.
        table: that they are of.
        rows: with every column.
        store: of the ledger's artifacts.
        on_fault: told of each row that is left out.
    """
    lookup = Lookup(connection, store)
    for batch in batches(rows, _NAMES_AT_ONCE):
        whole: list[Row] = []
        for row in batch:
            if (fault := row_fault(table.name, row)) is None:
                whole.append(row)
            else:
                on_fault(row, fault)
        known = lookup.known_to(table.name, whole)
        for row in whole:
            if (fault := reference_fault(table.name, row, known)) is None:
                yield row
            else:
                on_fault(row, fault)
