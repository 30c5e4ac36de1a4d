from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from minbits.codec.architecture import Architecture
from minbits.codec.file_format import encode_network, ideal_length_bits
from minbits.codec.inference import predict_with
from minbits.codec.quantized_network import QuantizedNetwork
from minbits.compression.finishing import (
    EXAMPLES,
    _levels_of,
    _Rates,
    encoder_bits,
    finish,
    fixed_examples,
    promising_moves,
)
from minbits.networks.grammar import parse_architecture
from minbits.networks.parameters import parameter_layout
from minbits.training.context import TrainingContext
from minbits.training.lanes.engine import LanesEngine
from minbits.training.loop import StoppedError, TrainingData
from minbits.types import TrainingRecipe
from minbits.units import bits_to_nats
from tests.strategies import networks, random_network

ARCHITECTURE = parse_architecture("conv 3 k3 relu; maxpool 2; linear 3", (1, 8, 8), 0)
RECIPE = TrainingRecipe(1, 1, batch_size=32, rate_weight=2.0, augmentation=0.5, finishing_epochs=20)


def examples(count: int, seed: int) -> TrainingData:
    """Return images whose class is the third of the image that is bright."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, count)
    inputs = generator.normal(0, 0.3, (count, 1, 8, 8)).astype(np.float32)
    for image, label in zip(inputs, labels, strict=True):
        image[0, 2 * label : 2 * label + 2] += 1
    return TrainingData(inputs, labels)


class Untouched:
    """Stands for validation examples that nobody may look at."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} of validation examples was asked for")


def context(**changes: Any) -> TrainingContext:
    validation: Any = Untouched()
    return TrainingContext(
        dataclasses.replace(RECIPE, **changes), 3, examples(96, 0), validation, LanesEngine()
    )


def objective(network: QuantizedNetwork, given: TrainingContext) -> float:
    """Return what finishing lowers, by the decoder's own forward pass in double precision."""
    data = fixed_examples(given)
    levels = _levels_of(network)
    logits = given.engine.logits(network.architecture, levels.values(), data.inputs)
    powers = np.exp(logits.astype(np.float64))
    right = powers[np.arange(len(powers)), data.labels] / powers.sum(1)
    bits = len(encode_network(network)) * 8
    price = bits_to_nats(given.recipe.rate_weight) / len(given.data.labels)
    return float(-np.log(right).mean()) + price * bits


def accuracy(network: QuantizedNetwork, data: TrainingData) -> float:
    pairs = [
        (layer.weights.values(), None if layer.bias is None else layer.bias.values())
        for layer in network.layers
    ]
    return float(np.mean(predict_with(network.architecture, pairs, data.inputs) == data.labels))


@pytest.fixture(scope="module")
def network() -> QuantizedNetwork:
    return random_network(ARCHITECTURE, 0)


def test_the_objective_falls_and_new_examples_gain(network: QuantizedNetwork) -> None:
    given = context()
    found = finish(network, given)
    assert objective(found, given) < objective(network, given) - 0.1
    assert len(encode_network(found)) < len(encode_network(network))
    unseen = examples(300, 1)
    assert accuracy(found, unseen) > accuracy(network, unseen)


def test_the_same_seed_gives_the_same_network(network: QuantizedNetwork) -> None:
    first, second = (encode_network(finish(network, context())) for _ in range(2))
    assert first == second


def test_a_larger_rate_weight_gives_fewer_bits(network: QuantizedNetwork) -> None:
    small, large = (
        encoder_bits(finish(network, context(rate_weight=weight))) for weight in (0.01, 30.0)
    )
    assert large < 0.8 * small


def test_no_epochs_leave_the_network_as_it_is(network: QuantizedNetwork) -> None:
    assert finish(network, context(finishing_epochs=0)) is network


def test_losses_are_taken_as_often_as_the_epochs_allow(network: QuantizedNetwork) -> None:
    calls: list[int] = []

    class Counting(LanesEngine):
        def logits(self, architecture: Architecture, values: Any, inputs: Any) -> Any:
            calls.append(len(inputs))
            return super().logits(architecture, values, inputs)

    given = dataclasses.replace(context(finishing_epochs=4), engine=Counting())
    finish(network, given)
    # A third of an epoch each: four epochs of 96 examples in passes over 192, of which the slopes
    # take three.
    assert calls == [192] * 3


def test_it_can_be_stopped(network: QuantizedNetwork) -> None:
    with pytest.raises(StoppedError):
        finish(network, dataclasses.replace(context(), should_stop=lambda: True))


def test_judging_examples_are_whole_batches_of_training_examples() -> None:
    given = context()
    data = fixed_examples(given)
    assert len(data.labels) == 2 * 96
    known = {image.tobytes() for image in given.data.inputs}
    assert all(image.tobytes() in known for image in data.inputs[:96])
    np.testing.assert_array_equal(data.labels[:96], data.labels[96:])
    plain = fixed_examples(context(augmentation=0.0))
    assert len(plain.labels) == 96
    many = dataclasses.replace(given, data=examples(EXAMPLES, 2))
    assert len(fixed_examples(many).labels) == EXAMPLES


@settings(max_examples=30)
@given(networks())
def test_the_ideal_length_is_that_of_the_file(network: QuantizedNetwork) -> None:
    # The end of a file is rounded to bytes, up or by chance down.
    assert abs(8 * len(encode_network(network)) - ideal_length_bits(network)) < 16


def test_moves_are_those_that_lower_the_estimate(network: QuantizedNetwork) -> None:
    levels, generator = _levels_of(network), np.random.default_rng(1)
    size, rates, price = len(levels.levels), _Rates(levels), 0.01
    gradient, curvature = generator.normal(0, 1, size), generator.exponential(5, size)

    def cost(place: int, level: int) -> float:
        change = (level - levels.levels[place]) * levels.steps()[place]
        moved = np.where(np.arange(size) == place, level, levels.levels)
        loss = gradient[place] * change + curvature[place] * change**2 / 2
        return float(loss + price * rates.bits(moved)[place])

    order, chosen = promising_moves(levels, rates, (gradient, curvature), price)
    gains = []
    for place, level in enumerate(levels.levels):
        costs = {new: cost(place, new) for new in (level, level - 1, level + 1, 0)}
        assert cost(place, chosen[place]) == pytest.approx(min(costs.values()))
        assert (place in order) == (min(costs, key=costs.__getitem__) != level)
        gains.append(cost(place, chosen[place]) - costs[level])
    assert 0 < len(order) < size
    np.testing.assert_array_equal(order, np.argsort(gains, kind="stable")[: len(order)])


def test_levels_come_back(network: QuantizedNetwork) -> None:
    levels = _levels_of(network)
    assert encode_network(levels.network()) == encode_network(network)
    layout = parameter_layout(ARCHITECTURE, normalised=False)
    for layer, (weights, bias) in zip(network.layers, layout.tensors(levels.values()), strict=True):
        np.testing.assert_array_equal(weights, layer.weights.values())
        assert layer.bias is not None
        assert bias is not None
        np.testing.assert_array_equal(bias, layer.bias.values())
