"""How figures are printed: a table, then one line each on how it was found."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from minbits.cli.output import console, headed, print_table
from minbits.types import Quantity

_COLUMNS = [
    ("figure", "left"),
    ("value", "right"),
    ("holds at 95 %", "right"),
    ("unit", "left"),
    ("of", "whole"),
    ("scope", "whole"),
    ("kind", "left"),
]


def _number(value: float, unit: str) -> str:
    return f"{value:,.5f}" if unit == "bits/label" else f"{value:,.2f}"


def _rounded(end: float, decimals: int, outwards: Callable[[float], int]) -> str:
    # What differs by a rounding error alone, such as 3.0000000001, stays 3.
    steps = round(end * 10**decimals, 6)
    return f"{outwards(steps) / 10**decimals:,.{decimals}f}"


def _interval(figure: Quantity) -> str:
    """Return what holds at 95 %: of a bound its one end, of others both ends of the interval.

    Ends are rounded outwards, so that what is printed holds too.
    """
    decimals = 3 if figure.unit == "bits/label" else 1
    low = None if figure.low is None else _rounded(figure.low, decimals, math.floor)
    high = None if figure.high is None else _rounded(figure.high, decimals, math.ceil)
    if figure.kind == "upper bound":
        return "" if high is None else f"≤ {high}"
    if figure.kind == "lower bound" or high is None:
        return "" if low is None else f"≥ {low}"
    return f"≤ {high}" if low is None else f"{low} to {high}"


def print_figures(title: str, figures: Sequence[Quantity]) -> None:
    """Print figures; one that comes with a warning carries an exclamation mark."""
    rows = [
        (
            figure.key + (" !" if figure.warning else ""),
            _number(figure.value, figure.unit),
            _interval(figure),
            figure.unit.replace("(differential)", "(diff.)"),
            figure.of,
            "example" if figure.scope == "example" else "data set",
            figure.kind,
        )
        for figure in figures
    ]
    print_table(title, _COLUMNS, rows)
    out = console()
    for figure in figures:
        out.print(headed(figure.key, f"{figure.method}."))
        if figure.warning:
            out.print(headed("Warning", f"{figure.warning}.", before="  "))
    out.print()
