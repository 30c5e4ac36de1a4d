"""``minbits entropy``: the question's pipeline, each figure with what it says."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from minbits.cli.data_options import CategoricalOption, DataArgument, LabelOption, ResizeOption
from minbits.cli.figures import print_figures
from minbits.cli.output import JsonOption, console, print_json
from minbits.data import load
from minbits.data.inspection import inspect_data, plain_report
from minbits.data.tables import plain_columns
from minbits.files import write_atomically
from minbits.information.features import plain_features
from minbits.information.label_information import label_information
from minbits.information.ladder import DEFAULT_THRESHOLD, entropy_table
from minbits.views.feature_chart import draw_feature_chart, feature_numbers
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
    features: Annotated[
        Path | None,
        typer.Option(
            help="Where the chart of what each input tells goes.",
            show_default="DATA-features.png",
        ),
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
    report = inspect_data(loaded)
    labels = label_information(loaded)
    figures = (*table.figures, *labels.figures)
    features_path = features or Path(f"{loaded.name}-features.png")
    chart = draw_feature_chart(feature_numbers(labels.features), loaded.name)
    write_atomically(features_path, chart)
    if as_json:
        print_json(
            {
                "data": loaded.name,
                "data_digest": loaded.digest,
                "threshold": threshold,
                "heat_map": None if path is None else str(path),
                "figures": [dataclasses.asdict(figure) for figure in figures],
                "report": plain_report(report),
                "columns": plain_columns(loaded),
                "features": plain_features(labels.features),
                "features_chart": str(features_path),
            }
        )
        return
    print_figures(f"{table.data_name}: {len(loaded.train_labels):,} training examples", figures)
    for remark in report.remarks():
        console().print(remark)
    console().print(f"Test set: {report.split}. Digest of the data: {loaded.digest}.")
    console().print(f"What each input tells about the label: {features_path}")
    if path is None:
        console().print("Inputs are not grey values: no threshold, no pixel figures, no heat map.")
    else:
        console().print(f"Heat map: {path}")
