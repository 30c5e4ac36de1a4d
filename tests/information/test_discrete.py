from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from minbits.information.discrete import binary_entropy_bits, entropy_bits, minus_p_log2_p

COUNTS = st.lists(st.integers(0, 10_000), min_size=1, max_size=40).filter(lambda c: sum(c) > 0)


@given(COUNTS)
def test_entropy_lies_between_zero_and_the_logarithm_of_the_alphabet(counts: list[int]) -> None:
    entropy = entropy_bits(np.array(counts))
    assert -1e-12 <= entropy <= math.log2(len(counts)) + 1e-9


@given(COUNTS, st.randoms())
def test_entropy_ignores_order_and_empty_outcomes(counts: list[int], random: object) -> None:
    shuffled = [*counts, 0, 0]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert entropy_bits(np.array(shuffled)) == pytest.approx(entropy_bits(np.array(counts)))


@given(COUNTS, COUNTS)
def test_entropy_of_independent_pairs_adds_up(first: list[int], second: list[int]) -> None:
    joint = np.outer(first, second).ravel()
    total = entropy_bits(np.array(first)) + entropy_bits(np.array(second))
    assert entropy_bits(joint) == pytest.approx(total, abs=1e-9)


@given(st.lists(st.lists(st.integers(0, 50), min_size=3, max_size=3), min_size=2, max_size=5))
def test_dependent_variables_never_exceed_the_sum_of_marginals(table: list[list[int]]) -> None:
    joint = np.array(table)
    if joint.sum() == 0:
        return
    marginals = entropy_bits(joint.sum(0)) + entropy_bits(joint.sum(1))
    assert entropy_bits(joint.ravel()) <= marginals + 1e-9


@pytest.mark.parametrize("size", [1, 2, 7, 1024])
def test_a_uniform_source_has_the_logarithm(size: int) -> None:
    assert entropy_bits(np.full(size, 5)) == pytest.approx(math.log2(size))


@given(arrays(np.float64, 20, elements=st.floats(0, 1)))
def test_binary_entropy_is_symmetric_and_at_most_one_bit(p: np.ndarray) -> None:
    entropy = binary_entropy_bits(p)
    assert np.allclose(entropy, binary_entropy_bits(1 - p))
    assert ((entropy >= 0) & (entropy <= 1 + 1e-12)).all()


def test_certain_outcomes_carry_nothing() -> None:
    assert minus_p_log2_p(np.array([0.0, 1.0])).tolist() == [0.0, 0.0]
    assert binary_entropy_bits(np.array([0.5])).tolist() == [1.0]
