from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax

from minbits.errors import ArgumentError
from minbits.information.temperature import tempered_log_probabilities
from minbits.label_codes.given_logits import (
    TEMPERATURE_BITS,
    best_temperature,
    exceptions_code_bits,
    labels_given_network_bits,
    residual_code_bits,
    tempered_code_bits,
)


def network_like(examples: int, classes: int, seed: int, margin: float) -> tuple[np.ndarray, ...]:
    """Return logits of a network that is right more often the larger the margin, and labels."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, examples)
    logits = generator.standard_normal((examples, classes))
    logits[np.arange(examples), labels] += margin
    return logits, labels


def softmax_code_bits(logits: np.ndarray, labels: np.ndarray, temperature: float = 1.0) -> float:
    """Return the code length of labels under the softmax of ``logits / temperature``."""
    chosen = tempered_log_probabilities(logits, temperature)[np.arange(len(labels)), labels]
    return -float(chosen.sum()) / math.log(2)


@given(st.integers(1, 12), st.data())
def test_exceptions_are_counted_like_the_sets_they_are(examples: int, data: st.DataObject) -> None:
    wrong = data.draw(st.integers(0, examples))
    classes = data.draw(st.integers(2, 5))
    exact = (
        math.log2(examples + 1)
        + math.log2(math.comb(examples, wrong))
        + wrong * math.log2(classes - 1)
    )
    assert exceptions_code_bits(wrong, examples, classes) == pytest.approx(exact, abs=1e-9)
    assert residual_code_bits(1e9, wrong, examples, classes) == pytest.approx(exact + 1, abs=1e-9)
    assert residual_code_bits(0.0, wrong, examples, classes) == 1.0


def test_a_temperature_mends_overconfidence() -> None:
    logits, labels = network_like(2000, 3, 0, 1.0)
    exact = softmax_code_bits(logits, labels)
    assert best_temperature(8 * logits, labels) == pytest.approx(8.0, rel=0.25)
    assert labels_given_network_bits(8 * logits, labels) < exact + 40
    assert softmax_code_bits(8 * logits, labels) > 2 * exact


@given(
    st.integers(1, 300), st.integers(2, 10), st.integers(0, 10**6),
    st.sampled_from([-2.0, 0.0, 0.5, 2.0, 4.0, 30.0]), st.floats(-12, 12), st.booleans(),
)  # fmt: skip
def test_the_code_is_the_same_whatever_the_scale_of_the_logits(
    examples: int, classes: int, seed: int, margin: float, power: float, with_ties: bool
) -> None:
    logits, labels = network_like(examples, classes, seed, margin)
    if with_ties:
        logits = np.round(logits)
    wanted = labels_given_network_bits(logits, labels)
    found = labels_given_network_bits(logits * 10**power, labels)
    assert found == pytest.approx(wanted, rel=1e-9)


@given(
    st.integers(1, 200), st.integers(2, 6), st.integers(0, 10**6),
    st.sampled_from([-2.0, 0.0, 0.5, 2.0, 4.0]),
)  # fmt: skip
def test_the_temperature_that_is_told_is_all_but_the_best_one(
    examples: int, classes: int, seed: int, margin: float
) -> None:
    logits, labels = network_like(examples, classes, seed, margin)
    best = softmax_code_bits(logits, labels, best_temperature(logits, labels))
    told = tempered_code_bits(logits, labels) - TEMPERATURE_BITS
    assert best - 1e-9 <= told <= best * (1 + 1e-5) + 1e-6
    assert told <= examples * math.log2(classes) + 1e-9
    grid = np.geomspace(1e-3, 1e3, 101)
    rows = np.arange(examples)
    slow = [-log_softmax(logits / t, 1)[rows, labels].sum() / math.log(2) for t in grid]
    assert told <= min(slow) * (1 + 1e-5) + 1e-6


def test_what_the_receiver_is_told_fits_its_bits() -> None:
    from minbits.label_codes.given_logits import _index_below, _inverse_of_index

    assert _inverse_of_index(0, 3.0) == 0
    assert _inverse_of_index(2**TEMPERATURE_BITS - 1, 3.0) == math.inf
    for inverse in (1e-300, 1e-9, 1.0, 7.3, 1e9, 1e300):
        index = _index_below(inverse, 3.0)
        assert 1 <= index < index + 1 <= 2**TEMPERATURE_BITS - 2
        if 1e-9 <= inverse <= 1e9:
            assert _inverse_of_index(index, 3.0) <= inverse * (1 + 1e-12)
            assert inverse <= _inverse_of_index(index + 1, 3.0) * (1 + 1e-12)


def test_the_code_of_known_cases() -> None:
    labels = np.array([0, 1, 2, 0])
    silent = np.zeros((4, 3))
    # Logits that say nothing: the temperature and log2 3 a label, and the list is longer.
    assert tempered_code_bits(silent, labels) == pytest.approx(16 + 4 * math.log2(3))
    right = np.eye(3)[labels]
    assert tempered_code_bits(right, labels) == 16.0
    assert labels_given_network_bits(right, labels) == 1 + math.log2(5)
    # Two logits equal and largest: one bit a label, at a temperature of 0.
    tied = np.array([[1.0, 1.0, 0.0]] * 50)
    assert tempered_code_bits(tied, np.arange(50) % 2) == pytest.approx(66.0)


@pytest.mark.parametrize(
    "refused",
    [
        lambda: exceptions_code_bits(3, 2, 2),
        lambda: tempered_log_probabilities(np.zeros((2, 2)), -1.0),
        lambda: labels_given_network_bits(np.full((2, 2), np.nan), np.array([0, 1])),
        lambda: labels_given_network_bits(np.zeros((2, 2)), np.array([0, 2])),
        lambda: labels_given_network_bits(np.zeros((2, 2)), np.array([0])),
    ],
)
def test_outside_the_domain_the_domain_is_named(refused) -> None:
    with pytest.raises(ArgumentError, match="; expected "):
        refused()
