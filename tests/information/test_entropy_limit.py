from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minbits.errors import ArgumentError
from minbits.information.discrete import entropy_bits
from minbits.information.entropy_limit import entropy_upper_limit_bits, probability_limits

SOURCES = {
    "fair coin": [0.5, 0.5],
    "99 %": [0.99, 0.01],
    "99.9 %": [0.999, 0.001],
    "one class alone": [1.0, 0.0],
    "ten classes": [0.1] * 10,
    "halves": [2.0 ** -(k + 1) for k in range(9)] + [2.0**-9],
    "one common, many rare": [0.9] + [0.1 / 40] * 40,
    "two of twenty": [0.5, 0.5] + [0.0] * 18,
    "a line": [k / 55 for k in range(1, 11)],
    "ninety classes": [1 / 90] * 90,
}


@pytest.mark.parametrize("examples", [1, 10, 60, 1000])
@pytest.mark.parametrize("source", SOURCES)
def test_the_limit_is_above_the_truth_in_95_of_100_draws(source: str, examples: int) -> None:
    shares = np.array(SOURCES[source])
    positive = shares[shares > 0]
    truth = float(-(positive * np.log2(positive)).sum())
    draws = np.random.default_rng(0).multinomial(examples, shares, size=200)
    covered = sum(entropy_upper_limit_bits(draw) >= truth - 1e-9 for draw in draws)
    assert covered >= 190


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6).filter(any), st.integers(0, 10**6))
def test_no_distribution_within_the_limits_has_more_entropy(counts: list[int], seed: int) -> None:
    given_counts = np.array(counts)
    low, high = probability_limits(given_counts)
    limit = entropy_upper_limit_bits(given_counts)
    assert entropy_bits(given_counts) - 1e-9 <= limit <= np.log2(len(counts))
    generator = np.random.default_rng(seed)
    for shares in generator.dirichlet(np.array(counts) + 0.5, size=200):
        if (shares >= low).all() and (shares <= high).all():
            positive = shares[shares > 0]
            assert -(positive * np.log2(positive)).sum() <= limit + 1e-9


def test_the_limits_tighten_with_examples() -> None:
    counts = np.array([900, 100])
    limits = [entropy_upper_limit_bits(counts * k) for k in (1, 10, 1000)]
    assert limits == sorted(limits, reverse=True)
    assert limits[-1] == pytest.approx(entropy_bits(counts), abs=0.01)


@pytest.mark.parametrize("counts", [np.zeros(3, int), np.array([2, -1]), np.ones((2, 2), int)])
def test_counts_that_are_none_are_refused(counts: np.ndarray) -> None:
    with pytest.raises(ArgumentError, match="; expected "):
        entropy_upper_limit_bits(counts)
