"""The main job at one accuracy after another: the front of accuracy against bits."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from minbits.files import write_atomically
from minbits.pipeline.size import size_job
from minbits.pipeline.size_report import SizeReport
from minbits.pipeline.size_request import SizeRequest, check_request
from minbits.pipeline.size_search import SizeEvents
from minbits.records import DataSet, Verification
from minbits.views.curve import curve_data, draw_curve

# From loose to strict: a file found for a strict target is a candidate for every looser one.
CURVE_TARGETS = (0.9, 0.95, 0.97, 0.98, 0.985, 0.99, 0.992, 0.994)


def time_shares(targets: Sequence[float]) -> list[float]:
    """Return the part of the time that each target gets.

    Strict targets take larger networks and longer trainings, and what they find is where looser
    ones start from. So time goes with one over the square root of the errors that are allowed.
    """
    weights = [(1 - target) ** -0.5 for target in targets]
    return [weight / sum(weights) for weight in weights]


@dataclass(frozen=True)
class CurvePoint:
    """The smallest verified file at one target; None where none was found."""

    target: float
    found: Verification | None


@dataclass(frozen=True)
class CurveReport:
    """The front.

    Attributes:
        data_name: the data set.
        points: one a target, from strict to loose.
        interrupted: whether the run was cut short from the keyboard.
        claim_count: how often the test set was run for a claim, ever.
        outputs: files written, by role.
    """

    data_name: str
    points: tuple[CurvePoint, ...]
    interrupted: bool
    claim_count: int
    outputs: dict[str, str]


def _request_at(request: SizeRequest, target: float, share: float) -> SizeRequest:
    out = request.out
    return dataclasses.replace(
        request,
        accuracy=target,
        minutes=request.minutes * share,
        out=out.with_name(f"{out.stem}-{100 * target:g}{out.suffix}"),
    )


def curve_job(data: DataSet, request: SizeRequest, events: SizeEvents) -> CurveReport:
    """Run the main job for every target, strict ones first, in shares of the time.

    Every point is a file of its own, verified in a fresh process, with its card. A point that a
    stricter one beats is replaced by it.

    Args:
        data: the data set.
        request: of which the accuracy is not used; ``out`` gives the stem of all outputs.
        events: what the job tells while it works.

    Raises:
        ArgumentError: if an argument is out of its range.
        OutputError: if an output cannot be written.
        LedgerError: if the ledger cannot be used.
    """
    check_request(request)
    reports: list[SizeReport] = []
    shares = time_shares(CURVE_TARGETS)
    for target, share in zip(reversed(CURVE_TARGETS), reversed(shares), strict=True):
        events.on_stage(f"{100 * target:g} % test accuracy")
        reports.append(size_job(data, _request_at(request, target, share), events))
        if reports[-1].interrupted:
            break
    points: list[CurvePoint] = []
    best: Verification | None = None
    for report in reports:
        found = report.best
        if found is not None and (best is None or found.size_bits < best.size_bits):
            best = found
        points.append(CurvePoint(report.request.accuracy, best))
    outputs = {
        f"{100 * report.request.accuracy:g} % {role}": path
        for report in reports
        for role, path in report.outputs.items()
        if role == "network"
    }
    front = [(p.target, p.found.test_accuracy, p.found.size_bits) for p in points if p.found]
    if front:
        for kind, picture in draw_curve(curve_data(data.name, front)).items():
            path = request.out.with_name(f"{request.out.stem}.{kind}")
            write_atomically(path, picture)
            outputs[f"curve {kind}"] = str(path)
    return CurveReport(
        data.name,
        tuple(points),
        reports[-1].interrupted,
        reports[-1].claim_count,
        outputs,
    )


def plain_curve(report: CurveReport) -> dict[str, Any]:
    """Return the report as plain data for JSON; the keys are stable."""
    return {
        "data": report.data_name,
        "interrupted": report.interrupted,
        "claims_against_test_set": report.claim_count,
        "points": [
            {
                "target_accuracy": point.target,
                "verification": None if point.found is None else dataclasses.asdict(point.found),
            }
            for point in report.points
        ],
        "outputs": report.outputs,
    }
