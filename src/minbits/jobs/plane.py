"""The information plane of a network in training: a study, its verdicts and its pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minbits.charts.chart import picture_kind
from minbits.charts.plane_chart import PlaneNumbers, draw_bins, draw_plane
from minbits.charts.plane_film import FILMS, film
from minbits.claims.outputs import kept_files
from minbits.errors import ArgumentError
from minbits.files import check_outputs, write_atomically
from minbits.information.bottleneck import BottleneckCurve, bottleneck_curve
from minbits.information.discrete import entropy_bits
from minbits.jobs.plane_request import PlaneRequest
from minbits.jobs.shared_options import Origin
from minbits.jobs.study import complete_study
from minbits.ledger.location import chosen_ledger
from minbits.studies.plane import (
    MEASURES,
    PLANE,
    MeasuredExamples,
    PlanePlan,
    measured_examples,
    plane_tasks,
)
from minbits.studies.plane_network import PlaneNetwork
from minbits.studies.plane_statistics import MeasureVerdict, measure_verdict
from minbits.studies.run import StudyProgress
from minbits.types import DataSet


@dataclass(frozen=True, eq=False)
class PlaneReport:
    """What a study of the information plane came to.

    Attributes:
        request: what was asked.
        data_name: of the data set.
        sizes: inputs, units of each hidden layer, classes.
        examples: that layers were measured on.
        ceiling_bits: the largest I(X;T) that they can show.
        label_bits: H(Y) of them.
        curve: the information bottleneck of them.
        measures: what each measure says; empty where no training ended.
        results: by seed, as the ledger has them; of trainings that ended well.
        test_accuracy: of the last epoch, mean over seeds; None where no training ended.
        failed: trainings that diverged.
        ledger: where every training is a row.
        done: trainings that are known.
        interrupted: whether the study was interrupted; it goes on where it stopped.
        outputs: where pictures were written, by what they show.
    """

    request: PlaneRequest
    data_name: str
    sizes: tuple[int, ...]
    examples: int
    ceiling_bits: float
    label_bits: float
    curve: BottleneckCurve
    measures: tuple[MeasureVerdict, ...]
    results: tuple[Mapping[str, Any], ...]
    test_accuracy: float | None
    failed: int
    ledger: str
    done: int
    interrupted: bool
    outputs: dict[str, str] = dataclasses.field(default_factory=dict)


def plane_job(
    data: DataSet,
    request: PlaneRequest,
    on_progress: Callable[[StudyProgress], None] = lambda progress: None,
    origin: Origin | None = None,
) -> PlaneReport:
    """Train networks from several seeds and measure what their layers say, epoch by epoch.

    Every training is a row of the ledger as soon as it ends; a study that was killed goes on with
    what is missing. The test set is measured on and nothing is chosen by it.

    Raises:
        ArgumentError: if an option does not fit the data.
        LedgerError: if the ledger cannot be used.
        OutputError: if a picture cannot be written.
    """
    _check_pictures(request, origin or Origin())
    plan = plane_plan(data, request)
    examples = measured_examples(data)
    outcome = complete_study(
        PLANE, data, [plan.settings()], plan.seeds, lambda done: plane_tasks(plan, done[0]),
        request, on_progress,
    )  # fmt: skip
    (found,) = outcome.found
    report = plane_report(data, examples, request, [found[seed] for seed in sorted(found)])
    report = dataclasses.replace(report, ledger=outcome.ledger, interrupted=outcome.interrupted)
    return dataclasses.replace(report, outputs=_draw(report)) if report.results else report


def _check_pictures(request: PlaneRequest, origin: Origin) -> None:
    """Refuse pictures of an unknown kind, or in the place of other files, before any work."""
    wanted = {"the plane": request.out, "the chart of bins": request.bins_out}
    paths = {name: Path(path) for name, path in wanted.items() if path is not None}
    for name, path in paths.items():
        if name == "the plane" and path.suffix.lower() in FILMS:
            continue
        picture_kind(path)
    if request.bins_out is not None and request.estimator == "exact":
        raise ArgumentError(
            "`bins_out`", "`estimator` exact", "binned, kde or probe",
            "Quantised values need no bins: leave it out.",
        )  # fmt: skip
    if paths:
        check_outputs(paths, kept_files(chosen_ledger(request.ledger), origin.files))


def plane_plan(data: DataSet, request: PlaneRequest) -> PlanePlan:
    """Return what is trained on a data set."""
    sizes = (int(np.prod(data.input_shape)), *request.hidden, data.class_count)
    bits = request.bits if request.estimator == "exact" else 0
    return PlanePlan(
        PlaneNetwork(sizes, request.activation, bits), request.estimator, request.seeds,
        request.epochs, request.points, request.learning_rate, request.batch_size,
    )  # fmt: skip


def label_table(examples: MeasuredExamples) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the joint distribution of input and label, ``(different inputs, labels)``."""
    _, state = np.unique(examples.inputs, axis=0, return_inverse=True)
    table = np.zeros((state.max() + 1, examples.labels.max() + 1))
    np.add.at(table, (state.ravel(), examples.labels), 1 / len(examples.labels))
    return table


def plane_report(
    data: DataSet,
    examples: MeasuredExamples,
    request: PlaneRequest,
    results: Sequence[Mapping[str, Any]],
) -> PlaneReport:
    """Return what the results of a study say; the ledger's name is left out."""
    good = tuple(result for result in results if "failed" not in result)
    label_bits = entropy_bits(np.bincount(examples.labels))
    sizes = plane_plan(data, request).network.sizes
    measures = MEASURES[request.estimator] if good else ()
    tests = [result["correct"][-1][1] / result["examples"][1] for result in good]
    return PlaneReport(
        request, data.name, sizes, len(examples.labels), examples.ceiling_bits, label_bits,
        bottleneck_curve(label_table(examples)),
        tuple(measure_verdict(name, sizes, good, label_bits) for name in measures),
        good, float(np.mean(tests)) if tests else None, len(results) - len(good), "", len(results),
        False,
    )  # fmt: skip


def _draw(report: PlaneReport) -> dict[str, str]:
    request, outputs = report.request, {}
    numbers = PlaneNumbers(
        report.data_name, request.activation, report.sizes, report.ceiling_bits, report.curve,
        [item.measure for item in report.measures], report.results,
    )  # fmt: skip
    if request.out is not None:
        path = Path(request.out)
        if path.suffix.lower() in FILMS:
            write_atomically(path, film(numbers, path.suffix.lower()))
        else:
            draw_plane(numbers).save(path)
        outputs["plane"] = str(request.out)
    if request.bins_out is not None:
        draw_bins(numbers).save(Path(request.bins_out))
        outputs["bins"] = str(request.bins_out)
    return outputs


def plain_plane(report: PlaneReport) -> dict[str, Any]:
    """Return a report as plain values with stable keys."""
    request = report.request
    return {
        "data_name": report.data_name,
        "sizes": list(report.sizes),
        "activation": request.activation,
        "estimator": request.estimator,
        "activation_bits": request.bits if request.estimator == "exact" else None,
        "epochs": request.epochs,
        "learning_rate": request.learning_rate,
        "batch_size": request.batch_size,
        "seeds": request.seeds,
        "done": report.done,
        "failed": report.failed,
        "interrupted": report.interrupted,
        "examples": report.examples,
        "ceiling_bits": report.ceiling_bits,
        "label_entropy_bits": report.label_bits,
        "test_accuracy": report.test_accuracy,
        "bottleneck": [
            {"input_bits": point.input_bits, "label_bits": point.label_bits}
            for point in report.curve.points
        ],
        "measures": [dataclasses.asdict(item) for item in report.measures],
        "trajectories": _trajectories(report),
        "outputs": report.outputs,
        "ledger": report.ledger,
    }


def _trajectories(report: PlaneReport) -> list[dict[str, Any]]:
    """Return the means over seeds, by measure: lists of epochs, each a list of layers."""
    if not report.results:
        return []
    return [
        {
            "measure": item.measure,
            "measured_epochs": list(report.results[0]["measured_epochs"]),
            "input_bits": mean_over_seeds(report.results, f"{item.measure}_input"),
            "label_bits": mean_over_seeds(report.results, f"{item.measure}_label"),
        }
        for item in report.measures
    ]


def mean_over_seeds(results: Sequence[Mapping[str, Any]], key: str) -> list[list[float]]:
    """Return the mean of a series over trainings, a list of layers for each epoch."""
    found = np.mean([result[key] for result in results], axis=0)
    return [[round(float(value), 6) for value in row] for row in found]
