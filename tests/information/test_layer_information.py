"""Estimators of what a layer says, on channels whose mutual information is known."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from minbits.errors import ArgumentError
from minbits.information.kernel_density import density_bounds
from minbits.information.layer_information import (
    BINNINGS,
    adaptive_bins,
    counted_information,
    entropy_bits,
    fixed_bins,
    thirty_edges,
)

PATTERNS = np.array(list(itertools.product((0, 1), repeat=8)), np.int8)


def binary_entropy(p: float) -> float:
    return float(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)))


@pytest.mark.parametrize("bits", range(9))
def test_a_layer_that_copies_bits_says_as_many(bits: int) -> None:
    """T is a function of X and all inputs are there: nothing is estimated."""
    layer = np.where(np.arange(8) < bits, PATTERNS, 0)
    first = PATTERNS[:, 0].astype(np.int64)
    parity = PATTERNS.sum(axis=1) % 2
    assert counted_information(layer, first) == pytest.approx((bits, float(bits > 0)))
    assert counted_information(layer, parity) == pytest.approx((bits, float(bits == 8)))


@pytest.mark.parametrize("flips", [1, 2, 3])
def test_a_symmetric_channel_is_counted_exactly(flips: int) -> None:
    """Of eight equally likely noises, ``flips`` flip the bit: I(T;Y) = 1 - h(flips / 8)."""
    label, noise = (part.ravel() for part in np.meshgrid(np.arange(2), np.arange(8)))
    layer = (label ^ (noise < flips))[:, None]
    about_input, about_label = counted_information(layer, label)
    assert about_input == pytest.approx(1.0)
    assert about_label == pytest.approx(1 - binary_entropy(flips / 8))


def test_of_a_sample_the_counted_figure_is_too_high_by_the_known_bias() -> None:
    """Miller 1955 and Madow: the bias of I is (K_t - 1)(K_y - 1) / 2N nats, where all is random."""
    generator = np.random.default_rng(0)
    examples, states, draws = 400, 8, 300
    found = np.array(
        [
            counted_information(
                generator.integers(0, states, (examples, 1)), generator.integers(0, 2, examples)
            )[1]
            for _ in range(draws)
        ]
    )
    expected = (states - 1) / (2 * examples) / math.log(2)
    error = found.std(ddof=1) / math.sqrt(draws)
    assert abs(found.mean() - expected) < 4 * error + 0.03 * expected


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.sampled_from(sorted(BINNINGS)))
def test_what_is_counted_keeps_to_the_laws(seed: int, units: int, binning: str) -> None:
    generator = np.random.default_rng(seed)
    layer = BINNINGS[binning](generator.normal(0, 0.8, (64, units)).astype(np.float32))
    labels = generator.integers(0, 3, 64)
    about_input, about_label = counted_information(layer, labels)
    merged = counted_information(layer // 5, labels)  # a function of T: data processing
    assert -1e-12 <= about_label <= min(about_input, entropy_bits(np.bincount(labels))) + 1e-9
    assert about_input <= 6 + 1e-12
    assert merged[0] <= about_input + 1e-12
    assert merged[1] <= about_label + 1e-9


def test_bins_are_where_they_are_said_to_be() -> None:
    values = np.array([[-2.0, -1.0, -0.99, 0.01, 0.99, 1.0, 7.0]], np.float32)
    assert fixed_bins(values).tolist() == [[0, 0, 0, 15, 29, 29, 29]]
    # 30 edges leave 29 bins; 1 and all beyond either end are one bin more.
    assert thirty_edges(values).tolist() == [[29, 0, 0, 14, 28, 29, 29]]
    inside = np.linspace(-1, 0.9999, 5_000, dtype=np.float32)[:, None]
    assert len(np.unique(fixed_bins(inside))) == 30
    assert len(np.unique(thirty_edges(inside))) == 29
    assert adaptive_bins(np.array([[2.0], [3.0], [5.0]], np.float32)).ravel().tolist() == [
        0,
        10,
        29,
    ]
    assert not adaptive_bins(np.full((3, 2), 4.0, np.float32)).any()


def two_clusters(distance: float, variance: float) -> float:
    """Return I(X;T) in bits of two equally likely means with Gaussian noise, by integration."""
    deviation = math.sqrt(variance)

    def density(t: float) -> float:
        near, far = stats.norm.pdf(t, 0, deviation), stats.norm.pdf(t, distance, deviation)
        mixture = (near + far) / 2
        return float(-mixture * np.log2(max(mixture, 1e-300)))

    ends = (-9 * deviation, distance + 9 * deviation)
    points = [0.0, distance]
    whole = integrate.quad(density, *ends, points=points, limit=400)[0]
    return float(whole - 0.5 * math.log2(2 * math.pi * math.e * variance))


@pytest.mark.parametrize("deviations", [0.2, 0.7, 1.5, 3.0, 6.0])
def test_density_bounds_enclose_a_channel_with_gaussian_noise(deviations: float) -> None:
    variance = 1e-3
    distance = deviations * math.sqrt(variance)
    layer = np.repeat([[0.0], [distance]], 32, axis=0)
    labels = np.repeat([0, 1], 32)
    truth = two_clusters(distance, variance)
    found = density_bounds(layer, labels, variance)
    assert found.input_low <= truth + 1e-4
    assert found.input_high >= truth - 1e-4
    assert found.input_high - found.input_low < 0.45
    # The label says which mean it is: here both informations are one.
    assert found.label_high == pytest.approx(found.input_high, abs=1e-5)
    assert found.label_low == pytest.approx(found.input_low, abs=1e-5)


def test_density_bounds_are_what_distances_give() -> None:
    generator = np.random.default_rng(3)
    layer, labels = generator.normal(0, 0.05, (90, 3)), generator.integers(0, 3, 90)
    squared = ((layer[:, None] - layer[None]) ** 2).sum(axis=2)
    found = density_bounds(layer, labels, 1e-3)
    for factor, about_input, about_label in (
        (8, found.input_low, found.label_low),
        (2, found.input_high, found.label_high),
    ):
        kernel = np.exp(-squared / (factor * 1e-3))
        whole = -np.log2(kernel.mean(axis=1)).mean()
        given_label = -np.mean(
            [np.log2(kernel[i, labels == labels[i]].mean()) for i in range(len(labels))]
        )
        assert about_input == pytest.approx(whole, abs=1e-4)
        assert about_label == pytest.approx(whole - given_label, abs=1e-4)


def test_density_bounds_at_both_ends() -> None:
    labels = np.arange(16) % 2
    same = density_bounds(np.zeros((16, 2)), labels)
    assert (same.input_low, same.input_high) == pytest.approx((0, 0), abs=1e-6)
    apart = density_bounds(10.0 * np.arange(16)[:, None], labels)
    assert (apart.input_low, apart.input_high) == pytest.approx((4, 4), abs=1e-6)
    assert apart.label_high == pytest.approx(1.0, abs=1e-6)
    with pytest.raises(ArgumentError, match="positive"):
        density_bounds(np.zeros((2, 1)), labels[:2], 0.0)
