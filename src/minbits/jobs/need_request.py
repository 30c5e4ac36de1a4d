"""What is asked where a data set's need is."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from minbits.jobs.shared_options import KnownFilesOptions
from minbits.requests import FRACTION, SEED, option


@dataclass(frozen=True)
class NeedRequest(KnownFilesOptions):
    """What is asked where a data set's need is; see `minbits.requests`."""

    accuracy: float = option(0.99, "Wanted test accuracy, in (0, 1].", check=FRACTION)
    _: KW_ONLY
    measure: bool = option(True, "Compute the prequential code of the labels (minutes).")
    seed: int = option(0, "Of the prequential code.", check=SEED)
