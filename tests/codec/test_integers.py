from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minbits.codec.adaptive_bits import BitEncoder
from minbits.codec.integers import (
    MAX_EXPONENT,
    ModelBank,
    code_adaptive_bit,
    code_plain_bits,
    code_signed,
    code_unsigned,
    code_weight,
)
from minbits.codec.range_decoder import BitDecoder
from minbits.errors import NetworkFileError

WEIGHTS = st.one_of(st.integers(-4, 4), st.integers(-(2**20), 2**20))


@given(st.lists(st.integers(0, 2**20), max_size=30), st.integers(0, 5))
def test_unsigned_integers_come_back(values: list[int], order: int) -> None:
    encoder, bank = BitEncoder(), ModelBank()
    for value in values:
        assert code_unsigned(encoder, bank, ("a",), value, order) == value
    decoder, bank = BitDecoder(encoder.payload()), ModelBank()
    assert [code_unsigned(decoder, bank, ("a",), 0, order) for _ in values] == values


@given(st.lists(st.integers(-(2**20), 2**20), max_size=30), st.integers(0, 3))
def test_signed_integers_come_back(values: list[int], order: int) -> None:
    encoder, bank = BitEncoder(), ModelBank()
    for value in values:
        assert code_signed(encoder, bank, ("a",), value, order) == value
    decoder, bank = BitDecoder(encoder.payload()), ModelBank()
    assert [code_signed(decoder, bank, ("a",), 0, order) for _ in values] == values


@given(st.lists(WEIGHTS, max_size=60))
def test_weights_come_back(values: list[int]) -> None:
    encoder, bank = BitEncoder(), ModelBank()
    for value in values:
        assert code_weight(encoder, bank, "family", value) == value
    decoder, bank = BitDecoder(encoder.payload()), ModelBank()
    assert [code_weight(decoder, bank, "family", 0) for _ in values] == values


@given(st.integers(0, 2**16 - 1))
def test_plain_bits_come_back_at_one_bit_each(value: int) -> None:
    encoder = BitEncoder()
    code_plain_bits(encoder, value, 16)
    assert encoder.ideal_bits == 16
    assert code_plain_bits(BitDecoder(encoder.payload()), 0, 16) == value


def test_an_endless_prefix_is_refused() -> None:
    encoder, bank = BitEncoder(), ModelBank()
    for exponent in range(MAX_EXPONENT + 1):
        code_adaptive_bit(encoder, bank, ("a", exponent), 1)
    with pytest.raises(NetworkFileError, match="24 bits"):
        code_unsigned(BitDecoder(encoder.payload()), ModelBank(), ("a",), 0)
