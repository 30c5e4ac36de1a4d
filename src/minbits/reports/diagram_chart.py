"""The diagram over many data sets, interactive: the numbers of `minbits diagram`."""

from __future__ import annotations

import dataclasses
from typing import Any

from minbits.reports import vega
from minbits.reports.blocks import (
    PageChart,
    PageTable,
    Section,
    bits_text,
    name_text,
    page_table,
    percent,
    target_text,
)
from minbits.reports.facts import CodeFacts, DataFacts, MadeBy
from minbits.studies.size_diagram import AXES, DiagramStatistics, Point, SizeDiagram
from minbits.types import Quantity

_LABELS, _CODE = "label_entropy_total", "label_code_bits"


def diagram_section(diagram: SizeDiagram) -> Section:
    """Return the diagram with what it says in numbers; a sentence where it has no points."""
    title = "Does size follow what the data carries?"
    left_out = page_table(
        "Data sets that are not in the diagram", ("data set", "why"),
        [(name_text(item.data_name), item.reason) for item in diagram.left_out],
    )  # fmt: skip
    tables = (left_out,) if diagram.left_out else ()
    points = diagram.drawn()
    if not points:
        text = (
            "No data set has both a verified file and a measured X yet: `minbits diagram DATA` "
            "searches and measures."
        )
        return Section(title, (text,), (), tables)
    axis = diagram.axis
    rows = [_row(diagram, point) for point in points]
    ends: list[float] = []
    if axis.unit == "bits":
        values = [value for row in rows for value in (row["x"], row["y"])]
        ends = [min(values), max(values)]
    text = (
        f"One point a data set. X: {axis.meaning}. Y: bits of the smallest verified file so "
        "far. Filled: even the lower limit of the true accuracy reaches the target; hollow: not. "
        "The dotted line leads from the first file that was found to the best, the solid one spans "
        "what independent searches came to" + ("; the broken line is Y = X." if ends else ".")
    )
    table = page_table(
        "The diagram",
        ("data set", f"{axis.title}|", "bits|", "first bits|", "searches|", "target|",
         "test accuracy|", "true accuracy at least|", "trials|", "usual network", "planted bits|"),
        [_cells(diagram, point) for point in points],
    )  # fmt: skip
    spec = vega.scatter(rows, ends, axis.title, "bits of the smallest file")
    chart = PageChart("The diagram", text, spec, table)
    statistics = [item for item in (diagram.statistics, diagram.one_a_group) if item is not None]
    tables = (*map(_statistics_table, statistics), *tables)
    texts = tuple(map(_best, statistics))
    return Section(title, texts, (chart,), tables)


def _point(diagram: SizeDiagram, digest: str) -> Point | None:
    return next((one for one in diagram.points if one.measured.data_digest == digest), None)


def with_measures(facts: DataFacts, diagram: SizeDiagram) -> DataFacts:
    """Return facts of a data set, with measures of the diagram where the ledger has none.

    The measures of published records stand beside their cards, and not in the ledger.
    """
    point = _point(diagram, facts.digest)
    if point is None:
        return facts
    figures, codes = facts.figures, facts.codes
    labels, code = point.x.get(_LABELS), point.x.get(_CODE)
    if labels is not None and facts.figure(_LABELS) is None:
        figure = Quantity(
            _LABELS, labels.value, "bits", "Y", "data set", "upper bound", labels.method,
            labels.low, labels.high,
        )  # fmt: skip
        figures = (*figures, figure)
    if code is not None and facts.shortest_code is None:
        made = MadeBy("", {}, {}, "", None)
        codes = (CodeFacts("shortest", code.value, True, code.method, "", (), None, made), *codes)
    return dataclasses.replace(facts, figures=figures, codes=codes)


def measured_table(diagram: SizeDiagram, digest: str) -> PageTable | None:
    """Return what was measured of a data set for the diagram; None where it is no point."""
    point = _point(diagram, digest)
    if point is None:
        return None
    return page_table(
        "Measured for the diagram", ("measure", "value|", "95 % interval|", "method"),
        [
            (
                AXES[key].title, f"{item.value:,.6g}",
                "" if item.low is None or item.high is None
                else f"{item.low:,.6g} to {item.high:,.6g}",
                item.method,
            )
            for key, item in point.x.items()
        ],
    )  # fmt: skip


def _row(diagram: SizeDiagram, point: Point) -> dict[str, Any]:
    x, y = point.x[diagram.x_key], diagram.y_bits(point)
    low, high = point.range_bits
    name = name_text(point.data_name)
    row = {
        "x": x.value, "y": y, "low": low, "high": high, "first": point.first_bits, "name": name,
        "shown": "yes" if point.is_shown_to_reach else "no",
        "label": f"{name}: {bits_text(y)} at {target_text(point.target_accuracy)}, "
        f"X {x.value:,.6g}, {point.measured.trials:,} trials",
    }  # fmt: skip
    if x.low is not None and x.high is not None and x.low > 0:
        row |= {"x_low": x.low, "x_high": x.high}
    return row


def _cells(diagram: SizeDiagram, point: Point) -> tuple[str, ...]:
    usual, true_bits = point.figures.usual, point.figures.true_bits
    low, high = point.range_bits
    searches = len(point.measured.searches)
    return (
        name_text(point.data_name), f"{point.x[diagram.x_key].value:,.6g}",
        f"{diagram.y_bits(point):,}", f"{point.first_bits:,}",
        f"{searches}: {low:,} to {high:,}" if searches else "", target_text(point.target_accuracy),
        percent(point.correct / point.n_test), percent(point.lower_limit),
        f"{point.measured.trials:,}",
        "" if usual is None else f"{usual.name}, {usual.size_bits:,} bits",
        "" if true_bits is None else f"{true_bits:,}",
    )  # fmt: skip


def _best(statistics: DiagramStatistics) -> str:
    text = f"{statistics.scope}: {statistics.points:,} points."
    if statistics.best_key is not None and statistics.best_share is not None:
        text += (
            f" Of the measures that {statistics.compared_sets:,} sets have, "
            f"“{AXES[statistics.best_key].title}” predicts the size of a set that was left out "
            f"best, in {percent(statistics.best_share, 0)} of bootstrap samples."
        )
    return text


def _statistics_table(statistics: DiagramStatistics) -> PageTable:
    return page_table(
        f"Which X predicts the size: {statistics.scope}",
        ("X", "sets|", "rank correlation (95 %)|", "permutation p|", "exponent (95 %)|",
         "variance predicted, set left out|"),
        [
            (
                AXES[item.key].title, f"{item.sets:,}",
                f"{item.correlation.value:.2f} ({item.correlation.low:.2f} to "
                f"{item.correlation.high:.2f})",
                f"{item.p_value:.2g}",
                f"{item.exponent.value:.2f} ({item.exponent.low:.2f} to {item.exponent.high:.2f})",
                percent(item.left_out_share, 0),
            )
            for item in statistics.axes
        ],
    )  # fmt: skip
