"""The diagram over many data sets on the page: the numbers of `minbits diagram`, and no others."""

from __future__ import annotations

from minbits.reports.diagram_chart import diagram_section, measured_table, with_measures
from minbits.reports.facts import DataFacts
from minbits.studies.diagram_statistics import diagram_statistics
from minbits.studies.size_diagram import LeftOut, SizeDiagram
from tests.reports.examples import size_diagram, size_point


def test_a_point_is_where_the_diagram_has_it() -> None:
    diagram = size_diagram(30)
    section = diagram_section(diagram)
    rows = [layer["data"]["values"] for layer in section.charts[0].spec["layer"] if "data" in layer]
    values = section.charts[0].spec["data"]["values"]
    for row, point in zip(values, diagram.points, strict=True):
        assert (row["x"], row["y"]) == (point.x["label_code_bits"].value, point.size_bits)
        assert (row["low"], row["high"]) == point.range_bits
        assert row["first"] == point.first_bits
        assert (row["shown"] == "yes") == point.is_shown_to_reach
    # The line Y = X spans all values.
    ends = [min(v for r in values for v in (r["x"], r["y"])),
            max(v for r in values for v in (r["x"], r["y"]))]  # fmt: skip
    assert rows[0] == [{"x": end, "y": end} for end in ends]
    assert len(section.charts[0].table.rows) == 30


def test_statistics_are_those_of_the_diagram() -> None:
    points = size_diagram(30).points
    known = diagram_statistics(points, "label_code_bits", lambda point: point.size_bits, "all sets")
    assert known is not None
    diagram = SizeDiagram("label_code_bits", "file", None, points, (), known)
    section = diagram_section(diagram)
    row = section.tables[0].rows[0]
    assert row[1] == "30"
    assert row[2].startswith(f"{known.axes[0].correlation.value:.2f} (")
    assert section.texts[0].startswith("all sets: 30 points.")


def test_what_is_left_out_is_told() -> None:
    diagram = SizeDiagram("label_code_bits", "file", None, (), (LeftOut("one", "no X"),))
    section = diagram_section(diagram)
    assert section.charts == ()
    assert section.tables[0].rows == (("one", "no X"),)


def test_measures_of_a_set_are_told_with_how_they_were_found() -> None:
    diagram = size_diagram(2)
    point = size_point(1)
    table = measured_table(diagram, point.measured.data_digest)
    assert table is not None
    assert table.rows[0][3] == "by hand"
    assert measured_table(diagram, "f" * 64) is None


def test_a_measured_code_stands_in_where_the_ledger_has_none() -> None:
    diagram = size_diagram(2)
    digest = size_point(1).measured.data_digest
    found = with_measures(DataFacts("one", digest, "one"), diagram)
    assert found.shortest_code is not None
    assert found.shortest_code.bits == size_point(1).x["label_code_bits"].value
    assert with_measures(found, diagram).codes == found.codes
    other = DataFacts("other", "f" * 64, "other")
    assert with_measures(other, diagram) is other
