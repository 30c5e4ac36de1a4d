"""``minbits codelength``: how many bits the labels take, given the inputs; and back again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from minbits.cli.commands import command
from minbits.cli.data_options import DataArgument, DataOptions
from minbits.cli.default_command import group_with_default
from minbits.cli.output import (
    EXIT_NOT_REACHED,
    ShowOptions,
    console,
    print_json,
    print_outputs,
    print_report,
    print_table,
    progress_printer,
)
from minbits.files import write_atomically
from minbits.jobs.codelength import (
    CodelengthReport,
    bits_text,
    codelength_job,
    decode_job,
    forget,
    kept_beside,
    plain_codelength,
    read_label_file,
)
from minbits.jobs.codelength_request import CodelengthRequest
from minbits.label_codes.variational import VariationalLength

codelength_app = typer.Typer(
    cls=group_with_default("encode"),
    help=(
        "How many bits the training labels take, given the inputs, in codes that decode. "
        "`minbits codelength DATA` is short for `minbits codelength encode DATA`. "
        "Example: minbits codelength iris --minutes 1 --out iris.mbl"
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
)


@codelength_app.command()
@command
def encode(
    data: DataArgument, request: CodelengthRequest, source: DataOptions, show: ShowOptions
) -> None:
    """Write the training labels in codes that whoever has the inputs decodes; compare the lengths.

    A length is that of a file that was decoded to the same labels. The variational code alone is
    computed and not written. The test set is not looked at.

    Example: minbits codelength iris --minutes 1 --out iris.mbl
    """
    loaded = source.load(data)
    report = codelength_job(loaded, request, progress_printer(show.quiet), source.origin(data))
    print_report(report, show, plain_codelength, _print)


def _bits_a_label(bits: float | None, labels: int) -> str:
    """Return the bits of one label for a table."""
    return "" if bits is None else f"{bits / labels:.4f}"


def _print(report: CodelengthReport) -> None:
    rows = [
        (
            item.code,
            bits_text(item),
            _bits_a_label(item.size_bits or item.computed_bits, report.labels),
            f"{item.seconds:,.0f}",
        )
        for item in report.codes
    ]
    columns = [("code", "left"), *((name, "right") for name in ("bits", "a label", "seconds"))]
    print_table(
        f"{report.data_name}: {report.labels:,} training labels of {report.classes} classes, given "
        "the inputs",
        columns,
        rows,
    )
    out = console()
    for item in report.codes:
        text = f"{item.code}: {item.method} ({item.source})."
        if item.network is not None and item.network_bits is not None:
            text += f" {item.network_bits:,} bits are the network's own: {item.network}."
        if item.blocks:
            last = item.blocks[-1]
            text += (
                f" The last {last.labels:,} labels were predicted from {last.start:,}: "
                f"{100 * last.correct / last.labels:.2f} % right, best alone: {last.best}."
            )
        if item.variational is not None:
            text += _variational_text(item.variational)
        elif item.why_not:
            text += f" Not done: {item.why_not}."
        out.print(text, soft_wrap=True)
    out.print(f"Shortest: {report.summary()}.", style="bold", soft_wrap=True)
    print_outputs(report.outputs)


def _variational_text(found: VariationalLength) -> str:
    """Return what a variational code length consists of, in words."""
    return (
        f" Computed, and no file: {found.weights_bits:,.0f} bits for {found.parameters:,} weights, "
        f"{found.labels_bits:,.0f} ± {found.labels_bits_error:,.0f} for the labels "
        f"({found.samples} samples of the weights, {100 * found.accuracy:.2f} % right), "
        f"{found.prior_bits:,.0f} for the prior; {found.epochs:,} epochs, seed {found.seed}."
    )


@codelength_app.command()
@command
def decode(
    file: Annotated[Path, typer.Argument(help="A file of labels, of minbits codelength --out.")],
    data: Annotated[str, typer.Option(help="The data set whose inputs decode it.")],
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Where the labels go, one name a line; an interrupted decoding goes on beside it."
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with code 1 where they are not the data set's.")
    ] = False,
    source: DataOptions,
    show: ShowOptions,
) -> None:
    """Give the training labels back from the inputs alone.

    Example: minbits codelength decode iris.mbl --data iris --check
    """
    keep_in = None if out is None else kept_beside(out, "decoding")
    found = decode_job(
        read_label_file(file), source.load(data), say=progress_printer(show.quiet), keep_in=keep_in
    )
    if out is not None:
        write_atomically(out, ("\n".join(found.labels) + "\n").encode())
        forget(keep_in)
    if show.json:
        print_json({**vars(found), "labels": len(found.labels)})
    else:
        word = "the data set's" if found.agree else "NOT the data set's"
        console().print(
            f"{file}: {found.size_bits:,} bits, {found.code} code: {len(found.labels):,} labels, "
            f"{word}.",
            soft_wrap=True,
        )
    if check and not found.agree:
        raise typer.Exit(EXIT_NOT_REACHED)
