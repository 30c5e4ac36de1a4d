"""The main job at one accuracy after another: the front of accuracy against bits."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minbits.charts.curve import curve_data, draw_curve
from minbits.claims.claiming import Claimant, Scope
from minbits.claims.outputs import PICTURE_KINDS, default_output
from minbits.claims.publishing import Publisher, trial_of
from minbits.claims.replacing import check_curve_replaceable, check_replaceable
from minbits.data.splits import validation_split
from minbits.evaluation.goal import Goal
from minbits.information.entropy_table import entropy_table
from minbits.jobs.shared_options import Origin
from minbits.jobs.size import size_job
from minbits.jobs.size_plan import SizePlan, check_size_request, size_plan
from minbits.jobs.size_request import SizeRequest
from minbits.ledger.provenance import current_provenance
from minbits.ledger.store import Ledger, open_ledger
from minbits.search.device import device_name
from minbits.search.driver import SearchEvents
from minbits.search.reliability import reliability_table
from minbits.types import DataSet, Verification

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
    """The smallest verified file at one target; None where none was found.

    ``lower_limit`` is the one-sided limit of its true accuracy after all looks of the curve.
    """

    target: float
    found: Verification | None
    lower_limit: float | None = None


@dataclass(frozen=True)
class CurveReport:
    """The front.

    Attributes:
        data_name: the data set.
        points: one a target, from strict to loose.
        interrupted: whether the run was cut short from the keyboard.
        claim_count: how many different files were run on the test set for a claim, ever.
        outputs: files written, by role.
    """

    data_name: str
    points: tuple[CurvePoint, ...]
    interrupted: bool
    claim_count: int
    outputs: dict[str, str]


def curve_job(
    data: DataSet,
    request: SizeRequest,
    events: SearchEvents | None = None,
    origin: Origin | None = None,
) -> CurveReport:
    """Run the main job for every target, strict ones first, in shares of the time.

    Every point is a file of its own, verified in a fresh process, with its card. At the end each
    target is given the smallest file that passed validation and test at it, whichever target it was
    found for, and all cards count all looks at the test set.

    Args:
        data: the data set.
        request: of which the accuracy is not used; ``out`` gives the stem of all outputs.
        events: what the job tells while it works.
        origin: where the data were read.

    Raises:
        ArgumentError: if an argument is out of its range.
        OutputError: if an output cannot be written.
        LedgerError: if the ledger cannot be used.
    """
    events, origin = events or SearchEvents(), origin or Origin()
    check_size_request(request, origin)
    out = Path(request.out or default_output(data, None, origin.label, request.network))
    shares = time_shares(CURVE_TARGETS)
    # The names of all outputs are checked before the first search.
    requests = [
        size_plan(
            data,
            dataclasses.replace(
                request,
                accuracy=target,
                minutes=request.minutes * share,
                out=out.with_name(f"{out.stem}-{100 * target:g}{out.suffix}"),
            ),
            origin,
        )
        for target, share in zip(reversed(CURVE_TARGETS), reversed(shares), strict=True)
    ]
    _check_replaceable(data, out, requests)
    is_interrupted = False
    for asked in requests:
        events.on_stage(f"{100 * asked.accuracy:g} % test accuracy")
        is_interrupted = size_job(data, asked, events, origin).interrupted
        if is_interrupted:
            break
    with open_ledger(requests[0].ledger) as ledger:
        points = [_point(data, ledger, asked, events) for asked in requests]
        looks = ledger.look_count(data.digest)
    outputs = {
        f"{100 * point.target:g} % network": point.found.path for point in points if point.found
    }
    front = [(p.target, p.found.test_accuracy, p.found.size_bits) for p in points if p.found]
    if front:
        picture = draw_curve(curve_data(data.name, front))
        for kind in PICTURE_KINDS:
            path = out.with_name(f"{out.stem}.{kind}")
            picture.save(path)
            outputs[f"curve {kind}"] = str(path)
    return CurveReport(
        data.name,
        tuple(points),
        is_interrupted,
        looks,
        outputs,
    )


def _check_replaceable(data: DataSet, out: Path, points: list[SizePlan]) -> None:
    """Check before the first search that no output writes over what it must not."""
    with open_ledger(points[0].ledger) as ledger:
        for asked in points:
            check_replaceable([asked.out], data, asked.accuracy, ledger, force=asked.force)
    pictures = [out.with_suffix(f".{kind}") for kind in PICTURE_KINDS]
    check_curve_replaceable(pictures, [asked.out for asked in points], force=points[0].force)


def _point(data: DataSet, ledger: Ledger, asked: SizePlan, events: SearchEvents) -> CurvePoint:
    """Write the smallest file known at one target, with a card that counts all looks."""
    goal = Goal(asked.accuracy, len(validation_split(data)[1]))
    provenance = current_provenance(device_name(), asked.workers)
    claimant = Claimant(data, goal, ledger, provenance, Scope, events.on_stage)
    best = claimant.best()
    if best is None:
        return CurvePoint(asked.accuracy, None)
    outcome = claimant.known(best)
    candidate = trial_of(ledger, data, best.verification)["candidate"]
    trials = ledger.trials_of(data.digest, candidate)
    reliability = reliability_table(trials, asked.accuracy).of(candidate)
    publisher = Publisher(data, asked.accuracy, ledger, asked.out, force=asked.force)
    found = publisher.publish(outcome, entropy_table(data), reliability)
    return CurvePoint(asked.accuracy, found, outcome.lower_limit)


def plain_curve(report: CurveReport) -> dict[str, Any]:
    """Return the report as plain data for JSON; the keys are stable."""
    return {
        "data": report.data_name,
        "interrupted": report.interrupted,
        "claims_against_test_set": report.claim_count,
        "points": [
            {
                "target_accuracy": point.target,
                "lower_limit": point.lower_limit,
                "verification": None if point.found is None else dataclasses.asdict(point.found),
            }
            for point in report.points
        ],
        "outputs": report.outputs,
    }
