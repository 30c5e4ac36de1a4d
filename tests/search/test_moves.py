from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minbits.codec.file_format import decode_network
from minbits.errors import ArgumentError
from minbits.files import sha256_hex
from minbits.networks.grammar import format_architecture
from minbits.search.moves.registry import format_move, parse_move
from minbits.search.tasks import Milestone, TrialTask
from minbits.search.trial import run_task
from minbits.types import DataSet, TrainingRecipe, TrialConfig, TrialOutcome
from minbits.workers.work import WorkerContext
from tests.conftest import stripes

TEXT = (
    "conv 4 k3 p1 relu; depthwise k3 p1; pointwise 5 relu; depthwise k3 p1; pointwise 6 relu; "
    "avgpool all; linear 2"
)
RECIPE = TrainingRecipe(float_epochs=8, quantized_epochs=6, batch_size=64, augmentation=0.2)


@pytest.fixture(scope="module")
def parent(tiny: DataSet) -> bytes:
    result = run_task(TrialTask(TrialConfig(TEXT, RECIPE, 1), 0), tiny, WorkerContext())
    assert result.network_file is not None
    return result.network_file


def moved(data: DataSet, parent: bytes, move: str, **changes: object) -> TrialOutcome:
    recipe = dataclasses.replace(RECIPE, float_epochs=0, quantized_epochs=4)
    config = TrialConfig("whatever", recipe, 2, parent=sha256_hex(parent), move=move)
    task = TrialTask(config, 0, parent_file=parent)
    return run_task(dataclasses.replace(task, **changes), data, WorkerContext())  # type: ignore[arg-type]


@given(st.sampled_from(["continue", "thin", "coarsen"]), st.floats(0.01, 64))
def test_moves_have_texts(name: str, amount: float) -> None:
    short = float(f"{amount:g}")
    assert parse_move(format_move(name, short)) == (name, short)


@pytest.mark.parametrize("text", ["", "grow 2", "thin x", "thin nan", "Thin 1"])
def test_other_texts_are_no_moves(text: str) -> None:
    with pytest.raises(ArgumentError, match="one of continue, thin"):
        parse_move(text)


@pytest.mark.parametrize(
    ("move", "layers"),
    [
        ("continue", TEXT),
        ("coarsen 2", TEXT),
        ("thin 0.8", None),
        ("drop 1", None),
        ("share 2", "conv 4 k3 p1 relu; depthwise k3 p1; pointwise 4 relu; again 2; avgpool all; "
         "linear 2"),
    ],
)  # fmt: skip
def test_a_moved_trial_gives_the_file_that_it_says(
    tiny: DataSet, parent: bytes, move: str, layers: str | None
) -> None:
    result = moved(tiny, parent, move)
    assert result.status == "done", result.error
    assert result.network_file is not None
    architecture = decode_network(result.network_file).architecture
    assert result.config.architecture == format_architecture(architecture)
    assert (result.config.parent, result.config.move) == (sha256_hex(parent), move)
    assert result.config.recipe.float_epochs == 0
    if layers is not None:
        assert result.config.architecture == layers


NORMALISED = (
    "conv 4 k3 p1 relu; rmsnorm; depthwise k3 p1; pointwise 5 relu; rmsnorm; depthwise k3 p1; "
    "pointwise 6 relu; rmsnorm; depthwise k3 p1; pointwise 2; avgpool all"
)


def test_normalisations_are_moved_and_the_logits_stay(tiny: DataSet) -> None:
    before = run_task(TrialTask(TrialConfig(NORMALISED, RECIPE, 1), 0), tiny, WorkerContext())
    assert before.network_file is not None, before.error
    moves = ["share 2", "drop 2", "thin 0.8", "drop 3"]
    found = [moved(tiny, before.network_file, move) for move in moves]
    assert [result.status for result in found] == ["done", "done", "done", "failed"]
    assert found[0].config.architecture == (
        "conv 4 k3 p1 relu; rmsnorm; depthwise k3 p1; pointwise 4 relu; rmsnorm; again 3; "
        "depthwise k3 p1; pointwise 2; avgpool all"
    )
    assert found[1].config.architecture == (
        "conv 4 k3 p1 relu; rmsnorm; depthwise k3 p1; pointwise 5 relu; rmsnorm; "
        "depthwise k3 p1; pointwise 2; avgpool all"
    )
    assert found[2].config.architecture.endswith("depthwise k3 p1; pointwise 2; avgpool all")


def test_the_same_move_gives_the_same_bytes(tiny: DataSet, parent: bytes) -> None:
    first, second = (moved(tiny, parent, "thin 0.8") for _ in range(2))
    assert first.network_file == second.network_file


def test_going_on_keeps_what_was_learned(tiny: DataSet, parent: bytes) -> None:
    before = run_task(TrialTask(TrialConfig(TEXT, RECIPE, 1), 0), tiny, WorkerContext())
    after = moved(tiny, parent, "continue")
    assert before.validation_accuracy is not None
    assert after.validation_accuracy is not None
    assert after.validation_accuracy > before.validation_accuracy - 0.1


def test_a_move_is_fitted_to_the_time(tiny: DataSet, parent: bytes) -> None:
    recipe = TrainingRecipe(0, 100_000, batch_size=64)
    config = TrialConfig("whatever", recipe, 2, parent=sha256_hex(parent), move="continue")
    result = moved(tiny, parent, "continue", config=config, seconds=6.0)
    assert result.status == "done", result.error
    assert 1 <= result.config.recipe.quantized_epochs < 100_000
    assert result.config.recipe.float_epochs == 0


@pytest.mark.parametrize("move", ["drop 9", "share 1", "grow 2"])
def test_a_move_that_does_not_fit_is_a_failed_trial(
    tiny: DataSet, parent: bytes, move: str
) -> None:
    assert moved(tiny, parent, move).status == "failed"


def test_a_file_for_other_inputs_is_no_start(parent: bytes) -> None:
    from minbits.data.assemble import assemble

    images, labels = stripes(200, 3)
    larger = images.repeat(2, axis=1).repeat(2, axis=2)
    other = assemble("large", (larger, labels), (larger, labels), "test", "made by the tests")
    result = moved(other, parent, "continue")
    assert result.status == "failed"
    assert "made for this data set" in str(result.error)


def test_a_trial_below_its_milestone_is_stopped(tiny: DataSet) -> None:
    milestones = (Milestone(0.25, 0.0), Milestone(0.5, 1.01))
    config = TrialConfig(TEXT, RECIPE, 1)
    result = run_task(TrialTask(config, 0, milestones=milestones), tiny, WorkerContext())
    assert result.status == "stopped"
    assert len(result.milestones) == 2
    assert "after epoch 4 of 8" in str(result.error)
    assert result.network_file is None
