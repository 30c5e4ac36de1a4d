"""How figures are printed: a table, then one line each on how it was found."""

from __future__ import annotations

from collections.abc import Sequence

from minbits.cli.output import console, headed, print_table
from minbits.records import Figure

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


def _interval(figure: Figure) -> str:
    """Return what holds at 95 %: of a bound its one end, of others both ends of the interval."""
    decimals = 3 if figure.unit == "bits/label" else 1
    low, high = (
        None if end is None else f"{end:,.{decimals}f}" for end in (figure.low, figure.high)
    )
    if figure.kind == "upper bound":
        return "" if high is None else f"≤ {high}"
    if figure.kind == "lower bound" or high is None:
        return "" if low is None else f"≥ {low}"
    return f"≤ {high}" if low is None else f"{low} to {high}"


def print_figures(title: str, figures: Sequence[Figure]) -> None:
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
