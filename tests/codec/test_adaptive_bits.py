from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minbits.codec.adaptive_bits import COUNT_LIMIT, HALF, PROBABILITY_BITS, BitEncoder, BitModel
from minbits.codec.range_decoder import BitDecoder

PROBABILITIES = st.integers(32, (1 << PROBABILITY_BITS) - 32)


class Given:
    """A coder that keeps the last probability that it was given."""

    count = 0
    probability = 0

    def code(self, bit: int, probability_of_one: int) -> int:
        self.probability = probability_of_one
        return bit


@given(st.lists(st.tuples(st.integers(0, 1), PROBABILITIES), max_size=300))
def test_bits_come_back_and_the_ending_costs_at_most_two_bytes(
    coded: list[tuple[int, int]],
) -> None:
    encoder = BitEncoder()
    for bit, probability in coded:
        encoder.code(bit, probability)
    payload = encoder.payload()
    decoder = BitDecoder(payload)
    assert [decoder.code(0, probability) for _, probability in coded] == [bit for bit, _ in coded]
    assert 8 * len(payload) <= encoder.ideal_bits + 16


@given(st.lists(st.integers(0, 1), max_size=400))
def test_model_counts_as_krichevsky_and_trofimov(bits: list[int]) -> None:
    model = BitModel()
    for index, bit in enumerate(bits):
        given = Given()
        assert model.code(given, bit) == bit
        expected = (sum(bits[:index]) + 0.5) / (index + 1)
        assert abs(given.probability / (1 << PROBABILITY_BITS) - expected) < 1e-3


def test_adaptive_code_of_a_known_source_is_close_to_its_entropy() -> None:
    generator = np.random.default_rng(1)
    bits = (generator.random(5000) < 0.1).astype(int)
    encoder, model = BitEncoder(), BitModel()
    for bit in bits:
        model.code(encoder, int(bit))
    p = bits.mean()
    empirical = -5000 * (p * math.log2(p) + (1 - p) * math.log2(1 - p))
    assert empirical <= 8 * len(encoder.payload()) <= empirical + 0.02 * 5000


def test_counts_stay_bounded() -> None:
    model, given = BitModel(), Given()
    for _ in range(10 * COUNT_LIMIT):
        model.code(given, 1)
        assert model.zeros + model.ones <= COUNT_LIMIT
        assert 0 < given.probability < 1 << PROBABILITY_BITS


def test_nothing_coded_takes_no_byte() -> None:
    assert BitEncoder().payload() == b""


def test_a_decoder_goes_on_past_the_end_with_zero_bytes() -> None:
    decoder = BitDecoder(b"")
    assert [decoder.code(1, HALF) for _ in range(100)] == [0] * 100
