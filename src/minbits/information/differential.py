"""Differential entropy of real columns, beside the quantised entropy at a stated step.

A differential entropy changes with the unit of measurement and may be negative: it is no number of
bits of information. ``h(X) - d log2 step`` is about the Shannon entropy of ``d`` columns quantised
at that step (Cover & Thomas 2006, theorem 8.3.1).
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.data.tables import table_of
from minbits.information.discretise import column_step
from minbits.information.models.gaussian_mixture import fit_gaussians
from minbits.information.rung import standard_error
from minbits.records import DataSet, Figure, FigureKind
from minbits.units import BITS_PER_NAT

FloatArray = npt.NDArray[np.float64]

DIFFERENTIAL_UNIT = "bits (differential)"
_NEIGHBOURS = 4
_MOST_EXAMPLES = 20_000
_MOST_COLUMNS = 64
_VALIDATION_FRACTION = 0.2
_SEED = 0
_NORMAL_95 = 1.959963984540054


@dataclass(frozen=True)
class DensityEstimate:
    """A differential entropy in bits, with the standard error of its mean."""

    value_bits: float
    standard_error_bits: float


def kozachenko_leonenko(values: FloatArray, neighbours: int = _NEIGHBOURS) -> DensityEstimate:
    """Estimate a differential entropy by distances to nearest neighbours.

    Kozachenko & Leonenko 1987, with Euclidean balls around the ``neighbours``-th neighbour. Columns
    are scaled to equal spread first, and the scale is put back.

    Args:
        values: shape ``(examples, columns)``, without repeated rows.
        neighbours: which neighbour; more of them lower the variance and raise the bias.
    """
    # Imported here since SciPy's spatial part is slow to import.
    from scipy.spatial import cKDTree
    from scipy.special import digamma, gammaln

    examples, columns = values.shape
    scale = values.std(axis=0)
    scaled = values / scale
    distances = cKDTree(scaled).query(scaled, neighbours + 1)[0][:, neighbours]
    ball = columns / 2 * math.log(math.pi) - float(gammaln(columns / 2 + 1))
    terms = columns * np.log(distances) + ball
    constant = float(digamma(examples) - digamma(neighbours) + np.log(scale).sum())
    error = standard_error(terms) or math.inf
    return DensityEstimate((float(terms.mean()) + constant) * BITS_PER_NAT, error * BITS_PER_NAT)


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
    lengths = np.log(scale).sum() - model.score_samples((test - centre) / scale)
    error = standard_error(lengths) or math.inf
    return DensityEstimate(float(lengths.mean()) * BITS_PER_NAT, error * BITS_PER_NAT)


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
    return chosen, [table.columns[index].name for index in chosen]


def _without_ties(values: FloatArray, steps: FloatArray, seed: int) -> FloatArray:
    """Spread repeated values over their step: a rounded measurement has no density."""
    generator = np.random.Generator(np.random.PCG64(seed))
    return values + (generator.random(values.shape) - 0.5) * steps


def resolution(values: FloatArray) -> float:
    """Return the smallest gap between values of a column that repeats them, 0 if none repeats."""
    distinct = np.unique(values)
    if len(distinct) == len(values) or len(distinct) < 2:
        return 0.0
    return float(np.diff(distinct).min())


def _figure(
    key: str, found: DensityEstimate, kind: FigureKind, method: str, unit: str = DIFFERENTIAL_UNIT
) -> Figure:
    half = _NORMAL_95 * found.standard_error_bits
    is_finite = math.isfinite(half)
    return Figure(
        key=key,
        value=found.value_bits,
        unit=unit,
        of="X",
        scope="example",
        kind=kind,
        method=method,
        low=found.value_bits - half if is_finite else None,
        high=found.value_bits + half if is_finite else None,
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
    if table is None or not chosen or len(chosen) > _MOST_COLUMNS or len(data.train_labels) < 20:
        return ()
    train = table.train_values[:_MOST_EXAMPLES, chosen]
    test = table.test_values[:_MOST_EXAMPLES, chosen]
    gaps = np.array([resolution(column) for column in train.T])
    train, test = _without_ties(train, gaps, _SEED), _without_ties(test, gaps, _SEED + 1)
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
    what = f"{len(chosen)} real columns ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"
    if gaps.any():
        what += ", repeated values spread over their resolution"
    nearest = kozachenko_leonenko(train)
    bound = gaussian_bound(train, test, seconds)
    volume = float(np.log2(steps).sum())
    quantised = DensityEstimate(bound.value_bits - volume, bound.standard_error_bits)
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
            f"by validation, {what}. Depends on the unit of measurement; no bits of information",
        ),
        _figure(
            "quantised_entropy",
            quantised,
            "estimate",
            "the Gaussians' differential entropy minus the sum of log2 step: about the Shannon "
            "entropy of these columns at steps of "
            + ", ".join(f"{value:g}" for value in steps[:4])
            + (", …" if len(steps) > 4 else ""),
            "bits",
        ),
    )
