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


class Measurements:
    """What a ledger knows of a study on a data set, read once.

    Where two rows have the same settings and seed, the first counts: the second is what somebody
    else measured at the same time.
    """

    def __init__(self, ledger: LedgerReader, data: DataSet, study: Study) -> None:
        self._found: dict[str, dict[int, Result]] = {}
        for row in ledger.measurements(data.digest, study.key):
            result = json.loads(row["result"]) | {"seconds": row["seconds"]}
            self._found.setdefault(row["settings"], {}).setdefault(row["seed"], result)

    def by_seed(self, settings: Mapping[str, Plain]) -> dict[int, Result]:
        """Return the results of some settings, with the ``seconds`` of each network."""
        return self._found.get(plain_text_of(settings), {})


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
