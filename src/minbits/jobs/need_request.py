"""What is asked where a data set's need is."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from minbits.jobs.codelength_request import ORDER_SEED, WORKERS
from minbits.jobs.shared_options import KnownFilesOptions
from minbits.requests import FRACTION, MINUTES, option


@dataclass(frozen=True)
class NeedRequest(KnownFilesOptions):
    """What is asked where a data set's need is; see `minbits.requests`."""

    accuracy: float = option(0.99, "Wanted test accuracy, in (0, 1].", check=FRACTION)
    _: KW_ONLY
    measure: bool = option(True, "Write and decode a prequential code of the labels (minutes).")
    minutes: float = option(2.0, "Minutes for learning, of the prequential code.", check=MINUTES)
    seed: int = option(0, "Of the order of the labels in that code.", check=ORDER_SEED)
    workers: int | None = option(
        None, "Processes that learners run in.", shown="one a core", check=WORKERS
    )
