"""What is asked where the code length of a data set's labels is."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Literal

from minbits.jobs.shared_options import KnownFilesOptions
from minbits.label_codes.protocol import SEEDS
from minbits.requests import MINUTES, Check, FilePath, option
from minbits.workers.registry import MAX_WORKERS

ORDER_SEED: Check = (lambda value: 0 <= value < SEEDS, f"0 to {SEEDS - 1}")
WORKERS: Check = (lambda value: 1 <= value <= MAX_WORKERS, f"1 to {MAX_WORKERS}")

CodeChoice = Literal["all", "uniform", "empirical", "two-part", "variational", "prequential"]


@dataclass(frozen=True)
class CodelengthRequest(KnownFilesOptions):
    """What is asked where the code length of labels is; see `minbits.requests`."""

    code: CodeChoice = option("all", "Which code the labels are written in.")
    minutes: float = option(
        2.0,
        "Minutes for learning: of the prequential code, and of a network for the two-part code "
        "where none is known or `search` is set. The variational code takes a quarter of them "
        "beside other codes.",
        check=MINUTES,
    )
    _: KW_ONLY
    normalise: bool = option(
        False,
        "Normalise images by their moments before the prequential and the variational code learn "
        "them; a search for the two-part code then draws networks that normalise them.",
    )
    search: bool = option(
        False,
        "Search for a network for the two-part code although some are known; the best of them are "
        "gone on from.",
    )
    seed: int = option(
        0,
        "Of the order in which labels are coded.",
        check=ORDER_SEED,
    )
    workers: int | None = option(
        None,
        "Processes that learners run in.",
        shown="one a core",
        check=WORKERS,
    )
    out: FilePath | None = option(
        None,
        "Where the shortest file of labels goes. An interrupted prequential code goes on from what "
        "is kept beside it.",
        shown="it is not written",
    )
    labels_out: FilePath | None = option(
        None,
        "Where a CSV file goes with the bits of each label under the prequential code, the dearest "
        "first.",
        shown="it is not written",
    )
    pictures: FilePath | None = option(
        None,
        "A folder for pictures: code lengths, the learning curve in bits, the dearest images.",
        shown="no pictures",
    )
