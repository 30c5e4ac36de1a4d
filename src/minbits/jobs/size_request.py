"""What the main job is asked."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from minbits.jobs.shared_options import EngineOptions, ForceOptions, LedgerOptions
from minbits.requests import FRACTION, MINUTES, FilePath, at_least, option
from minbits.search.options import SearchOptions
from minbits.workers.registry import DEFAULT_EXECUTOR, MAX_WORKERS

# As many as fit into the time.
MANY_TRIALS = 1_000_000_000


@dataclass(frozen=True)
class SizeRequest(SearchOptions, EngineOptions, ForceOptions, LedgerOptions):
    """What the main job is asked; see `minbits.requests`."""

    accuracy: float | None = option(
        None,
        "Target test accuracy, in (0, 1].",
        shown="0.99 for mnist, else half a point below simple classifiers",
        check=FRACTION,
    )
    minutes: float = option(
        8.0, "Minutes to search; verifying and drawing take some seconds more.", check=MINUTES
    )
    _: KW_ONLY
    trials: int = option(
        MANY_TRIALS, "Most trials of this run.", shown="as many as fit", check=at_least(1)
    )
    target_bits: int | None = option(
        None, "End with a file of at most so many bits.", check=at_least(1)
    )
    workers: int | None = option(
        None,
        "Trials at a time, each on one thread.",
        shown="one a core",
        check=(lambda value: 1 <= value <= MAX_WORKERS, f"1 to {MAX_WORKERS}"),
    )
    network: str | None = option(
        None, "A network of the zoo, such as pytorch-example, in place of the built-in family."
    )
    architecture: str | None = option(
        None, "An architecture of your own, such as 'conv 8 k5 s2 relu; linear 10'."
    )
    rate_weight: float = option(
        2.0,
        "Weight of the rate penalty for `architecture`.",
        check=(lambda value: 0 <= value < 1e6, "0 or above"),
    )
    executor: str = option(
        DEFAULT_EXECUTOR, "Where trials run: processes, ray, or ray://HOST:PORT (minbits[ray])."
    )
    worker_memory: int | None = option(
        None,
        "MiB a worker may use; a trial that needs more fails.",
        shown="an equal share of the machine's",
        check=at_least(256, " MiB"),
    )
    out: FilePath | None = option(
        None,
        "The network file; its card and diagram go beside it.",
        shown="DATA-LABEL-ACCURACY.mbn",
    )
