"""Dependent levels found by the trellis, rounding of whole networks, and the search of steps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from minbits.codec.architecture import Architecture
from minbits.codec.dependent import TRANSITIONS, multiples
from minbits.codec.file_format import decode_network, encode_network
from minbits.codec.inference import predict_logits
from minbits.codec.layout import Layout
from minbits.codec.mixed_levels import RATED_LEVELS, MixingState
from minbits.codec.quantized_network import QuantizedNetwork
from minbits.compression.rounding import fisher_sensitivity, round_network
from minbits.compression.step_search import coarsest_rounding
from minbits.compression.symmetries import remove_symmetries
from minbits.compression.trellis import _best_path, dependent_levels
from minbits.layers.linear import Linear
from minbits.networks.parameters import parameter_layout
from minbits.training.lanes.engine import LanesEngine
from minbits.training.loop import TrainingData
from tests.compression.reference_trellis import cost_of, least_cost

ARCHITECTURE = Architecture(
    (1, 12, 12), 8, (Linear(40, activation="relu"), Linear(30, activation="relu"), Linear(5))
)
VALUES = parameter_layout(ARCHITECTURE, normalised=False).initial(0)
INPUTS = np.random.default_rng(0).integers(0, 256, (200, 1, 12, 12)).astype(np.uint8)


def plain_logits() -> np.ndarray:
    x = INPUTS.reshape(len(INPUTS), -1) / 256
    tensors = parameter_layout(ARCHITECTURE, normalised=False).tensors(VALUES)
    for number, (weights, bias) in enumerate(tensors):
        assert bias is not None
        x = x @ weights.T + bias
        x = np.maximum(x, 0) if number < 2 else x
    return x


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.3, 2.0]))
def test_the_best_path_is_the_best_of_all(count: int, seed: int, price: float) -> None:
    generator = np.random.default_rng(seed)
    scaled = generator.normal(0, 2.5, count)
    sensitivity = generator.uniform(0.3, 3, count)
    rates = np.cumsum(generator.uniform(0.2, 2, (count, 2, RATED_LEVELS)), axis=2)
    magnitudes, cost = _best_path(
        scaled, sensitivity, rates.astype(np.float32), np.array(TRANSITIONS), price
    )
    levels = (np.sign(scaled) * magnitudes).astype(np.int32)
    found = cost_of(levels, scaled, sensitivity, rates, price)
    assert found == pytest.approx(cost, rel=1e-5)
    assert found == pytest.approx(least_cost(scaled, sensitivity, rates, price), rel=1e-5)


def test_trellis_gains_about_a_decibel() -> None:
    """Eight states save 1.1 dB of error at equal spacing of each grid (Marcellin & Fischer)."""
    values = np.random.default_rng(0).uniform(-500, 500, (100, 400))
    layout = Layout(100, 400, 20, True)
    levels = dependent_levels(values, np.ones(values.shape), 1.0, 0.0, layout, MixingState())
    error = float(np.mean((values - multiples(levels)) ** 2))
    assert 10 * math.log10((2**2 / 12) / error) > 1.05


def test_dependent_levels_err_less_in_fewer_bits() -> None:
    """A Laplacian source at about two bits a weight."""
    architecture = Architecture((144, 1, 1), 8, (Linear(100, bias=False),))
    values = np.random.default_rng(1).laplace(0, 1, 14_400).astype(np.float32)

    def bits_and_error(error: float, is_dependent: bool) -> tuple[float, float]:
        network = round_network(architecture, values, error, is_dependent=is_dependent)
        tensor = network.layers[0].weights
        counts = (multiples(tensor.levels) if is_dependent else tensor.levels).ravel()
        scale = float(values @ counts) / float(counts @ counts)
        wrong = float(np.mean((values - scale * counts) ** 2))
        return 8 * len(encode_network(network)) / len(values), wrong

    plain_bits, plain_error = bits_and_error(0.0055, False)
    dependent_bits, dependent_error = bits_and_error(0.0055, True)
    assert 1.5 < plain_bits < 3
    # At high rates a bit is 6.02 dB; what is gained is in decibels at equal bits.
    gain = 10 * math.log10(plain_error / dependent_error) + 6.02 * (plain_bits - dependent_bits)
    assert gain > 0.5


@pytest.mark.parametrize("is_dependent", [False, True])
def test_a_finely_rounded_network_computes_the_same(is_dependent: bool) -> None:
    network = round_network(ARCHITECTURE, VALUES, 2.0**-14, is_dependent=is_dependent)
    assert network.has_dependent_levels == is_dependent
    network = decode_network(encode_network(remove_symmetries(network)))
    wanted, found = plain_logits(), predict_logits(network, INPUTS)
    ratio = float((wanted * found).sum() / (found * found).sum())
    assert np.abs(wanted - ratio * found).max() < 0.01 * np.abs(wanted).max()
    biases = [layer.bias for layer in network.layers[:-1]]
    assert all(bias is not None and (np.diff(bias.levels) >= 0).all() for bias in biases)


def test_symmetries_leave_dependent_levels_alone() -> None:
    network = round_network(ARCHITECTURE, VALUES, 2.0**-5, is_dependent=True)
    assert remove_symmetries(network) is network


def test_the_search_finds_smaller_files_that_are_good_enough() -> None:
    wanted = plain_logits().argmax(1)

    def is_enough(network: QuantizedNetwork) -> bool:
        return float(np.mean(predict_logits(network, INPUTS).argmax(1) == wanted)) >= 0.95

    found = coarsest_rounding(ARCHITECTURE, VALUES, is_enough, most_trials=6)
    assert found is not None
    assert is_enough(decode_network(found.content))
    by_norm = [
        len(encode_network(remove_symmetries(network)))
        for exponent in range(36, 4, -2)
        if is_enough(network := round_network(ARCHITECTURE, VALUES, 2.0 ** (-exponent / 4)))
    ]
    assert len(found.content) < min(by_norm)
    assert coarsest_rounding(ARCHITECTURE, VALUES, lambda _: False, 1) is None


def test_step_factors_make_one_tensor_coarser() -> None:
    same = round_network(ARCHITECTURE, VALUES, 0.01)
    coarser = round_network(ARCHITECTURE, VALUES, 0.01, step_factors=(1.0, 4.0, 1.0))
    first, second = (
        [len(np.unique(layer.weights.levels)) for layer in network.layers]
        for network in (same, coarser)
    )
    assert first[0] == second[0]
    assert first[1] > 2 * second[1]


def test_the_sensitivity_is_the_mean_squared_gradient_of_batches() -> None:
    architecture = Architecture((2, 1, 1), 0, (Linear(3),))
    generator = np.random.default_rng(0)
    inputs = (generator.normal(size=(100, 2, 1, 1)) * [[[[8.0]], [[1.0]]]]).astype(np.float32)
    labels = generator.integers(0, 3, 100)
    values = np.array([0.5, 0.5, -0.4, 0.4, 0.3, -0.3, 0.1, 0.0, -0.1], np.float32)
    found = fisher_sensitivity(
        architecture, values, TrainingData(inputs, labels), LanesEngine(), batches=9
    )
    ((weights, bias),) = parameter_layout(architecture, normalised=False).tensors(values)
    assert bias is not None
    squares = []
    for start in (0, 32, 64):  # four examples are left, too few for a batch
        x, y = inputs[start : start + 32].reshape(32, 2), labels[start : start + 32]
        errors = softmax(x @ weights.T + bias, axis=1) - np.eye(3)[y]
        gradient = np.concatenate([(errors.T @ x).ravel(), errors.sum(axis=0)]) / 32
        squares.append(np.square(gradient))
    assert found == pytest.approx(np.mean(squares, axis=0), rel=1e-3)
    # The first input is eight times as large as the second.
    assert found[:6:2].mean() > 20 * found[1:6:2].mean()
    # Weights of both inputs are as large: only the sensitivity tells which may be wrong by more.
    wrong = []
    for known in (None, found):
        rounded = round_network(architecture, values, 0.3, known).layers[0].weights.values()
        wrong.append(np.abs(rounded.reshape(3, 2) - weights.reshape(3, 2)).max(axis=0))
    assert wrong[0][0] == wrong[0][1]
    assert wrong[1][0] < wrong[1][1]
