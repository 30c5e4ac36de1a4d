"""The columns of a table as independent: a bound of all of X, whatever the columns hold."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from minbits.information.discretise import Discretisation, discretise
from minbits.information.mean_interval import mean_ends
from minbits.records import DataSet, Figure

FloatArray = npt.NDArray[np.float64]


def column_figures(data: DataSet, step: float | None = None) -> tuple[Figure, ...]:
    """Return the sum of the columns' entropies, an upper bound of H(X).

    Categories count as they are, however many, missing values as one more symbol, integers by
    their values, real columns at a step. The plug-in entropy of a column with K symbols is too low
    by at most log2(1 + (K - 1) / N) on average (Paninski 2003), which the high end of the interval
    adds, column by column.

    Args:
        data: a table, or plain vectors.
        step: of real columns; None takes each column's own.

    Raises:
        ArgumentError: if the step does not fit a column.
    """
    symbols = discretise(data, Discretisation(step=step))
    codes = np.concatenate([symbols.train, symbols.validation])
    examples, columns = codes.shape
    lengths = np.zeros(examples)
    surprise = low_by = 0.0
    for column, size in zip(codes.T, symbols.sizes, strict=True):
        counts = np.bincount(column, minlength=size)
        own = _code_lengths(counts)
        lengths += own[column]
        # A symbol that was never seen is at least as long as one seen once among one more example.
        surprise += float(np.log2(examples + 1)) if (counts == 0).any() else float(own.max())
        most = float(np.log2(size)) - float(own @ counts) / examples
        low_by += min(most, float(np.log2(1 + (size - 1) / examples)))
    value = float(lengths.mean())
    low, high = mean_ends(value, float(lengths.var(ddof=1)), examples, surprise)
    return (
        Figure(
            key="independent_columns",
            value=value,
            unit="bits",
            of="X",
            scope="example",
            kind="upper bound",
            method=(
                f"sum of the plug-in entropies of all {columns:,} columns, {examples:,} examples "
                f"({symbols.what}). Bounds the joint entropy from above, since columns depend on "
                "each other; alphabets count as known; the high end, which adds what the plug-in "
                "is too low by (Paninski 2003), is the bound"
            ),
            low=max(0.0, low),
            high=min(high + low_by, float(np.log2(symbols.sizes).sum())),
        ),
    )


def _code_lengths(counts: npt.NDArray[np.int64]) -> FloatArray:
    """Return -log2 of each symbol's relative frequency, 0 where it was never seen."""
    return np.asarray(np.log2(counts.sum() / np.where(counts, counts, counts.sum())))
