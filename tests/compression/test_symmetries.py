"""Removing symmetries changes the file and no prediction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minbits.codec.architecture import Architecture
from minbits.codec.file_format import decode_network, encode_network
from minbits.codec.inference import predict_logits
from minbits.codec.quantized_network import QuantizedNetwork
from minbits.codec.tensor_code import is_oriented
from minbits.compression.symmetries import orient_kernels, remove_symmetries, sort_channels
from minbits.networks.grammar import parse_architecture, parse_layers
from tests.strategies import networks, random_network, same_network

TEXT = (
    "conv 6 k3 p1 relu; depthwise k3 p1; pointwise 9 leaky_relu; maxpool 2; depthwise k3 p1; "
    "pointwise 7 hard_swish; linear 5 relu; linear 3"
)
ARCHITECTURE = Architecture((2, 8, 8), 4, parse_layers(TEXT, 2))


def inputs_for(network: QuantizedNetwork, seed: int) -> np.ndarray:
    shape = (5, *network.architecture.input_shape)
    return np.random.default_rng(seed).integers(0, 9, shape).astype(np.uint8)


def assert_same_function(first: QuantizedNetwork, second: QuantizedNetwork, seed: int) -> None:
    inputs = inputs_for(first, seed)
    one, other = predict_logits(first, inputs), predict_logits(second, inputs)
    assert np.abs(one - other).max() <= 1e-4 * max(float(np.abs(one).max()), 1e-6)


@settings(max_examples=60)
@given(networks(), st.integers(0, 1000))
def test_the_function_stays(network: QuantizedNetwork, seed: int) -> None:
    if (
        network.nonzero_count
        and max((int(np.abs(layer.weights.levels).max()) for layer in network.layers), default=0)
        < 100
    ):
        assert_same_function(network, remove_symmetries(network), seed)


@settings(max_examples=40)
@given(networks())
def test_removing_twice_is_removing_once(network: QuantizedNetwork) -> None:
    once = remove_symmetries(network)
    assert same_network(once, remove_symmetries(once))


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_hidden_biases_ascend_and_kernels_begin_positive(seed: int) -> None:
    network = remove_symmetries(random_network(ARCHITECTURE, seed))
    *hidden, last = [layer.bias for layer in network.layers if layer.bias is not None]
    assert all((np.diff(bias.levels) >= 0).all() for bias in hidden)
    before = [layer.bias for layer in random_network(ARCHITECTURE, seed).layers][-1]
    assert before is not None
    assert np.array_equal(last.levels, before.levels)
    for index, layer in ((1, network.layers[1]), (4, network.layers[3])):
        assert is_oriented(ARCHITECTURE, index)
        rows = layer.weights.levels.reshape(len(layer.weights.levels), -1)
        assert all(row[np.flatnonzero(row)[0]] > 0 for row in rows if row.any())


def test_each_step_saves_about_what_it_should() -> None:
    sizes: list[list[int]] = []
    for seed in range(20):
        network = random_network(ARCHITECTURE, seed, scale=12.0, step_index=-12)
        steps = (network, sort_channels(network), remove_symmetries(network))
        sizes.append([8 * len(encode_network(step)) for step in steps])
    plain, ordered, oriented = np.mean(sizes, axis=0)
    # log2(6! 9! 7! 5!) = 47 bits at most, less what equal biases cannot say; 6 + 9 signs.
    assert 15 < plain - ordered < 55
    assert 8 < ordered - oriented < 20


def test_networks_whose_activations_meet_again_are_left_alone() -> None:
    text = "conv 4 k3 p1 relu; depthwise k3 p1; pointwise 4 relu; add 2; again 3; linear 3"
    network = random_network(Architecture((1, 6, 6), 4, parse_layers(text, 1)), 0)
    assert same_network(sort_channels(network), network)
    assert same_network(orient_kernels(network), network)


@settings(max_examples=60)
@given(networks())
def test_any_order_survives_the_file(network: QuantizedNetwork) -> None:
    assert same_network(decode_network(encode_network(network)), network)


@pytest.mark.parametrize("seed", range(3))
def test_views_average_the_logits_of_shifted_images(seed: int) -> None:
    text = "conv 4 k3 p1 relu; maxpool 2; linear 3"
    plain = parse_architecture(text, (1, 8, 8), 4)
    seen = parse_architecture(f"views 5; {text}", (1, 8, 8), 4)
    network = random_network(plain, seed)
    averaged = decode_network(encode_network(QuantizedNetwork(seen, network.layers)))
    assert averaged.architecture == seen
    inputs = inputs_for(network, seed)
    shifted = [inputs]
    for down, across in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        wide = np.pad(inputs, ((0, 0), (0, 0), (1, 1), (1, 1)))
        shifted.append(wide[:, :, 1 - down : 9 - down, 1 - across : 9 - across])
    expected = np.mean([predict_logits(network, images) for images in shifted], axis=0)
    found = predict_logits(averaged, inputs)
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
