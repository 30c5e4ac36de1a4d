"""Labels as bits: what is written is read, at the length that is stated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minbits.codec.adaptive_bits import BitEncoder
from minbits.codec.range_decoder import BitDecoder
from minbits.label_codes.integer_softmax import (
    factor_of,
    nearest_index,
    power_table,
    softmax_weights,
)
from minbits.label_codes.switching import Switching
from minbits.label_codes.symbols import code_symbol, integer_weights, symbol_bits


@given(st.data())
def test_symbols_are_read_as_they_were_written(data: st.DataObject) -> None:
    classes = data.draw(st.integers(2, 12))
    rows = data.draw(
        st.lists(st.lists(st.integers(1, 2**30), min_size=classes, max_size=classes), max_size=20)
    )
    symbols = [data.draw(st.integers(0, classes - 1)) for _ in rows]
    encoder = BitEncoder()
    for symbol, row in zip(symbols, rows, strict=True):
        assert code_symbol(encoder, symbol, np.array(row)) == symbol
    payload = encoder.payload()
    decoder = BitDecoder(payload)
    assert [code_symbol(decoder, 0, np.array(row)) for row in rows] == symbols
    stated = sum(symbol_bits(s, np.array(row)) for s, row in zip(symbols, rows, strict=True))
    assert encoder.ideal_bits == pytest.approx(stated, abs=1e-6)
    assert 8 * len(payload) <= stated + 17


@given(st.lists(st.floats(1e-6, 1.0), min_size=2, max_size=10))
def test_a_symbol_costs_its_probability(parts: list[float]) -> None:
    probabilities = np.array(parts) / sum(parts)
    weights = integer_weights(probabilities)
    costs = np.array([symbol_bits(symbol, weights) for symbol in range(len(parts))])
    # A code: Kraft's sum is 1. Probabilities of the coder have 16 bits.
    assert (2.0**-costs).sum() == pytest.approx(1, abs=1e-9)
    likely = probabilities > 2**-10
    assert costs[likely] == pytest.approx(-np.log2(probabilities[likely]), abs=0.02 * len(parts))


def test_a_nearly_certain_symbol_is_nearly_free() -> None:
    weights = integer_weights(np.array([1 - 1e-9, 1e-9]))
    assert symbol_bits(0, weights) < 3e-5


def test_the_table_of_powers_is_exact() -> None:
    table = power_table()
    assert table[0] == 1 << 30
    exact = np.exp2(np.arange(4096, dtype=np.longdouble) / 4096) * 2**30
    assert (np.floor(exact).astype(np.int64) - table == 0).all()


@given(st.integers(0, 2**16 - 1))
def test_temperatures_have_their_index(index: int) -> None:
    assert nearest_index(factor_of(index)) == index


def test_weights_are_the_softmax() -> None:
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 5, (200, 7)).astype(np.float32)
    factor = factor_of(nearest_index(float(np.log2(np.e))))
    weights = softmax_weights(logits, factor)
    below = logits.astype(np.float64) - logits.max(1, keepdims=True)
    softmax = np.exp2(factor * below)
    softmax /= softmax.sum(1, keepdims=True)
    found = weights / weights.sum(1, keepdims=True)
    assert found == pytest.approx(softmax, rel=2e-4, abs=1e-8)
    # Logits that fall without end keep a weight.
    assert softmax_weights(np.array([[0, -1e30]], np.float32), factor).tolist() == [[2**30 + 1, 1]]


@given(st.integers(1, 400), st.integers(2, 30), st.integers(0, 2**32 - 1))
def test_the_mixture_is_never_much_longer_than_its_best_predictor(
    labels: int, predictors: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 3, labels)
    tables = generator.dirichlet(np.ones(3), (labels, predictors))
    switching, bits = Switching(predictors), 0.0
    for table, label in zip(tables, truth, strict=True):
        bits -= float(np.log2(switching.mixed(table)[label]))
        switching.learn(table, int(label))
    # Never to switch costs log2 of the number, and of the shares that went to others: with
    # 1 / (t + 1) these multiply to 1 / (labels + 1) at worst.
    assert bits <= switching.bits.min() + np.log2(predictors) + np.log2(labels + 1) + 1e-6


def test_the_mixture_follows_a_change() -> None:
    table = np.array([[0.99, 0.01], [0.01, 0.99]])
    switching, bits = Switching(2), 0.0
    for label in [0] * 200 + [1] * 200:
        bits -= float(np.log2(switching.mixed(table)[label]))
        switching.learn(table, label)
    assert bits < 30 < switching.bits.min()
