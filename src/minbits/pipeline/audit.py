"""The audit of a model beside what the search has found for its data."""

from __future__ import annotations

from pathlib import Path

from minbits.capacity.audit.report import AuditReport
from minbits.capacity.audit.run import MOST_EXAMPLES, audit_subject
from minbits.capacity.audit.subject import Subject
from minbits.capacity.sufficient import FoundNetwork
from minbits.ledger.location import LedgerTarget
from minbits.pipeline.found import best_known, find_network
from minbits.records import DataSet


def audit_job(
    subject: Subject,
    data: DataSet | None,
    *,
    accuracy: float | None = None,
    ledger: LedgerTarget | None = None,
    records: Path | None = None,
    most_examples: int = MOST_EXAMPLES,
) -> AuditReport:
    """Audit a model and compare it with the smallest verified file for its data.

    Args:
        subject: the model.
        data: what it classifies; None audits it without.
        accuracy: that the file must reach; None takes the model's own test accuracy, or the most
            accurate file known where none reaches it.
        ledger: where found networks are remembered.
        records: a folder of published cards.
        most_examples: examples of each split that are run.

    Raises:
        MinbitsError: if model, data, ledger or cards are bad.
    """
    report = audit_subject(subject, data, None, most_examples)
    if data is None or report.labels is None:
        return report
    wanted = accuracy
    if wanted is None:
        wanted = report.labels.test_correct / report.labels.test_examples
    found = find_network(data, wanted, ledger, records) if wanted else None
    if found is None and accuracy is None:
        found = _nearest(data, ledger, records)
    return report if found is None else report.beside(found)


def _nearest(
    data: DataSet, ledger: LedgerTarget | None, records: Path | None
) -> FoundNetwork | None:
    best = best_known(data, ledger, records)
    return None if not best else find_network(data, best, ledger, records)
