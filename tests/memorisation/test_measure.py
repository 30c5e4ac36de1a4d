from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
import torch
from torch.nn import functional

from minbits.capacity.binary_perceptron import (
    longest_fitted_prefix,
    measure_binary_perceptron,
    sign_vectors,
)
from minbits.errors import ArgumentError
from minbits.information.neighbour_code import neighbour_code_lengths
from minbits.memorisation.logistic_step import fit_half_point
from minbits.memorisation.measure import (
    FitSettings,
    fit_labels,
    fit_random_labels,
    measure_memorisation,
)
from minbits.memorisation.seeded_networks import (
    SeededShape,
    initial_weights,
    label_losses,
    prepare_inputs,
    run_networks,
    stored_weights,
)


def one_network(shape: SeededShape, weights: list[torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """Return the logits of one network, layer by layer as PyTorch writes them."""
    rest = list(weights)
    if shape.channels:
        side = math.isqrt(shape.inputs)
        kernel = rest[0][:-1].T.reshape(shape.channels, 1, 3, 3)
        x = functional.conv2d(x.reshape(-1, 1, side, side), kernel, rest[0][-1], stride=2)
        # Positions first, then channels, as the batched network flattens them.
        x = functional.relu(x).permute(0, 2, 3, 1).flatten(1)
        rest = rest[1:]
    for index, matrix in enumerate(rest):
        x = functional.linear(x, matrix[:-1].T, matrix[-1])
        if index != len(rest) - 1:
            x = functional.relu(x)
    return x


@pytest.mark.parametrize(
    "shape",
    [SeededShape(7, ()), SeededShape(7, (5, 4), classes=3), SeededShape(25, (6,), channels=3)],
)
def test_many_networks_at_once_are_the_networks_one_by_one(shape: SeededShape) -> None:
    generator = torch.Generator().manual_seed(1)
    weights = initial_weights(shape, 4, generator)
    with torch.no_grad():
        for matrix in weights:
            matrix.add_(torch.randn(matrix.shape, generator=generator), alpha=0.1)
    inputs = torch.randn((4, 9, shape.inputs), generator=generator)
    logits = run_networks(shape, weights, prepare_inputs(shape, inputs))
    for seed in range(4):
        alone = one_network(shape, [matrix[seed] for matrix in weights], inputs[seed])
        torch.testing.assert_close(logits[seed], alone, rtol=1e-4, atol=1e-5)
    assert sum(matrix[0].numel() for matrix in weights) == shape.parameters


def test_the_loss_is_the_code_length() -> None:
    logits = torch.randn(2, 5, 1)
    labels = torch.randint(0, 2, (2, 5))
    both = torch.cat([torch.zeros_like(logits), logits], 2)
    torch.testing.assert_close(label_losses(logits, labels), label_losses(both, labels))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_stored_weights_have_no_more_levels_than_their_bits(bits: int) -> None:
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn((3, 40, 30), generator=generator, requires_grad=True)
    stored = stored_weights(weights, bits)
    for matrix in stored:
        # In halves of a step: all levels are odd, and rounding is far below one.
        halves = matrix.detach() / matrix.detach().abs().min()
        assert (halves - halves.round()).abs().max() < 1e-3
        assert 2 <= len(torch.unique(halves.round())) <= 2**bits
    stored.sum().backward()
    assert weights.grad is not None
    assert torch.equal(weights.grad, torch.ones_like(weights))
    assert torch.equal(stored_weights(weights, 32), weights)


def test_a_perceptron_memorises_what_cover_predicts() -> None:
    found = measure_memorisation(SeededShape(20, ()), 16, FitSettings(600, 0.3), 0, 1.9, 1)
    # 21 weights: one half at N = 42; training may miss some that are separable.
    assert found.half.low <= 42 * 1.05
    assert 1.6 <= found.bits_per_parameter <= 2.2
    low, high = found.interval_per_parameter
    assert low <= found.bits_per_parameter <= high
    assert 0 < found.most_bits <= max(fit.examples for fit in found.fits)


def test_seeds_do_not_influence_one_another() -> None:
    shape, settings = SeededShape(4, (3,)), FitSettings(60, 0.05)
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn((3, 12, 4), generator=generator)
    labels = torch.randint(0, 2, (3, 12), generator=generator)
    together = fit_labels(shape, inputs, labels, settings, 7)
    changed = labels.clone()
    changed[0] = 1 - changed[0]
    other = fit_labels(shape, inputs, changed, settings, 7)
    assert together.correct[1:] == other.correct[1:]
    assert together.residual_bits[1:] == pytest.approx(other.residual_bits[1:])


def test_the_same_seed_gives_the_same_fit() -> None:
    shape = SeededShape(9, (4,), channels=2, weight_bits=2)
    first = fit_random_labels(shape, 15, 3, FitSettings(80), 5)
    assert first == fit_random_labels(shape, 15, 3, FitSettings(80), 5)
    assert len(first.memorised_bits) == 3
    assert max(first.memorised_bits) <= 15


def test_every_sign_vector_is_tried() -> None:
    vectors = sign_vectors(5)
    assert {tuple(row) for row in vectors} == set(product((-1.0, 1.0), repeat=5))
    generator, again = np.random.default_rng(3), np.random.default_rng(3)
    points = again.standard_normal((40, 5)).astype(np.float32)
    del points  # drawn one by one below, as the fast path draws them
    again = np.random.default_rng(3)
    fitted, alive = 0, [tuple(row) for row in vectors]
    while alive:
        point = again.standard_normal(5, dtype=np.float32)
        alive = [row for row in alive if float(np.dot(np.float32(row), point)) > 0]
        fitted += bool(alive)
    assert longest_fitted_prefix(vectors, generator) == fitted
    mean = measure_binary_perceptron(11, 200, 0).mean() / 11
    assert 0.75 < mean < 1.2  # far from the limit of 0.833, which it approaches from above


def test_the_half_point_is_found_again() -> None:
    sizes = np.array([60, 80, 100, 120, 150])
    wanted = 1 / (1 + (sizes / 100) ** 12.0)
    found = fit_half_point(sizes, np.round(1000 * wanted).astype(int), np.full(5, 1000))
    assert found.value == pytest.approx(100, rel=0.02)
    assert found.low < found.value < found.high
    few = fit_half_point(sizes, np.round(10 * wanted).astype(int), np.full(5, 10))
    assert few.high - few.low > found.high - found.low


def test_neighbours_tell_about_pixels() -> None:
    generator = np.random.default_rng(0)
    noise = generator.integers(0, 2, (600, 1, 8, 8))
    assert neighbour_code_lengths(noise[:400], noise[400:], 0).mean() == pytest.approx(64, rel=0.15)
    stripes = np.repeat(generator.integers(0, 2, (600, 1, 1, 8)), 8, axis=2)
    assert neighbour_code_lengths(stripes[:400], stripes[400:], 0).mean() < 16


@pytest.mark.parametrize(
    "refused",
    [
        lambda: SeededShape(0, ()),
        lambda: SeededShape(4, (), weight_bits=3),
        lambda: SeededShape(10, (), channels=2),
        lambda: fit_random_labels(SeededShape(4, ()), 0, 1, FitSettings(), 0),
        lambda: fit_labels(
            SeededShape(4, ()), torch.zeros(1, 2, 3), torch.zeros(1, 2), FitSettings(), 0
        ),
        lambda: sign_vectors(24),
        lambda: measure_binary_perceptron(3, 0, 0),
        lambda: fit_half_point(np.array([0]), np.array([0]), np.array([1])),
        lambda: neighbour_code_lengths(np.zeros((0, 1, 2, 2)), np.zeros((1, 1, 2, 2)), 0),
    ],
)
def test_outside_the_domain_the_domain_is_named(refused) -> None:
    with pytest.raises(ArgumentError, match="; expected "):
        refused()
