"""Mixed contexts and dependent levels: compiled loops beside the readable reference."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minbits.codec import mixed_levels
from minbits.codec.adaptive_bits import BitEncoder, code_cost
from minbits.codec.architecture import Architecture
from minbits.codec.compiled_levels import large_levels_cost
from minbits.codec.dependent import TRANSITIONS, multiples
from minbits.codec.file_format import decode_network, encode_network, read_network, version_of
from minbits.codec.integers import ModelBank
from minbits.codec.layout import Layout, layout_of
from minbits.codec.mixed_levels import (
    MixingState,
    code_mixed_levels,
    level_rates,
    mixed_levels_cost,
)
from minbits.codec.mixing_tables import squash_table, stretch_table
from minbits.codec.quantized_network import IntegerArray, QuantizedNetwork
from minbits.codec.range_decoder import BitDecoder
from minbits.errors import NetworkError, NetworkFileError
from minbits.layers.convolution import Convolution
from minbits.layers.linear import Linear
from tests.codec.reference_mixing import STRETCH, Mixing, squash
from tests.strategies import dependent, random_network, same_network

NOTHING = np.zeros(0, np.int32)
RECORDS = Path(__file__).parent.parent.parent / "records"


@st.composite
def tensors(draw: st.DrawFn) -> tuple[IntegerArray, Layout]:
    rows, columns = draw(st.integers(1, 6)), draw(st.integers(1, 24))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = draw(st.sampled_from([0.0, 0.3, 1.0, 6.0, 3000.0]))
    levels = np.round(generator.laplace(0, scale, (rows, columns))).astype(np.int32)
    layout = Layout(rows, columns, draw(st.integers(1, columns)), draw(st.booleans()))
    return levels, layout


def test_tables_are_the_logistic_function() -> None:
    assert squash_table()[1:].tolist() == [squash(logit) for logit in range(-2047, 2048)]
    assert stretch_table().tolist() == [STRETCH[part] for part in range(4096)]


@settings(max_examples=60, deadline=None)
@given(st.lists(tensors(), min_size=1, max_size=3), st.integers(1, 150))
def test_compiled_loops_write_what_the_reference_writes(
    given_tensors: list[tuple[IntegerArray, Layout]], at_a_time: int
) -> None:
    ours, theirs, mixing, reference = BitEncoder(), BitEncoder(), MixingState(), Mixing()
    for levels, layout in given_tensors:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(mixed_levels, "_LEVELS_WRITTEN", at_a_time)
            code_mixed_levels(ours, mixing, layout, levels)
        reference.code_tensor(theirs, levels, layout.width, layout.is_dependent)
    assert ours.count == theirs.count
    assert ours.payload() == theirs.payload()
    decoder, mixing = BitDecoder(ours.payload()), MixingState()
    for levels, layout in given_tensors:
        assert code_mixed_levels(decoder, mixing, layout, NOTHING).tolist() == (
            levels.ravel().tolist()
        )


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=40), st.booleans())
def test_any_bytes_read_as_the_reference_reads_them(payload: bytes, is_dependent: bool) -> None:
    shape, width = (4, 9), 3
    decoder, other = BitDecoder(payload), BitDecoder(payload)
    try:
        wanted = Mixing().code_tensor(other, np.zeros(shape, np.int32), width, is_dependent)
    except (NetworkFileError, OverflowError):
        with pytest.raises(NetworkFileError):
            code_mixed_levels(decoder, MixingState(), Layout(*shape, width, is_dependent), NOTHING)
        return
    found = code_mixed_levels(decoder, MixingState(), Layout(*shape, width, is_dependent), NOTHING)
    assert found.tolist() == wanted.ravel().tolist()


@given(tensors())
@settings(max_examples=50, deadline=None)
def test_costs_are_those_of_what_is_written(tensor: tuple[IntegerArray, Layout]) -> None:
    levels, layout = tensor
    encoder, mixing = BitEncoder(), MixingState()
    cost = mixed_levels_cost(mixing, layout, levels)
    code_mixed_levels(encoder, mixing, layout, levels)
    assert cost / 65536 == pytest.approx(encoder.ideal_bits, rel=1e-5, abs=1e-3)
    assert code_cost(np.array([1, 0]), np.array([32768, 49152])) == 3 * 65536


def test_rates_are_the_bits_of_each_level() -> None:
    """The rate of the level that comes is what it costs, but for the sign, taken as one bit."""
    generator = np.random.default_rng(3)
    levels = np.clip(np.round(generator.laplace(0, 1.0, (30, 40))), -6, 6).astype(np.int32)
    layout = Layout(30, 40, 8, True)
    rates = level_rates(MixingState(), layout, levels)
    assert rates.shape == (1200, 2, 7)
    found = 0.0
    for grid, level, rate in zip(_grids(levels), levels.ravel(), rates, strict=True):
        found += float(rate[grid, abs(level)])
    assert found == pytest.approx(
        mixed_levels_cost(MixingState(), layout, levels) / 65536, rel=0.03
    )


def _grids(levels: IntegerArray) -> list[int]:
    state, result = 0, []
    for level in levels.ravel():
        result.append(state & 1)
        state = TRANSITIONS[state][int(level) & 1]
    return result


@given(tensors())
def test_dependent_levels_are_even_or_odd_multiples(tensor: tuple[IntegerArray, Layout]) -> None:
    levels, _ = tensor
    found = multiples(levels).ravel()
    for grid, level, multiple in zip(_grids(levels), levels.ravel(), found, strict=True):
        assert multiple % 2 == (grid if level else 0)
        assert abs(multiple) == 2 * abs(int(level)) - (grid if level else 0)


ARCHITECTURE = Architecture((1, 12, 12), 8, (Linear(20, activation="relu"), Linear(30)))
CHAIN = (Convolution(6, 5), Convolution(8, 3, activation="relu"), Linear(10))


@settings(max_examples=15, deadline=None)
@given(st.sampled_from([ARCHITECTURE, Architecture((2, 9, 9), 8, CHAIN)]), st.integers(0, 99))
def test_large_and_dependent_networks_come_back(architecture: Architecture, seed: int) -> None:
    network = random_network(architecture, seed, 0.5)
    content = encode_network(network)
    assert same_network(decode_network(content), network)
    twisted = dependent(network)
    content = encode_network(twisted)
    assert version_of(content) in (3, 4)
    assert same_network(decode_network(content), twisted)


def test_smooth_weights_take_fewer_bits() -> None:
    """Neighbours that are alike: a source of known structure, which plain contexts cannot see."""
    generator = np.random.default_rng(1)
    image = np.cumsum(generator.normal(0, 0.3, (30, 14, 14)), axis=2)
    network = random_network(Architecture((1, 14, 14), 8, (Linear(30, bias=False),)), 0)
    levels = np.round(image.reshape(30, -1)).astype(np.int32)
    layout = Layout(30, 196, 14, False)
    assert mixed_levels_cost(MixingState(), layout, levels) < 0.8 * _plain_cost(levels)
    assert network.parameter_count == levels.size


def _plain_cost(levels: IntegerArray) -> int:
    return large_levels_cost(ModelBank(), "linear", levels)


def test_records_never_grow() -> None:
    for path in RECORDS.glob("*.mbn"):
        assert len(encode_network(read_network(path))) <= path.stat().st_size


def test_biases_are_never_dependent() -> None:
    network = random_network(ARCHITECTURE, 0)
    layer = network.layers[0]
    assert layer.bias is not None
    bad = dataclasses.replace(layer, bias=dataclasses.replace(layer.bias, is_dependent=True))
    with pytest.raises(NetworkError, match="dependent"):
        QuantizedNetwork(ARCHITECTURE, (bad, *network.layers[1:]))


def test_an_images_rows_are_found() -> None:
    chain = Architecture((2, 9, 9), 8, CHAIN)
    assert layout_of(chain, 0, (6, 2, 5, 5), False) == Layout(6, 50, 5, False)
    assert layout_of(chain, 2, (10, 72), True) == Layout(10, 72, 3, True)
