"""The audit of a model beside what the search has found for its data."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from minbits.charts.audit_chart import LayerBits, draw_layer_bits
from minbits.charts.chart import Chart
from minbits.claims.best_known import best_known, find_network
from minbits.claims.outputs import kept_files, network_outputs
from minbits.claims.replacing import check_replaceable
from minbits.codec.architecture import class_count
from minbits.errors import ArgumentError
from minbits.evaluation.known_network import FoundNetwork
from minbits.files import check_outputs
from minbits.intervals import wilson_interval
from minbits.jobs.audit_request import AuditRequest
from minbits.jobs.compress import compress_job
from minbits.jobs.compress_plan import compress_plan
from minbits.jobs.compress_request import CompressRequest
from minbits.jobs.shared_options import Origin
from minbits.ledger.location import chosen_ledger
from minbits.ledger.store import open_ledger
from minbits.model_audit.model_formats import names_module, open_model
from minbits.model_audit.report import AuditReport, CompressTarget, LabelAudit
from minbits.model_audit.run import audit_subject
from minbits.networks.checkpoint import open_module
from minbits.networks.from_torch import from_torch
from minbits.networks.input_convention import convention_of
from minbits.networks.model_options import model_files
from minbits.networks.two_logits import with_two_logits
from minbits.types import DataSet


def audit_job(
    model: nn.Module | str | Path,
    data: DataSet | None,
    request: AuditRequest,
    say: Callable[[str], None] = lambda text: None,
    origin: Origin | None = None,
) -> AuditReport:
    """Audit a model and compare it with the smallest verified file for its data.

    The test set is run for the model and for its quantised form. These looks choose nothing here,
    but no ledger counts them, and the report says so.

    Args:
        model: a module, or what `minbits.model_audit.model_formats.open_model` takes.
        data: what it classifies; None audits it without.
        request: what is asked.
        say: called with lines of progress.
        origin: where the data were read.

    Raises:
        KeyboardInterrupt: if the compression was interrupted.
        MinbitsError: if model, data, ledger or cards are bad, or an output cannot be written.
    """
    origin = (origin or Origin()).beside(*model_files(model, request))
    _check(model, data, request, origin)
    shape, exponent = request.input, 0
    if data is not None:
        shape, exponent = data.input_shape, data.input_exponent
    subject = open_model(model, request, shape, exponent)
    if request.name is not None:
        subject = dataclasses.replace(subject, name=request.name)
    report = audit_subject(subject, data, None, request.examples)
    if data is not None and report.labels is not None:
        report = _beside_known(report, report.labels, data, request)
    if request.compress is not None and data is not None:
        module = open_module(model, request, data.input_shape)
        report = compress_audited(module, report, data, request, say, origin)
    if request.figure is not None:
        layers_chart(report).save(Path(request.figure))
    return report


def _check(
    model: nn.Module | str | Path, data: DataSet | None, request: AuditRequest, origin: Origin
) -> None:
    """Refuse before the audit what would fail after it."""
    outputs: dict[str, Path] = {}
    if request.compress is not None:
        if data is None:
            raise ArgumentError("`compress`", "no data", "a data set to select on", "Give `data`.")
        if isinstance(model, str | Path) and request.layers is None and not names_module(model):
            raise ArgumentError(
                "`compress`", f"'{model}'", "MODULE:CALLABLE, since it is trained on",
                "Name the layers of a checkpoint with `layers`.",
            )  # fmt: skip
        outputs = network_outputs(Path(request.compress))
    if request.figure is not None:
        outputs["the figure"] = Path(request.figure)
    ledger = chosen_ledger(request.ledger)
    check_outputs(outputs, kept_files(ledger, origin.files))
    if request.compress is not None and data is not None and not request.force:
        with open_ledger(ledger) as store:
            check_replaceable([Path(request.compress)], data, request.accuracy, store)


def _beside_known(
    report: AuditReport, labels: LabelAudit, data: DataSet, request: AuditRequest
) -> AuditReport:
    """Return the report beside the smallest file known.

    It is one of the accuracy that was asked for, or else of the model's own test accuracy, or else
    the most accurate one.
    """
    ledger, records = chosen_ledger(request.ledger), Path(request.records)

    def find(accuracy: float | None) -> FoundNetwork | None:
        if not accuracy:
            return None
        return find_network(data, accuracy, ledger, records, allow_slow=request.allow_slow)

    found = find(request.accuracy or labels.test_correct / labels.test_examples)
    if found is None and request.accuracy is None:
        found = find(best_known(data, ledger, records))
    return report if found is None else report.beside(found)


def compress_audited(
    module: nn.Module,
    report: AuditReport,
    data: DataSet,
    request: AuditRequest,
    say: Callable[[str], None] = lambda text: None,
    origin: Origin | None = None,
) -> AuditReport:
    """Compress the audited module too, and put the file beside it.

    Args:
        module: what was audited.
        report: of its audit, with data.
        data: what it classifies.
        request: of the audit; the file goes to its ``compress``. Without an accuracy, it must reach
            the module's own on the held-out training examples, so that the test set stays for the
            one claim.
        say: called with lines of progress.
        origin: where data and model were read.

    Raises:
        ArgumentError: if the report is without data.
        KeyboardInterrupt: if the compression was interrupted.
        MinbitsError: if a layer is not supported, or ledger or output are bad.
    """
    if report.labels is None:
        raise ArgumentError("`compress`", "no data", "a data set to select on", "Give `data`.")
    target = compress_target(report.labels, request.accuracy)
    say(f"target of the compression: {100 * target.accuracy:.2f} %, {target.source}")
    report = report.with_target(target)
    convention = convention_of(request, 2.0**-data.input_exponent)
    given = from_torch(module, data.input_shape, data.input_exponent, convention)
    if class_count(given.architecture) == 1 and data.class_count == 2:
        given = with_two_logits(given)
    asked = CompressRequest(
        accuracy=target.accuracy, out=request.compress, ledger=request.ledger,
        name=f"audit {report.name}", minutes=request.minutes, force=request.force,
    )  # fmt: skip
    plan = compress_plan(data, asked, report.name, origin or Origin())
    made = compress_job(given, data, plan, say)
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


def layers_chart(report: AuditReport) -> Chart[Any]:
    """Return the chart of layers by bits."""
    rows = [
        # In a sequence, layers are called 0, 1, 2: their shapes tell them apart.
        LayerBits(
            f"{layer.name}: {' × '.join(map(str, layer.dimensions)) or 'a number'}",
            layer.stored_bits,
            layer.lossless_bits,
            layer.quantised_bits,
        )
        for layer in report.layers
    ]
    found = None if report.sufficient is None else report.sufficient.size_bits
    return draw_layer_bits(report.name, rows, found)


def plain_audit(report: AuditReport) -> dict[str, Any]:
    """Return the report as plain data for JSON."""
    plain = dataclasses.asdict(report)
    plain["smallest_bits"] = report.smallest_bits
    if report.labels is not None:
        labels = report.labels
        interval = wilson_interval(labels.test_correct, labels.test_examples)
        plain["labels"]["test_wilson_95"] = [interval.low, interval.high]
    for name in ("sufficient", "compressed"):
        if plain[name] is not None:
            plain[name]["accuracy_lower_limit"] = getattr(report, name).accuracy_lower_limit
    plain["verdict"] = report.verdict
    return plain
