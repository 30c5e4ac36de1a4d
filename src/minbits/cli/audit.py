"""``minbits audit``: what a model stores, could hold, and needs."""

from __future__ import annotations

import importlib
from typing import Annotated, Any

import typer

from minbits.cli.capacity_tables import print_capacity_lines
from minbits.cli.commands import command
from minbits.cli.data_options import DataOptions
from minbits.cli.flags import with_flags
from minbits.cli.output import ShowOptions, console, print_json, print_table, progress_printer
from minbits.intervals import wilson_interval
from minbits.jobs.audit_request import AuditRequest
from minbits.model_audit.report import AuditReport


@command
def audit(
    model: Annotated[
        str,
        typer.Argument(
            help="MODULE:CALLABLE, FILE.py:CALLABLE, a .onnx file, or a checkpoint; with --layers "
            "a checkpoint is a module, else tensors alone."
        ),
    ],
    *,
    data: Annotated[
        str | None, typer.Option(help="The data set that it classifies: mnist, digits or a path.")
    ] = None,
    request: AuditRequest,
    source: DataOptions,
    show: ShowOptions,
) -> None:
    """Audit any PyTorch module, ONNX graph or checkpoint: capacity against need, layer by layer.

    A pickle that asks for more than tensors is refused with exit code 2.

    Example: minbits audit minbits.networks.examples:LeNet300100 --data mnist
    """
    # PyTorch and a user's own module are loaded for this command alone.
    job = importlib.import_module("minbits.jobs.audit")
    loaded = None if data is None else source.load(data)
    origin = source.origin(data)
    report = job.audit_job(model, loaded, request, progress_printer(show.quiet), origin)
    if show.json:
        plain: dict[str, Any] = job.plain_audit(report)
        warnings = [with_flags(warning) for warning in report.warnings]
        print_json(plain | {"verdict": with_flags(report.verdict), "warnings": warnings})
        return
    _print_audit(report)
    if request.compress is not None:
        _print_compressed(report)
    if request.figure is not None:
        console().print(f"Figure: {request.figure}")


def _print_audit(report: AuditReport) -> None:
    out = console()
    columns = [("layer", "left")]
    columns += [(name, "right") for name in ("parameters", "stored", "compressed", "quantised")]
    columns += [(name, "right") for name in ("rank", "redundancy", "dead units")]
    rows = []
    for layer in report.layers:
        rank, activity = layer.rank, layer.activity
        size = "" if rank is None else str(min(rank.rows, rank.columns))
        rows.append(
            (
                layer.name,
                f"{layer.parameters:,}",
                f"{layer.stored_bits:,}",
                f"{layer.lossless_bits:,}",
                "" if layer.quantised_bits is None else f"{layer.quantised_bits:,}",
                "" if rank is None else f"{rank.effective_rank:,.1f} of {size}",
                "" if rank is None else f"{100 * rank.redundancy:.0f} %",
                "" if activity is None else f"{activity.dead} of {activity.units}",
            )
        )
    title = f"{report.name} ({report.source}): bits by layer"
    print_table(title, columns, rows)
    out.print(
        f"{report.parameters:,} parameters, {report.stored_bits:,} bits as stored. "
        f"Layers: {report.shape_note}. Rank: effective, of the largest matrix.",
        soft_wrap=True,
    )
    out.print()
    sizes = [(size.method, f"{size.size_bits:,}") for size in report.lossless]
    if report.quantised is not None:
        ratio = report.quantised.step_ratio
        sizes.insert(
            0,
            (
                f"quantised, step {ratio:.3g} deviations, entropy-coded; no loss on the "
                f"{report.quantised.selection_examples:,} examples that chose it",
                f"{report.quantised.size_bits:,}",
            ),
        )
    print_table(
        "As byte strings that were decoded again", [("how", "left"), ("bits", "right")], sizes
    )
    if report.quantised is None:
        out.print(f"Not quantised: {report.quantised_note}.")
    if report.capacity:
        print_capacity_lines("Capacity by each formula", report.capacity)
    else:
        out.print(f"No capacity: {report.shape_note}.")
    _print_labels(report)
    out.print(f"Counting: {report.counting}.", soft_wrap=True)
    for warning in report.warnings:
        out.print(f"Warning: {with_flags(warning)}", style="yellow", soft_wrap=True)
    out.print(with_flags(report.verdict), style="bold", soft_wrap=True)


def _print_compressed(report: AuditReport) -> None:
    found, target = report.compressed, report.compress_target
    if found is None:
        text = "no file reached the accuracy; give more --minutes or a lower --accuracy."
    else:
        text = (
            f"{found.size_bits:,} bits, {100 * found.test_accuracy:.2f} % of the test set, decoded "
            f"and run in a fresh process ({found.place}); a look that the ledger counts."
        )
        limit = found.accuracy_lower_limit
        if limit is not None:
            text += (
                f" Its true accuracy is at least {100 * limit:.2f} % (95 % confidence, after "
                f"{found.looks:,} counted look{'s' * (found.looks != 1)})."
            )
    if target is not None:
        text = f"target {100 * target.accuracy:.2f} %, {target.source}: {text}"
    console().print(f"Compressed: {text}", soft_wrap=True)


def _print_labels(report: AuditReport) -> None:
    labels = report.labels
    if labels is None:
        return
    out = console()
    accuracy = labels.test_correct / labels.test_examples
    interval = wilson_interval(labels.test_correct, labels.test_examples)
    lines = [
        f"Test: {labels.test_correct:,} of {labels.test_examples:,} correct "
        f"({100 * accuracy:.2f} %, 95 % interval {100 * interval.low:.2f} to "
        f"{100 * interval.high:.2f} %)",
    ]
    if report.quantised is not None and labels.test_correct_quantised is not None:
        chosen = report.quantised
        lines[0] += (
            f"; quantised {labels.test_correct_quantised:,} (step chosen on "
            f"{chosen.selection_examples:,} training examples: {chosen.correct_before:,} right "
            f"before, {chosen.correct_after:,} after)"
        )
    lines.append(f"Looks: {labels.test_looks_note}")
    lines.append(
        f"Labels: {labels.total_bits:,.0f} bits, N·H(Y), when no input is looked at; labels drawn "
        f"at random would need {labels.label_need_bits:,.0f} bits at the test accuracy; given the "
        f"model, {labels.examples:,} training labels still take {labels.residual_bits:,.0f} bits"
    )
    if labels.friedland_generalisation is not None:
        lines.append(
            "Generalisation, Friedland: "
            f"{labels.friedland_generalisation:,.2f} bits of training labels right for each bit of "
            "maximum equivocation (above 1: more than that estimate says it could memorise)"
        )
    lines.append(
        f"Generalisation, ours: {labels.told_bits_per_file_bit:,.2f} bits that the model tells of "
        "the training labels for each bit of its smallest byte string here (its names, shapes and "
        "program not counted)"
    )
    for line in lines:
        out.print(f"{line}.", soft_wrap=True)
    out.print()
