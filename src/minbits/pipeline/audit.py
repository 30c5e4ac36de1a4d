"""The audit of a model beside what the search has found for its data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from torch import nn

from minbits.capacity.audit.report import AuditReport
from minbits.capacity.audit.run import MOST_EXAMPLES, audit_subject
from minbits.capacity.audit.subject import Subject
from minbits.capacity.sufficient import FoundNetwork
from minbits.errors import ArgumentError
from minbits.ledger.location import LedgerTarget, default_ledger_path
from minbits.networks.from_torch import InputConvention, from_torch
from minbits.pipeline.compress import compress_job
from minbits.pipeline.compress_request import CompressRequest
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


def compress_audited(
    module: nn.Module,
    report: AuditReport,
    data: DataSet,
    *,
    out: Path,
    accuracy: float | None = None,
    minutes: float = 10.0,
    ledger: LedgerTarget | None = None,
    inputs: tuple[Path, ...] = (),
    say: Callable[[str], None] = lambda text: None,
) -> AuditReport:
    """Compress the audited module too, and put the file beside it.

    Args:
        module: what was audited.
        report: of its audit, with data.
        data: what it classifies.
        out: where the network file goes; card and diagram go beside it.
        accuracy: that the file must reach; None takes the module's own on the test set.
        minutes: wall-clock time.
        ledger: where trials and claim are remembered.
        inputs: files that are read, which no output may replace.
        say: called with lines of progress.

    Raises:
        KeyboardInterrupt: if interrupted, after what was found by then was written.
        ArgumentError: if the report is without data.
        MinbitsError: if a layer is not supported, or ledger or output are bad.
    """
    if report.labels is None:
        raise ArgumentError("--compress", "no data", "a data set to select on", "Give --data.")
    wanted = accuracy or report.labels.test_correct / report.labels.test_examples
    convention = InputConvention(2.0**-data.input_exponent)
    given = from_torch(module, data.input_shape, data.input_exponent, convention)
    request = CompressRequest(
        accuracy=wanted, out=out, ledger=ledger or default_ledger_path(),
        name=f"audit {report.name}", convention=convention, minutes=minutes,
        inputs=inputs,
    )  # fmt: skip
    found = compress_job(given, data, request, say)
    if found.interrupted:
        raise KeyboardInterrupt
    best = found.best
    if best is None:
        return report
    return report.with_compressed(FoundNetwork(best.size_bits, best.test_accuracy, best.path))


def _nearest(
    data: DataSet, ledger: LedgerTarget | None, records: Path | None
) -> FoundNetwork | None:
    best = best_known(data, ledger, records)
    return None if not best else find_network(data, best, ledger, records)
