from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binom

from minbits.errors import ArgumentError, DataError
from minbits.intervals import (
    anytime_lower_limit,
    claim_lower_limit,
    p_value_text,
    wilson_interval,
)
from minbits.units import bits_to_nats, bytes_to_bits, nats_to_bits


@given(st.floats(0, 1e9))
def test_nats_and_bits_are_inverse(value: float) -> None:
    assert bits_to_nats(nats_to_bits(value)) == pytest.approx(value)


def test_units() -> None:
    assert bytes_to_bits(1070) == 8560
    assert nats_to_bits(math.log(2)) == pytest.approx(1)


@given(st.integers(1, 10_000), st.data())
def test_wilson_contains_the_rate_and_solves_its_equation(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    interval = wilson_interval(k, n)
    rate, z = k / n, 1.959963984540054
    assert 0 <= interval.low <= rate <= interval.high <= 1
    # Each end p is where the score test has |rate - p| = z sqrt(p (1 - p) / n).
    for p in (interval.low, interval.high):
        assert abs(rate - p) == pytest.approx(z * math.sqrt(p * (1 - p) / n), abs=1e-7)


def test_wilson_of_a_known_case() -> None:
    interval = wilson_interval(9904, 10_000)
    assert (round(interval.low, 4), round(interval.high, 4)) == (0.9883, 0.9921)


@pytest.mark.parametrize(("k", "n"), [(1, 0), (-1, 5), (6, 5)])
def test_wilson_refuses_impossible_counts(k: int, n: int) -> None:
    with pytest.raises(ArgumentError):
        wilson_interval(k, n)


@given(st.integers(1, 20_000), st.integers(1, 1000), st.data())
def test_claim_lower_limit_solves_its_equation(n: int, looks: int, data: st.DataObject) -> None:
    correct = data.draw(st.integers(1, n))
    limit = claim_lower_limit(correct, n, looks)
    assert 0 < limit < correct / n
    assert limit == pytest.approx(beta.ppf(0.05 / looks, correct, n - correct + 1), rel=1e-9)
    # At the limit, so many hits or more have just the probability that the claim may be wrong by.
    assert binom.sf(correct - 1, n, limit) == pytest.approx(0.05 / looks, rel=1e-6)
    assert claim_lower_limit(correct, n, looks + 1) < limit  # another look costs something
    assert claim_lower_limit(correct - 1, n, looks) < limit


@pytest.mark.parametrize(("n", "looks"), [(1, 1), (7, 1), (40, 3), (360, 16)])
def test_claim_lower_limit_covers_every_accuracy(n: int, looks: int) -> None:
    limits = np.array([claim_lower_limit(correct, n, looks) for correct in range(n + 1)])
    assert limits[0] == 0.0
    for truth in np.linspace(0, 1, 301):
        wrong = binom.pmf(np.arange(n + 1), n, truth)[limits > truth].sum()
        assert wrong <= 0.05 / looks + 1e-12


def test_claim_lower_limit_of_known_cases() -> None:
    # All of n right: the limit p solves p^n = 0.05 / looks.
    assert claim_lower_limit(360, 360, 1) == pytest.approx(0.05 ** (1 / 360))
    assert claim_lower_limit(10, 10, 5) == pytest.approx(0.01**0.1)
    assert claim_lower_limit(0, 10, 1) == 0.0
    # One of n right: the limit p solves 1 - (1 - p)^n = 0.05.
    assert claim_lower_limit(1, 20, 1) == pytest.approx(1 - 0.95 ** (1 / 20))


@pytest.mark.parametrize(("k", "n", "looks"), [(1, 0, 1), (-1, 5, 1), (6, 5, 1), (3, 5, 0)])
def test_claim_lower_limit_refuses_impossible_counts(k: int, n: int, looks: int) -> None:
    with pytest.raises(ArgumentError):
        claim_lower_limit(k, n, looks)
    with pytest.raises(ArgumentError):
        anytime_lower_limit(k, n, looks)


@given(st.integers(1, 20_000), st.integers(1, 100), st.data())
def test_anytime_limits_fail_with_chances_that_sum_up(
    n: int, looks: int, data: st.DataObject
) -> None:
    correct = data.draw(st.integers(1, n))
    limit = anytime_lower_limit(correct, n, looks)
    assert limit == pytest.approx(claim_lower_limit(correct, n, looks * (looks + 1)), rel=1e-12)
    assert limit < claim_lower_limit(correct, n, looks)
    assert binom.sf(correct - 1, n, limit) == pytest.approx(
        0.05 * (1 / looks - 1 / (looks + 1)), rel=1e-6
    )


def test_errors_cross_processes_whole() -> None:
    error = DataError("here", "this", "that", "Do so.")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (DataError, "here: got this; expected that. Do so.")


def test_no_p_value_is_told_as_zero() -> None:
    assert p_value_text(0.0312) == "p = 0.031"
    assert p_value_text(2.3e-159) == "p = 2.3e-159"
    assert p_value_text(0.0) == p_value_text(5e-324) == "p < 2.2e-308"
