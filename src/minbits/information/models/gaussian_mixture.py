"""Mixtures of Gaussians on numbers quantised at a step."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np

from minbits.information.rung import FittedModel, FloatArray, store
from minbits.information.symbols import SymbolArray, SymbolSet
from minbits.units import BITS_PER_NAT

_COMPONENTS = (1, 2, 4, 8, 16, 32)
_COVARIANCES = ("full", "diag")
_MAX_VARIABLES = 64
_MIN_SYMBOLS = 8
_SEED = 0
_FLOOR = 1e-4


def spread_within_steps(part: SymbolArray, seed: int) -> FloatArray:
    """Return symbols with uniform noise on ``[0, 1)``, one step.

    A density of what comes out gives a code of the symbols: by Jensen's inequality the mean of
    ``-log2 f(x + u)`` is at least the code length under ``P(x) = integral of f over the step``
    (Theis, van den Oord & Bethge 2016).
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    result: FloatArray = part + generator.random(part.shape)
    return result


def fit_gaussians(train: FloatArray, validation: FloatArray, end: float) -> tuple[Any, float, str]:
    """Return the mixture that codes validation best, its mean log-density, and what was chosen.

    Args:
        train: standardised numbers, shape ``(examples, variables)``.
        validation: as ``train``.
        end: by the monotonic clock, when to try no more.
    """
    # Imported here since scikit-learn is slow to import.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture as SklearnMixture

    best: tuple[float, Any, str] | None = None
    for covariance in _COVARIANCES:
        last = -np.inf
        for count in _COMPONENTS:
            if count > max(1, len(train) // 4) or (best is not None and time.monotonic() > end):
                break
            model = SklearnMixture(
                count, covariance_type=covariance, reg_covar=_FLOOR, random_state=_SEED
            )
            with warnings.catch_warnings():
                # A mixture that has not settled is judged by validation like any other.
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(train)
            score = float(model.score(validation))
            if best is None or score > best[0]:
                best = (score, model, f"{count} of {covariance} covariance")
            if score <= last:
                break
            last = score
    assert best is not None
    return best[1], best[0], best[2]


def round_gaussians(model: Any) -> int:
    """Round a fitted mixture to what its file holds, and return the file's bits."""
    (weights, means, scales), parameter_bits = store(
        np.log(model.weights_), model.means_, model.precisions_cholesky_
    )
    model.weights_ = np.exp(weights) / np.exp(weights).sum()
    model.means_ = means
    model.precisions_cholesky_ = scales
    return parameter_bits


class GaussianMixture:
    """A density of the quantised numbers, with noise of one step; for tables of numbers."""

    key = "gaussian_mixture"
    title = "mixture of Gaussians"
    source = (
        "EM, Dempster, Laird & Rubin 1977, by scikit-learn; noise of one step, Theis et al. 2016"
    )
    most_seconds = 40.0

    def obstacle(self, symbols: SymbolSet) -> str | None:
        """Refuse categories, images and small alphabets."""
        if symbols.image_shape is not None:
            return "it is for tables of numbers"
        if not symbols.ordered.all():
            return "it is for tables without categories"
        if symbols.sizes.min() < _MIN_SYMBOLS:
            return f"it is for numbers of at least {_MIN_SYMBOLS} values"
        if symbols.variables > _MAX_VARIABLES:
            return f"it is for at most {_MAX_VARIABLES} columns"
        return None

    def least_seconds(self, symbols: SymbolSet) -> float:
        """Return about how long the smallest mixtures take."""
        return 0.5 + symbols.train.size * symbols.variables * 1e-6

    def fit(self, symbols: SymbolSet, seconds: float) -> FittedModel:
        """Fit mixtures of growing size while validation improves and there is time."""
        end = time.monotonic() + seconds
        parts = [
            spread_within_steps(part, seed) for seed, part in enumerate(symbols.parts(), _SEED)
        ]
        centre, scale = parts[0].mean(axis=0), np.maximum(parts[0].std(axis=0), _FLOOR)
        (centre, log_scale), moment_bits = _round_moments(centre, scale)
        scale = np.exp(log_scale)
        ready = [(part - centre) / scale for part in parts]
        model, _, chosen = fit_gaussians(ready[0], ready[1], end)
        parameter_bits = round_gaussians(model)
        volume = float(np.log2(scale).sum())
        coded = [volume - model.score_samples(part) * BITS_PER_NAT for part in ready]
        return FittedModel(
            test_bits=coded[2],
            validation_bits=float(coded[1].mean()),
            train_bits=float(coded[0].mean()),
            surprise_bits=float(max(coded[0].max(), coded[1].max())),
            parameter_bits=parameter_bits + moment_bits,
            settings=f"{chosen}, chosen by validation; uniform noise of one step added",
        )


def _round_moments(centre: FloatArray, scale: FloatArray) -> tuple[tuple[FloatArray, ...], int]:
    # Half precision of a centre in thousands of steps would be off by steps: whole steps then.
    whole = np.round(centre)
    (low, high, log_scale), bits = store(whole % 1024, whole // 1024, np.log(scale))
    return (high * 1024 + low, log_scale), bits
