"""The library in four calls: ``load``, ``entropy``, ``smallest``, ``read``."""

from __future__ import annotations

from pathlib import Path

from minbits.errors import MinbitsError
from minbits.ledger.store import default_ledger_path
from minbits.pipeline.size import SizeEvents, size_job
from minbits.pipeline.size_request import SizeRequest
from minbits.records import DataSet, Verification
from minbits.search.workers import usable_cores


class TargetNotReachedError(MinbitsError):
    """No verified network reaches the accuracy asked for."""

    exit_code = 1


def smallest(
    data: DataSet,
    accuracy: float = 0.99,
    minutes: float = 13.0,
    *,
    trials: int = 8,
    seed: int = 0,
    workers: int | None = None,
    ledger: str | Path | None = None,
    out: str | Path | None = None,
) -> Verification:
    """Find the smallest network file for a data set, and return what its verification found.

    The search runs in worker processes that are started afresh: call this below
    ``if __name__ == "__main__":`` in a script.

    Args:
        data: the data set.
        accuracy: target test accuracy, in (0, 1].
        minutes: wall-clock minutes to search.
        trials: most trials.
        seed: first seed; each trial takes the next one not used on this data.
        workers: worker processes of one thread each; None takes one a core.
        ledger: the ledger's file; None takes the one in the user data directory.
        out: where the file goes; None names it after data set and accuracy.

    Raises:
        TargetNotReachedError: if no network reaches the target.
        MinbitsError: if an argument, the ledger or an output is bad.
    """
    request = SizeRequest(
        accuracy=accuracy,
        minutes=minutes,
        trials=trials,
        seed=seed,
        workers=workers if workers is not None else usable_cores(),
        ledger_path=Path(ledger) if ledger is not None else default_ledger_path(),
        out=Path(out) if out is not None else Path(f"{data.name}-{100 * accuracy:g}.mbn"),
    )
    report = size_job(data, request, SizeEvents())
    if report.interrupted:
        raise KeyboardInterrupt
    if report.best is None:
        best = report.best_validation
        raise TargetNotReachedError(
            f"smallest({data.name})",
            "no network" if best is None else f"{best:.4f} on validation at best",
            f"a verified network of accuracy {accuracy}",
            "Allow more minutes, or try another seed.",
        )
    return report.best
