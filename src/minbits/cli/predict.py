"""``minbits predict``: what a network file says of examples that it never saw."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from minbits.cli.commands import command
from minbits.cli.files import FileArgument
from minbits.cli.output import (
    JsonOptions,
    console,
    error_console,
    print_outputs,
    print_report,
    print_table,
)
from minbits.jobs.predict import PredictionReport, plain_predictions, predict_job
from minbits.jobs.predict_request import PredictRequest

InputArgument = Annotated[
    Path,
    typer.Argument(
        help="Rows or images: a .csv, .parquet, .npy, .npz or IDX file, an image, or a folder of "
        "images.",
        show_default=False,
    ),
]


@command
def predict(
    file: FileArgument, source: InputArgument, *, request: PredictRequest, show: JsonOptions
) -> None:
    """Print class and probability of rows or images that the network never saw.

    The companion beside the file has the names and the encoding of the columns, which are found by
    their names. A label column is not read; where there is one, the accuracy is told.

    Example: minbits predict iris.mbn new-flowers.csv --out predictions.csv
    """
    print_report(predict_job(file, source, request), show, plain_predictions, _print)


def _print(report: PredictionReport) -> None:
    for remark in report.remarks:
        error_console().print(remark, soft_wrap=True)
    rows, out = report.facts(), console()
    more = len(report.names) - len(rows)
    title = report.source if not more else f"{report.source}: the first {len(rows)}"
    print_table(title, [("example", "left"), ("class", "left"), ("probability", "right")], rows)
    if more:
        hint = "" if report.outputs else "; --out FILE.csv or --json gives all"
        out.print(f"{_examples(more, 'more ')}{hint}.", soft_wrap=True)
    counts = [f"{name}: {count:,}" for name, count in report.counts.items() if count]
    out.print(f"{_examples(len(report.names))}: {', '.join(counts)}", soft_wrap=True)
    correct, labelled = report.labelled
    if labelled:
        out.print(
            f"{correct:,} of {labelled:,} labels as predicted: {100 * correct / labelled:.2f} %",
            soft_wrap=True,
        )
    print_outputs(report.outputs)


def _examples(count: int, word: str = "") -> str:
    return f"1 {word}example" if count == 1 else f"{count:,} {word}examples"
