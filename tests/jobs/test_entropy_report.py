from __future__ import annotations

import dataclasses

import pytest

from minbits.charts.entropy_ladder import draw_entropy_ladder, ladder_chart
from minbits.errors import ArgumentError
from minbits.information.models.chow_liu import ChowLiu
from minbits.information.models.independent import Independent
from minbits.jobs.entropy_report import entropy_job
from minbits.jobs.entropy_request import EntropyRequest
from minbits.types import DataSet


def test_no_minutes_no_ladder(tiny: DataSet) -> None:
    found = entropy_job(tiny, EntropyRequest(minutes=0))
    assert found.ladder is None
    assert found.figures == found.quick_figures


def test_the_climb_says_where_it_stopped(tiny: DataSet) -> None:
    found = entropy_job(tiny, EntropyRequest(minutes=1e-4))
    assert found.ladder is not None
    assert [rung.key for rung in found.ladder.rungs] == ["independent"]
    assert found.ladder.stopped is not None
    assert "Chow–Liu tree" in found.ladder.stopped


def test_every_rung_is_two_figures_with_unit_scope_and_kind(tiny: DataSet) -> None:
    found = entropy_job(tiny, EntropyRequest(minutes=0.2), [Independent(), ChowLiu()])
    assert found.ladder is not None
    by_key = {figure.key: figure for figure in found.figures}
    bound, cost = by_key["chow_liu_tree"], by_key["chow_liu_tree_model_cost"]
    assert (bound.unit, bound.of, bound.scope, bound.kind) == (
        "bits",
        "X",
        "example",
        "upper bound",
    )
    assert (cost.of, cost.scope) == ("model of X", "data set")
    assert bound.low is not None
    assert bound.high is not None
    assert bound.low < bound.value < bound.high
    assert "test examples" in bound.method


@pytest.mark.parametrize("minutes", [-1.0, float("nan"), float("inf")])
def test_bad_minutes_are_refused(tiny: DataSet, minutes: float) -> None:
    with pytest.raises(ArgumentError, match="`minutes`"):
        entropy_job(tiny, EntropyRequest(minutes=minutes))


def test_the_chart_shows_the_ladder_and_only_comparable_marks(tiny: DataSet) -> None:
    request = EntropyRequest(minutes=0.2, binarise="static")
    found = entropy_job(tiny, request, [Independent(), ChowLiu()])
    assert found.ladder is not None
    chart = ladder_chart(found.ladder, "mnist", "static")
    lengths = [bar.example_bits for bar in chart.bars]
    assert lengths == sorted(lengths, reverse=True)
    assert any("BB-ANS" in mark.name for mark in chart.marks)
    assert ladder_chart(found.ladder, "mnist", "threshold").marks == ()
    assert draw_entropy_ladder(chart).picture().startswith(b"\x89PNG")


def test_a_dear_model_does_not_press_the_bars_together(tiny: DataSet) -> None:
    found = entropy_job(tiny, EntropyRequest(minutes=0.2), [Independent(), ChowLiu()])
    assert found.ladder is not None
    first, *others = found.ladder.rungs
    dear = dataclasses.replace(first, model_bits=10_000_000)
    ladder = dataclasses.replace(found.ladder, rungs=(dear, *others))
    chart = ladder_chart(ladder, "a set", "threshold")
    lengths = [bar.example_bits for bar in chart.bars]
    assert chart.limit_bits == 3 * max(lengths)
    figure = draw_entropy_ladder(chart).draw(chart)
    assert figure.axes[0].get_xlim()[1] < 5 * max(lengths)
    assert any(text.get_text().startswith(" ⟫") for text in figure.axes[0].texts)
