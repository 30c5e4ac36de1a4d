"""What trainability costs in bits: success against the size of the file, on two routes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minbits.charts.price_chart import draw_price
from minbits.jobs.price_request import PriceRequest
from minbits.jobs.shared_options import Origin
from minbits.jobs.study import StudyOutcome, check_figure, complete_study, known_study
from minbits.studies.price import PRICE, price_tasks, size_settings
from minbits.studies.price_statistics import (
    Price,
    PriceRow,
    Side,
    SizeSetting,
    half_outside,
    price,
    price_row,
)
from minbits.studies.run import StudyProgress
from minbits.types import DataSet


@dataclass(frozen=True, eq=False)
class PriceReport:
    """What a study of the price came to.

    Attributes:
        request: what was asked.
        data_name: of the data set.
        rows: by size, then by strength of compression.
        prices: of the route ``size``, in parameters and in bits; those that are known.
        half_outside: on which side of the sizes that were tried half of the trainings succeed,
            where no price is known.
        ledger: where every training is a row.
        done: trainings that are known.
        total: trainings that were asked for.
        interrupted: whether the study was interrupted; it goes on where it stopped.
        figure: where the chart was written.
    """

    request: PriceRequest
    data_name: str
    rows: tuple[PriceRow, ...]
    prices: tuple[Price, ...]
    half_outside: Side | None
    ledger: str
    done: int
    total: int
    interrupted: bool
    figure: str | None = None


def price_job(
    data: DataSet,
    request: PriceRequest,
    on_progress: Callable[[StudyProgress], None] = lambda progress: None,
    origin: Origin | None = None,
) -> PriceReport:
    """Train networks of several sizes to files, and count how many reach an accuracy.

    Every training is a row of the ledger as soon as it ends; a study that was killed goes on with
    what is missing. Accuracies are of validation examples: the test set is not looked at.

    Raises:
        ArgumentError: if no training of a kind ends with a file.
        NetworkError: if a network is not in the grammar or does not fit the data.
        LedgerError: if the ledger cannot be used.
        OutputError: if the chart cannot be written.
    """
    check_figure(request, origin)
    kinds = price_kinds(data, request)
    outcome = complete_study(
        PRICE, data, [kind.settings for kind in kinds], request.seeds,
        lambda done: price_tasks(kinds, request.seeds, done), request, on_progress,
    )  # fmt: skip
    return _reported(data, kinds, request, outcome)


def known_price(data: DataSet, request: PriceRequest) -> PriceReport:
    """Return what the ledger knows of a study, without any training; see `price_job`.

    Kinds may have different numbers of seeds; one without a training that ended is left out.

    Raises:
        NetworkError: if a network is not in the grammar or does not fit the data.
        LedgerError: if the ledger cannot be used.
        OutputError: if the chart cannot be written.
    """
    check_figure(request, None)
    kinds = price_kinds(data, request)
    settings = [kind.settings for kind in kinds]
    return _reported(
        data, kinds, request, known_study(PRICE, data, settings, request.seeds, request)
    )


def price_kinds(data: DataSet, request: PriceRequest) -> list[SizeSetting]:
    """Return the kinds of trainings that a request asks for.

    Raises:
        ArgumentError: if the base network has another number of classes.
        NetworkError: if a network is not in the grammar or does not fit the data.
    """
    return size_settings(
        data, request.architecture, request.scales, request.strengths, request.epochs
    )


def _reported(
    data: DataSet, kinds: Sequence[SizeSetting], request: PriceRequest, outcome: StudyOutcome
) -> PriceReport:
    rows = outcome.rows(kinds, lambda kind, found: price_row(kind, found, request.accuracy))
    sizes = [row for row in rows if row.kind.route == "size"]
    known = (price(sizes, unit) for unit in ("parameters", "bits"))
    report = PriceReport(
        request, data.name, rows, tuple(found for found in known if found is not None),
        half_outside(sizes), outcome.ledger, outcome.done, len(kinds) * request.seeds,
        outcome.interrupted,
    )  # fmt: skip
    if request.figure is None or not rows:
        return report
    draw_price(data.name, request.accuracy, rows, report.prices).save(Path(request.figure))
    return dataclasses.replace(report, figure=str(request.figure))


def plain_price(report: PriceReport) -> dict[str, Any]:
    """Return a report as plain values with stable keys."""
    return {
        "data_name": report.data_name,
        "accuracy": report.request.accuracy,
        "epochs": report.request.epochs,
        "ledger": report.ledger,
        "done": report.done,
        "total": report.total,
        "interrupted": report.interrupted,
        "figure": report.figure,
        "kinds": [
            {
                "route": row.kind.route,
                "factor": row.kind.factor,
                "architecture": row.kind.architecture,
                "parameters": row.kind.parameters,
                "trainings": row.trainings,
                "failed": row.failed,
                "successes": int(row.successes.sum()),
                "probability": dataclasses.asdict(row.probability),
                "median_bits": row.median_bits,
                "cpu_seconds": row.cpu_seconds,
                "seconds_to_success": row.seconds_to_success,
                "hour_bits": row.hour_bits,
            }
            for row in report.rows
        ],
        "prices": [dataclasses.asdict(item) for item in report.prices],
        "half_outside": report.half_outside,
    }
