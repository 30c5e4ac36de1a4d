"""Charts of studies: a proper one for trainability, a generic one for every other study."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from minbits.capacity.network_shape import architecture_shape
from minbits.errors import ArgumentError, MinbitsError
from minbits.intervals import p_value_text
from minbits.networks.grammar import parse_architecture
from minbits.reports import vega
from minbits.reports.blocks import PageChart, Section, name_text, page_table, percent
from minbits.reports.facts import DataFacts, StudyFacts
from minbits.reports.plane_chart import plane_section
from minbits.studies.losses import LOSS_UNITS, loss_key
from minbits.studies.plane import PLANE
from minbits.studies.trainability import TRAINABILITY
from minbits.studies.trainability_statistics import WIDTH_NAMES, WidthRow, statements, width_row

# Of a group, the values that are drawn; all of them are in the statistics.
_MAX_DRAWN = 60
_MAX_CHARTS = 6
_MAX_GROUPS = 24
_AXES = 3  # channels, height and width
_OF_A_TRAINING = ("test_correct", "test_examples", "seconds")

Row = dict[str, Any]
Settings = Mapping[str, Any]


def study_sections(facts: DataFacts) -> list[Section]:
    """Return a section for each study of a data set."""
    by_key: dict[str, list[StudyFacts]] = {}
    for item in facts.studies:
        by_key.setdefault(item.study, []).append(item)
    sections = []
    for key, items in by_key.items():
        draw = _DRAWN.get(key)
        own = [] if draw is None else draw(facts, items)
        sections += own or [_generic(key, items)]
    return sections


def _evenly(values: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Return at most `_MAX_DRAWN` of seeds and values, spread evenly over the ranks."""
    ranked = sorted(values, key=lambda pair: pair[1])
    if len(ranked) <= _MAX_DRAWN:
        return ranked
    places = np.linspace(0, len(ranked) - 1, _MAX_DRAWN).round().astype(int)
    return [ranked[place] for place in places]


def _without(settings: Settings, *names: str) -> str:
    return json.dumps({k: v for k, v in settings.items() if k not in names}, sort_keys=True)


def _in_words(settings: Settings, *left_out: str) -> str:
    parts = [f"{k.replace('_', ' ')} {v}" for k, v in settings.items() if k not in left_out]
    return ", ".join(parts)


def _trainability(facts: DataFacts, items: Sequence[StudyFacts]) -> list[Section]:
    """Return one section for each way of training, over the widths."""
    ways: dict[str, list[StudyFacts]] = {}
    for item in items:
        layers = _with_any_width(item.settings)
        way = f"{layers} {_without(item.settings, 'width', 'architecture')}"
        ways.setdefault(way, []).append(item)
    sections = []
    for ordered in ways.values():
        rows = [row for item in ordered if (row := _width_row(facts, item)) is not None]
        if rows:
            rows.sort(key=lambda row: row.width)
            sections.append(_trainability_section(ordered[0].settings, rows))
    return sections


def _with_any_width(settings: Settings) -> str:
    """Return the layers with W for the width, which tells depths and kinds of layers apart."""
    *hidden, last = str(settings.get("architecture", "")).split("; ")
    units = re.compile(rf"\b(linear|conv) {settings.get('width')}\b")
    return "; ".join([*(units.sub(r"\1 W", layer) for layer in hidden), last])


def _width_row(facts: DataFacts, item: StudyFacts) -> WidthRow | None:
    """Return the statistics of one width; None where fewer than two trainings ended well."""
    width = item.settings.get("width")
    named = str(item.settings.get("loss", "cross-entropy"))
    keys = (loss_key("train", named), loss_key("test", named), *_OF_A_TRAINING)
    results = [one for one in item.results.values() if _is_training(one, keys)]
    if not isinstance(width, int):
        return None
    try:
        return width_row(width, _parameters(facts, item.settings), results)
    except ArgumentError:
        return None


def _is_training(result: Mapping[str, Any], keys: Sequence[str]) -> bool:
    """Whether a result, which another ledger may have brought, is one of a training."""
    return "failed" in result or all(_is_number(result.get(key)) for key in keys)


def _unit(settings: Settings) -> str:
    """Return what a training's losses are counted in."""
    units: dict[str, str] = {str(loss): unit for loss, unit in LOSS_UNITS.items()}
    return units.get(str(settings.get("loss", "cross-entropy")), "of a loss without a unit here")


def _width_name(settings: Settings) -> str:
    """Return what the width of a layer counts."""
    is_convolution = str(settings.get("architecture", "")).startswith("conv ")
    return WIDTH_NAMES["convolution" if is_convolution else "linear"]


def _parameters(facts: DataFacts, settings: Settings) -> int:
    """Return the weights and biases of a network; 0 where the ledger does not know the inputs."""
    if facts.input_shape is None or len(facts.input_shape) != _AXES:
        return 0
    channels, height, width = facts.input_shape
    text = str(settings.get("architecture", ""))
    try:
        architecture = parse_architecture(text, (channels, height, width), 0)
        return architecture_shape(architecture, text).parameters
    except MinbitsError:
        return 0


def _losses_drawn(row: WidthRow, unit: str, name: str) -> list[Row]:
    group = f"{row.width:,}"
    return [
        {"group": group, "value": loss, "label": f"{group} {name}: test loss {loss:.4f} {unit}"}
        for _, loss in _evenly(list(enumerate(row.test_losses.tolist())))
    ]


def _pairs_drawn(row: WidthRow, unit: str, name: str) -> list[Row]:
    group, found = f"{row.width:,} {name}", []
    for place, test in _evenly(list(enumerate(row.test_losses.tolist()))):
        train = float(row.train_losses[place])
        label = f"{group}: training loss {train:.4f}, test loss {test:.4f} {unit}"
        found.append({"x": train, "y": test, "group": group, "label": label})
    return found


def _mean_drawn(row: WidthRow, unit: str, name: str) -> Row:
    group, mean = f"{row.width:,}", row.test_loss
    label = (
        f"{group} {name}: mean test loss {mean.value:.4f} {unit}, 95 % interval {mean.low:.4f} to "
        f"{mean.high:.4f}, {len(row.test_losses):,} trainings"
    )
    ends = {"low": mean.low, "high": mean.high}
    return {"group": group, "value": mean.value, "label": label, **ends}


def _trainability_section(settings: Settings, rows: Sequence[WidthRow]) -> Section:
    unit, name = _unit(settings), _width_name(settings)
    values = [item for row in rows for item in _losses_drawn(row, unit, name)]
    both = [item for row in rows for item in _pairs_drawn(row, unit, name)]
    table = page_table(
        "Where trainings end",
        (f"{name}|", "parameters|", "trainings|", "failed|", f"training loss, {unit}|",
         f"test loss, {unit}|", "its deviation (95 %)|", "train-test correlation (95 %)|",
         "test accuracy|"),
        map(_width_cells, rows),
    )  # fmt: skip
    drawn = "" if max(len(row.test_losses) for row in rows) <= _MAX_DRAWN else (
        f" Of each width {_MAX_DRAWN} trainings are drawn, evenly over their ranks."
    )  # fmt: skip
    texts = [
        f"{item.text[0].upper()}{item.text[1:]}: {item.verdict} ({item.method}: "
        f"{item.statistic:.3f}, {p_value_text(item.p_value)})."
        for item in (statements(rows) if len(rows) > 1 else [])
    ]
    trainings = sum(len(row.test_losses) for row in rows)
    way = ", ".join(
        part
        for part in (_with_any_width(settings), _in_words(settings, "width", "architecture"))
        if part
    )
    intro = (
        f"{trainings:,} trainings from different seeds: {way}. Nothing is chosen by the test set."
    )
    losses = PageChart(
        "Test loss by width", f"Each tick is a training, each diamond a mean.{drawn}",
        vega.strips(values, f"{name} of a hidden layer", f"test loss [{unit}]",
                   [_mean_drawn(row, unit, name) for row in rows]), table,
    )  # fmt: skip
    pairs = PageChart(
        "Test against training loss", "Does a lower training loss mean a lower test loss?",
        vega.pairs(both, f"training loss [{unit}]", f"test loss [{unit}]"), table,
    )  # fmt: skip
    return Section("Trainability", (intro, *texts), (losses, pairs))


def _width_cells(row: WidthRow) -> tuple[str, ...]:
    spread, known = row.test_loss_deviation, row.correlation
    return (
        f"{row.width:,}", f"{row.parameters:,}" if row.parameters else "",
        f"{len(row.test_losses):,}", f"{row.failed:,}", f"{row.train_losses.mean():.4f}",
        f"{row.test_loss.value:.4f}", f"{spread.value:.4f} ({spread.low:.4f} to {spread.high:.4f})",
        "" if known is None else f"{known.value:.2f} ({known.low:.2f} to {known.high:.2f})",
        percent(float(row.test_accuracies.mean())),
    )  # fmt: skip


def _planes(facts: DataFacts, items: Sequence[StudyFacts]) -> list[Section]:
    return [section for item in items if (section := plane_section(item)) is not None]


_DRAWN: dict[str, Callable[[DataFacts, Sequence[StudyFacts]], list[Section]]] = {
    TRAINABILITY.key: _trainability,
    PLANE.key: _planes,
}


def _numbers(results: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the keys under which results hold plain numbers, in order."""
    keys: dict[str, None] = {}
    for result in results:
        keys |= {key: None for key, value in result.items() if _is_number(value)}
    return [key for key in keys if key != "seconds"] + ["seconds"]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _varying(items: Sequence[StudyFacts]) -> list[str]:
    """Return the settings that differ among the groups of a study."""
    keys = {key: None for item in items for key in item.settings}
    texts = {key: {json.dumps(item.settings.get(key)) for item in items} for key in keys}
    return [key for key in keys if len(texts[key]) > 1]


def _generic(key: str, items: Sequence[StudyFacts]) -> Section:
    """Return a study of any kind: each number that its results hold, by settings."""
    varying = _varying(items)
    names = [
        name_text(
            ", ".join(f"{k.replace('_', ' ')} {item.settings.get(k)}" for k in varying) or key
        )
        for item in items
    ]
    found = _numbers(result for item in items for result in item.results.values())
    cells: list[tuple[str, ...]] = []
    charts: list[PageChart] = []
    for number in found:
        values: list[Row] = []
        for name, item in zip(names, items, strict=True):
            own = [(s, float(r[number])) for s, r in item.results.items()
                   if _is_number(r.get(number))]  # fmt: skip
            if not own:
                continue
            only = np.array([value for _, value in own])
            deviation = f"{only.std(ddof=1):,.6g}" if len(only) > 1 else ""
            cells.append(
                (number, name, f"{len(only):,}", f"{only.mean():,.6g}", deviation,
                 f"{only.min():,.6g}", f"{only.max():,.6g}")
            )  # fmt: skip
            values += [
                {"group": name, "value": value,
                 "label": f"{name}, seed {seed}: {number.replace('_', ' ')} {value:,.6g}"}
                for seed, value in _evenly(own)
            ]  # fmt: skip
        if len(charts) < _MAX_CHARTS and len({row["group"] for row in values}) <= _MAX_GROUPS:
            title = number.replace("_", " ")
            table = page_table(
                title, ("settings", "seed and value"),
                [(row["group"], row["label"]) for row in values],
            )  # fmt: skip
            spec = vega.strips(values, ", ".join(varying) or "all", title)
            charts.append(PageChart(title, "Each tick is one measurement.", spec, table))
    failed = sum("failed" in result for item in items for result in item.results.values())
    total = sum(len(item.results) for item in items)
    text = f"{total:,} measurements under {len(items):,} choice{'s' * (len(items) > 1)} of settings"
    text += f", {failed:,} of which failed." if failed else "."
    same = {k: v for k, v in items[0].settings.items() if k not in varying}
    summary = page_table(
        f"{key}: numbers over seeds",
        ("number", "settings", "measurements|", "mean|", "deviation|", "least|", "largest|"), cells,
    )  # fmt: skip
    texts = (text, f"Settings of all: {_in_words(same)}.") if same else (text,)
    return Section(f"Study: {key.replace('_', ' ')}", texts, tuple(charts), (summary,))
