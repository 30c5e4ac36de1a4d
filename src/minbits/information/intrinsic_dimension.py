"""How many dimensions examples spread over, by three estimators and at several sample sizes.

All three depend on how many examples and neighbours they see (Pope et al. 2021): the curve is the
result, its last point no more than its end.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.errors import ArgumentError
from minbits.types import DataSet, Quantity

FloatArray = npt.NDArray[np.float64]

SAMPLE_SIZES = (125, 250, 500, 1000, 2000)
_NEIGHBOURS = 20
_LOCAL_NEIGHBOURS = 50
_REPEATS = 3
_SEED = 0


def _two_nearest(skdim: Any, values: FloatArray) -> float:
    return float(skdim.id.TwoNN().fit(values).dimension_)


def _maximum_likelihood(skdim: Any, values: FloatArray) -> float:
    neighbours = min(_NEIGHBOURS, len(values) - 1)
    return float(skdim.id.MLE().fit(values, n_neighbors=neighbours).dimension_)


def _local_components(skdim: Any, values: FloatArray) -> float:
    neighbours = min(_LOCAL_NEIGHBOURS, len(values) - 1)
    local = skdim.id.lPCA().fit_pw(values, n_neighbors=neighbours)
    return float(np.mean(local.dimension_pw_))


@dataclass(frozen=True)
class DimensionEstimator:
    """A plug: one estimator of intrinsic dimension."""

    key: str
    title: str
    source: str
    estimate: Callable[[Any, FloatArray], float]


ESTIMATORS: tuple[DimensionEstimator, ...] = (
    DimensionEstimator("two_nn", "two nearest neighbours", "Facco et al. 2017", _two_nearest),
    DimensionEstimator(
        "maximum_likelihood",
        f"maximum likelihood, {_NEIGHBOURS} neighbours",
        "Levina & Bickel 2004",
        _maximum_likelihood,
    ),
    DimensionEstimator(
        "local_pca",
        f"local PCA, {_LOCAL_NEIGHBOURS} neighbours",
        "Fukunaga & Olsen 1971",
        _local_components,
    ),
)


@dataclass(frozen=True)
class DimensionCurve:
    """One estimator over growing samples.

    Attributes:
        estimator: which one.
        sizes: examples of each sample.
        means: mean estimate over samples of that size.
        spreads: standard deviation over them.
    """

    estimator: DimensionEstimator
    sizes: tuple[int, ...]
    means: tuple[float, ...]
    spreads: tuple[float, ...]

    def figure(self) -> Quantity:
        """Return the end of the curve, with the curve in its method."""
        curve = ", ".join(
            f"{mean:.1f} at {size:,}" for size, mean in zip(self.sizes, self.means, strict=True)
        )
        return Quantity(
            key=f"intrinsic_dimension_{self.estimator.key}",
            value=self.means[-1],
            unit="dimensions",
            of="X",
            scope="data set",
            kind="estimate",
            method=(
                f"{self.estimator.title} ({self.estimator.source}, by scikit-dimension), "
                f"training inputs, mean of {_REPEATS} samples; it changes with the sample: {curve}"
            ),
        )


def _distinct_inputs(data: DataSet) -> FloatArray:
    """Return distinct training inputs as vectors; a repeated example has a neighbour at 0."""
    inputs = data.train_inputs[: 4 * max(SAMPLE_SIZES)].reshape(-1, np.prod(data.input_shape))
    values: FloatArray = np.unique(inputs, axis=0).astype(np.float64)
    return values[:, values.std(axis=0) > 0]


def dimension_curves(
    data: DataSet,
    sizes: tuple[int, ...] = SAMPLE_SIZES,
    estimators: tuple[DimensionEstimator, ...] = ESTIMATORS,
) -> tuple[DimensionCurve, ...]:
    """Return how each estimate grows with the number of examples.

    Args:
        data: a data set; the inputs' own scale is used, as distances need one.
        sizes: sample sizes; those beyond the data are left out.
        estimators: which ones.

    Raises:
        ArgumentError: if scikit-dimension is not installed, or there are too few examples.
    """
    if importlib.util.find_spec("skdim") is None:
        raise ArgumentError(
            "`dimension`",
            "no scikit-dimension",
            "the extra",
            "pip install 'minbits[dimension]'.",
        )
    # An extra, imported only where it is used.
    import skdim

    values = _distinct_inputs(data)
    fitting = tuple(size for size in sizes if size <= len(values)) or (len(values),)
    if fitting[-1] < 20 or values.shape[1] == 0:
        raise ArgumentError(
            "`dimension`",
            f"{len(values)} distinct examples of {values.shape[1]} varying inputs",
            "at least 20 that vary",
            "Give more examples.",
        )
    generator = np.random.Generator(np.random.PCG64(_SEED))
    samples = [
        [values[generator.choice(len(values), size, replace=False)] for _ in range(_REPEATS)]
        for size in fitting
    ]
    curves = []
    for estimator in estimators:
        found = [[estimator.estimate(skdim, item) for item in group] for group in samples]
        curves.append(
            DimensionCurve(
                estimator,
                fitting,
                tuple(float(np.mean(group)) for group in found),
                tuple(float(np.std(group)) for group in found),
            )
        )
    return tuple(curves)
