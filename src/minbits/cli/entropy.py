"""``minbits entropy``: all that a data set's bits are, each figure with what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from minbits.charts.chart import Chart, picture_kind
from minbits.charts.entropy_ladder import draw_entropy_ladder, ladder_chart
from minbits.charts.feature_chart import draw_feature_chart, feature_numbers
from minbits.charts.heat_map import draw_heat_map
from minbits.claims.outputs import kept_files, output_stem
from minbits.cli.data_options import CategoricalOption, DataArgument, LabelOption, ResizeOption
from minbits.cli.figures import print_figures
from minbits.cli.input_ladder import ladder_as_json, print_ladder, question_line
from minbits.cli.output import JsonOption, QuietOption, console, print_json, progress_printer
from minbits.data import load
from minbits.data.inspection import plain_report
from minbits.data.tables import plain_columns, table_of
from minbits.files import check_outputs
from minbits.information.discretise import Binarise, Discretisation
from minbits.information.features import plain_features
from minbits.information.ladder import DEFAULT_THRESHOLD
from minbits.jobs.entropy_report import DEFAULT_MINUTES, EntropyReport, entropy_report
from minbits.types import DataSet, plain_figure


def entropy(
    data: DataArgument,
    threshold: Annotated[
        float, typer.Option(help="A pixel is on where its raw value is greater than this.")
    ] = DEFAULT_THRESHOLD,
    binarise: Annotated[
        str,
        typer.Option(
            help="Of grey images: threshold, static or stochastic (drawn by grey value), or none."
        ),
    ] = "threshold",
    step: Annotated[
        float | None,
        typer.Option(
            help="Step at which real columns are quantised.",
            show_default="a power of two, about a sixteenth of the standard deviation",
        ),
    ] = None,
    minutes: Annotated[
        float,
        typer.Option(help="Wall-clock time for the ladder of H(X); 0 leaves the ladder out."),
    ] = DEFAULT_MINUTES,
    dimension: Annotated[
        bool,
        typer.Option(
            "--dimension", help="Estimate the intrinsic dimension too (minbits[dimension])."
        ),
    ] = False,
    heat_map: Annotated[
        Path | None,
        typer.Option(help="Where the heat map goes.", show_default="DATA-heat-map.png"),
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(
            help="Where the chart of what each input tells goes.",
            show_default="DATA-features.png",
        ),
    ] = None,
    ladder: Annotated[
        Path | None,
        typer.Option(help="Where the chart of the ladder goes.", show_default="DATA-ladder.png"),
    ] = None,
    label: LabelOption = None,
    categorical: CategoricalOption = None,
    resize: ResizeOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Print entropies of a data set, each with its unit and what it says.

    The ladder bounds H(X) of one example from above, on held-out examples: from independent
    variables over trees, contexts, mixtures and compressors to autoregressive networks, as far as
    --minutes allow.

    Example: minbits entropy mnist --minutes 20
    """
    loaded = load(data, label=label, categorical=categorical or (), resize=resize)
    stem = output_stem(loaded, label)
    paths = {
        "heat_map": heat_map or Path(f"{stem}-heat-map.png"),
        "features_chart": features or Path(f"{stem}-features.png"),
        "ladder_chart": ladder or Path(f"{stem}-ladder.png"),
    }
    # Before the long part, so that a mistyped path costs no minutes.
    outputs = {f"the {name.replace('_', ' ')}": path for name, path in paths.items()}
    check_outputs(outputs, kept_files(None, [Path(data)]))
    for path in paths.values():
        picture_kind(path)
    how = Discretisation(cast(Binarise, binarise), threshold, step)
    say = progress_printer(quiet)
    found = entropy_report(
        loaded,
        minutes,
        how,
        report=lambda text: say(f"{text} …"),
        with_dimension=dimension,
    )
    pictures = _draw(found, loaded, how, paths)
    if as_json:
        print_json(_as_json(found, loaded, how, pictures))
        return
    _print(found, loaded, pictures)


def _draw(
    found: EntropyReport, data: DataSet, how: Discretisation, paths: dict[str, Path]
) -> dict[str, str | None]:
    """Write the pictures that there are numbers for, and return where they went."""
    drawn: dict[str, Chart[Any] | None] = dict.fromkeys(paths)
    if found.table.pixels is not None:
        drawn["heat_map"] = draw_heat_map(found.table.pixels, data.name)
    numbers = feature_numbers(found.labels.features)
    drawn["features_chart"] = draw_feature_chart(numbers, data.name)
    if found.ladder is not None:
        chart = ladder_chart(found.ladder, data.name, how.binarise)
        drawn["ladder_chart"] = draw_entropy_ladder(chart)
    for name, picture in drawn.items():
        if picture is not None:
            picture.save(paths[name])
    return {name: None if picture is None else str(paths[name]) for name, picture in drawn.items()}


def _as_json(
    found: EntropyReport, data: DataSet, how: Discretisation, pictures: dict[str, str | None]
) -> dict[str, Any]:
    return {
        "data": data.name,
        "data_digest": data.digest,
        "threshold": how.threshold,
        "binarise": how.binarise,
        **pictures,
        "figures": [plain_figure(figure) for figure in found.figures],
        "report": plain_report(found.inspection),
        "columns": plain_columns(data),
        "features": plain_features(found.labels.features),
        "ladder": None if found.ladder is None else ladder_as_json(found.ladder),
    }


def _why_no_pixels(data: DataSet) -> str:
    if table_of(data) is not None:
        return "Columns of a table are no pixels"
    return "Inputs are not grey values"


def _print(found: EntropyReport, data: DataSet, pictures: dict[str, str | None]) -> None:
    title = f"{data.name}: {len(data.train_labels):,} training examples"
    print_figures(title, found.quick_figures)
    line = question_line(found.table)
    if line is not None:
        console().print(line)
    for remark in found.inspection.remarks():
        console().print(remark)
    console().print(f"Test set: {found.inspection.split}. Digest of the data: {data.digest}.")
    console().print()
    if found.ladder is not None:
        print_ladder(found.ladder, data.name)
    if pictures["heat_map"] is None:
        console().print(f"{_why_no_pixels(data)}: no threshold, no pixel figures, no heat map.")
    else:
        console().print(f"Heat map: {pictures['heat_map']}")
    console().print(f"What each input tells about the label: {pictures['features_chart']}")
    if pictures["ladder_chart"] is not None:
        console().print(f"The ladder: {pictures['ladder_chart']}")
