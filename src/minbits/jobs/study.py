"""A study with a ledger: what is known is not measured again, what is measured is a row at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from minbits.claims.outputs import kept_files
from minbits.errors import ArgumentError
from minbits.files import check_outputs
from minbits.jobs.shared_options import Origin, RunOptions, StudyOptions
from minbits.ledger.location import LedgerTarget, chosen_ledger, ledger_name
from minbits.ledger.provenance import Provenance, current_provenance
from minbits.ledger.rows import plain_text_of
from minbits.ledger.store import Ledger, LedgerReader, MeasurementEntry, open_ledger, read_ledger
from minbits.search.device import device_name
from minbits.studies.protocol import Measured, Study, StudyTask
from minbits.studies.run import StudyProgress, run_study
from minbits.types import DataSet, Plain
from minbits.workers.registry import DEFAULT_EXECUTOR, default_workers, open_executor

Result = dict[str, Any]
Kind = TypeVar("Kind")
Row = TypeVar("Row")


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
        interrupted = run_study(study, tasks, known, pool, remember, on_progress)
        if interrupted:
            pool.stop()  # nobody records any more what still runs
        return interrupted
    finally:
        pool.shutdown(cancel_futures=True)


def check_figure(options: StudyOptions, origin: Origin | None) -> None:
    """Refuse a place of the chart that cannot be written, or holds what is read.

    Raises:
        OutputError: if it is one.
    """
    if options.figure is not None:
        kept = kept_files(chosen_ledger(options.ledger), (origin or Origin()).files)
        check_outputs({"the chart": Path(options.figure)}, kept)


@dataclass(frozen=True)
class StudyOutcome:
    """What is known after a study has run, or was interrupted.

    Attributes:
        found: of each kind of training, the results by seed.
        ledger: its name.
        interrupted: whether the study was interrupted.
    """

    found: tuple[dict[int, Result], ...]
    ledger: str
    interrupted: bool

    @property
    def done(self) -> int:
        """How many networks are known."""
        return sum(map(len, self.found))

    def rows(
        self, kinds: Sequence[Kind], row: Callable[[Kind, list[Result]], Row]
    ) -> tuple[Row, ...]:
        """Return what the results of each kind of training say.

        Args:
            kinds: of trainings, as `found` has them.
            row: returns what the results of one kind say, which come by seed.

        Raises:
            ArgumentError: if ``row`` finds too few results; a study that was interrupted goes on
                and leaves such a kind out.
        """
        rows = []
        for kind, results in zip(kinds, self.found, strict=True):
            try:
                rows.append(row(kind, [results[seed] for seed in sorted(results)]))
            except ArgumentError:
                if not self.interrupted:
                    raise
        return tuple(rows)


def known_study(
    study: Study,
    data: DataSet,
    kinds: Sequence[Mapping[str, Plain]],
    seeds: int,
    options: RunOptions,
) -> StudyOutcome:
    """Return what the ledger knows of some kinds of networks, without measuring anything.

    It counts as interrupted where networks are missing.

    Args:
        study: the kind of study.
        data: the data set.
        kinds: the settings of each kind.
        seeds: of each kind, from 0 on.
        options: of which the ledger is used.

    Raises:
        LedgerError: if the ledger cannot be used.
    """
    target = chosen_ledger(options.ledger)
    with open_ledger(target) as ledger:
        found = _known(ledger, study, data, kinds, seeds)
    return StudyOutcome(found, ledger_name(target), sum(map(len, found)) < len(kinds) * seeds)


def _known(
    ledger: LedgerReader,
    study: Study,
    data: DataSet,
    kinds: Sequence[Mapping[str, Plain]],
    seeds: int,
) -> tuple[dict[int, Result], ...]:
    measured = Measurements(ledger, data, study)
    return tuple(
        {seed: row for seed, row in measured.by_seed(kind).items() if seed < seeds}
        for kind in kinds
    )


def _check_begun(
    study: Study, data: DataSet, kinds: Sequence[Mapping[str, Plain]], seeds: int,
    target: LedgerTarget,
) -> None:  # fmt: skip
    with read_ledger(target) as ledger:
        if not any(_known(ledger, study, data, kinds, seeds)):
            raise ArgumentError(
                "`resume`",
                f"no row of the study {study.key} of {data.name} with these settings in "
                f"{ledger_name(target)}",
                "a study that was begun",
                "Name its `ledger` and its settings, or leave `resume` out to begin one.",
            )


def complete_study(
    study: Study,
    data: DataSet,
    kinds: Sequence[Mapping[str, Plain]],
    seeds: int,
    tasks: Callable[[Sequence[set[int]]], Sequence[StudyTask]],
    options: RunOptions,
    on_progress: Callable[[StudyProgress], None],
) -> StudyOutcome:
    """Measure what the ledger does not know yet of some kinds of networks.

    Args:
        study: the kind of study.
        data: the data set.
        kinds: the settings of each kind.
        seeds: of each kind, from 0 on.
        tasks: given the seeds of each kind that are known, what is left.
        options: how it runs.
        on_progress: told after every task.

    Raises:
        ArgumentError: if a study is to go on that the ledger does not know.
        LedgerError: if the ledger cannot be used.
    """
    workers = options.workers or default_workers(options.executor)
    target = chosen_ledger(options.ledger)
    if options.resume:
        _check_begun(study, data, kinds, seeds, target)
    with open_ledger(target) as ledger:
        before = _known(ledger, study, data, kinds, seeds)
        place = StudyPlace(
            data, ledger, current_provenance(device_name(), workers), workers, options.executor
        )
        interrupted = run_in_ledger(
            study, tasks([set(rows) for rows in before]), sum(map(len, before)), place, on_progress
        )
        after = _known(ledger, study, data, kinds, seeds)
        return StudyOutcome(after, ledger_name(target), interrupted)
