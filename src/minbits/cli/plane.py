"""``minbits plane``: what layers say about input and label while a network is trained."""

from __future__ import annotations

from minbits.cli.commands import command
from minbits.cli.data_options import DataArgument, DataOptions
from minbits.cli.output import (
    ShowOptions,
    console,
    print_table,
)
from minbits.cli.study_lines import StudyLines, tell
from minbits.jobs.plane import PlaneReport, plain_plane, plane_job
from minbits.jobs.plane_request import PlaneRequest
from minbits.studies.plane_statistics import (
    COMPRESSION_BITS,
    MIN_SEEDS,
    LayerFall,
    MeasureVerdict,
)

MEASURED = {
    "fixed": "30 bins from -1 to 1",
    "edges": "30 edges from -1 to 1: 29 bins, and one for all else",
    "adaptive": "30 bins over the range of the layer",
    "float32": "the values as they are, in single precision",
    "density_low": "kernel density, lower bound",
    "density_high": "kernel density, upper bound",
    "exact": "quantised activations, counted exactly",
    "probe": "I(T;Y) by a held-out probe, a lower bound; I(X;T) is not measured",
}

_ROUNDED_BITS = 2e-4  # figures of the ledger have four decimal places


@command
def plane(
    request: PlaneRequest,
    source: DataOptions,
    show: ShowOptions,
    data: DataArgument = "tishby",
) -> None:
    """Follow the layers of a network in the information plane while it is trained.

    Small networks are trained from several seeds. At each measured epoch, every layer T has its
    mutual information with the input, I(X;T), and with the label, I(T;Y). A layer compresses where
    I(X;T) falls. Every training is a row of the ledger; a study that was stopped goes on where it
    was. Without DATA it is the problem of Shwartz-Ziv and Tishby: all patterns of twelve bits.

    Example: minbits plane tishby --activation relu --out plane.png
    """
    loaded = source.load(data)
    report = plane_job(loaded, request, StudyLines(show.quiet), source.origin(data))
    tell(report, show, plain_plane, _print)


def _cells(measure: MeasureVerdict, row: LayerFall) -> tuple[str, ...]:
    fall = row.fall_bits
    is_probe = measure.measure == "probe"
    return (
        f"{row.layer}",
        f"{row.units:,}",
        "" if is_probe else f"{row.largest_bits:.2f}",
        "" if is_probe else f"{row.peak_epoch:,.0f}",
        "" if is_probe else f"{row.end_bits:.2f}",
        "" if is_probe else f"{fall.value:.2f} ({fall.low:.2f}–{fall.high:.2f})",
        "" if is_probe else row.verdict,
        f"{row.label_bits:.3f}",
    )


def _print_excess(measure: MeasureVerdict) -> None:
    """Say where a measure breaks a law that the true figures keep."""
    for excess, law in (
        (measure.highest_label_excess_bits, "I(T;Y) is above the limit"),
        (measure.processing_excess_bits, "I(X;T) of a layer is above that of the layer before"),
    ):
        if excess > _ROUNDED_BITS:
            console().print(f"    its error shows: {law}, by {excess:.2f} bits", soft_wrap=True)


def _print(report: PlaneReport) -> None:
    out = console()
    for measure in report.measures:
        names = (
            "layer", "units", "largest I(X;T)", "at epoch", "at the end", "fall (interval)",
            "compresses", "I(T;Y) at the end",
        )  # fmt: skip
        print_table(
            f"{report.data_name}, {report.request.activation}: {MEASURED[measure.measure]} [bits]",
            [(name, "right") for name in names],
            [_cells(measure, row) for row in measure.layers],
        )
    few = "" if len(report.results) >= MIN_SEEDS else f" (It takes {MIN_SEEDS} trainings to tell.)"
    out.print(
        f"Does I(X;T) of a hidden layer fall by more than {COMPRESSION_BITS} bits from its largest "
        f"value to the end?{few}",
        soft_wrap=True,
    )
    for measure in report.measures:
        if measure.measure != "probe":
            out.print(f"  {measure.verdict}, by {MEASURED[measure.measure]}", soft_wrap=True)
            _print_excess(measure)
    out.print(
        f"Measured on {report.examples:,} examples: I(X;T) is at most {report.ceiling_bits:.2f} "
        f"bits, I(T;Y) at most H(Y) = {report.label_bits:.4f} bits.",
        soft_wrap=True,
    )
    if report.test_accuracy is not None:
        out.print(f"Test accuracy at the end: {100 * report.test_accuracy:.2f} %.", soft_wrap=True)
    failed = f", {report.failed} of them diverged" if report.failed else ""
    word = "interrupted: run the command again to go on" if report.interrupted else "all done"
    out.print(
        f"{report.done:,} of {report.request.seeds:,} trainings, {word}{failed}.", soft_wrap=True
    )
    out.print(f"Ledger: {report.ledger}", soft_wrap=True)
    for name, path in report.outputs.items():
        out.print(f"Picture of the {name}: {path}", soft_wrap=True)
