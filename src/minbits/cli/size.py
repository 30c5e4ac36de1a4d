"""``minbits size``: the main job."""

from __future__ import annotations

from typing import Annotated

import typer

from minbits.charts.answer import (
    missed_answer,
    nearest_answer,
    not_taken_sentence,
    shown_sentence,
    size_answer,
)
from minbits.cli.commands import command
from minbits.cli.data_options import DataArgument, DataOptions
from minbits.cli.describe import headed_stages
from minbits.cli.flags import with_flags
from minbits.cli.output import (
    SearchShowOptions,
    console,
    end_of_search,
    error_console,
    looks_sentence,
    print_lines,
    print_outputs,
    print_report,
    print_table,
)
from minbits.cli.progress import SearchProgress
from minbits.jobs.curve import CurveReport, curve_job, plain_curve
from minbits.jobs.size import size_job
from minbits.jobs.size_plan import check_size_request
from minbits.jobs.size_report import SizeReport, plain_report
from minbits.jobs.size_request import SizeRequest
from minbits.ledger.location import ledger_name
from minbits.search.driver import SearchEvents

_RELIABILITY_LINES = 5


@command
def size(
    data: DataArgument,
    request: SizeRequest,
    *,
    curve: Annotated[
        bool,
        typer.Option("--curve", help="Every accuracy from 90 to 99.4 %, in shares of the time."),
    ] = False,
    source: DataOptions,
    show: SearchShowOptions,
) -> None:
    """Find the smallest network file that reaches an accuracy; verify, record and draw it.

    Running it again goes on from what is known. Exit code 1 says that the target was not reached.

    Example: minbits size mnist --accuracy 0.98 --minutes 3
    """
    origin = source.origin(data)
    check_size_request(request, origin)
    loaded = source.load(data)
    seconds, lines = request.minutes * 60, error_console()
    with SearchProgress(lines, seconds, show.quiet, show.verbose) as progress:
        stage = headed_stages(loaded, show.quiet, lines, progress.stage)
        events = SearchEvents(stage, progress.results, progress.sign, progress.best)
        job = curve_job if curve else size_job
        report: SizeReport | CurveReport = job(loaded, request, events, origin)
    if isinstance(report, CurveReport):
        print_report(report, show, plain_curve, _print_curve)
        end_of_search(report.interrupted, any(point.found for point in report.points))
    else:
        print_report(report, show, plain_report, _print_report)
        end_of_search(report.interrupted, report.best is not None)


def _print_curve(report: CurveReport) -> None:
    rows = [
        (
            f"{100 * point.target:g} %",
            f"{100 * point.found.test_accuracy:.2f} %" if point.found else "",
            "" if point.lower_limit is None else f"{100 * point.lower_limit:.2f} %",
            f"{point.found.size_bits:,}" if point.found else "none found",
        )
        for point in report.points
    ]
    names = ("target", "test accuracy", "true accuracy at least", "bits of the file")
    columns = [(name, "right") for name in names]
    print_table(f"{report.data_name}: the smallest verified files so far", columns, rows)
    console().print(
        "True accuracy at least: one-sided limits that hold together with 95 % confidence. "
        f"{looks_sentence(report.claim_count)}",
        soft_wrap=True,
    )
    print_outputs(report.outputs)


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
        out.print(with_flags(sentence), soft_wrap=True)
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
