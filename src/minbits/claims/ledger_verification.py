"""Verifying a ledger: claimed files are decoded and run again, artifacts and rows are hashed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from minbits.claims.claiming import difference, verify_bytes
from minbits.codec.file_format import decode_network
from minbits.data import load
from minbits.data.families import is_named
from minbits.errors import DataError, LedgerError, MinbitsError
from minbits.ledger.artifacts import problem_of
from minbits.ledger.provenance import Provenance, current_provenance
from minbits.ledger.queries import LedgerReader
from minbits.ledger.rows import Row, VerificationEntry, VerificationOutcome
from minbits.ledger.store import Ledger
from minbits.types import DataSet, Verification

GOOD_OUTCOMES: frozenset[VerificationOutcome] = frozenset({"confirmed", "no data"})


@dataclass(frozen=True)
class LedgerVerification:
    """What was found.

    Attributes:
        entries: one a claim, in the order of the claims.
        damaged: digests of artifacts that are missing or damaged, and in which way.
        artifacts: how many artifacts, those that a trial or a claim names, were hashed.
        altered: rows that nothing may rely upon, or whose hash is not that of what they hold, such
            as ``trials 12``.
    """

    entries: tuple[VerificationEntry, ...]
    damaged: dict[str, str]
    artifacts: int
    altered: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Whether nothing was found that contradicts the ledger."""
        outcomes = {entry.outcome for entry in self.entries}
        return outcomes <= GOOD_OUTCOMES and not self.damaged and not self.altered


class _DataSets:
    """Data sets by their digest: those that were given, and built-in ones when they are needed."""

    def __init__(self, given: Iterable[DataSet]) -> None:
        self._by_digest = {data.digest: data for data in given}
        self._reasons: dict[str, str] = {}

    def check(self, claimed: frozenset[str]) -> None:
        """Refuse a given data set that no claim is of: one cell may have changed.

        Raises:
            DataError: if there is one.
        """
        for digest, data in self._by_digest.items():
            if digest not in claimed:
                raise DataError(
                    f"`data` {data.name}", f"a data set with SHA-256 {digest}",
                    "the data set of one of the ledger's claims",
                    "Give it as it was, with the same options (`label`, `drop`, `resize`).",
                )  # fmt: skip

    def find(self, claim: Row) -> DataSet | str:
        """Return the data set of a claim, or why it is not at hand."""
        name, digest = claim["data_name"], claim["data_digest"]
        if digest not in self._by_digest and name not in self._reasons:
            self._reasons[name] = self._load(name)
        return self._by_digest.get(digest) or self._reasons.get(
            name, f"the data set called {name!r} has another digest here"
        )

    def _load(self, name: str) -> str:
        if not is_named(name):
            return f"no built-in data set is called {name!r}: give it with `data`"
        try:
            data = load(name)
        except MinbitsError as error:
            return str(error)
        self._by_digest[data.digest] = data
        return f"the built-in data set {name!r} has another digest: it is not the one of the claim"


class _Verifier:
    def __init__(
        self, ledger: LedgerReader, sets: _DataSets, provenance: Provenance, allow_slow: bool
    ) -> None:
        self.ledger = ledger
        self.sets = sets
        self.provenance = provenance
        self.allow_slow = allow_slow
        self.known: dict[tuple[str, str], Verification | tuple[VerificationOutcome, str]] = {}

    def entry(self, claim: Row) -> VerificationEntry:
        start = time.perf_counter()
        key = (claim["artifact_sha256"], claim["data_digest"])
        if key not in self.known:
            self.known[key] = self.run(claim)
        found = self.known[key]
        seconds = time.perf_counter() - start
        if not isinstance(found, Verification):
            return VerificationEntry(claim, *found, seconds, self.provenance)
        problem = difference(claim, found)
        outcome: VerificationOutcome = "confirmed" if problem is None else "differs"
        return VerificationEntry(claim, outcome, problem, seconds, self.provenance, found)

    def run(self, claim: Row) -> Verification | tuple[VerificationOutcome, str]:
        """Run a claimed file on its test set, or return how far it came."""
        try:
            content = self.ledger.artifacts.read(claim["artifact_sha256"])
        except LedgerError as error:
            return ("missing" if error.got == "no file" else "damaged", error.got)
        data = self.sets.find(claim)
        try:
            if isinstance(data, str):
                decode_network(content)
                return ("no data", data)
            return verify_bytes(content, data, self.allow_slow)
        except MinbitsError as error:
            return ("failed", str(error))


def verify_ledger(
    ledger: Ledger,
    given: Iterable[DataSet] = (),
    on_entry: Callable[[VerificationEntry], None] = lambda entry: None,
    allow_slow: bool = False,
) -> LedgerVerification:
    """Run every claimed file in a fresh process again, and append what came of it.

    A claim's data set is found by its digest among those that are given and the built-in set of the
    claim's name. Where it is not at hand, the file is decoded only. Every artifact is read and
    hashed, every row's hash is computed again.

    Args:
        ledger: to which a row of verifications is appended for each of its claims.
        given: data sets that are not built in.
        on_entry: called with every entry after it was appended.
        allow_slow: whether to run files however long they take; else those have *failed*.

    Raises:
        DataError: if a given data set is of no claim.
        LedgerError: if the ledger cannot be used.
    """
    sets, claims = _DataSets(given), list(ledger.rows("claims"))
    sets.check(frozenset(claim["data_digest"] for claim in claims))
    verifier = _Verifier(ledger, sets, current_provenance("cpu", 1), allow_slow)
    entries: list[VerificationEntry] = []
    for claim in claims:
        entry = verifier.entry(claim)
        ledger.append_verification(entry)
        entries.append(entry)
        on_entry(entry)
    named = sorted(ledger.named_files())
    problems = {sha256: problem_of(ledger.artifacts, sha256) for sha256 in named}
    damaged = {sha256: problem for sha256, problem in problems.items() if problem is not None}
    return LedgerVerification(tuple(entries), damaged, len(named), tuple(ledger.faulty_rows()))
