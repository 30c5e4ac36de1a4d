"""The diagram over many sets: no name lies over another one or over a point."""

from __future__ import annotations

import dataclasses
import itertools

import matplotlib.figure
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from minbits.charts.chart import drawing
from minbits.charts.label_places import Box, place_boxes
from minbits.charts.size_chart import draw_size_diagram
from minbits.jobs.diagram import with_statistics
from minbits.studies.size_diagram import SizeDiagram
from tests.studies.diagram_points import point, power_law

NAMES = (
    *(f"keel:table of some length {index}" for index in range(24)),
    "iris", "mnist", "planted:12,2", "parity:8", "majority:11", "a $name_ of dollars^2",
)  # fmt: skip


def figure_of(diagram: SizeDiagram) -> matplotlib.figure.Figure:
    chart = draw_size_diagram(diagram)
    with drawing():
        figure = chart.draw(chart.numbers)
        FigureCanvasAgg(figure).draw()
    return figure


def boxes_of(figure: matplotlib.figure.Figure) -> list[Box]:
    texts = [text for text in figure.axes[0].texts if "(50)" in text.get_text()]
    extents = [text.get_window_extent() for text in texts]
    return [Box(e.x0, e.y0, e.x1, e.y1) for e in extents]


def diagram_of(spread: float) -> SizeDiagram:
    points = tuple(
        dataclasses.replace(item, size_bits=round(item.size_bits**spread * 100 ** (1 - spread)))
        for item in power_law(30, 0.6, 0.8, NAMES)
    )
    return with_statistics(SizeDiagram("label_code_bits", "file", None, points))


@pytest.mark.parametrize("spread", [1.0, 0.2])
def test_no_name_lies_over_another_one_for_thirty_points(spread: float) -> None:
    figure = figure_of(diagram_of(spread))
    boxes = boxes_of(figure)
    assert len(boxes) == 30
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    window = figure.axes[0].get_window_extent()
    inside = Box(window.x0 - 1, window.y0 - 1, window.x1 + 1, window.y1 + 1)
    assert all(box.lies_in(inside) for box in boxes)


def test_no_name_lies_over_a_point() -> None:
    diagram = diagram_of(1.0)
    figure = figure_of(diagram)
    places = figure.axes[0].transData.transform(
        [(p.x["label_code_bits"].value, p.size_bits) for p in diagram.points]
    )
    for box, (x, y) in itertools.product(boxes_of(figure), places):
        assert not box.overlaps(Box(x - 1, y - 1, x + 1, y + 1))


def test_crowded_names_keep_apart_and_inside() -> None:
    generator = np.random.default_rng(0)
    anchors = [(float(x), float(y)) for x, y in generator.normal(500, 20, (40, 2))]
    within = Box(0, 0, 1000, 1000)
    found = place_boxes(anchors, [(90.0, 12.0)] * 40, [], within, 1.0)
    assert all(box.lies_in(within) for box in found)
    assert not any(one.overlaps(other) for one, other in itertools.combinations(found, 2))


@pytest.mark.parametrize("points", [(), (point("one set", {"label_code_bits": 9.0}, 80),)])
def test_a_diagram_of_no_set_and_of_one_is_drawn(points: tuple[object, ...]) -> None:
    diagram = SizeDiagram("label_code_bits", "file-and-encoding", 0.9, points)  # type: ignore[arg-type]
    assert draw_size_diagram(diagram).picture("svg").startswith(b"<?xml")
    assert draw_size_diagram(diagram).picture("pdf").startswith(b"%PDF")


def test_an_x_of_another_unit_has_no_line_of_equal_bits() -> None:
    points = power_law(6, 0.6, 0.1)
    for key, has_line in (("label_code_bits", True), ("input_numbers", False)):
        figure = figure_of(SizeDiagram(key, "file", None, points))
        labels = {line.get_label() for line in figure.axes[0].get_lines()}
        assert ("y = x" in labels) == has_line
