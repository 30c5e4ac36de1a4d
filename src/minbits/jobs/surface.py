"""The surface of the training loss between and around minima, against the width."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minbits.charts.surface_chart import draw_surface
from minbits.jobs.shared_options import Origin
from minbits.jobs.study import check_figure, complete_study
from minbits.jobs.trainability import training_plan
from minbits.jobs.trainability_request import SurfaceRequest
from minbits.studies.protocol import StudyTask
from minbits.studies.run import StudyProgress
from minbits.studies.surface import SURFACE
from minbits.studies.surface_statistics import SurfaceRow, surface_row, surface_statements
from minbits.studies.trainability import parameter_count
from minbits.studies.trainability_statistics import Statement
from minbits.types import DataSet


@dataclass(frozen=True, eq=False)
class SurfaceReport:
    """What a study of the surface came to.

    Attributes:
        request: what was asked.
        data_name: of the data set.
        rows: by width.
        statements: about the width, tested; empty where too few pairs ended.
        ledger: where every pair is a row.
        done: pairs that are known.
        total: pairs that were asked for.
        interrupted: whether the study was interrupted; it goes on where it stopped.
        figure: where the chart was written.
    """

    request: SurfaceRequest
    data_name: str
    rows: tuple[SurfaceRow, ...]
    statements: tuple[Statement, ...]
    ledger: str
    done: int
    total: int
    interrupted: bool
    figure: str | None = None


def surface_job(
    data: DataSet,
    request: SurfaceRequest,
    on_progress: Callable[[StudyProgress], None] = lambda progress: None,
    origin: Origin | None = None,
) -> SurfaceReport:
    """Train pairs of networks of several widths, and measure the loss between and around them.

    Every pair is a row of the ledger as soon as it ends; a study that was killed goes on with what
    is missing. The test set is not looked at.

    Raises:
        ArgumentError: if an option does not fit the data, or too few trainings end well.
        LedgerError: if the ledger cannot be used.
        OutputError: if the chart cannot be written.
    """
    check_figure(request, origin)
    data, plan = training_plan(data, request, depth=1, seeds=request.pairs)
    widths = sorted(request.widths)
    kinds = [plan.settings(width, data.class_count) for width in widths]
    sizes = [parameter_count(data, plan, width) for width in widths]

    def tasks(done: Sequence[set[int]]) -> list[StudyTask]:
        return [
            StudyTask(kind, (seed,), size + 2_000.0)
            for seed in range(request.pairs)
            for kind, size, known in zip(kinds, sizes, done, strict=True)
            if seed not in known
        ]

    outcome = complete_study(SURFACE, data, kinds, request.pairs, tasks, request, on_progress)
    rows = outcome.rows(
        list(zip(widths, sizes, strict=True)), lambda kind, found: surface_row(*kind, found)
    )
    report = SurfaceReport(
        request, data.name, rows, tuple(surface_statements(rows)) if len(rows) > 1 else (),
        outcome.ledger, outcome.done, len(widths) * request.pairs, outcome.interrupted,
    )  # fmt: skip
    if request.figure is None or not rows:
        return report
    draw_surface(data.name, rows).save(Path(request.figure))
    return dataclasses.replace(report, figure=str(request.figure))


def plain_surface(report: SurfaceReport) -> dict[str, Any]:
    """Return a report as plain values with stable keys."""
    return {
        "data_name": report.data_name,
        "epochs": report.request.epochs,
        "learning_rate": report.request.learning_rate,
        "batch_size": report.request.batch_size,
        "ledger": report.ledger,
        "done": report.done,
        "total": report.total,
        "interrupted": report.interrupted,
        "figure": report.figure,
        "widths": [
            {
                "width": row.width,
                "parameters": row.parameters,
                "pairs": row.pairs,
                "failed": row.failed,
                "train_loss_nats": float(row.lines[:, [0, -1]].mean()),
                "line_barrier_nats": dataclasses.asdict(row.line_barrier),
                "curve_barrier_nats": dataclasses.asdict(row.curve_barrier),
                "sharpness": dataclasses.asdict(row.sharpness),
                "least_over_largest": float(row.least_shares.mean()),
                "index": row.index,
            }
            for row in report.rows
        ],
        "statements": [dataclasses.asdict(item) for item in report.statements],
    }
