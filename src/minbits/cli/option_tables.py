"""The tables of options in the documentation, made from the records that hold the options.

``python -m minbits.cli.option_tables docs/options.md`` writes them anew between their marks.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from minbits.cli.commands import flags_of
from minbits.cli.data_options import DataOptions
from minbits.cli.flags import with_flags
from minbits.cli.output import ShowOptions
from minbits.jobs.audit_request import AuditRequest
from minbits.jobs.codelength_request import CodelengthRequest
from minbits.jobs.compress_request import CompressRequest, RoundingOptions
from minbits.jobs.diagram_request import DiagramRequest
from minbits.jobs.entropy_request import EntropyRequest
from minbits.jobs.need_request import NeedRequest
from minbits.jobs.predict_request import PredictRequest
from minbits.jobs.price_request import PriceRequest
from minbits.jobs.report_request import ReportRequest
from minbits.jobs.size_request import SizeRequest
from minbits.jobs.trainability_request import SurfaceRequest, TrainabilityRequest
from minbits.jobs.verify_request import VerifyRequest
from minbits.requests import Request, default_text, options_of

RECORDS: dict[str, type[Request]] = {
    "entropy": EntropyRequest,
    "size": SizeRequest,
    "compress": CompressRequest,
    "rounding": RoundingOptions,
    "verify": VerifyRequest,
    "predict": PredictRequest,
    "audit": AuditRequest,
    "need": NeedRequest,
    "codelength": CodelengthRequest,
    "diagram": DiagramRequest,
    "trainability": TrainabilityRequest,
    "price": PriceRequest,
    "surface": SurfaceRequest,
    "report": ReportRequest,
    "data": DataOptions,
    "output": ShowOptions,
}
_MARKED = re.compile(r"(<!-- options of (\w+) -->\n).*?(<!-- end of options -->)", re.DOTALL)


def options_table(record: type[Request]) -> str:
    """Return the options of a request as a table in Markdown, one row an option."""
    lines = ["| command line | Python, TOML | default | what it says |", "|---|---|---|---|"]
    for item in options_of(record):
        names = [name for flags in flags_of(item) for name in flags.strip(" /").split("/")]
        shown = ", ".join(f"`{name}`" for name in names)
        default, text = with_flags(default_text(item)), with_flags(item.option.help)
        lines.append(f"| {shown} | `{item.name}` | {default} | {text} |")
    return "\n".join(lines)


def with_tables(text: str) -> str:
    """Return a page with the table of each mark written anew."""
    return _MARKED.sub(
        lambda match: f"{match[1]}{options_table(RECORDS[match[2]])}\n{match[3]}", text
    )


if __name__ == "__main__":
    for name in sys.argv[1:]:
        page = Path(name)
        page.write_text(with_tables(page.read_text("utf-8")), "utf-8")
