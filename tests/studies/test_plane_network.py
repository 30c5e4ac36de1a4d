from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from minbits.studies import plane_kernels
from minbits.studies.plane_kernels import tanh_row, train_epoch
from minbits.studies.plane_network import (
    ACTIVATIONS,
    SMALLEST_RANGE,
    PlaneNetwork,
    PlaneTraining,
    log_spaced,
)
from minbits.training.loop import StoppedError

SIZES = (4, 6, 5, 3)
EXAMPLES, BATCH, RATE = 50, 16, 0.01


def examples() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    inputs = generator.standard_normal((EXAMPLES, SIZES[0])).astype(np.float32)
    return inputs, generator.integers(0, SIZES[-1], EXAMPLES)


class Rounded(torch.autograd.Function):
    """Quantised values; the gradient passes straight through inside the range."""

    @staticmethod
    def forward(ctx: object, x: torch.Tensor, low: float, high: float, levels: int) -> torch.Tensor:
        ctx.save_for_backward((x >= low) & (x <= high))  # type: ignore[attr-defined]
        step = (high - low) / (levels - 1)
        return torch.floor((x.clamp(low, high) - low) / step + 0.5) * step + low

    @staticmethod
    def backward(ctx: object, error: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        (inside,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return error * inside, None, None, None


def trained_by_torch(network: PlaneNetwork, start: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return the parameters after one epoch, slowly."""
    functions = {
        "linear": lambda x: x, "relu": torch.relu, "tanh": torch.tanh,
        "softsign": torch.nn.functional.softsign,
    }  # fmt: skip
    values = torch.tensor(start, requires_grad=True)
    optimizer = torch.optim.Adam([values], lr=RATE)
    inputs, labels = (torch.as_tensor(part) for part in examples())
    ranges = [0.0] * (len(SIZES) - 2)
    for begin in range(0, EXAMPLES, BATCH):
        batch = torch.as_tensor(order[begin : begin + BATCH])
        at, x = 0, inputs[batch]
        for layer, (fan_in, width) in enumerate(pairwise(SIZES)):
            weights = values[at : at + fan_in * width].reshape(width, fan_in)
            at += fan_in * width
            x = x @ weights.T + values[at : at + width]
            at += width
            if layer == len(SIZES) - 2:
                continue
            x = functions[network.activation](x)
            if network.levels:
                largest = float(x.detach().abs().max())
                known = ranges[layer] or largest
                ranges[layer] = max(0.99 * known + 0.01 * largest, SMALLEST_RANGE)
                high = 1.0 if network.activation in ("tanh", "softsign") else ranges[layer]
                low = 0.0 if network.activation == "relu" else -high
                x = Rounded.apply(x, low, high, network.levels)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(x, labels[batch]).backward()
        optimizer.step()
    return values.detach().numpy()


@pytest.mark.parametrize("bits", [0, 4])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_epoch_is_what_pytorch_computes(activation: str, bits: int) -> None:
    network = PlaneNetwork(SIZES, activation, bits)
    generator = np.random.default_rng(1)
    values = network.initial(generator)
    order = generator.permutation(EXAMPLES)
    expected = trained_by_torch(network, values, order)
    kind, factors = ACTIVATIONS.index(activation), np.ones_like(values)
    first, second, gradient = (np.zeros_like(values) for _ in range(3))
    ranges = np.full(2, activation in ("tanh", "softsign"), np.float32)
    inputs, labels = examples()
    loss = train_epoch(
        values, first, second, gradient, factors, np.array(SIZES), kind, network.levels,
         ranges, inputs, labels, order, BATCH, RATE, 0,
    )  # fmt: skip
    assert 0.5 < loss < 2.5
    assert np.abs(values - expected).max() < 2e-4


def test_the_places_of_activations_are_those_of_the_compiled_code() -> None:
    places = [getattr(plane_kernels, name.upper()) for name in ACTIVATIONS]
    assert places == list(range(len(ACTIVATIONS)))
    assert pytest.approx(SMALLEST_RANGE) == plane_kernels.SMALLEST_RANGE


def test_the_tangent_is_numpys() -> None:
    row = np.linspace(-20, 20, 4001).astype(np.float32)
    found = row.copy()
    tanh_row(found, len(found))
    assert np.abs(found - np.tanh(row)).max() < 1e-6


def training() -> PlaneTraining:
    return PlaneTraining(*examples(), BATCH, RATE)


def test_states_come_at_the_epochs_asked_for_and_follow_from_the_seed() -> None:
    network = PlaneNetwork(SIZES, "tanh")
    some = list(training().states(network, 3, (0, 2, 5)))
    assert [state.epoch for state in some] == [0, 2, 5]
    assert some[0].loss is None
    again = list(training().states(network, 3, (5,)))
    assert np.array_equal(again[0].values, some[-1].values)
    other = next(training().states(network, 4, (5,)))
    assert not np.array_equal(other.values, some[-1].values)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_quantised_layers_have_as_many_values_as_bits_allow(activation: str) -> None:
    network = PlaneNetwork(SIZES, activation, 2)
    inputs, _ = examples()
    for state in training().states(network, 0, (0, 3)):
        for layer in network.layers(state.values, state.ranges, inputs):
            assert len(np.unique(layer)) <= 4


def test_initial_weights_are_cut_off_and_biases_are_zero() -> None:
    values = PlaneNetwork((100, 50, 2), "tanh").initial(np.random.default_rng(0))
    weights, biases = values[:5000], values[5000:5050]
    assert np.abs(weights).max() <= 2 / 10
    assert weights.std() == pytest.approx(0.88 / 10, rel=0.03)
    assert not biases.any()


def test_a_training_stops_when_asked_and_says_when_it_diverges() -> None:
    network = PlaneNetwork(SIZES, "linear")
    with pytest.raises(StoppedError):
        list(training().states(network, 0, (9,), lambda: True))
    wild = PlaneTraining(*examples(), BATCH, 1e30)
    with pytest.raises(FloatingPointError, match="after epoch"):
        list(wild.states(network, 0, (50,)))


def test_epochs_are_spaced_by_equal_factors() -> None:
    assert log_spaced(8000, 2) == (0, 1, 8000)
    found = log_spaced(1000, 10)
    assert found[:2] == (0, 1)
    assert found[-1] == 1000
    assert list(found) == sorted(set(found))
