from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from minbits.capacity.bounds import FORMULAS, KRAUTH_MEZARD_BITS_PER_WEIGHT, capacity_table
from minbits.capacity.cover import dichotomy_count
from minbits.capacity.equivocation import layer_equivocation_bits, maximum_equivocation_bits
from minbits.capacity.network_shape import dense_shape, parse_input_shape, parse_network
from minbits.capacity.threshold_networks import baldi_vershynin_capacity, counting_bound_bits
from minbits.capacity.vc_dimension import (
    log2_growth_bound,
    perceptron_vc_dimension,
    vc_existence_scale,
    vc_lower_bound,
    vc_upper_bound,
    vc_upper_bound_closed,
)
from minbits.codec.architecture import Architecture, parameter_count
from minbits.errors import ArgumentError, NetworkError
from minbits.memorisation.measure import FitSettings, fit_labels
from minbits.memorisation.seeded_networks import SeededShape
from minbits.networks.grammar import parse_layers
from tests.capacity.replica import binary_weight_capacity, gardner_capacity

widths = st.lists(st.integers(1, 60), min_size=2, max_size=5).map(tuple)


@pytest.mark.parametrize(
    ("text", "bits"), [("11-3-1", 39), ("784-300-100-10", 235_900), ("784-200-200-10", 157_400)]
)
def test_friedlands_figures(text: str, bits: int) -> None:
    shape = parse_network(text)
    assert maximum_equivocation_bits(shape) == bits
    assert sum(layer_equivocation_bits(shape)) == bits


def test_shapes_count_as_the_codec_does() -> None:
    text = "conv 8 k5 s2 p2 relu; maxpool 2; depthwise k3 p1; pointwise 12 relu; linear 10"
    shape = parse_network(text, (3, 28, 28))
    layers = parse_layers(text, 3)
    assert shape.parameters == parameter_count(Architecture((3, 28, 28), 0, layers))
    assert [layer.positions for layer in shape.layers] == [196, 49, 49, 1]
    assert shape.layers[0].comparisons == 8 * 49 * 6
    assert parse_network("pytorch-example").parameters == 21_840
    assert dense_shape((3, 5, 2)).parameters == 32
    assert not shape.is_fully_connected
    assert parse_network("linear 5 relu; linear 3", (1, 2, 2)).is_fully_connected


@pytest.mark.parametrize(
    "bad",
    [
        "conv 4 k3 p1; conv 4 k3 p1; add 1; linear 2",
        "linear 4; linear 4; again 1",
        "784-0-10",
        "1x1",
        "conv",
    ],
)
def test_bad_architectures_are_refused(bad: str) -> None:
    with pytest.raises((ArgumentError, NetworkError), match="; expected "):
        parse_network(bad)
    with pytest.raises(ArgumentError, match="CHANNELSxHEIGHTxWIDTH"):
        parse_input_shape("28x28")


def test_one_unit_shatters_as_many_points_as_it_has_weights() -> None:
    for weights in (1, 2, 3, 4):
        assert dichotomy_count(weights, weights) == 2**weights
        assert dichotomy_count(weights + 1, weights) < 2 ** (weights + 1)
        assert perceptron_vc_dimension(weights, bias=False) == weights
    assert perceptron_vc_dimension(784) == 785


@given(widths)
def test_vc_bounds_keep_their_order(sizes: tuple[int, ...]) -> None:
    shape = dense_shape(sizes)
    lower, upper = vc_lower_bound(shape), vc_upper_bound(shape)
    assert sizes[0] + 1 <= lower <= upper
    assert log2_growth_bound(shape, upper) >= upper
    assert log2_growth_bound(shape, upper + 1) < upper + 1
    if sum(sizes[1:]) >= 3 and len(sizes) > 2:
        assert upper <= vc_upper_bound_closed(shape)


@given(widths, st.integers(0, 3))
def test_bounds_grow_with_every_layer(sizes: tuple[int, ...], place: int) -> None:
    wider = list(sizes)
    wider[min(place, len(sizes) - 1)] += 1
    small, large = dense_shape(sizes), dense_shape(tuple(wider))
    assert vc_upper_bound(large) >= vc_upper_bound(small)
    assert vc_lower_bound(large) >= vc_lower_bound(small)
    assert maximum_equivocation_bits(large) >= maximum_equivocation_bits(small)
    assert baldi_vershynin_capacity(tuple(wider)) >= baldi_vershynin_capacity(sizes)
    assert counting_bound_bits(large, 100) >= counting_bound_bits(small, 100)


def test_the_lower_bound_is_reached_by_every_labelling() -> None:
    # 2-6-1 must shatter 2 * (6 // 2) = 6 points in general position: all 64 labellings are fitted,
    # one by each of many networks.
    assert vc_lower_bound(dense_shape((2, 6, 1))) == 6
    points = torch.from_numpy(np.random.default_rng(5).standard_normal((6, 2))).float()
    labels = torch.tensor(list(product((0, 1), repeat=6)))
    fitted = np.zeros(64, bool)
    for seed in range(12):
        fit = fit_labels(
            SeededShape(2, (6,)), points.expand(64, 6, 2), labels, FitSettings(600, 0.1), seed
        )
        fitted |= np.array(fit.correct) == 6
        if fitted.all():
            break
    assert fitted.all()


def test_the_counting_bound_holds_for_a_tiny_network_of_thresholds() -> None:
    # Every labelling of 5 points by a 2-2-1 network of thresholds with integer weights is counted.
    points = np.array([[0, 0], [1, 3], [4, 1], [2, 5], [5, 4]])
    units = np.array(list(product(range(-2, 3), range(-2, 3), range(-8, 9))))
    hidden = {tuple(row) for row in (points @ units[:, :2].T + units[:, 2] > 0).T}
    outputs = [(a, b, c) for a in (-1, 0, 1) for b in (-1, 0, 1) for c in (-1.5, -0.5, 0.5, 1.5)]
    found = set()
    for first, second in product(hidden, repeat=2):
        for a, b, c in outputs:
            found.add(tuple(a * np.array(first) + b * np.array(second) + c > 0))
    assert math.log2(len(found)) <= counting_bound_bits(dense_shape((2, 2, 1)), 5)


def test_replica_results() -> None:
    assert gardner_capacity() == 2.0
    assert gardner_capacity(1.0) < gardner_capacity(0.5) < 2.0
    assert binary_weight_capacity() == pytest.approx(KRAUTH_MEZARD_BITS_PER_WEIGHT, abs=5e-4)
    with pytest.raises(ArgumentError, match="margin >= 0"):
        gardner_capacity(-0.1)


def test_baldi_and_vershynins_polynomial() -> None:
    assert baldi_vershynin_capacity((4, 3, 2)) == 4 * 4 * 3 + 3 * 3 * 2
    assert baldi_vershynin_capacity((10, 2, 10, 1)) == 10 * 10 * 2 + 2 * 2 * 10 + 2 * 10 * 1


def test_the_table_says_what_everything_is() -> None:
    lines = capacity_table(parse_network("pytorch-example"), 60_000)
    assert len(lines) == len(FORMULAS)
    values = {line.key: line.value for line in lines}
    assert values["raw_storage"] == 698_880
    assert values["baldi_vershynin"] is None
    assert all(line.bounds and line.assumptions and line.source for line in lines)
    assert all((line.value is None) == (line.objection is not None) for line in lines)
    single = {line.key: line.value for line in capacity_table(parse_network("20-1"), 100)}
    assert single["vc_perceptron"] == 21
    assert single["vc_lower"] == 21
    smooth = capacity_table(parse_network("conv 4 k3 hard_swish; avgpool all; linear 2"), 10)
    assert {line.key for line in smooth if line.value is None} >= {"vc_upper", "vc_lower"}


@pytest.mark.parametrize(
    "refused",
    [
        lambda: capacity_table(dense_shape((2, 1)), 0),
        lambda: capacity_table(dense_shape((2, 1)), 5, 0),
        lambda: vc_upper_bound_closed(dense_shape((2, 1))),
        lambda: vc_lower_bound(parse_network("pytorch-example")),
        lambda: vc_upper_bound(parse_network("linear 4 hard_swish; linear 2")),
        lambda: vc_existence_scale(3, 3),
        lambda: perceptron_vc_dimension(0),
        lambda: log2_growth_bound(dense_shape((2, 1)), 0),
        lambda: dense_shape((4,)),
    ],
)
def test_outside_the_domain_the_domain_is_named(refused) -> None:
    with pytest.raises(ArgumentError, match="; expected "):
        refused()
