"""``minbits report``: one page of what a ledger and records hold."""

from __future__ import annotations

from typing import Annotated

import typer

from minbits.cli.commands import command
from minbits.cli.output import (
    ShowOptions,
    console,
    progress_printer,
)
from minbits.cli.study_lines import tell
from minbits.jobs.report import PageReport, plain_page, report_job
from minbits.jobs.report_request import ReportRequest


@command
def report(
    data: Annotated[
        list[str] | None,
        typer.Argument(
            help="Data sets, by the names that the ledger has; all of them where none is named."
        ),
    ] = None,
    *,
    request: ReportRequest,
    show: ShowOptions,
) -> None:
    """Write one self-contained page of what a ledger and records hold: open it in a browser.

    Nothing is searched and no data set is loaded. The page asks no network for anything.

    Example: minbits report mnist --out report.html
    """
    found = report_job(data or [], request, progress_printer(show.quiet))
    tell(found, show, plain_page, _print)


def _print(found: PageReport) -> None:
    console().print(found.answer, soft_wrap=True)
    console().print(f"page: {found.out} ({found.size_bytes:,} bytes)", soft_wrap=True)
