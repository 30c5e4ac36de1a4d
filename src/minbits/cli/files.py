"""``minbits verify`` and ``minbits inspect``: questions to a network file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from minbits.claims.own_data import NOT_COUNTED, plain_run
from minbits.claims.own_data import verify as verify_on_data
from minbits.cli.commands import command
from minbits.cli.data_options import DataOptions
from minbits.cli.flags import with_flags
from minbits.cli.output import (
    EXIT_NOT_REACHED,
    JsonOptions,
    ShowOptions,
    console,
    print_json,
    print_table,
    progress_printer,
)
from minbits.evaluation.accuracy import reaches
from minbits.jobs.inspect_file import inspect_file, plain_inspection
from minbits.jobs.verify_request import VerifyRequest

FileArgument = Annotated[Path, typer.Argument(help="A network file (.mbn).")]


@command
def verify(
    file: FileArgument,
    *,
    data: Annotated[str, typer.Option(help="The data set whose test examples are classified.")],
    accuracy: Annotated[
        float | None, typer.Option(help="Exit with code 1 where the test accuracy is below this.")
    ] = None,
    request: VerifyRequest,
    source: DataOptions,
    show: ShowOptions,
) -> None:
    """Decode a network file in a fresh process, with NumPy alone, and run the whole test set.

    What that costs is told first; above two minutes on one core, it is refused.
    The card beside the file says which data set it was made for. Another table is encoded as the
    companion beside the file says; without a companion it is refused, since the encoding would be
    fitted anew. The run is not counted as a look.

    Example: minbits verify records/mnist-99.mbn --data mnist
    """
    say = progress_printer(show.quiet)
    run = verify_on_data(
        file, source.load(data), ledger=request.ledger, any_data=request.any_data,
        allow_slow=request.allow_slow, on_cost=lambda cost: say(f"{file}: {cost}"),
    )  # fmt: skip
    found = run.verification
    if show.json:
        print_json(plain_run(run))
    else:
        out = console()
        out.print(
            f"{file}: {found.size_bits:,} bits ({found.bytes:,} bytes), SHA-256 {found.sha256}",
            soft_wrap=True,
        )
        out.print(
            f"{found.correct:,} of {found.n_test:,} test examples correct: "
            f"{100 * found.test_accuracy:.2f} % (95 % Wilson interval "
            f"{100 * found.wilson_low:.2f} to {100 * found.wilson_high:.2f} %)",
            soft_wrap=True,
        )
        for remark in (*run.remarks, NOT_COUNTED):
            out.print(with_flags(remark), soft_wrap=True)
    if accuracy is not None and not reaches(found.correct, found.n_test, accuracy):
        raise typer.Exit(EXIT_NOT_REACHED)


@command
def inspect(file: FileArgument, show: JsonOptions) -> None:
    """Show where the bits of a network file go, part by part.

    Example: minbits inspect records/mnist-99.mbn
    """
    found = inspect_file(file)
    if show.json:
        print_json(plain_inspection(found))
        return
    size_bits = found.size_bits
    rows = [
        (
            part.name,
            f"{part.values:,}" if part.values else "",
            f"{part.size_bits:,.1f}",
            f"{part.size_bits / part.values:.2f}" if part.values else "",
            f"{100 * part.size_bits / size_bits:.1f} %",
        )
        for part in found.parts
    ]
    columns = [("part", "left"), *((name, "right") for name in ("values", "bits", "each", "share"))]
    print_table(f"{file}: {size_bits:,} bits", columns, rows)
    for name, value in found.summary.items():
        if value is None:
            continue
        text = f"{value:,}" if isinstance(value, int | float) else str(value)
        console().print(f"{name}: {text}", soft_wrap=True)
    levels = [layer.weights.levels for layer in found.network.layers]
    if levels:
        low, high = (int(edge([edge(found) for found in levels])) for edge in (np.min, np.max))
        console().print(f"weight levels: {low} to {high}")
