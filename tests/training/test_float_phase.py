from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from minbits.codec.architecture import Architecture
from minbits.networks.grammar import parse_layers
from minbits.training.context import TrainingContext
from minbits.training.engine import Engine, accuracy
from minbits.training.float_phase import FloatTraining, train_float
from minbits.training.lanes.engine import LanesEngine
from minbits.training.loop import TrainingData, training_data
from minbits.types import DataSet, TrainingRecipe
from tests.training.reference import ENGINES

TEXT = "conv 4 k3 p1 relu; maxpool 2; conv 4 k3 relu; avgpool all; linear 2"
RECIPE = TrainingRecipe(float_epochs=12, quantized_epochs=1, batch_size=64, augmentation=0.3)


def examples(data: DataSet) -> TrainingData:
    return training_data(data, np.arange(len(data.train_labels)))


def network(data: DataSet) -> Architecture:
    return Architecture(data.input_shape, data.input_exponent, parse_layers(TEXT, 1))


def train(
    data: DataSet, seed: int, engine: Engine, recipe: TrainingRecipe = RECIPE
) -> tuple[np.ndarray, list[float]]:
    reports: list[float] = []
    context = TrainingContext(
        recipe, seed, examples(data), examples(data), engine,
        lambda done: reports.append(done.validation_accuracy),
    )  # fmt: skip
    values = train_float(network(data), context)
    return values, reports


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_training_learns_and_repeats_itself(tiny: DataSet, engine: Engine) -> None:
    values, reports = train(tiny, 0, engine)
    assert len(reports) == RECIPE.float_epochs
    assert accuracy(engine, network(tiny), values, examples(tiny)) == reports[-1] > 0.95
    assert np.array_equal(values, train(tiny, 0, engine)[0])
    assert not np.array_equal(values, train(tiny, 1, engine)[0])


@pytest.mark.parametrize(
    "change",
    [
        {"optimizer": "sgd", "learning_rate": 0.05},
        {"schedule": "cosine"},
        {"averaging_start": 0.6},
        {"label_smoothing": 0.1, "elastic": 0.3},
        {"batch_normalisation": False},
    ],
    ids=str,
)
def test_every_choice_of_a_recipe_learns(tiny: DataSet, change: dict[str, object]) -> None:
    recipe = dataclasses.replace(RECIPE, float_epochs=25, **change)  # type: ignore[arg-type]
    _, reports = train(tiny, 0, LanesEngine(), recipe)
    assert reports[-1] > 0.95


def test_soft_targets_alone_teach(tiny: DataSet) -> None:
    """Labels are noise; the soft targets are right and outweigh them."""
    data = examples(tiny)
    soft = np.eye(2, dtype=np.float32)[data.labels]
    noise = np.random.default_rng(0).integers(0, 2, len(data.labels))
    taught = TrainingData(data.inputs, noise, soft)
    recipe = dataclasses.replace(RECIPE, soft_target_weight=1.0)
    for engine in ENGINES:
        values = train_float(network(tiny), TrainingContext(recipe, 0, taught, data, engine))
        assert accuracy(engine, network(tiny), values, data) > 0.95


def test_averaging_takes_the_mean_of_the_weights_met(tiny: DataSet) -> None:
    """With one step an epoch and two epochs, the average from the middle on is the last vector."""
    whole = dataclasses.replace(
        RECIPE, float_epochs=2, batch_size=384, augmentation=0.0, batch_normalisation=False
    )
    last, _ = train(tiny, 0, LanesEngine(), whole)
    from_middle, _ = train(tiny, 0, LanesEngine(), dataclasses.replace(whole, averaging_start=0.5))
    from_start, _ = train(tiny, 0, LanesEngine(), dataclasses.replace(whole, averaging_start=0.0))
    assert np.allclose(from_middle, last, rtol=1e-5, atol=1e-6)
    assert not np.allclose(from_start, last, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("is_normalised", [True, False])
@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_training_goes_on_from_given_parameters(
    tiny: DataSet, engine: Engine, is_normalised: bool
) -> None:
    recipe = dataclasses.replace(RECIPE, batch_normalisation=is_normalised)
    values, _ = train(tiny, 0, engine, recipe)
    context = TrainingContext(recipe, 1, examples(tiny), examples(tiny), engine)
    start = FloatTraining(network(tiny), context, values)
    # Normalisation is put in so that nothing changes, up to the noise of ghost batches.
    inputs = examples(tiny).inputs
    before = engine.logits(network(tiny), values, inputs)
    after = engine.logits(network(tiny), start.folded(), inputs)
    np.testing.assert_allclose(after, before, rtol=1e-3, atol=1e-3)
    short = dataclasses.replace(recipe, float_epochs=2, learning_rate=1e-4)
    reports: list[float] = []
    context = dataclasses.replace(
        context, recipe=short, report=lambda done: reports.append(done.validation_accuracy)
    )
    trained = train_float(network(tiny), context, values)
    assert min(reports) > 0.95
    assert not np.array_equal(trained, values)
