"""The page of a ledger and of records: one HTML file that needs no other."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from minbits.claims.outputs import kept_files
from minbits.errors import ArgumentError, LedgerError
from minbits.files import check_outputs, write_atomically
from minbits.interrupts import answer_interrupt, check_interrupt
from minbits.jobs.diagram import size_diagram
from minbits.jobs.diagram_request import DiagramRequest
from minbits.jobs.report_request import ReportRequest
from minbits.ledger.location import LedgerTarget, chosen_ledger, ledger_exists, ledger_name
from minbits.ledger.rows import now
from minbits.ledger.schema import TABLES
from minbits.ledger.store import read_ledger
from minbits.notebook import Cells, Shown
from minbits.plain_text import visible
from minbits.reports.blocks import command_line, name_text
from minbits.reports.cards import read_cards
from minbits.reports.facts import DataFacts
from minbits.reports.gather import gather
from minbits.reports.page import PageHead, render_page
from minbits.reports.sections import digest_of_claims, page_parts

_REFRESH_SECONDS = 20
_LOOK_SECONDS = 2.0
_SLEEP_SECONDS = 0.1


@dataclass(frozen=True, repr=False)
class PageReport(Shown):
    """A page that was written.

    Attributes:
        out: where it is.
        size_bytes: of the page.
        answer: in one sentence.
        data: what it shows of each data set.
        interrupted: whether it was being watched until an interrupt.
    """

    out: str
    size_bytes: int
    answer: str
    data: tuple[DataFacts, ...]
    interrupted: bool = False

    def summary(self) -> str:
        """Return what it is, in one line."""
        return f"{self.out}: {len(self.data):,} data sets, {self.size_bytes:,} bytes"

    def facts(self) -> Cells:
        """Return the rows of its table, one a data set."""
        return [
            (item.title, "" if item.headline is None else f"{item.headline[0].size_bits:,} bits",
             f"{len(item.claims):,}")
            for item in self.data
        ]  # fmt: skip

    def header(self) -> tuple[str, ...]:
        """Return the names of the table's columns."""
        return ("data set", "smallest verified file so far", "claims")


def report_job(
    names: Sequence[str],
    request: ReportRequest,
    say: Callable[[str], None] = lambda text: None,
) -> PageReport:
    """Write the page of a ledger; nothing is trained, searched or loaded.

    Args:
        names: of the data sets, as the ledger has them, or starts of their digests; none stands for
            all.
        request: what is asked.
        say: called with sentences while the page is watched.

    Raises:
        ArgumentError: if a data set is not known, or the path does not end in .html.
        LedgerError: if the ledger cannot be read, or there is none of the name that was given.
        OutputError: if the page cannot be written, or a record is not valid.
    """
    target, out = chosen_ledger(request.ledger), Path(request.out)
    if out.suffix.lower() not in (".html", ".htm"):
        raise ArgumentError("`out`", f"'{out}'", "a path that ends in .html", "Change its end.")
    if request.ledger is not None and not ledger_exists(target):
        raise LedgerError(
            f"ledger {ledger_name(target)}", "no file", "a ledger", "Name another with `ledger`."
        )
    check_outputs({"the page": out}, kept_files(target, ()))
    if not request.watch:
        return _written(names, request, target)
    return _watched(names, request, target, say)


def _written(
    names: Sequence[str], request: ReportRequest, target: LedgerTarget, refresh_seconds: int = 0
) -> PageReport:
    cards = list(read_cards(Path(request.records)))
    is_there = ledger_exists(target)
    if is_there:
        with read_ledger(target) as ledger:
            facts = gather(ledger, cards, names)
    else:
        facts = gather(None, cards, names)
    diagram = size_diagram(
        DiagramRequest(request.x, ledger=request.ledger, records=request.records)
    )
    parts = page_parts(facts, diagram)
    titles = ", ".join(name_text(item.title) for item in facts[:3])
    head = PageHead(
        title=f"Bits of network: {titles}{' …' if len(facts) > 3 else ''}" if facts
        else "Bits of network: nothing is known yet",
        ledger=visible(ledger_name(target)) if is_there else "",
        records=visible(str(request.records)) if cards else "",
        created_at=now(),
        version=metadata.version("minbits"),
        command=visible(_command(names, request)),
        claims_digest=digest_of_claims(facts),
        refresh_seconds=refresh_seconds,
    )  # fmt: skip
    content = render_page(parts, head).encode()
    write_atomically(Path(request.out), content)
    return PageReport(str(request.out), len(content), parts.answer, facts)


def _command(names: Sequence[str], request: ReportRequest) -> str:
    ledger = {} if request.ledger is None else {"ledger": ledger_name(request.ledger)}
    records, out = str(request.records), str(request.out)
    return command_line("report", *names, **ledger, records=records, out=out)


def _state(target: LedgerTarget) -> tuple[int, ...]:
    """Return what differs once a ledger changed: rows are never changed, only appended."""
    if not ledger_exists(target):
        return ()
    with read_ledger(target) as ledger:
        return tuple(map(ledger.row_count, TABLES))


def _watched(
    names: Sequence[str],
    request: ReportRequest,
    target: LedgerTarget,
    say: Callable[[str], None],
) -> PageReport:
    """Write the page whenever the ledger changed; after an interrupt once more, at rest."""
    known: tuple[int, ...] | None = None
    try:
        while True:
            state = _state(target)
            if state != known:
                known = state
                found = _written(names, request, target, _REFRESH_SECONDS)
                say(f"{found.summary()}; {found.answer}")
            end = time.monotonic() + _LOOK_SECONDS
            while time.monotonic() < end:
                check_interrupt()
                time.sleep(_SLEEP_SECONDS)
    except KeyboardInterrupt:
        answer_interrupt()  # by the page as it is now, which reads itself no more
        found = _written(names, request, target)
        return dataclasses.replace(found, interrupted=True)


def plain_page(report: PageReport) -> dict[str, Any]:
    """Return a report as plain data for JSON; the keys are stable."""
    return {
        "out": report.out,
        "size_bytes": report.size_bytes,
        "answer": report.answer,
        "interrupted": report.interrupted,
        "data": [
            {
                "name": item.name,
                "data_digest": item.digest,
                "size_bits": None if item.headline is None else item.headline[0].size_bits,
                "accuracy": None if item.headline is None else item.headline[1],
                "claims": len(item.claims),
                "trials": item.trials.total,
                "codes": len(item.codes),
                "studies": len(item.studies),
                "has_ladder": item.ladder is not None,
            }
            for item in report.data
        ],
    }
