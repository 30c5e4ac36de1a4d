from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minbits.capacity.channels import (
    binary_erasure_capacity,
    binary_symmetric_capacity,
    discrete_capacity,
    gaussian_capacity,
)
from minbits.capacity.fano import (
    least_information_bits,
    random_labelling_bits,
    remaining_entropy_bits,
)
from minbits.capacity.network_shape import dense_shape
from minbits.capacity.noisy_network import (
    layer_throughput_bits,
    noisy_weights_bits,
    quantised_unit_capacity,
    quantised_unit_channel,
    sequential_capacity,
)
from minbits.errors import ArgumentError

probabilities = st.floats(0.0, 1.0)


@given(probabilities)
def test_the_symmetric_channel_agrees_with_its_closed_form(flip: float) -> None:
    found = discrete_capacity(np.array([[1 - flip, flip], [flip, 1 - flip]]))
    assert found.lower_bits == pytest.approx(binary_symmetric_capacity(flip), abs=1e-8)
    assert found.gap_bits <= 1e-9


@given(probabilities)
def test_the_erasure_channel_agrees_with_its_closed_form(erased: float) -> None:
    found = discrete_capacity(np.array([[1 - erased, 0, erased], [0, 1 - erased, erased]]))
    assert found.lower_bits == pytest.approx(binary_erasure_capacity(erased), abs=1e-8)


@given(st.floats(0.01, 0.99))
def test_the_z_channel_agrees_with_its_closed_form(flip: float) -> None:
    # Capacity log2(1 + (1 - f) f^(f / (1 - f))) of a channel where only ones are flipped.
    exact = math.log2(1 + (1 - flip) * flip ** (flip / (1 - flip)))
    found = discrete_capacity(np.array([[1.0, 0.0], [flip, 1 - flip]]), gap_bits=1e-7)
    assert found.lower_bits - 1e-12 <= exact <= found.upper_bits + 1e-12


def test_noisy_typewriter_and_useless_channel() -> None:
    typewriter = (np.eye(26) + np.roll(np.eye(26), 1, axis=1)) / 2
    assert discrete_capacity(typewriter).lower_bits == pytest.approx(math.log2(13))
    assert discrete_capacity(np.full((4, 3), 1 / 3)).upper_bits == pytest.approx(0.0, abs=1e-9)
    assert discrete_capacity(np.eye(5)).lower_bits == pytest.approx(math.log2(5))


@given(st.integers(0, 10_000))
def test_the_certificate_holds_at_every_stop(seed: int) -> None:
    rows = np.random.default_rng(seed).dirichlet(np.ones(4), 3)
    early = discrete_capacity(rows, gap_bits=1e-12, most_iterations=3)
    late = discrete_capacity(rows, gap_bits=1e-6)
    assert early.lower_bits <= late.upper_bits + 1e-12
    assert late.lower_bits <= early.upper_bits + 1e-12
    assert late.input_distribution.sum() == pytest.approx(1.0)


def test_the_gaussian_channel_and_noisy_weights() -> None:
    assert gaussian_capacity(3.0) == pytest.approx(1.0)
    assert gaussian_capacity(0.0) == 0.0
    assert noisy_weights_bits(10, math.sqrt(3.0), 1.0) == pytest.approx(10.0)
    assert noisy_weights_bits(10, 1.0, 0.01) > noisy_weights_bits(10, 1.0, 0.1)


def test_a_quantised_unit_carries_what_it_can_tell_apart() -> None:
    quiet = quantised_unit_capacity(2, 0.001)
    assert quiet.lower_bits == pytest.approx(2.0, abs=1e-3)
    noisy = quantised_unit_capacity(2, 0.3)
    assert 0 < noisy.lower_bits < 1.0
    matrix = quantised_unit_channel(np.array([0.0, 0.5, 1.0]), 0.1, 4)
    assert np.allclose(matrix.sum(1), 1.0)
    # Two levels and two outputs with the edge half way: a symmetric channel of known flips.
    two = discrete_capacity(quantised_unit_channel(np.array([0.0, 1.0]), 0.5, 2))
    flip = 0.5 * math.erfc(1.0 / math.sqrt(2.0))
    assert two.lower_bits == pytest.approx(binary_symmetric_capacity(flip), abs=1e-7)


def test_no_layer_carries_more_than_one_before_it() -> None:
    assert layer_throughput_bits(dense_shape((784, 300, 10, 100)), 2.0) == (600.0, 20.0, 20.0)
    assert sequential_capacity([3.0, 1.0, 2.0]) == 1.0


@given(st.integers(2, 50), st.floats(0, 1))
def test_fano_is_tight_for_the_symmetric_error_channel(classes: int, error: float) -> None:
    error *= 1 - 1 / classes
    rows = np.full((classes, classes), error / (classes - 1))
    np.fill_diagonal(rows, 1 - error)
    exact = discrete_capacity(rows).lower_bits
    least = least_information_bits(math.log2(classes), error, classes)
    assert least == pytest.approx(exact, abs=1e-7)


@given(st.integers(2, 20), st.floats(0, 1), st.floats(0, 1))
def test_more_errors_need_no_more_information(classes: int, one: float, other: float) -> None:
    low, high = sorted((one, other))
    entropy = math.log2(classes)
    assert least_information_bits(entropy, low, classes) >= (
        least_information_bits(entropy, high, classes) - 1e-12
    )
    assert remaining_entropy_bits(high, classes) <= entropy + 1e-12


def test_what_a_set_of_random_labels_needs() -> None:
    uniform = math.log2(10)
    assert random_labelling_bits(60_000, uniform, 1.0, 10) == pytest.approx(60_000 * uniform)
    assert random_labelling_bits(60_000, uniform, 0.1, 10) == pytest.approx(0.0, abs=1e-6)
    by_hand = 60_000 * (uniform - 0.0807931 - 0.01 * math.log2(9))
    assert random_labelling_bits(60_000, uniform, 0.99, 10) == pytest.approx(by_hand, abs=1.0)


@pytest.mark.parametrize(
    "refused",
    [
        lambda: binary_symmetric_capacity(1.5),
        lambda: binary_erasure_capacity(-0.1),
        lambda: gaussian_capacity(-1.0),
        lambda: gaussian_capacity(math.inf),
        lambda: discrete_capacity(np.array([[0.5, 0.6]])),
        lambda: discrete_capacity(np.array([[math.nan, 1.0]])),
        lambda: discrete_capacity(np.eye(2), gap_bits=0.0),
        lambda: noisy_weights_bits(1, 1.0, 0.0),
        lambda: quantised_unit_capacity(9, 0.1),
        lambda: quantised_unit_channel(np.array([2.0]), 0.1, 4),
        lambda: layer_throughput_bits(dense_shape((2, 1)), -1.0),
        lambda: sequential_capacity([]),
        lambda: remaining_entropy_bits(0.1, 1),
        lambda: least_information_bits(5.0, 0.1, 10),
        lambda: random_labelling_bits(0, 1.0, 0.9, 2),
        lambda: random_labelling_bits(5, 1.0, 1.1, 2),
    ],
)
def test_outside_the_domain_the_domain_is_named(refused) -> None:
    with pytest.raises(ArgumentError, match="; expected "):
        refused()
