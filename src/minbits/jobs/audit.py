"""The audit of a model beside what the search has found for its data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from torch import nn

from minbits.audit.report import AuditReport, CompressTarget, LabelAudit
from minbits.audit.run import MAX_EXAMPLES, audit_subject
from minbits.audit.subject import Subject
from minbits.claims.best_known import best_known, find_network
from minbits.errors import ArgumentError
from minbits.evaluation.known_network import FoundNetwork
from minbits.jobs.compress import compress_job
from minbits.jobs.compress_request import CompressRequest
from minbits.ledger.location import LedgerTarget, default_ledger_path
from minbits.networks.from_torch import InputConvention, from_torch
from minbits.types import DataSet


def audit_job(
    subject: Subject,
    data: DataSet | None,
    *,
    accuracy: float | None = None,
    ledger: LedgerTarget | None = None,
    records: Path | None = None,
    most_examples: int = MAX_EXAMPLES,
    allow_slow: bool = False,
) -> AuditReport:
    """Audit a model and compare it with the smallest verified file for its data.

    The test set is run for the model and for its quantised form. These looks choose nothing here,
    but no ledger counts them, and the report says so.

    Args:
        subject: the model.
        data: what it classifies; None audits it without.
        accuracy: that the file must reach; None takes the model's own test accuracy, or the most
            accurate file known where none reaches it.
        ledger: where found networks are remembered.
        records: a folder of published cards.
        most_examples: examples of each split that are run.
        allow_slow: whether to run network files however long they take; else those are passed over.

    Raises:
        MinbitsError: if model, data, ledger or cards are bad.
    """
    report = audit_subject(subject, data, None, most_examples)
    if data is None or report.labels is None:
        return report
    wanted = accuracy
    if wanted is None:
        wanted = report.labels.test_correct / report.labels.test_examples

    def find(accuracy: float | None) -> FoundNetwork | None:
        if not accuracy:
            return None
        return find_network(data, accuracy, ledger, records, allow_slow=allow_slow)

    found = find(wanted)
    if found is None and accuracy is None:
        found = find(best_known(data, ledger, records))
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
    force: bool = False,
    say: Callable[[str], None] = lambda text: None,
) -> AuditReport:
    """Compress the audited module too, and put the file beside it.

    Args:
        module: what was audited.
        report: of its audit, with data.
        data: what it classifies.
        out: where the network file goes; card and diagram go beside it.
        accuracy: that the file must reach; None takes the module's own on the held-out training
            examples, so that the test set stays for the one claim.
        minutes: wall-clock time.
        ledger: where trials and claim are remembered.
        inputs: files that are read, which no output may replace.
        force: whether files of another data set or target may be written over.
        say: called with lines of progress.

    Raises:
        ArgumentError: if the report is without data, or the accuracy is out of range.
        KeyboardInterrupt: if the compression was interrupted.
        MinbitsError: if a layer is not supported, or ledger or output are bad.
    """
    if report.labels is None:
        raise ArgumentError("--compress", "no data", "a data set to select on", "Give --data.")
    target = compress_target(report.labels, accuracy)
    say(f"target of the compression: {100 * target.accuracy:.2f} %, {target.source}")
    report = report.with_target(target)
    convention = InputConvention(2.0**-data.input_exponent)
    given = from_torch(module, data.input_shape, data.input_exponent, convention)
    request = CompressRequest(
        accuracy=target.accuracy, out=out, ledger=ledger or default_ledger_path(),
        name=f"audit {report.name}", convention=convention, minutes=minutes,
        inputs=inputs, force=force,
    )  # fmt: skip
    made = compress_job(given, data, request, say)
    if made.interrupted:
        raise KeyboardInterrupt
    if made.best is None:
        return report
    best = made.best
    return report.with_compressed(
        FoundNetwork(
            best.size_bits,
            best.test_accuracy,
            best.path,
            test_correct=best.correct,
            test_examples=best.n_test,
            looks=made.claim_count,
        )
    )


def compress_target(labels: LabelAudit, accuracy: float | None) -> CompressTarget:
    """Return what a file made from an audited model has to reach.

    Args:
        labels: of the audit.
        accuracy: asked for, or None: the model's own on the held-out training examples. A model
            that was trained on them reaches less on new ones, so that this is rather too high than
            too low; the test set has no part in it.
    """
    if accuracy is not None:
        return CompressTarget(accuracy, "asked for")
    return CompressTarget(
        labels.held_out_accuracy,
        f"the model's own: {labels.held_out_correct:,} of {labels.held_out_examples:,} held-out "
        "training examples right (more than on new ones, if it was trained on them)",
    )
