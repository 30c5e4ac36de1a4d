"""How far trainings from many initialisations end apart, against the width of the network."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minbits.charts.trainability_chart import draw_trainability
from minbits.data.area_means import area_means
from minbits.data.assemble import assemble
from minbits.errors import ArgumentError
from minbits.jobs.shared_options import Origin
from minbits.jobs.study import Result, StudyOutcome, check_figure, complete_study, known_study
from minbits.jobs.trainability_request import LANES, TrainabilityRequest, TrainingOptions
from minbits.studies.losses import LOSS_UNITS, Loss
from minbits.studies.run import StudyProgress
from minbits.studies.trainability import (
    TRAINABILITY,
    TrainabilityPlan,
    parameter_count,
    trainability_tasks,
)
from minbits.studies.trainability_statistics import (
    WIDTH_NAMES,
    Statement,
    WidthRow,
    brown_forsythe,
    statements,
    width_row,
)
from minbits.types import DataSet, Plain


@dataclass(frozen=True, eq=False)
class TrainabilityReport:
    """What a study of trainings came to.

    Attributes:
        request: what was asked.
        data_name: of the data set.
        rows: by width.
        statements: of the paper, tested; empty where too few trainings ended.
        equal_spread_p: p value of equal spreads of the test loss at all widths; None likewise.
        ledger: where every training is a row.
        done: trainings that are known.
        total: trainings that were asked for.
        interrupted: whether the study was interrupted; it goes on where it stopped.
        figure: where the chart was written.
    """

    request: TrainabilityRequest
    data_name: str
    rows: tuple[WidthRow, ...]
    statements: tuple[Statement, ...]
    equal_spread_p: float | None
    ledger: str
    done: int
    total: int
    interrupted: bool
    figure: str | None = None


def trainability_job(
    data: DataSet,
    request: TrainabilityRequest,
    on_progress: Callable[[StudyProgress], None] = lambda progress: None,
    origin: Origin | None = None,
) -> TrainabilityReport:
    """Train networks of several widths from many initialisations, and compare how they end.

    Every training is a row of the ledger as soon as its task ends; a study that was killed goes on
    with what is missing. The test set is measured on and nothing is chosen by it.

    Raises:
        ArgumentError: if an option does not fit the data, or too few trainings end well.
        LedgerError: if the ledger cannot be used.
        OutputError: if the chart cannot be written.
    """
    check_figure(request, origin)
    data, plan = _planned(data, request)
    outcome = complete_study(
        TRAINABILITY, data, _kinds(data, plan), plan.seeds,
        lambda done: trainability_tasks(data, plan, dict(zip(plan.widths, done, strict=True))),
        request, on_progress,
    )  # fmt: skip
    return _reported(data, plan, request, outcome)


def known_trainability(data: DataSet, request: TrainabilityRequest) -> TrainabilityReport:
    """Return what the ledger knows of a study, without any training; see `trainability_job`.

    Widths may have different numbers of seeds; one with fewer than two is left out.

    Raises:
        ArgumentError: if an option does not fit the data.
        LedgerError: if the ledger cannot be used.
        OutputError: if the chart cannot be written.
    """
    check_figure(request, None)
    data, plan = _planned(data, request)
    outcome = known_study(TRAINABILITY, data, _kinds(data, plan), plan.seeds, request)
    return _reported(data, plan, request, outcome)


def _planned(data: DataSet, request: TrainabilityRequest) -> tuple[DataSet, TrainabilityPlan]:
    data, plan = training_plan(data, request, request.depth, request.seeds)
    device = _device(request.device)
    if request.kind == "linear" and request.normalisation == "batch":
        raise ArgumentError(
            "`normalisation`", "batch, of fully connected layers",
            "rms, or convolutions: batches are normalised behind convolutions alone",
            "Choose `normalisation` rms, or `kind` convolution.",
        )  # fmt: skip
    is_plain = (request.kind, request.normalisation) == ("linear", "none")
    if not is_plain and (request.weight_bits, device, request.loss) != (32, "cpu", "cross-entropy"):
        raise ArgumentError(
            "`weight_bits`, `device` and `loss`",
            f"{request.weight_bits}, {device} and {request.loss}",
            f"32, cpu and cross-entropy with {request.kind} layers and normalisation "
            f"{request.normalisation}",
            "Leave them out, or choose `kind` linear and `normalisation` none.",
        )  # fmt: skip
    plan = dataclasses.replace(
        plan, weight_bits=request.weight_bits, device=device, kind=request.kind,
        normalisation=request.normalisation, loss=request.loss,
    )  # fmt: skip
    return data, plan


def _kinds(data: DataSet, plan: TrainabilityPlan) -> list[dict[str, Plain]]:
    return [plan.settings(width, data.class_count) for width in plan.widths]


def _reported(
    data: DataSet, plan: TrainabilityPlan, request: TrainabilityRequest, outcome: StudyOutcome
) -> TrainabilityReport:
    def row(width: int, results: list[Result]) -> WidthRow:
        return width_row(width, parameter_count(data, plan, width), results)

    rows = tuple(sorted(outcome.rows(plan.widths, row), key=lambda row: row.width))
    report = TrainabilityReport(
        request, data.name, rows, tuple(statements(rows)) if len(rows) > 1 else (),
        brown_forsythe(rows) if len(rows) > 1 else None, outcome.ledger,
        outcome.done, plan.seeds * len(plan.widths), outcome.interrupted,
    )  # fmt: skip
    if request.figure is None or not rows:
        return report
    draw_trainability(data.name, rows, LOSS_UNITS[request.loss], WIDTH_NAMES[request.kind]).save(
        Path(request.figure)
    )
    return dataclasses.replace(report, figure=str(request.figure))


def _device(wanted: str) -> str:
    """Return the device that trains.

    Raises:
        ArgumentError: if a GPU is wanted and there is none.
    """
    if wanted == "cpu":
        return wanted
    import torch  # it takes a second to load

    if torch.cuda.is_available():
        return "cuda"
    if wanted == "auto":
        return "cpu"
    raise ArgumentError("`device`", "cuda", "a GPU that PyTorch can use", "Choose `device` cpu.")


def training_plan(
    data: DataSet, options: TrainingOptions, depth: int, seeds: int
) -> tuple[DataSet, TrainabilityPlan]:
    """Return the data set, brought to the size that was asked for, and what is trained on it.

    Raises:
        ArgumentError: if an option does not fit the data.
    """
    data = data if options.side is None else brought_to(data, options.side)
    plan = TrainabilityPlan(
        options.widths, depth, seeds, options.epochs, options.learning_rate,
        _batch_size(data, options.batch_size),
    )  # fmt: skip
    return data, plan


def _batch_size(data: DataSet, wanted: int) -> int:
    """Return the largest batch of whole lanes that the training examples fill."""
    examples = len(data.train_labels)
    if examples < LANES:
        raise ArgumentError(
            data.name, f"{examples} training examples", f"{LANES} or more", "Give more examples."
        )
    return min(wanted, examples // LANES * LANES)


def brought_to(data: DataSet, side: int) -> DataSet:
    """Return a data set whose images have ``side`` rows and columns, by means of areas.

    Raises:
        ArgumentError: if the examples are no images of grey values.
    """
    height, width = data.input_shape[1:]
    if data.train_inputs.dtype != np.uint8 or min(height, width) < side:
        raise ArgumentError(
            "`side`", f"{side}", f"at most {min(height, width)}, on images of bytes",
            "Leave it out, or choose another data set.",
        )  # fmt: skip
    name = np.asarray(data.class_names)
    return assemble(
        f"{data.name} at {side} x {side}",
        (area_means(data.train_inputs, side), name[data.train_labels]),
        (area_means(data.test_inputs, side), name[data.test_labels]),
        data.name,
        f"{data.origin}; brought to {side} x {side} by means of areas",
    )


def plain_trainability(report: TrainabilityReport) -> dict[str, Any]:
    """Return a report as plain values with stable keys.

    Losses are in ``loss_unit``; keys that name nats are null for losses that are no nats.
    """
    return {
        "data_name": report.data_name,
        "depth": report.request.depth,
        "epochs": report.request.epochs,
        "learning_rate": report.request.learning_rate,
        "batch_size": report.request.batch_size,
        "weight_bits": report.request.weight_bits,
        "kind": report.request.kind,
        "normalisation": report.request.normalisation,
        "loss": report.request.loss,
        "loss_unit": LOSS_UNITS[report.request.loss],
        "ledger": report.ledger,
        "done": report.done,
        "total": report.total,
        "interrupted": report.interrupted,
        "equal_spread_p": report.equal_spread_p,
        "figure": report.figure,
        "widths": [_plain_width(row, report.request.loss) for row in report.rows],
        "statements": [dataclasses.asdict(item) for item in report.statements],
    }


def _plain_width(row: WidthRow, loss: Loss) -> dict[str, Any]:
    losses = {
        "train_loss": float(row.train_losses.mean()),
        "train_loss_deviation": float(row.train_losses.std(ddof=1)),
        "test_loss": dataclasses.asdict(row.test_loss),
        "test_loss_deviation": dataclasses.asdict(row.test_loss_deviation),
    }
    is_nats = loss == "cross-entropy"
    return {
        "width": row.width,
        "parameters": row.parameters,
        "trainings": len(row.test_losses),
        "failed": row.failed,
        **losses,
        **{f"{name}_nats": value if is_nats else None for name, value in losses.items()},
        "test_accuracy": float(row.test_accuracies.mean()),
        "test_accuracy_deviation": float(row.test_accuracies.std(ddof=1)),
        "correlation": None if row.correlation is None else dataclasses.asdict(row.correlation),
        "last_fall": row.last_fall,
        "seconds": row.seconds,
    }
