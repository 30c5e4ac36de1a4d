"""How often trainings succeed at each size, and where half of them do."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from minbits.evaluation.accuracy import reaches
from minbits.intervals import wilson_interval
from minbits.memorisation.logistic_step import HalfPoint, fit_half_point
from minbits.studies.ended_well import ended_well
from minbits.studies.trainability_statistics import Estimate
from minbits.types import Plain

Values = npt.NDArray[np.float64]

_RESAMPLES = 200
_TAIL = 0.025
HOUR_SECONDS = 3600.0

Route = Literal["size", "compression"]
Side = Literal["below", "above"]


@dataclass(frozen=True)
class SizeSetting:
    """One kind of training of the study.

    Attributes:
        route: ``size``, where networks differ in their units; ``compression``, where the largest
            of them is trained under a heavier rate penalty.
        factor: by which the units, or the rate weight, of the base network are multiplied.
        architecture: text in the grammar.
        parameters: weights and biases.
        settings: all that a training depends on but the data and the seed.
    """

    route: Route
    factor: float
    architecture: str
    parameters: int
    settings: Mapping[str, Plain]


@dataclass(frozen=True, eq=False)
class PriceRow:
    """What the trainings of one kind came to.

    Attributes:
        kind: of trainings.
        bits: of each file, one a seed.
        successes: whether the decoded file reached the accuracy on the validation examples.
        failed: trainings without a file; they count as no success.
        probability: that a training succeeds, Wilson's interval.
        cpu_seconds: of a training, median: the first ones of a process also load compiled code.
        seconds_to_success: CPU-seconds until the first success, expected; None where none did.
        hour_bits: the smallest successful file of a CPU-hour, its median; None where that is less
            likely than not to hold one. Where an hour holds more trainings than there were seeds,
            it would be smaller.
    """

    kind: SizeSetting
    bits: Values
    successes: npt.NDArray[np.bool_]
    failed: int
    probability: Estimate
    cpu_seconds: float
    seconds_to_success: float | None
    hour_bits: float | None

    @property
    def trainings(self) -> int:
        """How many there were."""
        return len(self.bits) + self.failed

    @property
    def median_bits(self) -> float:
        """Of the files."""
        return float(np.median(self.bits))


@dataclass(frozen=True)
class Price:
    """Where half of the trainings succeed, over the smallest size at which any did.

    Attributes:
        route: which kinds of trainings.
        unit: of the sizes: ``bits`` of a file (the median of a kind) or ``parameters``.
        half: the size at which half succeed, by a logistic curve in the logarithm of the size.
        smallest: the smallest size at which a training succeeded.
        price: their quotient, with a bootstrap interval over seeds.
        is_at_least: whether a training succeeded at the smallest size that was tried, so that the
            price may be larger.
        is_open_above: whether the interval's upper end lies at the edge of what can be fitted, a
            quarter beyond the largest size, so that it may be larger, too.
    """

    route: Route
    unit: str
    half: HalfPoint
    smallest: float
    price: Estimate
    is_at_least: bool
    is_open_above: bool


def price_row(
    kind: SizeSetting, results: Sequence[Mapping[str, object]], accuracy: float
) -> PriceRow:
    """Return what the results of one kind say.

    Args:
        kind: of trainings.
        results: by seed.
        accuracy: that a success reaches, in (0, 1].

    Raises:
        ArgumentError: if no training ended with a file.
    """
    remedy = "Choose another `architecture`."
    good = ended_well(results, kind.architecture, "trainings ended with a file", 1, remedy)

    def column(name: str) -> Values:
        return np.array([row[name] for row in good], np.float64)

    bits, cpu_seconds = column("size_bits"), float(np.median(column("cpu_seconds")))
    counts = zip(column("validation_correct"), column("validation_examples"), strict=True)
    reached = np.array([reaches(correct, examples, accuracy) for correct, examples in counts])
    count, tried = int(reached.sum()), len(results)
    interval = wilson_interval(count, tried)
    return PriceRow(
        kind, bits, reached, tried - len(good),
        Estimate(count / tried, interval.low, interval.high), cpu_seconds,
        cpu_seconds * tried / count if count else None,
        _hour_bits(bits[reached], tried, cpu_seconds),
    )  # fmt: skip


def _hour_bits(successful: Values, tried: int, cpu_seconds: float) -> float | None:
    """Return the median of the smallest successful file among the trainings of a CPU-hour.

    Trainings are drawn with replacement from those that were seen: the smallest of ``draws`` is at
    most the i-th smallest success with the probability ``1 - (1 - i / tried) ** draws``.
    """
    draws = max(1, math.floor(HOUR_SECONDS / cpu_seconds)) if cpu_seconds > 0 else tried
    least = math.ceil(tried * (1 - 0.5 ** (1 / draws)) - 1e-9)
    return float(np.sort(successful)[least - 1]) if least <= len(successful) else None


def best_of_hour(rows: Sequence[PriceRow], route: Route) -> PriceRow | None:
    """Return the kind of a route whose CPU-hour gives the smallest file, None where none does."""
    known = [row for row in rows if row.kind.route == route and row.hour_bits is not None]
    return min(known, key=lambda row: row.hour_bits or math.inf, default=None)


def price(rows: Sequence[PriceRow], unit: str) -> Price | None:
    """Return the price of trainability along a route.

    Args:
        rows: of one route.
        unit: ``bits`` or ``parameters``.

    Returns:
        None where none succeeds, or where the curve passes one half outside of the sizes that were
        tried: that point is not measured; see `half_outside`.
    """
    rows = [row for row in rows if row.trainings]
    counts = np.array([int(row.successes.sum()) for row in rows])
    if not counts.any():
        return None
    sizes = _sizes(rows, unit, None)
    half, smallest, quotient = _quotient(rows, sizes, counts)
    if _outside(half, sizes) is not None:
        return None
    generator = np.random.default_rng(0)
    drawn, above = [], 0
    for _ in range(_RESAMPLES):
        picks = [generator.integers(0, row.trainings, row.trainings) for row in rows]
        again = np.array(
            [int(row.successes[pick[pick < len(row.bits)]].sum())
             for row, pick in zip(rows, picks, strict=True)]
        )  # fmt: skip
        if again.any():
            drawn_sizes = _sizes(rows, unit, picks)
            drawn_half, _, drawn_quotient = _quotient(rows, drawn_sizes, again)
            drawn.append(drawn_quotient)
            above += _outside(drawn_half, drawn_sizes) == "above"
    low, high = np.quantile(drawn, (_TAIL, 1 - _TAIL))
    return Price(
        rows[0].kind.route, unit, half, smallest, Estimate(quotient, float(low), float(high)),
        bool(smallest == sizes.min()), above > _TAIL * len(drawn),
    )  # fmt: skip


def half_outside(rows: Sequence[PriceRow]) -> Side | None:
    """Return on which side of the sizes in parameters half of the trainings succeed, if outside.

    Args:
        rows: of one route.

    Returns:
        ``above`` too where no training succeeds, and None where the half point is between sizes.
    """
    rows = [row for row in rows if row.trainings]
    counts = np.array([int(row.successes.sum()) for row in rows])
    sizes = _sizes(rows, "parameters", None)
    return _outside(_quotient(rows, sizes, counts)[0], sizes) if counts.any() else "above"


def _outside(half: HalfPoint, sizes: npt.NDArray[np.int64]) -> Side | None:
    if half.value > sizes.max():
        return "above"
    return "below" if half.value < sizes.min() else None


def _sizes(
    rows: Sequence[PriceRow], unit: str, picks: Sequence[npt.NDArray[np.int64]] | None
) -> npt.NDArray[np.int64]:
    """Return the size of each kind: parameters, or the median of the files that were drawn."""
    if unit == "parameters":
        return np.array([row.kind.parameters for row in rows])
    found = []
    for index, row in enumerate(rows):
        files = row.bits
        if picks is not None:
            files = files[picks[index][picks[index] < len(files)]]
        found.append(np.median(files) if len(files) else row.median_bits)
    return np.array(found).astype(np.int64)


def _quotient(
    rows: Sequence[PriceRow], sizes: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> tuple[HalfPoint, float, float]:
    trials = np.array([row.trainings for row in rows])
    half = fit_half_point(sizes, trials - counts, trials)
    smallest = float(sizes[counts > 0].min())
    return half, smallest, half.value / smallest


def success_probability(half: HalfPoint, sizes: Values) -> Values:
    """Return the fitted probability of a success at some sizes."""
    return np.asarray(1 / (1 + (half.value / sizes) ** half.slope), np.float64)
