"""What is asked where the page of a ledger is."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from minbits.jobs.diagram_request import XKey
from minbits.jobs.shared_options import LedgerOptions
from minbits.requests import FilePath, option
from minbits.studies.size_diagram import DEFAULT_X


@dataclass(frozen=True)
class ReportRequest(LedgerOptions):
    """What is asked where the page of a ledger is; see `minbits.requests`."""

    out: FilePath = option("report.html", "Where the page goes.")
    _: KW_ONLY
    records: FilePath = option("records", "A folder of published cards and files.")
    x: XKey = option(DEFAULT_X, "What stands on the X axis of the diagram.")
    watch: bool = option(
        False,
        "Write the page again whenever the ledger changed, until it is interrupted; the page reads "
        "itself again meanwhile.",
    )
