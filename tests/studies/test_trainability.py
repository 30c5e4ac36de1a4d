from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from minbits.data.area_means import area_means, area_weights
from minbits.errors import ArgumentError
from minbits.jobs.trainability import brought_to, plain_trainability, trainability_job
from minbits.jobs.trainability_request import LANES, TrainabilityRequest
from minbits.ledger.store import read_ledger
from minbits.networks.grammar import parse_architecture
from minbits.studies.losses import mean_loss_and_hits
from minbits.studies.trainability import TrainabilityPlan, parameter_count
from minbits.training.lanes import vector_code
from minbits.training.lanes.engine import LanesEngine
from minbits.training.loop import training_data
from minbits.training.many import train_many
from minbits.types import DataSet, TrainingRecipe
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


def plan(**changes: object) -> TrainabilityPlan:
    return dataclasses.replace(TrainabilityPlan((5,), 1, 2, 2, 0.05, 64), **changes)  # type: ignore[arg-type]


def test_parameters_are_those_of_the_formula(tiny: DataSet) -> None:
    inputs, classes = int(np.prod(tiny.input_shape)), tiny.class_count
    for depth in (1, 2, 3):
        hidden = (inputs + 1) * 7 + (depth - 1) * (7 + 1) * 7
        found = parameter_count(tiny, plan(depth=depth), 7)
        assert found == hidden + (7 + 1) * classes
        assert parameter_count(tiny, plan(depth=depth, normalisation="rms"), 7) == found
    channels = tiny.input_shape[0]
    pairs = 9 * channels * 7 + 7 + 9 * 7 * 7 + 7 + (7 + 1) * classes
    convolutions = plan(depth=2, kind="convolution", normalisation="batch")
    assert parameter_count(tiny, convolutions, 7) == pairs


def test_architectures_are_written_in_the_grammar() -> None:
    assert plan(depth=2).text(5, 3) == "linear 5 relu; linear 5 relu; linear 3"
    assert plan(normalisation="rms").text(5, 3) == "linear 5 relu; rmsnorm; linear 3"
    convolutions = plan(depth=2, kind="convolution")
    assert convolutions.text(5, 3) == (
        "conv 5 k3 p1 relu; maxpool 2; conv 5 k3 p1 relu; avgpool all; linear 3"
    )
    # Rows of plain trainings are found under the settings that they always had.
    assert "batch_normalisation" not in convolutions.settings(5, 3)
    batches = dataclasses.replace(convolutions, normalisation="batch")
    assert batches.text(5, 3) == convolutions.text(5, 3)
    assert batches.settings(5, 3) == convolutions.settings(5, 3) | {"batch_normalisation": True}


def test_convolutions_are_trained_with_batches_normalised_and_without(
    tmp_path: Path, tiny: DataSet
) -> None:
    found = [
        trainability_job(
            tiny, request(tmp_path, seeds=2, kind="convolution", normalisation=how)
        ).rows[0].test_losses
        for how in ("none", "batch", "rms")
    ]  # fmt: skip
    assert len({tuple(losses) for losses in found}) == 3
    architecture = parse_architecture(
        "conv 4 k3 p1 relu; avgpool all; linear 2", tiny.input_shape, tiny.input_exponent
    )
    recipe = TrainingRecipe(
        float_epochs=2, quantized_epochs=0, batch_size=64, learning_rate=0.05, weight_decay=0.0,
        augmentation=0.0, batch_normalisation=True, optimizer="sgd", schedule="cosine",
    )  # fmt: skip
    train = training_data(tiny, np.arange(len(tiny.train_labels)))
    (alone,) = train_many(architecture, recipe, [1], train, lambda *_: None, lambda: False)
    inputs = tiny.test_inputs.astype(np.float32) * np.float32(2.0**-tiny.input_exponent)
    loss, _ = mean_loss_and_hits(
        LanesEngine().logits(architecture, alone, inputs), tiny.test_labels
    )
    assert found[1][1] == pytest.approx(loss)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"normalisation": "batch"}, "batch, of fully connected layers"),
        ({"normalisation": "rms", "weight_bits": 4}, "got 4, cpu and cross-entropy"),
        ({"kind": "convolution", "weight_bits": 1}, "got 1, cpu and cross-entropy"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    tmp_path: Path, tiny: DataSet, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        trainability_job(tiny, request(tmp_path, **changes))


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


def test_only_a_study_that_was_begun_is_resumed(here: Here, tmp_path: Path) -> None:
    words = ("trainability", "iris", "--widths", "2,3", "--epochs", 1, "--batch-size", 32)
    ledger = tmp_path / "l.sqlite"
    place = ("--ledger", ledger, "--workers", 1)
    done = here(*words, "--seeds", 2, *place, "--resume", cwd=tmp_path)
    assert done.returncode == 2
    assert not ledger.exists()
    assert here(*words, "--seeds", 2, *place, cwd=tmp_path).returncode == 0
    before = ledger.read_bytes()
    done = here(*words, "--seeds", 2, "--learning-rate", 0.3, *place, "--resume", cwd=tmp_path)
    assert done.returncode == 2
    assert "--resume" in done.stderr
    assert "no row of the study trainability of iris" in done.stderr
    assert ledger.read_bytes() == before
    done = here(*words, "--seeds", 3, *place, "--resume", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "6 of 6 trainings, all done." in done.stdout


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
    assert "units" in table.stdout
    words = ("--widths", "2,3", "--seeds", 2, "--epochs", 1, "--batch-size", 32)
    table = here("trainability", "iris", "--kind", "convolution", *words, *ledger, cwd=tmp_path)
    assert "channels" in table.stdout
    assert "units" not in table.stdout
