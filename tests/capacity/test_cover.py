from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from minbits.capacity.cover import (
    MEMORISATION_BITS_PER_WEIGHT,
    dichotomy_count,
    log2_dichotomies,
    separable_probabilities,
    separable_probability,
)
from minbits.capacity.linear_separability import (
    _largest_margin,
    is_separable,
    measure_separability,
)
from minbits.errors import ArgumentError


def counted(points: int, weights: int) -> int:
    """Return T(N, K) as the formula is written."""
    return 2 * sum(math.comb(points - 1, k) for k in range(weights))


@pytest.mark.parametrize("weights", [1, 2, 3])
@pytest.mark.parametrize("points", range(1, 9))
def test_every_dichotomy_of_few_points_is_counted(points: int, weights: int) -> None:
    inputs = np.random.default_rng([points, weights]).standard_normal((points, weights))
    found = sum(
        is_separable(inputs, np.array(labels)) for labels in product((-1, 1), repeat=points)
    )
    assert found == dichotomy_count(points, weights)


def test_mackays_figures() -> None:
    assert dichotomy_count(4, 3) == 14
    assert dichotomy_count(10, 5) == 512
    assert log2_dichotomies(60_000, 785) / 785 == pytest.approx(7.67, abs=0.005)


@given(st.integers(1, 300), st.integers(1, 400))
def test_the_fast_count_is_the_formula(points: int, weights: int) -> None:
    exact = counted(points, weights)
    assert dichotomy_count(points, weights) == exact
    assert log2_dichotomies(points, weights) == pytest.approx(math.log2(exact), rel=1e-12)
    probability = float(Fraction(exact, 2**points))
    assert separable_probability(points, weights) == pytest.approx(probability, rel=1e-10)


@pytest.mark.parametrize(
    ("points", "weights"), [(5000, 17), (5000, 1200), (5000, 2499), (5000, 2501), (5000, 4100)]
)
def test_logarithms_are_exact_where_integers_are_long(points: int, weights: int) -> None:
    exact = dichotomy_count(points, weights)
    assert log2_dichotomies(points, weights) == pytest.approx(math.log2(exact), rel=1e-13)


@pytest.mark.parametrize("weights", [1, 5, 100, 12_345, 500_000])
def test_half_of_all_labellings_at_twice_the_weights(weights: int) -> None:
    assert separable_probability(2 * weights, weights) == pytest.approx(0.5, abs=1e-9)
    assert log2_dichotomies(2 * weights, weights) == pytest.approx(2 * weights - 1, abs=1e-6)
    assert MEMORISATION_BITS_PER_WEIGHT * weights == 2 * weights


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_more_weights_realise_no_fewer_and_more_points_no_fewer(points: int, weights: int) -> None:
    here = log2_dichotomies(points, weights)
    slack = 1e-9 * points + 1e-9
    assert math.isfinite(here)
    assert 1 <= here <= points + slack
    assert log2_dichotomies(points, weights + 1) >= here - slack
    assert log2_dichotomies(points + 1, weights) >= here - slack
    assert separable_probability(points + 1, weights) <= separable_probability(points, weights)


def test_the_step_sharpens_with_the_number_of_weights() -> None:
    widths = []
    for weights in (10, 100, 1000):
        points = np.arange(1, 4 * weights)
        curve = separable_probabilities(points, weights)
        middle = points[(curve < 0.9) & (curve > 0.1)]
        widths.append(len(middle) / weights)
        assert curve[weights - 1] == 1.0
    assert widths[0] > 2 * widths[1] > 4 * widths[2]


@pytest.mark.parametrize("load", [1.5, 2.0, 2.5])
@pytest.mark.parametrize("weights", [5, 20])
def test_measured_fractions_lie_in_covers_band(weights: int, load: float) -> None:
    found = measure_separability(round(load * weights), weights, 200, seed=3)
    # Six points of one figure: the band that all of them keep to with probability 0.95.
    coverage = 0.95 ** (1 / 6)
    low, high = stats.binom.interval(coverage, found.draws, found.predicted)
    assert low <= found.separable <= high
    assert found.interval.low <= found.measured <= found.interval.high


def test_exclusive_or_is_not_separable_and_a_majority_is() -> None:
    corners = np.array([[a, b, 1.0] for a in (-1.0, 1.0) for b in (-1.0, 1.0)])
    assert not is_separable(corners, np.array([1, -1, -1, 1]))
    assert is_separable(corners, np.array([1, 1, 1, -1]))
    assert not is_separable(np.array([[0.0, 0.0]]), np.array([1]))


@pytest.mark.parametrize(("points", "weights"), [(0, 1), (1, 0), (10**9 + 1, 5), (5, 2**40)])
def test_outside_the_domain_the_domain_is_named(points: int, weights: int) -> None:
    for function in (log2_dichotomies, separable_probability, dichotomy_count):
        with pytest.raises(ArgumentError, match="expected 1 <= "):
            function(points, weights)
    with pytest.raises(ArgumentError, match="expected an integer"):
        log2_dichotomies(2.5, 1)  # type: ignore[arg-type]


def test_bad_separability_arguments_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"-1 and \+1"):
        is_separable(np.eye(2), np.array([0, 1]))
    with pytest.raises(ArgumentError, match="finite inputs"):
        is_separable(np.full((2, 2), np.nan), np.array([1, -1]))
    with pytest.raises(ArgumentError, match="at least 1"):
        measure_separability(4, 2, 0, 0)


def test_both_programs_give_one_answer() -> None:
    generator = np.random.default_rng(8)
    for _ in range(60):
        inputs = generator.standard_normal((12, 6))
        labels = 2 * generator.integers(0, 2, 12) - 1
        assert is_separable(inputs, labels) == (_largest_margin(inputs * labels[:, None]) > 1e-6)
