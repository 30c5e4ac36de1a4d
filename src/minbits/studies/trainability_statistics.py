"""What the losses of many initialisations say, width by width, with intervals and tests."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import scipy  # scipy.stats takes a second to import: it comes with its first use

from minbits.studies.ended_well import ended_well

Values = npt.NDArray[np.float64]
LayerKind = Literal["linear", "convolution"]
WIDTH_NAMES: dict[LayerKind, str] = {"linear": "units", "convolution": "channels"}
Verdict = Literal["yes", "no", "open"]

_RESAMPLES = 2_000
_TAIL = 0.025
_SIGNIFICANT = 0.05
_MIN_SEEDS = 4  # below, a correlation has no interval


@dataclass(frozen=True)
class Estimate:
    """A statistic with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class WidthRow:
    """What was measured at one width.

    Attributes:
        width: units of each hidden layer.
        parameters: weights and biases of one network.
        train_losses: at the end, one a seed; nats an example, if the loss is the cross-entropy.
        test_losses: likewise.
        test_accuracies: in [0, 1], one a seed.
        failed: trainings that diverged; they are in none of the other figures.
        test_loss: mean over seeds, bootstrap interval.
        test_loss_deviation: standard deviation over seeds, bootstrap interval.
        correlation: of train and test loss over seeds (Pearson), Fisher's interval; None with fewer
            than four seeds, or where one of them does not vary.
        last_fall: by which share the training loss still fell over the last tenth of the epochs,
            mean over seeds; None where that is not known.
        seconds: of training, a network.
    """

    width: int
    parameters: int
    train_losses: Values
    test_losses: Values
    test_accuracies: Values
    failed: int
    test_loss: Estimate
    test_loss_deviation: Estimate
    correlation: Estimate | None
    last_fall: float | None
    seconds: float


@dataclass(frozen=True)
class Statement:
    """A statement of the paper, and what is seen of it here.

    Attributes:
        key: a stable name.
        text: in words.
        verdict: ``yes`` and ``no`` at the 5 % level, one-sided each way; else ``open``.
        statistic: that decides: a rank correlation with the width, or a slope.
        p_value: one-sided, against the statement's contrary.
        method: the test.
    """

    key: str
    text: str
    verdict: Verdict
    statistic: float
    p_value: float
    method: str


def _bootstrap(values: Values, statistic: str, generator: np.random.Generator) -> Estimate:
    """Return the mean or the standard deviation with its percentile interval."""
    drawn = values[generator.integers(0, len(values), (_RESAMPLES, len(values)))]
    if statistic == "mean":
        whole, found = float(values.mean()), drawn.mean(axis=1)
    else:
        whole, found = float(values.std(ddof=1)), drawn.std(axis=1, ddof=1)
    low, high = np.quantile(found, (_TAIL, 1 - _TAIL))
    return Estimate(whole, float(low), float(high))


def correlation_interval(one: Values, two: Values) -> Estimate | None:
    """Return Pearson's correlation with the 95 % interval of Fisher's z; None without either.

    Args:
        one: shape ``(pairs,)``.
        two: as ``one``.
    """
    if len(one) < _MIN_SEEDS or one.std() == 0 or two.std() == 0:
        return None
    found = float(np.corrcoef(one, two)[0, 1])
    z, half = math.atanh(np.clip(found, -1 + 1e-12, 1 - 1e-12)), 1.959964 / math.sqrt(len(one) - 3)
    return Estimate(found, math.tanh(z - half), math.tanh(z + half))


def width_row(width: int, parameters: int, rows: Sequence[Mapping[str, object]]) -> WidthRow:
    """Return what the rows of one width say.

    Args:
        width: units of each hidden layer.
        parameters: weights and biases of one network.
        rows: results by seed, each with ``seconds``.

    Raises:
        ArgumentError: with fewer than two trainings that ended well.
    """
    remedy = "Take more `seeds`, or a smaller `learning_rate`."
    good = ended_well(rows, f"width {width}", "trainings ended well", 2, remedy)

    def column(name: str) -> Values:
        return np.array([row[name] for row in good], np.float64)

    generator = np.random.default_rng(width)
    unit = "_nats" if "train_loss_nats" in good[0] else ""
    train, test = column(f"train_loss{unit}"), column(f"test_loss{unit}")
    return WidthRow(
        width=width,
        parameters=parameters,
        train_losses=train,
        test_losses=test,
        test_accuracies=column("test_correct") / column("test_examples"),
        failed=len(rows) - len(good),
        test_loss=_bootstrap(test, "mean", generator),
        test_loss_deviation=_bootstrap(test, "deviation", generator),
        correlation=correlation_interval(train, test),
        last_fall=_last_fall(good),
        seconds=float(column("seconds").mean()),
    )


def _last_fall(rows: Sequence[Mapping[str, object]]) -> float | None:
    falls = []
    for row in rows:
        curve = row.get("curve")
        if not isinstance(curve, list) or len(curve) < 2 or curve[-2][1] <= 0:
            return None
        falls.append(1 - curve[-1][1] / curve[-2][1])
    return float(np.mean(falls))


def _pooled(rows: Sequence[WidthRow], values: Sequence[Values]) -> tuple[Values, Values]:
    widths = [np.full(len(part), row.width) for row, part in zip(rows, values, strict=True)]
    return np.concatenate(widths).astype(np.float64), np.concatenate(values)


def falls_with_width(key: str, text: str, widths: Values, values: Values, method: str) -> Statement:
    """Return whether values fall with the width, by Spearman's rank correlation."""
    if len(np.unique(values)) < 2:
        return Statement(key, text, "open", 0.0, 1.0, method)
    found = scipy.stats.spearmanr(widths, values, alternative="less")
    return Statement(
        key, text, _verdict(float(found.pvalue)), float(found.statistic), float(found.pvalue),
        method,
    )  # fmt: skip


def _verdict(p_value: float, contrary: float | None = None) -> Verdict:
    """Return what a test says; the contrary's p value is one minus the other one, if not given."""
    if p_value < _SIGNIFICANT:
        return "yes"
    against = 1 - p_value if contrary is None else contrary
    return "no" if against < _SIGNIFICANT else "open"


def statements(rows: Sequence[WidthRow]) -> list[Statement]:
    """Return the paper's three statements about widths, each tested on these trainings.

    Args:
        rows: two widths or more.
    """
    widths, losses = _pooled(rows, [row.test_losses for row in rows])
    # Brown & Forsythe 1974: distances from the median of the group stand for its spread.
    around = [np.abs(row.test_losses - np.median(row.test_losses)) for row in rows]
    found = [
        falls_with_width(
            "mean_falls", "the mean test loss falls with the width", widths, losses,
            "Spearman's rank correlation of loss and width over all trainings",
        ),
        falls_with_width(
            "spread_falls", "the spread of the test loss falls with the width",
            *_pooled(rows, around),
            "Spearman's rank correlation of width and distance from the width's median loss",
        ),
    ]  # fmt: skip
    known = [row for row in rows if row.correlation is not None]
    if len(known) > 1:
        found.append(_correlation_falls(known))
    return found


def _correlation_falls(rows: Sequence[WidthRow]) -> Statement:
    """Return whether the correlation of train and test loss falls with the logarithm of the width.

    Fisher's z of each width has the variance 1 / (seeds - 3); the slope is the weighted one.
    """
    logs = np.log([row.width for row in rows])
    found = [row.correlation.value for row in rows if row.correlation is not None]
    z = np.arctanh(np.clip(found, -1 + 1e-12, 1 - 1e-12))
    weights = np.array([len(row.test_losses) - 3.0 for row in rows])
    centred = logs - np.average(logs, weights=weights)
    spread = float((weights * centred**2).sum())
    slope = float((weights * centred * z).sum()) / spread
    p_value = float(scipy.stats.norm.cdf(slope * math.sqrt(spread)))
    return Statement(
        "correlation_falls", "train and test loss correlate less as the width grows",
        _verdict(p_value), slope, p_value,
        "slope of Fisher's z against the logarithm of the width, weighted by seeds",
    )  # fmt: skip


def brown_forsythe(rows: Sequence[WidthRow]) -> float | None:
    """Return the p value of equal spreads of the test loss at all widths (Brown, Forsythe 1974).

    None where some width has fewer than three losses: two lie equally far from their median.
    """
    if min(len(row.test_losses) for row in rows) < 3:
        return None
    return float(scipy.stats.levene(*(row.test_losses for row in rows), center="median").pvalue)


@dataclass(frozen=True)
class SpreadComparison:
    """How much the results of one kind of training spread, beside those of another kind.

    Attributes:
        ratio: of the two standard deviations, with its bootstrap interval.
        p_value: of equal spreads, two-sided (Brown and Forsythe 1974).
    """

    ratio: Estimate
    p_value: float


def compare_spreads(values: Values, plain: Values) -> SpreadComparison:
    """Return how much some values spread, as a multiple of how much others do.

    Args:
        values: one a training, three or more that are not all equal.
        plain: of the kind that is compared with, likewise.
    """
    generator = np.random.default_rng(len(values))

    def deviations(part: Values) -> Values:
        drawn = part[generator.integers(0, len(part), (_RESAMPLES, len(part)))]
        found: Values = drawn.std(axis=1, ddof=1)
        return found

    low, high = np.quantile(deviations(values) / deviations(plain), (_TAIL, 1 - _TAIL))
    whole = float(values.std(ddof=1) / plain.std(ddof=1))
    p_value = float(scipy.stats.levene(values, plain, center="median").pvalue)
    return SpreadComparison(Estimate(whole, float(low), float(high)), p_value)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values of one family, adjusted so that no error at all has the level (Holm 1979)."""
    found = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda one: p_values[one])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        found[index] = largest
    return found


def mean_interval(values: Values) -> Estimate:
    """Return the mean with Student's 95 % interval; the mean alone where values do not vary.

    Args:
        values: two or more.
    """
    mean, error = float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values))
    half = error * float(scipy.stats.t.ppf(1 - _TAIL, len(values) - 1))
    return Estimate(mean, mean - half, mean + half)


def index_is_below(shares: Values, limit: float, counted: str) -> Statement:
    """Return whether the normalised index of the Hessian is at most a limit in most trainings.

    The sign test is exact, and holds for indices that do not vary at all: where all of n lie on one
    side of the limit, its p value is 2^-n.

    Args:
        shares: of negative eigenvalues, one a network.
        limit: the index that is said to be not exceeded.
        counted: which eigenvalues count as negative, in words.
    """
    count = len(shares)
    below = int((shares <= limit).sum())
    p_value = float(scipy.stats.binom.sf(below - 1, count, 0.5))
    contrary = float(scipy.stats.binom.cdf(below, count, 0.5))
    return Statement(
        "index_is_small",
        f"in most trainings the normalised index of the Hessian at the end is at most {limit:g}, "
        f"counting {counted}",
        _verdict(p_value, contrary), float(shares.mean()), p_value,
        f"sign test, {below} of {count} at most {limit:g}; mean index",
    )  # fmt: skip
