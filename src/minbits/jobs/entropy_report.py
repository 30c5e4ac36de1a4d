"""All that is found out about one data set: counts, labels, and the ladder of H(X)."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minbits.autoregressive.ensemble import NEURAL_MODELS
from minbits.charts.chart import Chart, picture_kind
from minbits.charts.entropy_ladder import draw_entropy_ladder, ladder_chart
from minbits.charts.feature_chart import draw_feature_chart, feature_numbers
from minbits.charts.heat_map import draw_heat_map
from minbits.claims.outputs import kept_files, output_stem
from minbits.data.inspection import DataReport, inspect_data, plain_report
from minbits.data.tables import plain_columns
from minbits.files import check_outputs
from minbits.information.differential import differential_quantities
from minbits.information.discretise import discretise
from minbits.information.entropy_table import EntropyTable, entropy_table, figure_of
from minbits.information.features import plain_features
from minbits.information.input_ladder import InputLadder, climb
from minbits.information.input_models import INPUT_MODELS
from minbits.information.intrinsic_dimension import DimensionCurve, dimension_curves
from minbits.information.label_information import LabelInformation, label_information
from minbits.information.rung import InputModel
from minbits.jobs.entropy_request import EntropyRequest
from minbits.jobs.kept_figures import FiguresKeeper, counts_result
from minbits.jobs.shared_options import Origin
from minbits.ledger.location import chosen_ledger
from minbits.notebook import Cells, Shown
from minbits.studies.kept import ENTROPY
from minbits.types import (
    QUANTITY_COLUMNS,
    DataSet,
    Plain,
    Quantity,
    plain_quantity,
    quantity_cells,
)

_MAX_DENSITY_SECONDS = 20.0

# Counting models first, then networks, which take what time is left.
ALL_MODELS: tuple[InputModel, ...] = (*INPUT_MODELS, *NEURAL_MODELS)


@dataclass(frozen=True, eq=False, repr=False)
class EntropyReport(Shown):
    """The figures of one data set.

    Attributes:
        request: what was asked.
        columns: of a table, with their encoding; None for other data.
        table: what counting alone says.
        labels: what inputs tell about labels.
        inspection: duplicates, leakage, imbalance and how the data was split.
        density: of real columns, the differential entropy beside the quantised one.
        ladder: bounds of the entropy of one example; None where no time was given for it.
        dimensions: curves of the intrinsic dimension, where they were asked for.
        pictures: where each picture went, None where it was not asked for or not drawn.
    """

    request: EntropyRequest
    columns: list[dict[str, Any]] | None
    table: EntropyTable
    labels: LabelInformation
    inspection: DataReport
    density: tuple[Quantity, ...]
    ladder: InputLadder | None
    dimensions: tuple[DimensionCurve, ...] = ()
    pictures: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def quick_figures(self) -> tuple[Quantity, ...]:
        """All figures but the ladder's."""
        dimensions = tuple(curve.figure() for curve in self.dimensions)
        return (*self.table.figures, *self.labels.figures, *self.density, *dimensions)

    @property
    def figures(self) -> tuple[Quantity, ...]:
        """All figures, the ladder's last."""
        if self.ladder is None:
            return self.quick_figures
        return (*self.quick_figures, *self.ladder.figures())

    def figure(self, key: str) -> Quantity:
        """Return the figure of that key.

        Raises:
            ArgumentError: if there is none.
        """
        return figure_of(self.figures, key)

    def summary(self) -> str:
        """Return what it is, in one line."""
        return f"{len(self.figures)} figures of {self.table.data_name}"

    def facts(self) -> Cells:
        """Return the rows of its table, one a figure."""
        return quantity_cells(self.figures)

    def header(self) -> tuple[str, ...]:
        """Return the names of the table's columns."""
        return QUANTITY_COLUMNS

    def picture_path(self) -> str | None:
        """Return the chart of the ladder, or else another picture, as it was written."""
        return self.pictures.get("ladder_chart") or self.pictures.get("heat_map")


def entropy_job(
    data: DataSet,
    request: EntropyRequest,
    models: Sequence[InputModel] = ALL_MODELS,
    say: Callable[[str], None] = lambda text: None,
    origin: Origin | None = None,
) -> EntropyReport:
    """Return the figures of a data set, and the ladder of H(X) as far as time allows.

    Networks train in fresh processes; where the system is not POSIX these import the calling
    script: call this below ``if __name__ == "__main__":`` there.

    Args:
        data: the data set.
        request: what is asked.
        models: in the order of climbing.
        say: called with a sentence before each model.
        origin: where the data were read.

    Raises:
        ArgumentError: if an option is out of its range, or does not fit the data.
        OutputError: if a picture cannot be written.
        LedgerError: if the ledger cannot be used.
    """
    how, origin = request.how, origin or Origin()
    # Before the long part, so that a mistyped path costs no minutes.
    paths = picture_paths(data, request, origin)
    named = {f"the {name.replace('_', ' ')}": path for name, path in paths.items()}
    check_outputs(named, kept_files(chosen_ledger(request.ledger), origin.files))
    for path in paths.values():
        picture_kind(path)
    keeper, began = FiguresKeeper(data, ENTROPY, request.ledger, True), time.monotonic()
    table = entropy_table(data, how.threshold, how.step)
    report = EntropyReport(
        request=request,
        columns=plain_columns(data),
        table=table,
        labels=label_information(data),
        inspection=inspect_data(data),
        density=(),
        ladder=None,
        dimensions=dimension_curves(data) if request.dimension else (),
    )
    if request.minutes > 0:
        most_seconds = min(_MAX_DENSITY_SECONDS, 6 * request.minutes)
        density = differential_quantities(data, how.step, most_seconds)
        ladder = climb(discretise(data, how), 60 * request.minutes, models, say)
        report = dataclasses.replace(report, density=density, ladder=ladder)
    keeper.keep(_settings(request), _kept(data, report), time.monotonic() - began)
    return dataclasses.replace(report, pictures=_draw(report, paths))


def _settings(request: EntropyRequest) -> dict[str, Plain]:
    """Return what the figures depend on but the data."""
    names = ("threshold", "binarise", "step", "minutes", "dimension")
    return {name: getattr(request, name) for name in names}


def _kept(data: DataSet, report: EntropyReport) -> dict[str, Any]:
    """Return what the ledger keeps of a report."""
    ladder = None if report.ladder is None else plain_ladder(report.ladder)
    figures = [plain_quantity(figure) for figure in report.figures]
    return counts_result(data, report.table) | {"figures": figures, "ladder": ladder}


def picture_paths(data: DataSet, request: EntropyRequest, origin: Origin) -> dict[str, Path]:
    """Return where each picture goes that was asked for."""
    named = {
        "heat_map": request.heat_map,
        "features_chart": request.features,
        "ladder_chart": request.ladder,
    }
    paths = {name: Path(path) for name, path in named.items() if path is not None}
    if request.pictures is None:
        return paths
    stem = output_stem(data, origin.label)
    endings = {"heat_map": "heat-map", "features_chart": "features", "ladder_chart": "ladder"}
    folder = Path(request.pictures)
    return {name: folder / f"{stem}-{ending}.png" for name, ending in endings.items()} | paths


def _draw(report: EntropyReport, paths: dict[str, Path]) -> dict[str, str | None]:
    """Write the pictures that there are numbers for, and return where they went."""
    name, drawn = report.table.data_name, dict[str, Chart[Any]]()
    if "heat_map" in paths and report.table.pixels is not None:
        drawn["heat_map"] = draw_heat_map(report.table.pixels, name)
    if "features_chart" in paths:
        drawn["features_chart"] = draw_feature_chart(feature_numbers(report.labels.features), name)
    if "ladder_chart" in paths and report.ladder is not None:
        chart = ladder_chart(report.ladder, name, report.request.binarise)
        drawn["ladder_chart"] = draw_entropy_ladder(chart)
    for key, picture in drawn.items():
        picture.save(paths[key])
    keys = ("heat_map", "features_chart", "ladder_chart")
    return {key: str(paths[key]) if key in drawn else None for key in keys}


def plain_entropy(report: EntropyReport) -> dict[str, Any]:
    """Return the report as plain data for JSON; the keys are stable."""
    return {
        "data": report.table.data_name,
        "data_digest": report.table.data_digest,
        "threshold": report.request.threshold,
        "binarise": report.request.binarise,
        **report.pictures,
        "figures": [plain_quantity(figure) for figure in report.figures],
        "report": plain_report(report.inspection),
        "columns": report.columns,
        "features": plain_features(report.labels.features),
        "ladder": None if report.ladder is None else plain_ladder(report.ladder),
    }


def plain_ladder(ladder: InputLadder) -> dict[str, Any]:
    """Return the ladder with stable keys; see docs/ladder.md."""
    rungs = [
        dataclasses.asdict(rung)
        | {
            "amortised_model_bits": rung.amortised_model_bits,
            "bits_per_variable": rung.bits_per_variable,
            "interval_95_bits": rung.interval_bits,
        }
        for rung in ladder.rungs
    ]
    return {
        "of": ladder.what,
        "variables": ladder.variables,
        "train_examples": ladder.train_examples,
        "validation_examples": ladder.validation_examples,
        "test_examples": ladder.test_examples,
        "rungs": rungs,
        "skipped": [dataclasses.asdict(item) for item in ladder.skipped],
        "stopped": ladder.stopped,
        "tightest": ladder.tightest.key,
        "bound_bits": ladder.bound_bits,
        "seconds": ladder.seconds,
    }
