"""The columns of a table as independent: a bound of all of X, whatever the columns hold."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from minbits.data.tables import table_of
from minbits.information.discretise import Discretisation, discretise
from minbits.information.entropy_estimators import fingerprint
from minbits.information.mean_interval import mean_ends
from minbits.plain_text import shortened
from minbits.types import DataSet, Quantity

FloatArray = npt.NDArray[np.float64]
_LONGEST_NAME = 60


def column_quantities(data: DataSet, step: float | None = None) -> tuple[Quantity, ...]:
    """Return the sum of the columns' entropies, an upper bound of H(X).

    Categories count as they are, however many, missing values as one more symbol, integers by
    their values, real columns at a step. The plug-in entropy of a column with K symbols is too low
    by at most log2(1 + (K - 1) / N) on average (Paninski 2003), which the high end of the interval
    adds, column by column; where symbols were seen only once, K counts the unseen ones that they
    let expect (Chao 1984).

    Args:
        data: a table, or plain vectors.
        step: of real columns; None takes each column's own.

    Raises:
        ArgumentError: if the step does not fit a column.
    """
    symbols = discretise(data, Discretisation(step=step))
    codes = np.concatenate([symbols.train, symbols.validation])
    examples = len(codes)
    lengths = np.zeros(examples)
    unknown: list[int] = []
    surprise = low_by = 0.0
    for index, (column, size) in enumerate(zip(codes.T, symbols.sizes.tolist(), strict=True)):
        counts = np.bincount(column, minlength=size)
        own = _code_lengths(counts)
        lengths += own[column]
        entropy = float(own @ counts) / examples
        once = int((counts == 1).sum())
        # A symbol that was never seen is at least as long as one seen once among one more example.
        rarest = math.log2(examples + 1) if once or (counts == 0).any() else float(own.max())
        surprise += rarest
        if 2 * once > examples:
            unknown.append(index)
        low_by += _low_by(counts, size, entropy)
    value = float(lengths.mean())
    low, high = mean_ends(value, float(lengths.var(ddof=1)), examples, surprise)
    return (
        Quantity(
            key="independent_columns",
            value=value,
            unit="bits",
            of="X",
            scope="example",
            kind="upper bound",
            method=(
                f"sum of the plug-in entropies of all columns, {examples:,} training examples "
                f"({symbols.what}). Bounds the joint entropy from above, since columns "
                "depend on each other; what holds is the high end, which adds what the plug-in is "
                "too low by (Paninski 2003)"
            ),
            low=max(0.0, low),
            high=high + low_by,
            warning=_unknown_warning(data, unknown),
        ),
    )


def _low_by(counts: npt.NDArray[np.int64], size: int, entropy: float) -> float:
    """Return by how much a column's plug-in entropy may be too low, in bits.

    Where more than half of the examples are alone in their value, nothing tells how many others
    there are: the alphabet then counts as known.
    """
    once, examples = int((counts == 1).sum()), int(counts.sum())
    most = math.log2(size) - entropy
    if once == 0 or 2 * once > examples:
        return min(most, math.log2(1 + (size - 1) / examples))
    states = max(size, fingerprint(counts).assumed_states)
    return math.log2(1 + (states - 1) / examples)


def _unknown_warning(data: DataSet, columns: list[int]) -> str | None:
    table = table_of(data)
    if not columns or table is None:
        return None
    names = [shortened(table.columns[index].name, _LONGEST_NAME) for index in columns]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return (
        f"most examples are alone in their value of {shown}: bounded as if no other values existed"
    )


def _code_lengths(counts: npt.NDArray[np.int64]) -> FloatArray:
    """Return -log2 of each symbol's relative frequency, 0 where it was never seen."""
    return np.asarray(np.log2(counts.sum() / np.where(counts, counts, counts.sum())))
