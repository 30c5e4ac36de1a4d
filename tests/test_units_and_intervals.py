from __future__ import annotations

import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minbits.errors import ArgumentError, DataError
from minbits.intervals import wilson_interval
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


def test_errors_cross_processes_whole() -> None:
    error = DataError("here", "this", "that", "Do so.")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (DataError, "here: got this; expected that. Do so.")
