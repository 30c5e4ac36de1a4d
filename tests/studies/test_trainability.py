from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from minbits.data.area_means import area_means, area_weights
from minbits.errors import ArgumentError
from minbits.jobs.trainability import brought_to, plain_trainability, trainability_job
from minbits.jobs.trainability_request import LANES, TrainabilityRequest
from minbits.ledger.store import read_ledger
from minbits.networks.grammar import parse_architecture
from minbits.networks.parameters import parameter_layout
from minbits.studies.trainability import parameter_count
from minbits.training.lanes import vector_code
from minbits.types import DataSet
from tests.cli.here import Here


def request(folder: Path, seeds: int = 6, **changes: object) -> TrainabilityRequest:
    usual = {
        "seeds": seeds, "epochs": 2, "workers": 1, "batch_size": 64,
        "ledger": folder / "ledger.sqlite",
    }  # fmt: skip
    return TrainabilityRequest((4, 16), **(usual | changes))  # type: ignore[arg-type]


def of_trainings(report: dict[str, object]) -> dict[str, object]:
    """Return what does not depend on the clock."""
    widths = [{k: v for k, v in row.items() if k != "seconds"} for row in report["widths"]]  # type: ignore[attr-defined]
    return {"widths": widths, "statements": report["statements"]}


def test_a_study_in_parts_is_the_study_in_one_piece(tmp_path: Path, tiny: DataSet) -> None:
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    whole = plain_trainability(trainability_job(tiny, request(tmp_path / "whole")))
    trainability_job(tiny, request(tmp_path / "parts", seeds=3))
    picture = tmp_path / "chart.png"
    parts = trainability_job(tiny, request(tmp_path / "parts", figure=picture))
    assert of_trainings(plain_trainability(parts)) == of_trainings(whole)
    assert picture.read_bytes().startswith(b"\x89PNG")
    with read_ledger(tmp_path / "parts" / "ledger.sqlite") as ledger:
        rows = ledger.rows("measurements")
    assert [row["study"] for row in rows] == ["trainability"] * 12
    assert len({(row["settings"], row["seed"]) for row in rows}) == 12
    # Nothing is left to do, and nothing is done.
    again = trainability_job(tiny, request(tmp_path / "parts"))
    assert (again.done, again.total, again.interrupted) == (12, 12, False)
    with read_ledger(tmp_path / "parts" / "ledger.sqlite") as ledger:
        assert ledger.row_count("measurements") == 12


def test_parameters_are_counted_as_the_layout_has_them() -> None:
    for depth in (1, 2, 3):
        text = "; ".join(["linear 7 relu"] * depth + ["linear 3"])
        layout = parameter_layout(parse_architecture(text, (1, 4, 5), 0), normalised=False)
        assert parameter_count(20, 7, depth, 3) == layout.size


@pytest.mark.parametrize(("size", "side"), [(28, 10), (8, 8), (9, 4), (5, 1)])
def test_a_pixel_is_the_mean_of_its_area(size: int, side: int) -> None:
    assert area_weights(size, side).sum(1) == pytest.approx(np.ones(side))
    generator = np.random.default_rng(size)
    images = generator.integers(0, 256, (3, 1, size, size)).astype(np.uint8)
    found = area_means(images, side)
    # Slowly: every old pixel is cut into side x side equal parts.
    fine = np.kron(images, np.ones((1, 1, side, side)))
    expected = fine.reshape(3, 1, side, size, side, size).mean(axis=(3, 5))
    assert np.abs(found - expected).max() <= 0.5 + 1e-9


def test_batches_are_whole_lanes() -> None:
    assert LANES == vector_code.LANES
    with pytest.raises(ArgumentError, match="multiple of 32"):
        TrainabilityRequest(batch_size=48)


def test_images_are_brought_to_a_side(tiny: DataSet) -> None:
    small = brought_to(tiny, 4)
    assert small.input_shape == (1, 4, 4)
    assert np.array_equal(small.train_labels, tiny.train_labels)
    assert small.class_names == tiny.class_names
    with pytest.raises(ArgumentError, match="at most 8"):
        brought_to(tiny, 9)


def test_the_command_prints_json_and_refuses_what_is_no_study(here: Here, tmp_path: Path) -> None:
    ledger = ("--ledger", tmp_path / "l.sqlite", "--workers", 1)
    done = here("trainability", "iris", "--widths", "25", *ledger)
    assert done.returncode == 2
    assert "two or more different numbers" in done.stderr
    words = ("--widths", "2,8", "--seeds", 4, "--epochs", 2, "--batch-size", 32)
    done = here("trainability", "iris", *words, *ledger, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"mean_falls"' in done.stdout
    table = here("trainability", "iris", *words, *ledger, cwd=tmp_path)
    assert "8 of 8 trainings, all done." in table.stdout
