"""``minbits compress``: the smallest file for a PyTorch model that exists already."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from minbits.charts.answer import claim_sentences, missed_answer
from minbits.cli.commands import command
from minbits.cli.data_options import DataOptions
from minbits.cli.flags import with_flags
from minbits.cli.output import (
    ShowOptions,
    console,
    end_of_search,
    looks_sentence,
    print_json,
    print_outputs,
    print_report,
    progress_printer,
)
from minbits.jobs.compress_request import (
    CompressReport,
    CompressRequest,
    RoundingOptions,
    plain_compress_report,
)

ModelArgument = Annotated[
    str,
    typer.Argument(
        help="MODULE:CALLABLE or FILE.py:CALLABLE that gives a torch.nn.Module, or a checkpoint "
        "(.pt, .pth, .safetensors) together with --layers.",
        show_default=False,
    ),
]


@command
def compress(
    model: ModelArgument,
    *,
    data: Annotated[
        str | None, typer.Option(help="The data set to train, select and claim on.")
    ] = None,
    request: CompressRequest,
    rounding: RoundingOptions,
    source: DataOptions,
    show: ShowOptions,
) -> None:
    """Compress a PyTorch model to one small file that runs without PyTorch.

    With data it is fine-tuned under a rate penalty, verified and recorded; exit code 1 says that
    the accuracy was not reached.

    Example: minbits compress mynet.py:build --weights mynet.pt --data mnist --accuracy 0.99
    """
    # PyTorch takes seconds to import, and no other command needs it.
    from minbits.jobs.compress_module import compress_module, round_module

    if data is None:
        _print_rounded(round_module(model, request, rounding.error), show.json)
        return
    say = progress_printer(show.quiet)
    report = compress_module(model, source.load(data), request, say, source.origin(data))
    print_report(report, show, plain_compress_report, _print_report)
    end_of_search(report.interrupted, report.best is not None)


def _print_rounded(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(facts)
        return
    console().print(
        f"{facts['network']}: {facts['size_bits']:,} bits, {facts['parameters']:,} parameters; "
        f"the logits of random inputs change by {100 * facts['logit_change']:.1f} % of their "
        "spread. Nothing is known of its accuracy: name a data set with --data to measure it.",
        soft_wrap=True,
    )


def _nothing_found(report: CompressReport) -> str:
    """Return why nothing was written."""
    if report.tried_accuracy is not None:
        stopped = " when it was interrupted" if report.interrupted else ""
        return (
            f"No rounding had reached {100 * report.accuracy:g} % on validation{stopped}: the best "
            f"tried reached {100 * report.tried_accuracy:.2f} %, the module itself "
            f"{100 * report.given_accuracy:.2f} %. Nothing was claimed or written."
        )
    if report.interrupted:
        return "Interrupted before a trial ended with a network: nothing was claimed or written."
    return "No trial ended with a network: nothing was claimed."


def _print_report(report: CompressReport) -> None:
    out = console()
    found = report.best or report.nearest
    if found is None or report.lower_limit is None:
        out.print(_nothing_found(report), soft_wrap=True)
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
        sentence = missed_answer(report.accuracy, report.missed, None, 0)
        out.print(with_flags(sentence), soft_wrap=True)
    print_outputs(report.outputs)
