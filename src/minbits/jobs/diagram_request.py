"""What is asked where the diagram over many data sets is."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Literal

from minbits.jobs.shared_options import LedgerOptions
from minbits.requests import FRACTION, MINUTES, FilePath, at_least, option
from minbits.studies.size_diagram import DEFAULT_X, YKey
from minbits.workers.registry import MAX_WORKERS

XKey = Literal[
    "label_code_bits",
    "prequential_bits",
    "label_entropy_total",
    "input_bound_bits",
    "intrinsic_dimension",
    "input_numbers",
    "pixel_sum_without_complement",
]


@dataclass(frozen=True)
class DiagramRequest(LedgerOptions):
    """What is asked where the diagram is; see `minbits.requests`."""

    x: XKey = option(DEFAULT_X, "What stands on the X axis.")
    y: YKey = option(
        "file", "What stands on the Y axis: bits of the file, or with a table's encoding."
    )
    _: KW_ONLY
    accuracy: float | None = option(
        None,
        "Target test accuracy of all sets, in (0, 1]; a set without a file at it is left out.",
        shown="each set's own",
        check=FRACTION,
    )
    minutes: float = option(
        10.0,
        "Minutes for each DATA that the ledger has not measured: searches, codes, entropies.",
        check=MINUTES,
    )
    searches: int = option(2, "Searches of each DATA, independent ones.", check=at_least(1))
    workers: int | None = option(
        None,
        "Processes that searches and codes run in.",
        shown="one a core",
        check=(lambda value: 1 <= value <= MAX_WORKERS, f"1 to {MAX_WORKERS}"),
    )
    records: FilePath = option("records", "A folder of published cards and measurements.")
    out: FilePath | None = option(
        None, "Where the picture goes: .png, .svg or .pdf.", shown="no picture"
    )
