"""The lanes engine against PyTorch: loss and every gradient, on random architectures."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from minbits.training.lanes.network import LanesNetwork
from minbits.training.lanes.objective import lanes_cross_entropy
from torch.nn import functional

from minbits.codec.architecture import Architecture, Convolution, Pooling, class_count
from minbits.errors import NetworkError
from minbits.networks.grammar import parse_layers
from minbits.networks.torch_layers import FloatNetwork
from minbits.records import TrainingRecipe
from minbits.training.engine import LanesEngine, TorchEngine, choose_engine
from minbits.training.lanes.vector_code import LANES
from tests.strategies import architectures

SMALL = (
    "conv 5 k5 s2 p2 relu; depthwise k3 p1; pointwise 7 leaky_relu; maxpool 2; depthwise k3 p1; "
    "pointwise 6 hard_swish; avgpool all; linear 4"
)


def covered(architecture: Architecture) -> bool:
    trainable = any(not isinstance(layer, Pooling) for layer in architecture.layers)
    return trainable and all(
        layer.padding < layer.kernel
        for layer in architecture.layers
        if isinstance(layer, Convolution)
    )


def network_of(architecture: Architecture, seed: int, normalised: bool) -> FloatNetwork:
    network = FloatNetwork(architecture, seed, normalised, 0.0)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for _, scale, shift in network.layer_triples():
            if scale is not None:
                scale.uniform_(0.5, 1.5, generator=generator)
            if shift is not None:
                shift.normal_(0, 0.3, generator=generator)
    return network


def gradients(network: FloatNetwork, loss: torch.Tensor) -> list[np.ndarray]:
    network.zero_grad()
    loss.backward()
    return [
        parameter.grad.numpy().copy()
        for triple in network.layer_triples()
        for parameter in triple
        if parameter is not None and parameter.grad is not None
    ]


def assert_agree(architecture: Architecture, seed: int, normalised: bool, batch: int) -> None:
    network = network_of(architecture, seed, normalised).train()
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(batch, *architecture.input_shape, generator=generator)
    labels = torch.randint(0, class_count(architecture), (batch,), generator=generator)
    expected_loss = functional.cross_entropy(network(images), labels)
    expected = gradients(network, expected_loss)
    lanes = LanesNetwork(architecture, batch, normalised)
    # Twice: buffers are used again, and nothing of the first batch may show in the second.
    for shift in (1.0, 0.0):
        loss = lanes_cross_entropy(lanes, network.layer_triples(), images + shift, labels)
        found = gradients(network, loss)
    assert loss.item() == pytest.approx(expected_loss.item(), rel=1e-4, abs=1e-5)
    assert len(found) == len(expected)
    # Gradients that vanish in exact arithmetic are rounding noise in both: hence one common scale.
    scale = max([float(np.abs(gradient).max()) for gradient in expected], default=0.0)
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert np.abs(one - other).max() <= 1e-4 * scale + 1e-7


@settings(max_examples=60)
@given(architectures(), st.integers(0, 1000))
def test_gradients_without_normalisation(architecture: Architecture, seed: int) -> None:
    if covered(architecture):
        assert_agree(architecture, seed, False, LANES)


@settings(max_examples=40)
@given(architectures(), st.integers(0, 1000))
def test_gradients_with_normalisation(architecture: Architecture, seed: int) -> None:
    # A channel of one constant value has no variance: its gradient is a quotient of noise.
    if covered(architecture) and min(architecture.input_shape[1:]) >= 4:
        kinds = {type(layer) for layer in architecture.layers[:1]}
        if kinds != {Pooling}:
            assert_agree(architecture, seed, True, 2 * LANES)


@pytest.mark.parametrize("normalised", [False, True])
def test_a_network_of_the_main_job(normalised: bool) -> None:
    architecture = Architecture((1, 28, 28), 8, parse_layers(SMALL, 1))
    assert_agree(architecture, 3, normalised, 3 * LANES)


def test_running_moments_are_those_of_pytorch() -> None:
    architecture = Architecture((1, 12, 12), 8, parse_layers(SMALL, 1))
    one, other = (network_of(architecture, 0, True).train() for _ in range(2))
    loss = LanesEngine().float_loss(other, LANES)
    for seed in range(3):
        images = torch.randn(LANES, 1, 12, 12, generator=torch.Generator().manual_seed(seed))
        one(images)
        loss(images, torch.zeros(LANES, dtype=torch.int64))
    for first, second in zip(one.buffers(), other.buffers(), strict=True):
        if first.dtype == torch.float32:
            assert torch.allclose(first, second, rtol=1e-4, atol=1e-6)


def test_a_whole_training_step_agrees() -> None:
    architecture = Architecture((1, 12, 12), 8, parse_layers(SMALL, 1))
    images = torch.randn(LANES, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(LANES) % 4
    stepped: list[torch.Tensor] = []
    for engine in (TorchEngine(), LanesEngine()):
        network = network_of(architecture, 0, True).train()
        optimizer = torch.optim.AdamW(network.parameters(), 1e-2)
        loss = engine.float_loss(network, LANES)
        for _ in range(3):
            optimizer.zero_grad()
            loss(images, labels).backward()
            optimizer.step()
        stepped.append(torch.cat([p.detach().contiguous().view(-1) for p in network.parameters()]))
    # Adam divides by the gradient's size: tiny gradients may round to opposite steps.
    assert float((stepped[0] - stepped[1]).abs().median()) < 1e-5


@pytest.mark.parametrize("batch", [0, 31, LANES + 1])
def test_other_batches_are_refused(batch: int) -> None:
    architecture = Architecture((1, 5, 5), 8, parse_layers("linear 2", 1))
    with pytest.raises(NetworkError, match="multiple of 32"):
        LanesNetwork(architecture, batch, False)


def test_the_engine_is_chosen_by_what_it_covers() -> None:
    architecture = Architecture((1, 12, 12), 8, parse_layers(SMALL, 1))
    cpu, recipe = torch.device("cpu"), TrainingRecipe(1, 1)
    assert choose_engine("auto", architecture, recipe, 64, cpu).name == "lanes"
    assert choose_engine("torch", architecture, recipe, 64, cpu).name == "torch"
    assert choose_engine("auto", architecture, recipe, 50, cpu).name == "torch"
    dropping = TrainingRecipe(1, 1, dropout=0.5)
    assert choose_engine("auto", architecture, dropping, 64, cpu).name == "torch"
    assert choose_engine("auto", architecture, recipe, 64, torch.device("cuda")).name == "torch"
    with pytest.raises(NetworkError, match="dropout"):
        choose_engine("lanes", architecture, dropping, 64, cpu)
    wide = Architecture((1, 5, 5), 8, parse_layers("conv 2 k1 p1; avgpool all", 1))
    assert choose_engine("auto", wide, recipe, 64, cpu).name == "torch"


def test_infinite_inputs_are_not_hidden() -> None:
    architecture = Architecture((1, 3, 3), 8, parse_layers("linear 2", 1))
    network = network_of(architecture, 0, False)
    lanes = LanesNetwork(architecture, LANES, False)
    images = torch.full((LANES, 1, 3, 3), math.inf)
    loss = lanes_cross_entropy(
        lanes, network.layer_triples(), images, torch.zeros(LANES, dtype=torch.int64)
    )
    assert not math.isfinite(loss.item())
