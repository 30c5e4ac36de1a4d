"""Large alphabets in two steps: a coarse code that models handle, and the symbol within it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.information.rung import FloatArray, store
from minbits.information.symbols import SymbolArray, SymbolSet

# Above this, a histogram within a code would have more parameters than any table has examples.
_MAX_COUNTED = 4096
_SMOOTHINGS = (0.02, 0.1, 0.5, 2.0, 50.0)


@dataclass(frozen=True, eq=False)
class Coarsened:
    """A chain rule in two steps: ``H(X) = H(code) + H(X | code)``.

    The second step takes variables as independent given all codes, and one symbol as dependent on
    its own code alone: a histogram on small alphabets, uniform on large ones.

    Attributes:
        codes: the coarse symbols.
        within_bits: of training, validation and test examples, the code length of the symbols given
            the codes, each of shape ``(examples,)``; zero where codes are the symbols.
        parameter_bits: what the histograms cost.
    """

    codes: SymbolSet
    within_bits: tuple[FloatArray, FloatArray, FloatArray]
    parameter_bits: int


def code_table(
    counts: npt.NDArray[np.int64], levels: int, is_ordered: bool
) -> npt.NDArray[np.int32]:
    """Return the code of every symbol of one variable, at most ``levels`` codes.

    Ordered symbols: runs of about equal probability, in which a symbol that is likelier than that
    stands alone. Others: the most frequent ones alone, the rest together.

    Args:
        counts: how often each symbol was seen, shape ``(symbols,)``.
        levels: most codes, at least 2.
        is_ordered: whether symbols are numbers.
    """
    size = len(counts)
    if size <= levels:
        return np.arange(size, dtype=np.int32)
    if not is_ordered:
        table = np.full(size, levels - 1, np.int32)
        table[np.argsort(-counts, kind="stable")[: levels - 1]] = np.arange(levels - 1)
        return table
    table = np.empty(size, np.int32)
    code, filled = 0, 0.0
    left, codes_left = float(counts.sum()), levels
    is_open = False
    for symbol, count in enumerate(counts.tolist()):
        share = left / codes_left
        starts_alone = count >= share and is_open and codes_left > 1
        if starts_alone or (is_open and filled >= share and codes_left > 1):
            left -= filled
            codes_left -= 1
            code, filled = code + 1, 0.0
        table[symbol] = code
        filled += count
        is_open = True
    return table


def _within_logarithms(
    counts: npt.NDArray[np.int64], table: npt.NDArray[np.int32], smoothing: float
) -> FloatArray:
    """Return log2 of each symbol's probability given its code."""
    widths = np.bincount(table)
    totals = np.bincount(table, weights=counts)
    if len(counts) > _MAX_COUNTED:
        return -np.log2(widths.astype(np.float64))[table]
    chances = (counts + smoothing) / (totals + smoothing * widths)[table]
    return np.log2(chances)


def coarsen(symbols: SymbolSet, levels: int) -> Coarsened:
    """Return coarse codes of at most ``levels`` symbols a variable, and the cost of the rest.

    The smoothing of the histograms is chosen on validation examples.
    """
    wide = [j for j in range(symbols.variables) if symbols.sizes[j] > levels]
    if not wide:
        zeros = [np.zeros(len(part)) for part in symbols.parts()]
        return Coarsened(symbols, (zeros[0], zeros[1], zeros[2]), 0)
    counts = [np.bincount(symbols.train[:, j], minlength=symbols.sizes[j]) for j in wide]
    tables = [
        code_table(count, levels, bool(symbols.ordered[j]))
        for j, count in zip(wide, counts, strict=True)
    ]
    parts = [part.copy() for part in symbols.parts()]
    sizes = symbols.sizes.copy()
    for j, table in zip(wide, tables, strict=True):
        sizes[j] = table.max() + 1
        for part in parts:
            part[:, j] = table[part[:, j]]
    codes = dataclasses.replace(
        symbols, train=parts[0], validation=parts[1], test=parts[2], sizes=sizes, grey=None
    )
    best: tuple[float, list[FloatArray]] | None = None
    for smoothing in _SMOOTHINGS:
        found = [_within_logarithms(c, t, smoothing) for c, t in zip(counts, tables, strict=True)]
        bits = _mean_within(found, symbols.validation, wide)
        if best is None or bits < best[0]:
            best = (bits, found)
    assert best is not None
    counted = [item for item in best[1] if len(item) <= _MAX_COUNTED]
    rounded, parameter_bits = store(*counted) if counted else ((), 0)
    stored = iter(rounded)
    final = [
        _normalised(next(stored), table) if len(item) <= _MAX_COUNTED else item
        for item, table in zip(best[1], tables, strict=True)
    ]
    by_variable = dict(zip(wide, final, strict=True))
    within = []
    for part in symbols.parts():
        bits_of = np.zeros(len(part))
        for j in wide:
            bits_of -= by_variable[j][part[:, j]]
        within.append(bits_of)
    return Coarsened(codes, (within[0], within[1], within[2]), parameter_bits)


def _mean_within(logarithms: list[FloatArray], part: SymbolArray, wide: list[int]) -> float:
    return -sum(float(item[part[:, j]].mean()) for j, item in zip(wide, logarithms, strict=True))


def _normalised(logarithms: FloatArray, table: npt.NDArray[np.int32]) -> FloatArray:
    """Return rounded logarithms made to sum to one again, code by code."""
    totals = np.bincount(table, weights=np.exp2(logarithms))
    result: FloatArray = logarithms - np.log2(totals)[table]
    return result
