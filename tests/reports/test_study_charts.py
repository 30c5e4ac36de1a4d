"""Studies on the page: trainability, the plane, and any other by its numbers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from minbits.reports.facts import DataFacts, MadeBy, StudyFacts
from minbits.reports.study_charts import study_sections
from tests.reports.examples import plane

MADE = MadeBy("0", {}, {}, "2026-01-01T00:00:00+00:00", 1.0)


def facts(*studies: tuple[str, dict[str, Any], list[Any]]) -> DataFacts:
    found = [
        StudyFacts(key, settings, dict(enumerate(results)), MADE)
        for key, settings, results in studies
    ]
    return DataFacts("one", "0" * 64, "one", studies=tuple(found))


def rows_of(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return spec["data"]["values"]


def training(loss: float) -> dict[str, Any]:
    return {
        "train_loss_nats": loss / 2, "test_loss_nats": loss, "test_correct": 8,
        "test_examples": 10, "seconds": 1.0,
    }  # fmt: skip


def test_trainability_is_drawn_by_width_and_way_of_training() -> None:
    found = study_sections(
        facts(
            ("trainability", {"width": 8, "epochs": 1}, [training(x) for x in (0.5, 0.6, 0.7)]),
            ("trainability", {"width": 4, "epochs": 1}, [training(x) for x in (0.8, 0.9, 1.1)]),
            ("trainability", {"width": 4, "epochs": 2}, [training(0.8), {"failed": "it diverged"}]),
        )
    )
    # With one training that ended well there is nothing to compare.
    assert [section.title for section in found] == ["Trainability"]
    losses = found[0].charts[0]
    assert [row["group"] for row in rows_of(losses.spec)] == ["4"] * 3 + ["8"] * 3
    assert [row[0] for row in losses.table.rows] == ["4", "8"]
    assert "the mean test loss falls with the width: yes" in found[0].texts[1].lower()


def test_depths_and_losses_have_sections_of_their_own() -> None:
    def of(layers: str, width: int, **more: object) -> tuple[str, dict[str, Any], list[Any]]:
        settings = {"architecture": layers.replace("W", str(width)), "width": width, **more}
        return "trainability", settings, [training(x / width) for x in (0.5, 0.6, 0.7)]

    one, two = "linear W relu; linear 10", "linear W relu; linear W relu; linear 10"
    key, settings, rows = of(one, 4, loss="hinge")
    plain = [{name.replace("_nats", ""): value for name, value in row.items()} for row in rows]
    found = study_sections(
        facts(of(one, 10), of(two, 4), of(one, 4), of(two, 10), (key, settings, plain))
    )
    assert [[row[0] for row in s.charts[0].table.rows] for s in found] == [
        ["4", "10"], ["4", "10"], ["4"],
    ]  # fmt: skip
    assert one in found[0].texts[0]
    assert two in found[1].texts[0]
    assert "nats" not in json.dumps(found[2].charts[0].spec)
    assert "missing margin" in json.dumps(found[2].charts[0].spec)


@pytest.mark.parametrize(
    ("layers", "name"),
    [("linear 4 relu; linear 10", "units"), ("conv 4 k3 relu; avgpool all; linear 10", "channels")],
)
def test_a_width_counts_units_or_channels(layers: str, name: str) -> None:
    settings = {"architecture": layers, "width": 4}
    (section,) = study_sections(facts(("trainability", settings, [training(0.5), training(0.6)])))
    losses = section.charts[0]
    assert losses.table.headers[0] == (name, True)
    assert f"{name} of a hidden layer" in json.dumps(losses.spec)
    assert f"4 {name}: test loss" in json.dumps(losses.spec)


def test_many_trainings_are_drawn_in_part_and_counted_whole() -> None:
    results = [training(0.5 + 0.001 * seed) for seed in range(200)]
    (section,) = study_sections(
        facts(("trainability", {"width": 4}, results), ("trainability", {"width": 8}, results))
    )
    values = [row["value"] for row in rows_of(section.charts[0].spec) if row["group"] == "4"]
    assert (len(values), min(values), max(values)) == (60, 0.5, pytest.approx(0.699))
    assert "60 trainings are drawn" in section.charts[0].text
    assert section.charts[0].table.rows[0][2] == "200"


def test_the_plane_is_the_mean_over_seeds_layer_by_layer() -> None:
    (section,) = study_sections(facts(("plane", {"bits": 8}, [plane(0), plane(1)])))
    assert section.title == "Information plane"
    (chart,) = section.charts
    rows = rows_of(chart.spec)
    assert [row["x"] for row in rows if row["group"] == "layer 1"] == [1.5, 2.5, 3.5]
    assert [row["y"] for row in rows if row["group"] == "layer 2"] == [0.1, 0.4, 0.8]
    assert chart.table.rows[0] == ("0", "1", "1.5000", "0.5000", "0.1000", "0.0000")


@pytest.mark.parametrize("key", ["plane", "trainability", "shoes"])
def test_results_of_another_form_are_shown_by_their_numbers(key: str) -> None:
    results = [{"measured_epochs": "none", "size": 3.0, "seconds": 1}, {"failed": "no shoe"}]
    (section,) = study_sections(facts((key, {"foot": "left"}, results)))
    assert section.title == f"Study: {key}"
    assert "2 measurements under 1 choice of settings, 1 of which failed." in section.texts
    assert [row[0] for row in section.tables[0].rows] == ["size", "seconds"]


def test_settings_that_differ_name_the_groups() -> None:
    groups = [("shoes", {"size": size, "foot": "left"}, [{"width": 1.0}]) for size in (1, 2)]
    (section,) = study_sections(facts(*groups))
    assert {row["group"] for row in rows_of(section.charts[0].spec)} == {"size 1", "size 2"}
    assert "Settings of all: foot left." in section.texts
