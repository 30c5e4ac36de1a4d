"""``minbits size``: the main job."""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from minbits.charts.answer import (
    missed_answer,
    nearest_answer,
    not_taken_sentence,
    shown_sentence,
    size_answer,
)
from minbits.claims.outputs import default_output
from minbits.cli.data_options import CategoricalOption, DataArgument, LabelOption, ResizeOption
from minbits.cli.ledger_options import LedgerOption, chosen_ledger
from minbits.cli.output import (
    EXIT_INTERRUPTED,
    EXIT_NOT_REACHED,
    ForceOption,
    JsonOption,
    QuietOption,
    console,
    error_console,
    looks_sentence,
    print_json,
    print_lines,
    print_outputs,
    print_table,
)
from minbits.cli.progress import SearchProgress
from minbits.data import load
from minbits.jobs.curve import CurveReport, curve_job, plain_curve
from minbits.jobs.size import size_job
from minbits.jobs.size_report import SizeReport, plain_report
from minbits.jobs.size_request import MANY_TRIALS, SizeRequest, check_request
from minbits.jobs.target import default_target
from minbits.ledger.location import ledger_name
from minbits.ledger.store import open_ledger
from minbits.search.driver import SearchEvents
from minbits.search.strategy_choice import AUTO, SAMPLERS
from minbits.workers.registry import DEFAULT_EXECUTOR, default_workers

DEFAULT_MINUTES = 13.0
_UNNAMED = Path("unnamed.mbn")  # until the data and the target are known
_RELIABILITY_LINES = 5


class Engine(StrEnum):
    """What can train a network."""

    auto = "auto"
    torch = "torch"
    lanes = "lanes"


def size(
    data: DataArgument,
    accuracy: Annotated[
        float | None,
        typer.Option(
            help="Target test accuracy, in (0, 1].",
            show_default="0.99 for mnist, else half a point below simple classifiers",
        ),
    ] = None,
    minutes: Annotated[
        float, typer.Option(help="Minutes to search; verifying and drawing take some seconds more.")
    ] = DEFAULT_MINUTES,
    trials: Annotated[
        int, typer.Option(help="Most trials of this run.", show_default="as many as fit")
    ] = MANY_TRIALS,
    target_bits: Annotated[
        int | None, typer.Option(help="End with a file of at most so many bits.")
    ] = None,
    reliability: Annotated[
        float,
        typer.Option(
            help="Chance of success over seeds that what is claimed must be shown to have."
        ),
    ] = 0.0,
    sampler: Annotated[
        str,
        typer.Option(help=f"What proposes networks to train: {', '.join(SAMPLERS)}."),
    ] = AUTO,
    moves: Annotated[
        bool, typer.Option("--moves/--no-moves", help="Also train on from the best files, changed.")
    ] = True,
    halving: Annotated[
        bool, typer.Option("--halving/--no-halving", help="Stop trials that lag behind the others.")
    ] = False,
    space: Annotated[
        Path | None, typer.Option(help="A TOML file with networks and recipes to draw from.")
    ] = None,
    seed: Annotated[
        int, typer.Option(help="First seed; each trial takes the next one not used on this data.")
    ] = 0,
    workers: Annotated[
        int | None,
        typer.Option(help="Trials at a time, each on one thread.", show_default="one a core"),
    ] = None,
    network: Annotated[
        str | None, typer.Option(help="A network of the zoo, such as pytorch-example.")
    ] = None,
    architecture: Annotated[
        str | None,
        typer.Option(help="An architecture of your own, such as 'conv 8 k5 s2 relu; linear 10'."),
    ] = None,
    rate_weight: Annotated[
        float, typer.Option(help="Weight of the rate penalty for --architecture.")
    ] = 2.0,
    engine: Annotated[
        Engine, typer.Option(help="What trains; auto takes the fastest that covers the network.")
    ] = Engine.auto,
    executor: Annotated[
        str,
        typer.Option(help="Where trials run: processes, ray, or ray://HOST:PORT (minbits[ray])."),
    ] = DEFAULT_EXECUTOR,
    worker_memory: Annotated[
        int | None,
        typer.Option(
            help="MiB a worker may use; a trial that needs more fails.",
            show_default="an equal share of the machine's",
        ),
    ] = None,
    curve: Annotated[
        bool,
        typer.Option("--curve", help="Every accuracy from 90 to 99.4 %, in shares of the time."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The network file; its card and diagram go beside it.",
            show_default="DATA-LABEL-ACCURACY.mbn",
        ),
    ] = None,
    force: ForceOption = False,
    label: LabelOption = None,
    categorical: CategoricalOption = None,
    resize: ResizeOption = None,
    ledger: LedgerOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Find the smallest network file that reaches an accuracy; verify, record and draw it.

    Running it again goes on from what is known. Exit code 1 says that the target was not reached.

    Example: minbits size mnist --accuracy 0.98 --minutes 3
    """
    request = SizeRequest(
        accuracy=0.5 if accuracy is None else accuracy,  # until the data are known
        minutes=minutes,
        trials=trials,
        seed=seed,
        workers=workers if workers is not None else default_workers(executor),
        ledger=chosen_ledger(ledger),
        out=out or _UNNAMED,
        network=network,
        engine=engine.value,
        architecture=architecture,
        rate_weight=rate_weight,
        executor=executor,
        sampler=sampler,
        moves=moves,
        halving=halving,
        space=space,
        target_bits=target_bits,
        reliability=reliability,
        worker_memory_bytes=None if worker_memory is None else worker_memory << 20,
        inputs=(Path(data),),
        force=force,
    )
    check_request(request)
    loaded = load(data, label=label, categorical=categorical or (), resize=resize)
    if accuracy is None and not curve:
        # A ledger that cannot be used is said before seconds go into finding the target.
        open_ledger(request.ledger).close()
        target = default_target(loaded)
        request = dataclasses.replace(
            request, accuracy=target.accuracy, accuracy_reason=target.reason
        )
        if not (quiet or as_json):
            error_console().print(
                f"target: {100 * target.accuracy:g} %, {target.reason}", soft_wrap=True
            )
    if out is None:
        name = default_output(loaded, None if curve else request.accuracy, label, network)
        request = dataclasses.replace(request, out=name)
    with SearchProgress(error_console(), minutes * 60, quiet) as progress:
        events = SearchEvents(progress.stage, progress.results, progress.sign)
        report: SizeReport | CurveReport
        job = curve_job if curve else size_job
        report = job(loaded, request, events)
    if isinstance(report, CurveReport):
        _finish_curve(report, as_json)
        return
    if as_json:
        print_json(plain_report(report))
    else:
        _print_report(report)
    if report.interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
    if report.best is None:
        raise typer.Exit(EXIT_NOT_REACHED)


def _finish_curve(report: CurveReport, as_json: bool) -> None:
    if as_json:
        print_json(plain_curve(report))
    else:
        rows = [
            (
                f"{100 * point.target:g} %",
                f"{100 * point.found.test_accuracy:.2f} %" if point.found else "",
                "" if point.lower_limit is None else f"{100 * point.lower_limit:.2f} %",
                f"{point.found.size_bits:,}" if point.found else "none found",
            )
            for point in report.points
        ]
        columns = [
            ("target", "right"),
            ("test accuracy", "right"),
            ("true accuracy at least", "right"),
            ("bits of the file", "right"),
        ]
        print_table(f"{report.data_name}: the smallest verified files so far", columns, rows)
        console().print(
            "True accuracy at least: one-sided limits that hold together with 95 % confidence. "
            f"{looks_sentence(report.claim_count)}",
            soft_wrap=True,
        )
        for role, path in report.outputs.items():
            console().print(f"{role}: {path}", soft_wrap=True)
    if report.interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
    if all(point.found is None for point in report.points):
        raise typer.Exit(EXIT_NOT_REACHED)


def _print_reliability(report: SizeReport) -> None:
    """Print how often the candidates reached the target over their seeds."""
    if not report.reliability:
        return
    rows = [
        (
            f"{item.smallest_bits:,}",
            f"{item.successes}/{item.tries}",
            f"{100 * item.low:.0f} to {100 * item.high:.0f} %",
            "" if item.expected_seconds is None else f"{item.expected_seconds:,.0f} s",
            item.candidate,
        )
        for item in report.reliability[:_RELIABILITY_LINES]
    ]
    print_table(
        "Over seeds: files that reached the target on validation",
        [
            ("best of k [bits]", "right"),
            ("successes/tries", "right"),
            ("95 % Wilson", "right"),
            ("training to a success", "right"),
            ("candidate", "left"),
        ],
        rows,
    )


def _print_answer(report: SizeReport) -> None:
    out, accuracy, looks = console(), report.request.accuracy, report.claim_count
    limit = report.lower_limit
    if report.best is not None and limit is not None:
        encoding_bits = report.table_encoding_bits
        answer = size_answer(report.table, accuracy, report.best, limit, looks, encoding_bits)
        print_lines(answer)
    elif report.nearest is not None and limit is not None:
        answer = nearest_answer(report.data_name, accuracy, report.nearest, limit, looks)
        print_lines(answer)
    if report.missed is not None or report.best is None:
        sentence = missed_answer(accuracy, report.missed, report.best_validation, report.reached)
        out.print(sentence, soft_wrap=True)
    if report.shown is not None:
        out.print(shown_sentence(report.shown), soft_wrap=True)
    if report.smaller_not_taken:
        out.print(not_taken_sentence(report.smaller_not_taken), soft_wrap=True)


def _print_report(report: SizeReport) -> None:
    out = console()
    out.print()
    _print_answer(report)
    state = "smaller than before" if report.improved else "no smaller than before"
    out.print(
        f"This run: {report.trials} trials, {report.reached} reached the target on validation, "
        f"{report.failed} failed; what was found so far is {state}. "
        f"{looks_sentence(report.claim_count)}",
        soft_wrap=True,
    )
    _print_reliability(report)
    out.print(f"Ledger: {ledger_name(report.request.ledger)}", soft_wrap=True)
    print_outputs(report.outputs)
