"""How formulas are printed: a table of values, and what each of them says."""

from __future__ import annotations

from collections.abc import Sequence

from minbits.capacity.bounds import CapacityLine
from minbits.cli.output import console, headed, print_table


def print_capacity_lines(title: str, lines: Sequence[CapacityLine]) -> None:
    """Print a table, then the assumptions and source of every line that applies."""
    columns = [("formula", "left"), ("value", "right"), ("unit", "left"), ("kind", "left")]
    columns.append(("of", "left"))
    rows = [
        (
            line.key,
            "–" if line.value is None else f"{line.value:,.0f}",
            line.unit,
            line.kind,
            line.bounds if line.objection is None else f"does not apply: {line.objection}",
        )
        for line in lines
    ]
    print_table(title, columns, rows)
    for line in lines:
        if line.objection is None:
            text = f"{line.assumptions} ({line.source})."
            console().print(headed(line.key, text), soft_wrap=True)
    console().print()
