"""``minbits diagram``: what data sets carry against their smallest network files so far."""

from __future__ import annotations

from typing import Annotated

import typer

from minbits.cli.commands import command
from minbits.cli.data_options import DataOptions
from minbits.cli.output import (
    ShowOptions,
    console,
    print_outputs,
    print_report,
    print_table,
    progress_printer,
)
from minbits.jobs.diagram import (
    DiagramReport,
    diagram_job,
    not_drawn,
    plain_diagram,
    statistics_sentences,
)
from minbits.jobs.diagram_request import DiagramRequest
from minbits.studies.size_diagram import Point, SizeDiagram

DataArguments = Annotated[
    list[str] | None,
    typer.Argument(help="Data sets to search and measure first: names or paths, or none."),
]


@command
def diagram(
    data: DataArguments = None,
    *,
    request: DiagramRequest,
    source: DataOptions,
    show: ShowOptions,
) -> None:
    """Draw what data sets carry against the bits of their smallest network files so far.

    One point a data set, from the ledger and the records alone. A DATA that is named is searched
    and measured first, as far as the ledger does not know it; what was stopped goes on.

    Example: minbits diagram my.csv --minutes 10 --out diagram.png
    """
    sets = [(source.load(name), source.origin(name)) for name in data or ()]
    report = diagram_job(sets, request, progress_printer(show.quiet))
    print_report(report, show, plain_diagram, _print)


def _cells(point: Point, diagram: SizeDiagram) -> tuple[str, ...]:
    sizes = [item.size_bits for item in point.measured.searches]
    may_miss = "" if point.is_shown_to_reach else ", may be below"
    return (
        point.data_name,
        f"{point.x[diagram.x_key].value:,.6g}",
        f"{diagram.y_bits(point):,}",
        ", ".join("none" if size is None else f"{size:,}" for size in sizes),
        f"{point.measured.trials:,}",
        f"{100 * point.target_accuracy:g}",
        f"{100 * point.correct / point.n_test:.2f}{may_miss}",
    )


def _print(report: DiagramReport) -> None:
    found = report.diagram
    columns = ("data set", "X", "Y [bits]", "searches", "trials", "target [%]", "test [%]")
    print_table(
        f"X: {found.axis.title}; Y: smallest verified file so far",
        [(name, "right" if index else "left") for index, name in enumerate(columns)],
        [_cells(point, found) for point in found.drawn()],
    )
    out = console()
    for item in not_drawn(found):
        out.print(f"Not drawn: {item.data_name}: {item.reason}.", soft_wrap=True)
    if found.statistics is not None:
        print_table(
            "Rank correlation with Y by choice of X (95 % intervals by the bootstrap over sets)",
            [("X", "left"), *((name, "right") for name in _STATISTICS)],
            [
                (
                    item.key,
                    f"{item.sets}",
                    f"{item.correlation.value:.2f} ({item.correlation.low:.2f}–"
                    f"{item.correlation.high:.2f})",
                    f"{item.p_value:.2g}",
                    f"{item.exponent.value:.2f} ({item.exponent.low:.2f}–{item.exponent.high:.2f})",
                    f"{100 * item.left_out_share:.0f} %",
                )
                for item in found.statistics.axes
            ],
        )
    for sentence in statistics_sentences(found):
        out.print(sentence, soft_wrap=True)
    print_outputs(report.outputs)


_STATISTICS = ("sets", "rank correlation", "p", "exponent", "predicted")
