"""Whether size follows entropy: correlation, power law and prediction over the sets of a diagram.

Sets are what is drawn at random here: intervals come from the bootstrap over sets (Efron 1979), the
p value from permuting Y among them, and a measure is judged by how it predicts sets left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import scipy  # scipy.stats takes a second to import: it comes with its first use

from minbits.studies.size_diagram import (
    AXES,
    AxisStatistics,
    DiagramStatistics,
    Point,
    Residual,
)
from minbits.studies.trainability_statistics import Estimate

Values = npt.NDArray[np.float64]

MIN_SETS = 5
_RESAMPLES = 4000
_PERMUTATIONS = 20_000
_TAIL = 0.025
_SEED = 0
# Measures that fewer of the points have are not compared with the others.
_COMPARED_SHARE = 0.75


def ranks(values: Values) -> Values:
    """Return ranks along the last axis; equal values share the mean of their ranks."""
    return np.asarray(scipy.stats.rankdata(values, axis=-1), np.float64)


def rank_correlation(one: Values, two: Values) -> Values:
    """Return Spearman's correlation along the last axis, 0 where one of both is constant."""
    a, b = (ranks(values) for values in (one, two))
    a, b = (values - values.mean(axis=-1, keepdims=True) for values in (a, b))
    spread = np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1))
    product: Values = (a * b).sum(axis=-1)
    found = np.divide(product, spread, out=np.zeros_like(product), where=spread > 0)
    return np.asarray(found, np.float64)


def permutation_p_value(one: Values, two: Values, permutations: int = _PERMUTATIONS) -> float:
    """Return the two-sided p value of a rank correlation, by permuting one of both.

    The order that was observed is one of the permutations, so that the p value is never 0.
    """
    generator = np.random.default_rng(_SEED)
    a, b = ranks(one) - (len(one) + 1) / 2, ranks(two) - (len(two) + 1) / 2
    shuffled = generator.permuted(np.tile(b, (permutations, 1)), axis=1)
    observed, found = abs(float(a @ b)), np.abs(shuffled @ a)
    return float((1 + (found >= observed - 1e-9).sum()) / (permutations + 1))


def line(x: Values, y: Values, weights: Values) -> tuple[Values, Values]:
    """Return slope and intercept of the weighted line along the last axis; slope 0 without spread.

    Args:
        x: shape ``(…, sets)``.
        y: as ``x``.
        weights: as ``x``: how often each set counts.
    """
    total = weights.sum(axis=-1)
    mean_x, mean_y = ((weights * v).sum(axis=-1) / total for v in (x, y))
    dx, dy = x - mean_x[..., None], y - mean_y[..., None]
    square: Values = (weights * dx**2).sum(axis=-1)
    product: Values = (weights * dx * dy).sum(axis=-1)
    slope = np.divide(product, square, out=np.zeros_like(product), where=square > 1e-12)
    return slope, np.asarray(mean_y - slope * mean_x)


def left_out_errors(x: Values, y: Values, weights: Values) -> Values:
    """Return how far each set is from the line through all others.

    Args:
        x: shape ``(sets,)``.
        y: likewise.
        weights: shape ``(…, sets)``: how often each set counts; of the set that is left out, all
            copies are.

    Returns:
        Shape ``(…, sets)``.
    """
    sets = len(x)
    others = weights[..., None, :] * (1 - np.eye(sets))
    slope, intercept = line(np.broadcast_to(x, others.shape), np.broadcast_to(y, others.shape),
                            others)  # fmt: skip
    return np.asarray(y - (intercept + slope * x))


def _estimate(whole: float, drawn: Values) -> Estimate:
    low, high = np.quantile(drawn, (_TAIL, 1 - _TAIL))
    return Estimate(whole, float(low), float(high))


def _samples(sets: int) -> npt.NDArray[np.int64]:
    """Return samples of sets, drawn with replacement; those of one set alone are drawn again."""
    generator = np.random.default_rng(_SEED)
    drawn = generator.integers(0, sets, (2 * _RESAMPLES, sets))
    differ = (drawn != drawn[:, :1]).sum(axis=1) > 1
    return np.asarray(drawn[differ][:_RESAMPLES], np.int64)


def axis_statistics(key: str, x: Values, y: Values) -> AxisStatistics:
    """Return what one measure says of sizes.

    Args:
        key: of the axis.
        x: shape ``(sets,)``, positive.
        y: likewise, in bits.
    """
    log_x, log_y = np.log2(x), np.log2(y)
    drawn, ones = _samples(len(x)), np.ones(len(x))
    slope, intercept = line(log_x, log_y, ones)
    slopes, _ = line(log_x[drawn], log_y[drawn], np.ones(drawn.shape))
    errors = left_out_errors(log_x, log_y, ones)
    from_mean = (log_y - log_y.mean()) * len(y) / (len(y) - 1)
    spread = float((from_mean**2).sum())
    return AxisStatistics(
        key=key,
        sets=len(x),
        correlation=_estimate(
            float(rank_correlation(log_x, log_y)), rank_correlation(log_x[drawn], log_y[drawn])
        ),
        p_value=permutation_p_value(log_x, log_y),
        exponent=_estimate(float(slope), slopes),
        factor=float(2.0**intercept),
        left_out_error=float(np.sqrt((errors**2).mean())),
        left_out_share=1 - float((errors**2).sum()) / spread if spread > 0 else 0.0,
    )


def best_axis(x: Mapping[str, Values], y: Values) -> tuple[str, float]:
    """Return the measure that predicts sets left out best, and its share of wins.

    Args:
        x: logarithms of each measure on the same sets.
        y: logarithms of sizes.

    Returns:
        The key, and the share of the bootstrap's samples of sets in which it is the best one.
    """
    drawn = _samples(len(y))[: _RESAMPLES // 8]
    counts = np.stack([np.bincount(row, minlength=len(y)) for row in drawn]).astype(np.float64)
    weights = np.concatenate([np.ones((1, len(y))), counts])
    squares = np.stack(
        [(weights * left_out_errors(one, y, weights) ** 2).sum(axis=1) for one in x.values()]
    )
    first, *others = squares.argmin(axis=0)
    return list(x)[first], float(np.mean(np.array(others) == first))


def residuals(names: Sequence[str], x: Values, y: Values) -> tuple[Residual, ...]:
    """Return how far each set is from what the power law of all others says, the dearest first."""
    log_x, log_y, sets = np.log2(x), np.log2(y), len(x)
    found = []
    errors = left_out_errors(log_x, log_y, np.ones(sets))
    for index in range(sets):
        others = np.arange(sets) != index
        some_x, some_y = log_x[others], log_y[others]
        slope, intercept = line(some_x, some_y, np.ones(sets - 1))
        noise = ((some_y - intercept - slope * some_x) ** 2).sum() / (sets - 3)
        square = ((some_x - some_x.mean()) ** 2).sum()
        away = (log_x[index] - some_x.mean()) ** 2 / square if square > 0 else 0.0
        half = scipy.stats.t.ppf(1 - _TAIL, sets - 3) * np.sqrt(noise * (1 + 1 / (sets - 1) + away))
        verdict = "as predicted"
        if abs(errors[index]) > half:
            verdict = "dearer" if errors[index] > 0 else "cheaper"
        found.append(Residual(names[index], float(2.0 ** errors[index]), verdict))
    return tuple(sorted(found, key=lambda item: -item.times))


def diagram_statistics(
    points: Sequence[Point], x_key: str, y_of: Callable[[Point], int], scope: str
) -> DiagramStatistics | None:
    """Return what points say together; None where they are fewer than five.

    Args:
        points: of the diagram.
        x_key: the chosen X, whose residuals are given.
        y_of: returns the size of a point in bits.
        scope: in words, which points these are.
    """
    if len(points) < MIN_SETS:
        return None
    having = {
        key: [point for point in points if key in point.x and point.x[key].value > 0]
        for key in AXES
    }
    sizes = {key: np.array([float(y_of(p)) for p in some]) for key, some in having.items()}
    values = {
        key: np.array([p.x[key].value for p in some], np.float64) for key, some in having.items()
    }
    axes = tuple(
        axis_statistics(key, values[key], sizes[key])
        for key in AXES
        if len(having[key]) >= MIN_SETS
    )
    compared = [item.key for item in axes if item.sets >= _COMPARED_SHARE * len(points)]
    common = [point for point in points if all(point in having[key] for key in compared)]
    best: tuple[str, float] | None = None
    if len(compared) > 1 and len(common) >= MIN_SETS:
        x = {key: np.log2([point.x[key].value for point in common]) for key in compared}
        best = best_axis(x, np.log2([float(y_of(point)) for point in common]))
    chosen = having.get(x_key, [])
    far = (
        residuals([point.data_name for point in chosen], values[x_key], sizes[x_key])
        if len(chosen) >= MIN_SETS
        else ()
    )
    return DiagramStatistics(
        scope, len(points), axes, best and best[0], best and best[1], len(common), far
    )
