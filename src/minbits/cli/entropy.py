"""``minbits entropy``: the question's pipeline, each figure with what it says."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from minbits.cli.data_options import CategoricalOption, DataArgument, LabelOption, ResizeOption
from minbits.cli.output import JsonOption, console, print_json, print_table
from minbits.data import load
from minbits.files import write_atomically
from minbits.information.ladder import DEFAULT_THRESHOLD, EntropyTable, entropy_table
from minbits.views.heat_map import draw_heat_map


def entropy(
    data: DataArgument,
    threshold: Annotated[
        float, typer.Option(help="A pixel is on where its raw value is greater than this.")
    ] = DEFAULT_THRESHOLD,
    heat_map: Annotated[
        Path | None,
        typer.Option(help="Where the heat map PNG goes.", show_default="DATA-heat-map.png"),
    ] = None,
    label: LabelOption = None,
    categorical: CategoricalOption = None,
    resize: ResizeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print entropies of a data set, each with its unit and what it says.

    Example: minbits entropy mnist --threshold 127
    """
    loaded = load(data, label=label, categorical=categorical or (), resize=resize)
    table = entropy_table(loaded, threshold)
    path = None
    if table.pixels is not None:
        path = heat_map or Path(f"{loaded.name}-heat-map.png")
        write_atomically(path, draw_heat_map(table.pixels, loaded.name))
    if as_json:
        print_json(
            {
                "data": loaded.name,
                "data_digest": loaded.digest,
                "threshold": threshold,
                "heat_map": None if path is None else str(path),
                "figures": [dataclasses.asdict(figure) for figure in table.figures],
            }
        )
        return
    _print_figures(table, len(loaded.train_labels))
    if path is None:
        console().print("Inputs are not grey values: no threshold, no pixel figures, no heat map.")
    else:
        console().print(f"Heat map: {path}")


def _print_figures(table: EntropyTable, examples: int) -> None:
    rows = [
        (
            figure.key,
            f"{figure.value:,.5f}" if figure.unit == "bits/label" else f"{figure.value:,.2f}",
            figure.unit,
            figure.of,
            figure.scope,
            figure.kind,
        )
        for figure in table.figures
    ]
    columns = [
        ("figure", "left"),
        ("value", "right"),
        ("unit", "left"),
        ("of", "left"),
        ("scope", "left"),
        ("kind", "left"),
    ]
    print_table(f"{table.data_name}: {examples:,} training examples", columns, rows)
    for figure in table.figures:
        console().print(f"[bold]{figure.key}[/bold]: {figure.method}.")
    console().print()
