"""Mixtures of product distributions: Bernoullis on binary variables, categoricals on others."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from minbits.information.coarsen import coarsen
from minbits.information.models.counting import (
    CHUNK,
    Floats32,
    active_features,
    add_within,
    feature_places,
    log_normalised,
    safe_log,
    smoothed_marginals,
    symbol_mask,
)
from minbits.information.rung import FittedModel, FloatArray, store
from minbits.information.symbols import SymbolArray, SymbolSet
from minbits.units import BITS_PER_NAT

_LEVELS = 8
_COMPONENTS = (2, 8, 32, 128, 512, 1024)
_SMOOTHING = 1.0
_MAX_PASSES = 30
_MIN_GAIN_BITS = 2e-3
_FIRST_EXAMPLES = 8192
_SEED = 0
_MULTIPLICATIONS_A_SECOND = 1.5e10


@dataclass(frozen=True, eq=False)
class Components:
    """A mixture of products.

    Attributes:
        log_weights: natural logarithms of the weights, shape ``(components,)``.
        logs: log-probabilities, shape ``(components, variables, symbols)``.
    """

    log_weights: FloatArray
    logs: FloatArray


class _Linear:
    """The log-likelihood of all components as one matrix product of the indicators."""

    def __init__(self, components: Components, mask: np.ndarray) -> None:
        first = components.logs[:, :, :1]
        self.base = (components.log_weights + first[:, :, 0].sum(axis=1)).astype(np.float32)
        odds = (components.logs - first)[:, :, 1:][:, mask[:, 1:]]
        self.odds = np.ascontiguousarray(odds.T, np.float32)

    def joint(self, features: Floats32) -> Floats32:
        """Return log of weight times likelihood, shape ``(examples, components)``."""
        result: Floats32 = features @ self.odds + self.base
        return result


def _log_sum(joint: Floats32) -> tuple[FloatArray, Floats32]:
    """Return each example's log-likelihood in nats and the components' responsibilities."""
    largest = joint.max(axis=1, keepdims=True)
    weights = np.exp(joint - largest)
    totals = weights.sum(axis=1, keepdims=True)
    likelihood = (largest + np.log(totals))[:, 0].astype(np.float64)
    weights /= totals
    return likelihood, weights


class Mixture:
    """Expectation maximisation by matrix products; the number of components by validation."""

    key = "mixture"
    title = "mixture of products"
    source = "Bernoulli and categorical mixtures by EM, Dempster, Laird & Rubin 1977"
    most_seconds = 40.0

    def obstacle(self, symbols: SymbolSet) -> str | None:
        """Suit any data of more than one variable."""
        return "it needs two variables" if symbols.variables < 2 else None

    def least_seconds(self, symbols: SymbolSet) -> float:
        """Return about how long the smallest mixtures take."""
        features = int((np.minimum(symbols.sizes, _LEVELS) - 1).sum())
        return len(symbols.train) * features * 1000 / _MULTIPLICATIONS_A_SECOND + 0.1

    def fit(self, symbols: SymbolSet, seconds: float) -> FittedModel:
        """Fit more and more components while validation improves and there is time."""
        end = time.monotonic() + seconds
        coarse = coarsen(symbols, _LEVELS)
        codes = coarse.codes
        search = _Search(codes, end)
        best, chosen = search.run()
        log_weights, logs = best.log_weights, best.logs
        (log_weights, logs), parameter_bits = store(log_weights, logs[:, :, 1:])
        first = np.maximum(1 - np.exp(logs).sum(axis=2, keepdims=True), 1e-5)
        mask = symbol_mask(codes.sizes)
        logs = log_normalised(np.concatenate([np.log(first), logs], axis=2), mask)
        weights = log_weights - np.log(np.exp(log_weights).sum())
        rounded = Components(weights, logs)
        coded = [
            add_within(coarse, index, mixture_bits(part, codes.sizes, rounded))
            for index, part in enumerate(codes.parts())
        ]
        return FittedModel(
            test_bits=coded[2],
            validation_bits=float(coded[1].mean()),
            train_bits=float(coded[0].mean()),
            surprise_bits=float(max(coded[0].max(), coded[1].max())),
            parameter_bits=parameter_bits + coarse.parameter_bits,
            settings=f"{chosen} components by validation, among {search.tried}; EM"
            + ("" if symbols.sizes.max() <= _LEVELS else f", on codes of at most {_LEVELS}"),
        )


class _Search:
    """Mixtures of growing size, until validation gets worse or time runs out."""

    def __init__(self, codes: SymbolSet, end: float) -> None:
        self._codes = codes
        self._end = end
        self._mask = symbol_mask(codes.sizes)
        self._marginals = smoothed_marginals(codes.train, codes.sizes)
        self._generator = np.random.Generator(np.random.PCG64(_SEED))
        self._features = active_features(codes.train, codes.sizes)
        self._held_out = active_features(codes.validation, codes.sizes)
        self.tried = ""

    def run(self) -> tuple[Components, int]:
        """Return the best mixture on validation, and its number of components."""
        best: tuple[float, Components, int] | None = None
        tried: list[int] = []
        for count in _COMPONENTS:
            if count > max(2, len(self._features) // 2):
                break
            started = time.monotonic()
            found, bits = self._expectation_maximisation(count)
            tried.append(count)
            if best is None or bits < best[0]:
                best = (bits, found, count)
            spent = time.monotonic() - started
            # The next size costs four times as much; half of its passes still help.
            if best[2] != count or time.monotonic() + 2 * spent > self._end:
                break
        assert best is not None
        self.tried = ", ".join(map(str, tried))
        return best[1], best[2]

    def _first(self, count: int) -> Components:
        """Return components around as many training examples drawn at random."""
        rows = self._generator.choice(len(self._features), count, replace=False)
        examples = self._codes.train[rows]
        symbols = np.arange(self._mask.shape[1])
        seen = (examples[:, :, None] == symbols).astype(np.float64)
        logs = safe_log(0.4 * seen + 0.6 * self._marginals)
        return Components(np.full(count, -np.log(count)), logs)

    def _maximise(self, counts: FloatArray, weights: FloatArray) -> Components:
        """Return the components that fit expected counts of the indicators best."""
        components = len(weights)
        full = np.zeros((components, *self._mask.shape))
        variables, symbols = np.nonzero(self._mask[:, 1:])
        places = feature_places(self._codes.sizes)
        full[:, variables, symbols + 1] = counts[:, places[variables] + symbols]
        full[:, :, 0] = np.maximum(weights[:, None] - full[:, :, 1:].sum(axis=2), 0)
        smoothed = full + _SMOOTHING * self._marginals
        logs = safe_log(smoothed / (weights + _SMOOTHING)[:, None, None])
        shares = (weights + 1e-3) / (weights + 1e-3).sum()
        return Components(np.log(shares), logs)

    def _expectation_maximisation(self, count: int) -> tuple[Components, float]:
        components = self._first(count)
        best = (np.inf, components)
        for turn in range(_MAX_PASSES):
            # The first passes only spread the components: a part of the examples does.
            examples = _FIRST_EXAMPLES if turn < 4 else len(self._features)
            components = self._pass(components, self._features[:examples])
            if turn < 4 and len(self._features) > _FIRST_EXAMPLES:
                continue
            bits = self._validation_bits(components)
            gain = best[0] - bits
            if gain > 0:
                best = (bits, components)
            if gain < _MIN_GAIN_BITS * bits or (
                np.isfinite(best[0]) and time.monotonic() > self._end
            ):
                break
        return best[1], best[0]

    def _pass(self, components: Components, features: Floats32) -> Components:
        linear = _Linear(components, self._mask)
        counts = np.zeros((len(components.log_weights), features.shape[1]), np.float32)
        weights = np.zeros(len(components.log_weights))
        for start in range(0, len(features), CHUNK):
            chunk = features[start : start + CHUNK]
            _, shares = _log_sum(linear.joint(chunk))
            counts += shares.T @ chunk
            weights += shares.sum(axis=0)
        return self._maximise(counts.astype(np.float64), weights)

    def _validation_bits(self, components: Components) -> float:
        likelihood, _ = _log_sum(_Linear(components, self._mask).joint(self._held_out))
        return -float(likelihood.mean()) * BITS_PER_NAT


def mixture_bits(codes: SymbolArray, sizes: np.ndarray, components: Components) -> FloatArray:
    """Return the code length of each example under a mixture, shape ``(examples,)``."""
    linear = _Linear(components, symbol_mask(sizes))
    parts = []
    for start in range(0, len(codes), CHUNK):
        features = active_features(codes[start : start + CHUNK], sizes)
        parts.append(-_log_sum(linear.joint(features))[0])
    result: FloatArray = np.concatenate(parts) * BITS_PER_NAT
    return result
