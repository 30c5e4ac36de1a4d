"""``minbits verify`` and ``minbits inspect``: questions to a network file."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from minbits.claims.own_data import NOT_COUNTED, plain_run
from minbits.claims.own_data import verify as verify_on_data
from minbits.cli.data_options import AllowSlowOption, CategoricalOption, LabelOption, ResizeOption
from minbits.cli.output import (
    EXIT_NOT_REACHED,
    JsonOption,
    QuietOption,
    console,
    print_json,
    print_table,
    progress_printer,
)
from minbits.codec.file_format import decode_with_parts, errors_named, read_bytes
from minbits.codec.run_cost import run_cost
from minbits.data import load
from minbits.evaluation.accuracy import reaches
from minbits.networks.grammar import format_architecture
from minbits.units import bytes_to_bits

FileArgument = Annotated[Path, typer.Argument(help="A network file (.mbn).")]


def verify(
    file: FileArgument,
    data: Annotated[str, typer.Option(help="The data set whose test examples are classified.")],
    accuracy: Annotated[
        float | None, typer.Option(help="Exit with code 1 where the test accuracy is below this.")
    ] = None,
    label: LabelOption = None,
    categorical: CategoricalOption = None,
    resize: ResizeOption = None,
    ledger: Annotated[
        str | None,
        typer.Option(
            help="A ledger that says what a file without a card was made for.", show_default="none"
        ),
    ] = None,
    any_data: Annotated[
        bool,
        typer.Option(
            "--any-data",
            help="Take another table than the file was made for, with an encoding fitted anew.",
        ),
    ] = False,
    allow_slow: AllowSlowOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Decode a network file in a fresh process, with NumPy alone, and run the whole test set.

    What that costs is told first; above two minutes on one core, it is refused.
    The card beside the file says which data set it was made for. Another table is refused, since
    the encoding of its columns would be fitted anew. The run is not counted as a look.

    Example: minbits verify records/mnist-99.mbn --data mnist
    """
    say = progress_printer(quiet)
    loaded = load(data, label=label, categorical=categorical or (), resize=resize)
    run = verify_on_data(
        file, loaded, ledger=ledger, any_data=any_data, allow_slow=allow_slow,
        on_cost=lambda cost: say(f"{file}: {cost}"),
    )  # fmt: skip
    found = run.verification
    if as_json:
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
            out.print(remark, soft_wrap=True)
    if accuracy is not None and not reaches(found.correct, found.n_test, accuracy):
        raise typer.Exit(EXIT_NOT_REACHED)


def inspect(file: FileArgument, as_json: JsonOption = False) -> None:
    """Show where the bits of a network file go, part by part.

    Example: minbits inspect records/mnist-99.mbn
    """
    with errors_named(file):
        content = read_bytes(file)
        network, parts = decode_with_parts(content)
    size_bits = bytes_to_bits(len(content))
    parameters = network.parameter_count
    cost = run_cost(network.architecture, 10_000)
    weight_bits = sum(part.size_bits for part in parts if part.values)
    summary = {
        "size_bits": size_bits,
        "weights_and_biases_bits": round(weight_bits, 2),
        "overhead_bits": round(size_bits - weight_bits, 2),
        "parameters": parameters,
        "nonzero_parameters": network.nonzero_count,
        "bits_per_parameter": round(size_bits / parameters, 4) if parameters else None,
        "multiply_accumulates": cost.multiply_accumulates,
        "seconds_for_10000_examples": float(f"{cost.seconds:.2g}"),
        "input_shape": list(network.architecture.input_shape),
        "architecture": format_architecture(network.architecture),
    }
    if as_json:
        print_json({**summary, "parts": [dataclasses.asdict(part) for part in parts]})
        return
    rows = [
        (
            part.name,
            f"{part.values:,}" if part.values else "",
            f"{part.size_bits:,.1f}",
            f"{part.size_bits / part.values:.2f}" if part.values else "",
            f"{100 * part.size_bits / size_bits:.1f} %",
        )
        for part in parts
    ]
    columns = [("part", "left"), *((name, "right") for name in ("values", "bits", "each", "share"))]
    print_table(f"{file}: {size_bits:,} bits", columns, rows)
    for name, value in summary.items():
        if value is None:
            continue
        text = f"{value:,}" if isinstance(value, int | float) else str(value)
        console().print(f"{name}: {text}", soft_wrap=True)
    levels = [layer.weights.levels for layer in network.layers]
    if levels:
        low, high = (int(edge([edge(found) for found in levels])) for edge in (np.min, np.max))
        console().print(f"weight levels: {low} to {high}")
