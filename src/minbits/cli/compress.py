"""``minbits compress``: the smallest file for a PyTorch model that exists already."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minbits.charts.answer import claim_sentences, missed_answer
from minbits.claims.outputs import (
    default_output,
    kept_files,
    module_name,
    name_part,
    network_outputs,
)
from minbits.cli.data_options import CategoricalOption, LabelOption, ResizeOption, user_files
from minbits.cli.ledger_options import LedgerOption, chosen_ledger
from minbits.cli.output import (
    EXIT_INTERRUPTED,
    EXIT_NOT_REACHED,
    ForceOption,
    JsonOption,
    QuietOption,
    console,
    looks_sentence,
    print_json,
    print_outputs,
    progress_printer,
)
from minbits.cli.size import Engine
from minbits.data import load
from minbits.errors import ArgumentError
from minbits.files import check_outputs

if TYPE_CHECKING:
    from minbits.jobs.compress_request import CompressReport

ModelArgument = Annotated[
    str,
    typer.Argument(
        help="MODULE:CALLABLE or FILE.py:CALLABLE that gives a torch.nn.Module, or a checkpoint "
        "(.pt, .pth, .safetensors) together with --layers.",
        show_default=False,
    ),
]


def _numbers(name: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ArgumentError(
            name, f"'{text}'", "numbers separated by commas", "Correct them."
        ) from None


def compress(
    model: ModelArgument,
    data: Annotated[
        str | None, typer.Option(help="The data set to train, select and claim on.")
    ] = None,
    label: LabelOption = None,
    categorical: CategoricalOption = None,
    resize: ResizeOption = None,
    accuracy: Annotated[float, typer.Option(help="Target test accuracy, in (0, 1].")] = 0.99,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Weights for the module: .safetensors, .pt or .pth.")
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(help="For a bare checkpoint: its layers, as 'conv 6 k5 relu; linear 10'."),
    ] = None,
    no_data: Annotated[
        bool,
        typer.Option(
            "--no-data", help="Round and code alone; with --data only to choose how much."
        ),
    ] = False,
    error: Annotated[
        float | None,
        typer.Option(help="Without any data: a tensor's step over its norm.", show_default="0.031"),
    ] = None,
    input_shape: Annotated[
        str | None, typer.Option(help="Without --data: channels,height,width of an example.")
    ] = None,
    input_scale: Annotated[
        float | None,
        typer.Option(
            help="What the module expects raw inputs to be multiplied by.",
            show_default="1/255 for bytes, else 1",
        ),
    ] = None,
    input_mean: Annotated[
        str, typer.Option(help="Then subtracted, one number or one a channel, by commas.")
    ] = "0",
    input_std: Annotated[
        str, typer.Option(help="Then divided by, one number or one a channel, by commas.")
    ] = "1",
    epochs: Annotated[int, typer.Option(help="Epochs of quantised training a trial.")] = 60,
    thinning_epochs: Annotated[
        int, typer.Option(help="Most epochs of removing channels; 0 keeps the architecture.")
    ] = 10,
    recovery_epochs: Annotated[
        int, typer.Option(help="Epochs in full precision between thinning and quantisation.")
    ] = 20,
    smallest: Annotated[int, typer.Option(help="Fewest parameters to thin down to.")] = 1000,
    rate_weight: Annotated[
        str, typer.Option(help="Weights of the rate penalty, one trial each, by commas.")
    ] = "1",
    views: Annotated[
        int,
        typer.Option(
            help="5: average the logits of 5 shifts of an image; no weights, 5 x the time."
        ),
    ] = 1,
    learning_rate: Annotated[float, typer.Option(help="First learning rate.")] = 1e-3,
    augmentation: Annotated[float, typer.Option(help="Strength of random distortion.")] = 0.8,
    minutes: Annotated[
        float | None, typer.Option(help="Minutes to plan for.", show_default="as long as it takes")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of order and augmentation.")] = 0,
    engine: Annotated[
        Engine, typer.Option(help="What trains; auto takes the fastest that covers the network.")
    ] = Engine.auto,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The network file; its card and diagram go beside it.",
            show_default="DATA-MODULE-ACCURACY.mbn, or MODULE-rounded.mbn without data",
        ),
    ] = None,
    force: ForceOption = False,
    ledger: LedgerOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Compress a PyTorch model to one small file that runs without PyTorch.

    With data it is fine-tuned under a rate penalty, verified and recorded; exit code 1 says that
    the accuracy was not reached.

    Example: minbits compress mynet.py:build --checkpoint mynet.pt --data mnist --accuracy 0.99
    """
    # PyTorch takes seconds to import, and no other command needs it.
    from minbits.jobs.compress import compress_job, default_convention
    from minbits.jobs.compress_request import CompressRequest, plain_compress_report
    from minbits.jobs.compress_rounding import round_to_file
    from minbits.networks.checkpoint import load_module, load_weights, module_of
    from minbits.networks.from_torch import InputConvention, from_torch

    loaded = (
        load(data, label=label, categorical=categorical or (), resize=resize)
        if data is not None
        else None
    )
    shape = loaded.input_shape if loaded else _shape(input_shape)
    module = load_module(model) if layers is None else module_of(Path(model), layers, shape)
    if checkpoint is not None:
        load_weights(module, checkpoint)
    mean, deviation = _numbers("--input-mean", input_mean), _numbers("--input-std", input_std)
    usual = default_convention(loaded).factor if loaded else 1 / 255
    factor = input_scale if input_scale is not None else usual
    convention = InputConvention(factor, mean, deviation)
    given = from_torch(module, shape, loaded.input_exponent if loaded else 8, convention)
    if loaded is None:
        if not no_data:
            raise ArgumentError("--data", "nothing", "a data set, or --no-data", "Name one.")
        place = out or Path(f"{name_part(module_name(model))}-rounded.mbn")
        check_outputs(network_outputs(place), kept_files(None, user_files(model, None, checkpoint)))
        _print_rounded(round_to_file(given, error, place, force), as_json)
        return
    inputs = user_files(model, data, checkpoint)
    request = CompressRequest(
        accuracy=accuracy, out=out or default_output(loaded, accuracy, label, module_name(model)),
        ledger=chosen_ledger(ledger),
        name=Path(model).stem if layers else model, convention=convention,
        thinning_epochs=thinning_epochs,
        recovery_epochs=recovery_epochs, smallest_parameters=smallest, quantized_epochs=epochs,
        rate_weights=_numbers("--rate-weight", rate_weight), views=views,
        learning_rate=learning_rate,
        augmentation=augmentation, minutes=minutes, seed=seed, engine=engine.value,
        train=not no_data, inputs=inputs, force=force,
    )  # fmt: skip
    report = compress_job(given, loaded, request, progress_printer(quiet))
    if as_json:
        print_json(plain_compress_report(report))
    else:
        _print_report(report)
    if report.interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
    if report.best is None:
        raise typer.Exit(EXIT_NOT_REACHED)


def _print_rounded(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(facts)
        return
    console().print(
        f"{facts['network']}: {facts['size_bits']:,} bits, {facts['parameters']:,} parameters; "
        "nothing is known of its accuracy: name a data set with --data to measure it.",
        soft_wrap=True,
    )


def _print_report(report: CompressReport) -> None:
    out = console()
    found = report.best or report.nearest
    if found is None or report.lower_limit is None:
        out.print("no trial ended with a network: nothing was claimed")
        return
    word = "reaches" if report.best else "does not reach, on validation and test,"
    out.print(
        f"{found.size_bits:,} bits ({found.bytes:,} bytes), from {report.given_parameters:,} "
        f"parameters: {found.correct:,} of {found.n_test:,} test examples correct, "
        f"{100 * found.test_accuracy:.2f} % (95 % Wilson interval of a single look "
        f"{100 * found.wilson_low:.2f} to {100 * found.wilson_high:.2f} %), which {word} "
        f"{100 * report.accuracy:g} %. {looks_sentence(report.claim_count)}",
        soft_wrap=True,
    )
    for sentence in claim_sentences(report.accuracy, found, report.lower_limit, report.claim_count):
        out.print(sentence, soft_wrap=True)
    if report.missed is not None:
        out.print(missed_answer(report.accuracy, report.missed, None, 0), soft_wrap=True)
    print_outputs(report.outputs)


def _shape(text: str | None) -> tuple[int, int, int]:
    parts = [part.strip() for part in (text or "").replace("x", ",").split(",")]
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        raise ArgumentError(
            "--input-shape", f"'{text or ''}'", "channels,height,width, or --data", "Give one."
        )
    channels, height, width = (int(part) for part in parts)
    return (channels, height, width)
