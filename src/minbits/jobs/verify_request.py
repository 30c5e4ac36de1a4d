"""What is asked where a network file is verified."""

from __future__ import annotations

from dataclasses import dataclass

from minbits.jobs.shared_options import SlowOptions
from minbits.requests import FilePath, option


@dataclass(frozen=True, kw_only=True)
class VerifyRequest(SlowOptions):
    """What is asked where a network file is verified; see `minbits.requests`."""

    ledger: FilePath | None = option(
        None, "A ledger that says what a file without a card was made for.", shown="none"
    )
    any_data: bool = option(
        False,
        "Where there is no companion: take another table than the file was made for, with an "
        "encoding fitted anew.",
    )
