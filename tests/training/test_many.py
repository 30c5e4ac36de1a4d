"""Many seeds at once give what each gives alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from minbits.codec.architecture import Architecture
from minbits.errors import NetworkError
from minbits.networks.grammar import parse_layers
from minbits.training.context import TrainingContext
from minbits.training.engine import accuracy
from minbits.training.float_phase import train_float
from minbits.training.lanes.engine import LanesEngine
from minbits.training.loop import StoppedError, TrainingData, training_data
from minbits.training.many import train_many
from minbits.types import DataSet, TrainingRecipe

SEEDS = [3, 0, 11, 3]
RECIPE = TrainingRecipe(float_epochs=3, quantized_epochs=1, batch_size=64, augmentation=0.4)
CONVOLUTIONS = "conv 3 k3 p1 relu; maxpool 2; depthwise k3; pointwise 4 relu; avgpool all; linear 2"
CONNECTED = "linear 16 relu; linear 2"


def examples(data: DataSet) -> TrainingData:
    return training_data(data, np.arange(len(data.train_labels)))


def many(
    data: DataSet, text: str, recipe: TrainingRecipe, seeds: list[int]
) -> tuple[np.ndarray, list[np.ndarray]]:
    architecture = Architecture(data.input_shape, data.input_exponent, parse_layers(text, 1))
    reports: list[np.ndarray] = []
    engine, whole = LanesEngine(), examples(data)

    def report(epoch: int, found: np.ndarray) -> None:
        reports.append(np.array([accuracy(engine, architecture, row, whole) for row in found]))

    values = train_many(architecture, recipe, seeds, whole, report, lambda: False)
    return values, reports


@pytest.mark.parametrize("text", [CONVOLUTIONS, CONNECTED])
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"elastic": 0.5, "label_smoothing": 0.1, "averaging_start": 0.5},
        {"augmentation": 0.0, "optimizer": "sgd", "batch_normalisation": False},
    ],
    ids=str,
)
def test_every_network_is_trained_as_if_it_were_alone(
    tiny: DataSet, text: str, change: dict[str, object]
) -> None:
    recipe = dataclasses.replace(RECIPE, **change)  # type: ignore[arg-type]
    values, reports = many(tiny, text, recipe, SEEDS)
    architecture = Architecture(tiny.input_shape, tiny.input_exponent, parse_layers(text, 1))
    for row, seed in enumerate(SEEDS):
        alone: list[float] = []
        context = TrainingContext(
            recipe, seed, examples(tiny), examples(tiny), LanesEngine(),
            lambda done, alone=alone: alone.append(done.validation_accuracy),
        )  # fmt: skip
        expected = train_float(architecture, context)
        assert np.array_equal(values[row], expected)
        assert [float(report[row]) for report in reports] == alone


def test_seeds_can_be_split_in_any_way(tiny: DataSet) -> None:
    whole, _ = many(tiny, CONVOLUTIONS, RECIPE, SEEDS)
    parts = [many(tiny, CONVOLUTIONS, RECIPE, seeds)[0] for seeds in (SEEDS[:1], SEEDS[1:])]
    assert np.array_equal(whole, np.concatenate(parts))
    assert np.array_equal(whole[0], whole[3])
    assert not np.array_equal(whole[0], whole[1])


def test_a_divergence_names_its_seed(tiny: DataSet) -> None:
    recipe = dataclasses.replace(RECIPE, learning_rate=1e30)
    with pytest.raises(FloatingPointError, match="seed 3"), np.errstate(all="ignore"):
        many(tiny, CONNECTED, recipe, SEEDS)


def test_training_stops_when_asked(tiny: DataSet) -> None:
    architecture = Architecture(tiny.input_shape, tiny.input_exponent, parse_layers(CONNECTED, 1))
    data = examples(tiny)
    with pytest.raises(StoppedError):
        train_many(architecture, RECIPE, SEEDS, data, lambda e, v: None, lambda: True)


@pytest.mark.parametrize("batch_size", [16, 48, 1])
def test_a_batch_that_lanes_do_not_cover_is_refused(tiny: DataSet, batch_size: int) -> None:
    recipe = dataclasses.replace(RECIPE, batch_size=batch_size)
    with pytest.raises(NetworkError, match=f"batches of {batch_size}"):
        many(tiny, CONNECTED, recipe, SEEDS)
