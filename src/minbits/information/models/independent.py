"""Independent variables: the naive rung."""

from __future__ import annotations

import numpy as np

from minbits.information.coarsen import coarsen
from minbits.information.models.counting import (
    CHUNK,
    add_within,
    log_normalised,
    safe_log,
    smoothed_marginals,
    symbol_mask,
)
from minbits.information.rung import FittedModel, FloatArray, store
from minbits.information.symbols import SymbolArray, SymbolSet
from minbits.units import BITS_PER_NAT

_LEVELS = 32
_NANOSECONDS_A_SYMBOL = 100


class Independent:
    """Each variable by its own frequencies; bounds H(X) by the sum of the marginal entropies."""

    key = "independent"
    title = "independent variables"
    source = "Shannon 1948; half a count a symbol, Krichevsky & Trofimov 1981"
    most_seconds = 60.0

    def obstacle(self, symbols: SymbolSet) -> str | None:
        """Suit any data."""
        del symbols
        return None

    def least_seconds(self, symbols: SymbolSet) -> float:
        """Return about how long it takes."""
        return symbols.train.size * _NANOSECONDS_A_SYMBOL * 1e-9

    def fit(self, symbols: SymbolSet, seconds: float) -> FittedModel:
        """Count symbols, variable by variable."""
        del seconds
        coarse = coarsen(symbols, _LEVELS)
        sizes = coarse.codes.sizes
        marginals = smoothed_marginals(coarse.codes.train, sizes)
        (rounded,), parameter_bits = store(safe_log(marginals)[:, 1:])
        first = 1 - np.exp(rounded).sum(axis=1, keepdims=True)
        logs = np.concatenate([safe_log(np.maximum(first, 1e-12)), rounded], axis=1)
        logs = log_normalised(logs, symbol_mask(sizes))
        coded = [
            add_within(coarse, index, independent_bits(part, logs))
            for index, part in enumerate(coarse.codes.parts())
        ]
        return FittedModel(
            test_bits=coded[2],
            validation_bits=float(coded[1].mean()),
            train_bits=float(coded[0].mean()),
            surprise_bits=float(max(coded[0].max(), coded[1].max())),
            parameter_bits=parameter_bits + coarse.parameter_bits,
            settings="each variable by its own frequencies, half a count added to each symbol",
        )


def independent_bits(codes: SymbolArray, logs: FloatArray) -> FloatArray:
    """Return the code length of each example.

    Args:
        codes: shape ``(examples, variables)``.
        logs: log-probabilities in nats, shape ``(variables, symbols)``.
    """
    variables = np.arange(codes.shape[1])
    parts = [
        -logs[variables, codes[start : start + CHUNK]].sum(axis=1)
        for start in range(0, len(codes), CHUNK)
    ]
    result: FloatArray = np.concatenate(parts) * BITS_PER_NAT
    return result
