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
    """

    route: Route
    unit: str
    half: HalfPoint
    smallest: float
    price: Estimate
    is_at_least: bool


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
        None where half of the trainings succeed at no size, or none at all.
    """
    rows = [row for row in rows if row.trainings]
    if not any(row.probability.value >= 0.5 for row in rows):
        return None
    sizes = _sizes(rows, unit, None)
    counts = np.array([int(row.successes.sum()) for row in rows])
    half, smallest, quotient = _quotient(rows, sizes, counts)
    generator = np.random.default_rng(0)
    drawn = []
    for _ in range(_RESAMPLES):
        picks = [generator.integers(0, row.trainings, row.trainings) for row in rows]
        again = np.array(
            [int(row.successes[pick[pick < len(row.bits)]].sum())
             for row, pick in zip(rows, picks, strict=True)]
        )  # fmt: skip
        if again.any():
            drawn.append(_quotient(rows, _sizes(rows, unit, picks), again)[2])
    low, high = np.quantile(drawn, (_TAIL, 1 - _TAIL))
    return Price(
        rows[0].kind.route, unit, half, smallest, Estimate(quotient, float(low), float(high)),
        bool(smallest == sizes.min()),
    )  # fmt: skip


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
