"""What the counting models share: marginals, smoothing, and gathering code lengths by chunks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from minbits.information.coarsen import Coarsened
from minbits.information.rung import FloatArray
from minbits.information.symbols import SymbolArray, SymbolSet

CHUNK = 2048
# Krichevsky & Trofimov 1981: half a count for every symbol.
HALF_COUNT = 0.5

Floats32 = npt.NDArray[np.float32]


def marginal_counts(codes: SymbolArray, sizes: npt.NDArray[np.int64]) -> FloatArray:
    """Return how often each symbol occurs, shape ``(variables, largest size)``."""
    counts = np.zeros((len(sizes), int(sizes.max())))
    for symbol in range(counts.shape[1]):
        counts[:, symbol] = (codes == symbol).sum(axis=0)
    return counts


def symbol_mask(sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return which symbols exist, shape ``(variables, largest size)``."""
    return np.arange(int(sizes.max())) < sizes[:, None]


def smoothed_marginals(codes: SymbolArray, sizes: npt.NDArray[np.int64]) -> FloatArray:
    """Return each variable's distribution with half a count added, zero beyond its alphabet."""
    counts = marginal_counts(codes, sizes)
    mask = symbol_mask(sizes)
    counts = np.where(mask, counts + HALF_COUNT, 0.0)
    result: FloatArray = counts / counts.sum(axis=1, keepdims=True)
    return result


def safe_log(probabilities: FloatArray) -> FloatArray:
    """Return natural logarithms, -60 where the probability is zero (16-bit floats hold that)."""
    p = np.asarray(probabilities, dtype=np.float64)
    return np.log(p, out=np.full_like(p, -60.0), where=p > 0)


def log_normalised(logarithms: FloatArray, mask: npt.NDArray[np.bool_]) -> FloatArray:
    """Return rounded log-probabilities made to sum to one over the last axis, where they exist."""
    values = np.where(mask, logarithms, -np.inf)
    largest = values.max(axis=-1, keepdims=True)
    totals = np.exp(values - largest).sum(axis=-1, keepdims=True)
    result: FloatArray = np.where(mask, values - largest - np.log(totals), -60.0)
    return result


def active_features(codes: SymbolArray, sizes: npt.NDArray[np.int64]) -> Floats32:
    """Return indicators of all symbols but symbol 0 of each variable.

    Args:
        codes: shape ``(examples, variables)``.
        sizes: alphabet sizes.

    Returns:
        Shape ``(examples, sum(sizes - 1))``, float32.
    """
    if int(sizes.max()) == 2 and int(sizes.min()) == 2:
        return codes.astype(np.float32)
    places = feature_places(sizes)
    features = np.zeros((len(codes), int((sizes - 1).sum())), np.float32)
    rows, columns = np.nonzero(codes)
    features[rows, places[columns] + codes[rows, columns] - 1] = 1
    return features


def feature_places(sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return where each variable's indicators start."""
    result: npt.NDArray[np.int64] = np.concatenate([[0], np.cumsum(sizes - 1)[:-1]])
    return result


def coarse_levels(symbols: SymbolSet, levels: int) -> int:
    """Return a number of levels not beyond what the largest alphabet needs."""
    return int(min(levels, symbols.sizes.max()))


def add_within(coarse: Coarsened, part: int, bits: FloatArray) -> FloatArray:
    """Return the code lengths of codes plus those of the symbols within them."""
    result: FloatArray = bits + coarse.within_bits[part]
    return result
