"""Differential entropy of real columns, beside the quantised entropy at a stated step.

A differential entropy changes with the unit of measurement and may be negative: it is no number of
bits of information. ``h(X) - d log2 step`` is about the Shannon entropy of ``d`` columns quantised
at that step (Cover & Thomas 2006, theorem 8.3.1).
"""

from __future__ import annotations

import dataclasses
import math
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.data.tables import table_of
from minbits.information.discretise import column_step
from minbits.information.entropy_estimators import Z
from minbits.information.mean_interval import mean_ends
from minbits.information.models.gaussian_mixture import fit_gaussians
from minbits.information.nearest_neighbours import MANY_DIMENSIONS, bias_over_change
from minbits.information.ranks import normal_scores
from minbits.information.rung import HIGH_END, standard_error
from minbits.information.ties import resolution, spread_ties
from minbits.plain_text import shortened
from minbits.types import DataSet, Figure, FigureKind
from minbits.units import BITS_PER_NAT

FloatArray = npt.NDArray[np.float64]

DIFFERENTIAL_UNIT = "bits (differential)"
_NEIGHBOURS = 4
_MAX_EXAMPLES = 20_000
_MAX_COLUMNS = 64
_VALIDATION_FRACTION = 0.2
_SEED = 0
# Neighbours share examples, which widens the spread of their mean by up to a half.
_DEPENDENCE = 1.5
_WIDER = 3
_SINGULAR = 1e-9
# A value this much more frequent than its neighbourhood lets expect has a probability of its own.
_ATOM_RATIO = 10
_ATOM_EXAMPLES = 10
_LONGEST_NAME = 60


@dataclass(frozen=True)
class DensityEstimate:
    """A differential entropy in bits.

    Attributes:
        value_bits: the estimate.
        standard_error_bits: of the mean that it is.
        low_bits: lower end of its 95 % interval; minus infinity where nothing holds.
        high_bits: upper end; infinity where nothing holds.
        warning: why not to trust it; None where one may.
    """

    value_bits: float
    standard_error_bits: float
    low_bits: float = -math.inf
    high_bits: float = math.inf
    warning: str | None = None


def _whitened(values: FloatArray) -> tuple[FloatArray, float, str | None]:
    """Return values with columns of equal spread and little correlation, and what that adds.

    A linear map changes a differential entropy by the logarithm of its determinant (Cover & Thomas
    2006, theorem 8.6.4). Spread and correlation are by ranks, which heavy tails leave alone.

    Returns:
        The values, the logarithm in nats, and a warning where columns follow from one another.
    """
    scale = np.subtract(*np.quantile(values, (0.84, 0.16), axis=0)) / 2
    scale = np.where(scale > 0, scale, values.std(axis=0))
    scaled = values / scale
    shift = float(np.log(scale).sum())
    if values.shape[1] == 1:
        return scaled, shift, None
    correlation = np.corrcoef(normal_scores(values).T)
    if float(np.linalg.eigvalsh(correlation)[0]) < _SINGULAR:
        return scaled, shift, "some columns follow from others: together they have no density"
    root = np.linalg.cholesky(correlation)
    whitened = np.linalg.solve(root, scaled.T).T
    return whitened, shift + float(np.log(np.diag(root)).sum()), None


def kozachenko_leonenko(values: FloatArray, neighbours: int = _NEIGHBOURS) -> DensityEstimate:
    """Estimate a differential entropy by distances to nearest neighbours.

    Kozachenko & Leonenko 1987, with Euclidean balls around the ``neighbours``-th neighbour, after
    a linear map that takes spread and correlation away, and is put back. The interval adds the bias
    that three times as many neighbours let expect (`bias_over_change`); it has no ends from six
    columns on, nor where columns follow from one another.

    Args:
        values: shape ``(examples, columns)``, without repeated rows.
        neighbours: which neighbour; more of them lower the variance and raise the bias.
    """
    # Imported here since SciPy's spatial part is slow to import.
    from scipy.spatial import cKDTree
    from scipy.special import digamma, gammaln

    examples, columns = values.shape
    white, shift, warning = _whitened(values)
    wider = min(_WIDER * neighbours, examples - 1)
    near = cKDTree(white).query(white, wider + 1)[0]
    ball = columns / 2 * math.log(math.pi) - float(gammaln(columns / 2 + 1))
    terms = [
        columns * np.log(near[:, k]) + ball + shift + digamma(examples) - digamma(k)
        for k in (neighbours, wider)
    ]
    value = float(terms[0].mean())
    error = standard_error(terms[0]) or math.inf
    # What more neighbours change is a mean too, and falls where the value is high by chance.
    difference = terms[1] - terms[0]
    change = abs(float(difference.mean())) + Z * (standard_error(difference) or math.inf)
    half = _DEPENDENCE * Z * error + change * bias_over_change(_WIDER, columns)
    if columns >= MANY_DIMENSIONS:
        warning = f"{columns} columns: biased, mostly high"
    half = math.inf if warning is not None else half
    return DensityEstimate(
        value * BITS_PER_NAT,
        error * BITS_PER_NAT,
        (value - half) * BITS_PER_NAT,
        (value + half) * BITS_PER_NAT,
        warning,
    )


def gaussian_bound(train: FloatArray, test: FloatArray, seconds: float) -> DensityEstimate:
    """Bound a differential entropy from above: mean of ``-log2 f`` on held-out examples.

    Args:
        train: shape ``(examples, columns)``; a fifth of it chooses the mixture.
        test: as ``train``.
        seconds: about how long it may take.
    """
    centre, scale = train.mean(axis=0), train.std(axis=0)
    order = np.random.Generator(np.random.PCG64(_SEED)).permutation(len(train))
    held = max(1, round(_VALIDATION_FRACTION * len(train)))
    ready = (train[order] - centre) / scale
    model, _, _ = fit_gaussians(ready[held:], ready[:held], time.monotonic() + seconds)
    volume = np.log(scale).sum()
    lengths = volume - model.score_samples((test - centre) / scale)
    surprise = float((volume - model.score_samples(ready)).max())
    error = standard_error(lengths) or math.inf
    mean = float(lengths.mean())
    low, high = -math.inf, math.inf
    if math.isfinite(error):
        low, high = mean_ends(mean, float(lengths.var(ddof=1)), len(lengths), surprise)
    return DensityEstimate(
        mean * BITS_PER_NAT, error * BITS_PER_NAT, low * BITS_PER_NAT, high * BITS_PER_NAT
    )


def _real_columns(data: DataSet) -> tuple[list[int], list[str]]:
    table = table_of(data)
    if table is None:
        return [], []
    chosen = [
        index
        for index, column in enumerate(table.columns)
        if column.kind == "real"
        and not np.isnan(table.train_values[:, index]).any()
        and not np.isnan(table.test_values[:, index]).any()
        and table.train_values[:, index].std() > 0
    ]
    return chosen, [shortened(table.columns[index].name, _LONGEST_NAME) for index in chosen]


def _atoms(names: list[str], values: FloatArray, steps: FloatArray) -> str | None:
    """Return a warning of columns in which one value has a probability of its own."""
    found = []
    for name, column, step in zip(names, values.T, steps, strict=True):
        most = int(np.unique(column, return_counts=True)[1].max())
        middle = float(np.subtract(*np.quantile(column, (0.75, 0.25))))
        expected = len(column) / 2 * step / middle if middle > 0 else 0.0
        if most >= _ATOM_EXAMPLES and most > _ATOM_RATIO * expected:
            found.append(f"{name} ({100 * most / len(column):.0f} %)")
    if not found:
        return None
    return f"one value has a probability of its own, which no density has: {', '.join(found[:3])}"


def _figure(
    key: str, found: DensityEstimate, kind: FigureKind, method: str, unit: str = DIFFERENTIAL_UNIT
) -> Figure:
    return Figure(
        key=key,
        value=found.value_bits,
        unit=unit,
        of="X",
        scope="example",
        kind=kind,
        method=method,
        low=found.low_bits if math.isfinite(found.low_bits) else None,
        high=found.high_bits if math.isfinite(found.high_bits) else None,
        warning=found.warning,
    )


def differential_figures(data: DataSet, step: float | None, seconds: float) -> tuple[Figure, ...]:
    """Return the differential entropy of all real columns together; none where there are none.

    Args:
        data: a data set.
        step: of the quantised entropy; None takes each column's own, as the ladder does.
        seconds: about how long the mixture of Gaussians may take.
    """
    chosen, names = _real_columns(data)
    table = table_of(data)
    if table is None or not chosen or len(chosen) > _MAX_COLUMNS or len(data.train_labels) < 20:
        return ()
    train = table.train_values[:_MAX_EXAMPLES, chosen]
    test = table.test_values[:_MAX_EXAMPLES, chosen]
    gaps = np.array([resolution(column) for column in train.T])
    atoms = _atoms(names, train, gaps)
    train, test = spread_ties(train, gaps, _SEED), spread_ties(test, gaps, _SEED + 1)
    steps = np.array(
        [
            column_step(
                table.columns[index],
                np.concatenate([table.train_values[:, index], table.test_values[:, index]]),
                step,
            )
            for index in chosen
        ]
    )
    shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    what = f"{len(chosen)} real column{'' if len(chosen) == 1 else 's'} ({shown})"
    if gaps.any():
        what += ", repeated values spread over their resolution"
    nearest = kozachenko_leonenko(train)
    bound = dataclasses.replace(gaussian_bound(train, test, seconds), warning=atoms)
    if atoms is not None:
        # Without a density there is nothing to cover; a bound from above holds all the same.
        both = "; ".join(filter(None, (nearest.warning, atoms)))
        nearest = dataclasses.replace(nearest, low_bits=-math.inf, high_bits=math.inf, warning=both)
    volume = float(np.log2(steps).sum())
    # The interval of the mean says nothing of the fit's own excess, nor of the step's: none then.
    quantised = DensityEstimate(bound.value_bits - volume, math.inf, warning=atoms)
    return (
        _figure(
            "differential_entropy_neighbours",
            nearest,
            "estimate",
            f"Kozachenko-Leonenko, {_NEIGHBOURS}th neighbours of {len(train):,} training examples, "
            f"{what}. Depends on the unit of measurement; no bits of information",
        ),
        _figure(
            "differential_entropy_gaussians",
            bound,
            "upper bound",
            f"mean -log2 density of {len(test):,} test examples under Gaussians chosen "
            f"by validation, {what}. Depends on the unit of measurement; no bits of information; "
            f"{HIGH_END}",
        ),
        _figure(
            "quantised_entropy",
            quantised,
            "estimate",
            "the Gaussians' differential entropy minus the sum of log2 step: about the Shannon "
            "entropy of these columns at steps of "
            + ", ".join(f"{value:g}" for value in steps[:4])
            + (", …" if len(steps) > 4 else "")
            + "; no interval, since the Gaussians' own excess is not known",
            "bits",
        ),
    )
