"""``minbits audit``: what a model stores, could hold, and needs."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path
from typing import Annotated, Any

import typer

from minbits.audit.report import AuditReport
from minbits.capacity.network_shape import parse_input_shape
from minbits.charts.audit_chart import LayerBits, LayersNumbers, draw_layer_bits
from minbits.charts.chart import Chart, picture_kind
from minbits.claims.outputs import kept_files, network_outputs
from minbits.claims.replacing import check_replaceable
from minbits.cli.capacity_tables import print_capacity_lines
from minbits.cli.data_options import (
    AllowSlowOption,
    CategoricalOption,
    LabelOption,
    ResizeOption,
    user_files,
)
from minbits.cli.ledger_options import LedgerOption, chosen_ledger
from minbits.cli.output import (
    ForceOption,
    JsonOption,
    console,
    print_json,
    print_table,
    progress_printer,
)
from minbits.data import load
from minbits.errors import ArgumentError
from minbits.files import check_outputs
from minbits.intervals import wilson_interval
from minbits.ledger.store import open_ledger
from minbits.types import DataSet


def audit(
    model: Annotated[str, typer.Argument(help="MODULE:CALLABLE, a .onnx file, or a checkpoint.")],
    data: Annotated[
        str | None, typer.Option(help="The data set that it classifies: mnist, digits or a path.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="A checkpoint to load into MODULE:CALLABLE.")
    ] = None,
    input_shape: Annotated[
        str | None,
        typer.Option("--input", help="One example without data, such as 1x28x28."),
    ] = None,
    accuracy: Annotated[
        float | None,
        typer.Option(
            help="Compare with a file of this accuracy, and let --compress reach it.",
            show_default="the model's own, for --compress on held-out training examples",
        ),
    ] = None,
    examples: Annotated[
        int, typer.Option(help="Most examples of each split that are run.")
    ] = 10_000,
    label: LabelOption = None,
    categorical: CategoricalOption = None,
    resize: ResizeOption = None,
    compress: Annotated[
        Path | None,
        typer.Option(help="Compress the module as well, to this .mbn file.", show_default="no"),
    ] = None,
    minutes: Annotated[float, typer.Option(help="Minutes for --compress.")] = 10.0,
    force: ForceOption = False,
    figure: Annotated[
        Path | None, typer.Option(help="Where a chart of layers by bits goes.")
    ] = None,
    ledger: LedgerOption = None,
    records: Annotated[Path, typer.Option(help="A folder of published cards.")] = Path("records"),
    allow_slow: AllowSlowOption = False,
    as_json: JsonOption = False,
) -> None:
    """Audit any PyTorch module, ONNX graph or checkpoint: capacity against need, layer by layer.

    A pickle that asks for more than tensors is refused with exit code 2.

    Example: minbits audit minbits.networks.examples:LeNet300100 --data mnist
    """
    # PyTorch and a user's own module are loaded for this command alone.
    sources = importlib.import_module("minbits.audit.sources")
    pipeline = importlib.import_module("minbits.jobs.audit")
    loaded = (
        load(data, label=label, categorical=categorical or (), resize=resize)
        if data is not None
        else None
    )
    _check_compress(compress, model, loaded, minutes)
    inputs = user_files(model, data, weights)
    outputs = {} if compress is None else network_outputs(compress)
    if figure is not None:
        picture_kind(figure)
        outputs |= {"the figure": figure}
    check_outputs(outputs, kept_files(chosen_ledger(ledger), inputs))
    if compress is not None and loaded is not None and not force:
        store = open_ledger(chosen_ledger(ledger))
        try:
            check_replaceable([compress], loaded, accuracy, store)
        finally:
            store.close()
    shape = None if input_shape is None else parse_input_shape(input_shape)
    if loaded is not None:
        shape = loaded.input_shape
    exponent = 0 if loaded is None else loaded.input_exponent
    subject = sources.open_model(model, sources.SourceSettings(shape, exponent, weights))
    report: AuditReport = pipeline.audit_job(
        subject,
        loaded,
        accuracy=accuracy,
        ledger=chosen_ledger(ledger),
        records=records,
        most_examples=examples,
        allow_slow=allow_slow,
    )
    if compress is not None:
        report = pipeline.compress_audited(
            sources.load_module(model, weights),
            report,
            loaded,
            out=compress,
            accuracy=accuracy,
            minutes=minutes,
            ledger=ledger,
            inputs=inputs,
            force=force,
            say=progress_printer(False),
        )
    if figure is not None:
        layers_figure(report).save(figure)
    if as_json:
        print_json(plain_audit(report))
        return
    _print_audit(report)
    if compress is not None:
        _print_compressed(report)
    if figure is not None:
        console().print(f"Figure: {figure}")


def _check_compress(
    compress: Path | None, model: str, data: DataSet | None, minutes: float
) -> None:
    """Refuse before the audit what would fail after it."""
    if compress is None:
        return
    if data is None:
        raise ArgumentError("--compress", "no data", "a data set to select on", "Give --data.")
    if ":" not in model:
        raise ArgumentError(
            "--compress", f"'{model}'", "MODULE:CALLABLE, since it is trained on",
            "Use minbits compress --layers for a checkpoint.",
        )  # fmt: skip
    if not 0 < minutes < 1e6:
        raise ArgumentError("--minutes", str(minutes), "a positive number", "Give another value.")


def layers_figure(report: AuditReport) -> Chart[LayersNumbers]:
    """Return the chart of layers by bits."""
    rows = [
        LayerBits(layer.name, layer.stored_bits, layer.lossless_bits, layer.quantised_bits)
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
    out.print(report.verdict, style="bold", soft_wrap=True)


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
