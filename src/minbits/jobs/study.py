"""A study with a ledger: what is known is not measured again, what is measured is a row at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minbits.ledger.provenance import Provenance
from minbits.ledger.rows import plain_text_of
from minbits.ledger.store import Ledger, LedgerReader, MeasurementEntry
from minbits.studies.protocol import Measured, Study, StudyTask
from minbits.studies.run import StudyProgress, run_study
from minbits.types import DataSet, Plain
from minbits.workers.registry import DEFAULT_EXECUTOR, open_executor

Result = dict[str, Any]


def measured_by_seed(
    ledger: LedgerReader, data: DataSet, study: Study, settings: Mapping[str, Plain]
) -> dict[int, Result]:
    """Return what a ledger knows of some settings, by seed, with the ``seconds`` of each network.

    Where two rows have one seed, the first counts: the second is what somebody else measured at the
    same time.
    """
    wanted = plain_text_of(settings)
    found: dict[int, Result] = {}
    for row in ledger.measurements(data.digest, study.key):
        if row["settings"] == wanted:
            result = json.loads(row["result"]) | {"seconds": row["seconds"]}
            found.setdefault(row["seed"], result)
    return found


@dataclass(frozen=True, eq=False)
class StudyPlace:
    """What a study works on, where, and where its rows go.

    Attributes:
        data: the data set.
        ledger: where rows go.
        provenance: of the rows.
        workers: processes.
        executor: its name.
    """

    data: DataSet
    ledger: Ledger
    provenance: Provenance
    workers: int = 1
    executor: str = DEFAULT_EXECUTOR


def run_in_ledger(
    study: Study,
    tasks: Sequence[StudyTask],
    known: int,
    place: StudyPlace,
    on_progress: Callable[[StudyProgress], None] = lambda progress: None,
) -> bool:
    """Measure tasks, each result a row of the ledger at once; return whether it was interrupted.

    Args:
        study: the kind of study.
        tasks: what the ledger does not know yet.
        known: networks that it knows.
        place: where it works.
        on_progress: told after every task.
    """

    def remember(results: Sequence[Measured]) -> None:
        entries = [
            MeasurementEntry(
                place.data,
                study.key,
                item.settings,
                item.seed,
                item.result,
                item.seconds,
                place.provenance,
            )
            for item in results
        ]
        place.ledger.append_measurements(entries)

    if not tasks:
        return False
    pool = open_executor(place.executor, place.workers, place.data)
    try:
        return run_study(study, tasks, known, pool, remember, on_progress)
    finally:
        pool.shutdown(cancel_futures=True)
