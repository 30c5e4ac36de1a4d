"""The smallest claimed files: of each data set, those that no smaller one beats."""

from __future__ import annotations

import logging

from minbits.evaluation.accuracy import accuracy_reaches
from minbits.ledger.queries import LedgerReader
from minbits.ledger.rows import Row
from minbits.networks.grammar import InputClass, input_class

_log = logging.getLogger(__name__)


def front(
    ledger: LedgerReader,
    data_name: str | None,
    accuracy: float | None,
    data_digest: str | None = None,
) -> list[Row]:
    """Return the rows of the claims that no other claim on the same data beats, smallest first.

    A file can be claimed at any accuracy that it has on validation *and* on the test set. So a row
    gets three more entries: ``validation_accuracy``, ``claimable_accuracy``, the smaller of the two
    accuracies, and ``inputs``: "raw", or "normalised" behind a front end. A claim beats another one
    of the same class of inputs if its file is no larger and can be claimed at an accuracy no lower.
    A claim whose file is missing or damaged, or that a verification contradicted, is passed over
    with a warning; so is one whose file no trial of the ledger gave.

    Args:
        ledger: to look through.
        data_name: only of the data set of this name; None takes all.
        accuracy: the smallest file alone that can be claimed at it, of each data set and class of
            inputs; None takes the front.
        data_digest: only of the data set with this digest; None takes all.
    """
    validated: dict[str, dict[str, float]] = {}
    fronts: dict[tuple[str, str], list[Row]] = {}
    for row in ledger.rows("claims"):
        if data_name is not None and row["data_name"] != data_name:
            continue
        digest = row["data_digest"]
        if data_digest not in (None, digest):
            continue
        if digest not in validated:
            validated[digest] = ledger.validation_accuracies(digest)
        on_validation = validated[digest].get(row["artifact_sha256"])
        if on_validation is None:
            _pass_over(ledger, row, "no trial of this ledger gave its file")
            continue
        claimable = min(on_validation, row["correct"] / row["n_test"])
        inputs = _inputs(ledger, row)
        more = {"validation_accuracy": on_validation, "claimable_accuracy": claimable}
        fronts.setdefault((digest, inputs), []).append({**row, **more, "inputs": inputs})
    found = [_unbeaten(ledger, rows) for rows in fronts.values()]
    if accuracy is None:
        return [row for rows in found for row in rows]
    return [
        reaching[0]
        for rows in found
        if (reaching := [r for r in rows if accuracy_reaches(r["claimable_accuracy"], accuracy)])
    ]


def _inputs(ledger: LedgerReader, row: Row) -> InputClass:
    """Return the class of a claimed file's inputs, as the trial says that gave it."""
    trials = ledger.trials_of_file(row["data_digest"], row["artifact_sha256"])
    return input_class(trials[0].config.architecture) if trials else "raw"


def _unbeaten(ledger: LedgerReader, rows: list[Row]) -> list[Row]:
    kept: list[Row] = []
    for row in sorted(rows, key=lambda row: (row["size_bits"], -row["claimable_accuracy"])):
        if kept and row["claimable_accuracy"] <= kept[-1]["claimable_accuracy"]:
            continue
        if (problem := ledger.objection(row)) is not None:
            _pass_over(ledger, row, problem)
            continue
        kept.append(row)
    return kept


def _pass_over(ledger: LedgerReader, row: Row, problem: str) -> None:
    _log.warning("ledger %s: claim %s is passed over: %s", ledger.name, row["id"], problem)
