"""The decoder beside constriction's own, and compiled loops beside the readable ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import constriction
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minbits.codec import compiled_levels, tensor_code
from minbits.codec.adaptive_bits import HALF, BitCoder, BitEncoder
from minbits.codec.architecture import Architecture
from minbits.codec.compiled_bits import DONE, move_on, read_bit, state_of
from minbits.codec.compiled_levels import ORIENTED, POSITIVE, SIGNED, code_large_levels
from minbits.codec.file_format import (
    _code_network,
    _Parts,
    decode_network,
    encode_network,
    read_network,
    version_of,
)
from minbits.codec.integers import ModelBank, code_weight
from minbits.codec.payload_ending import MAX_BITS_TO_SHORTEN
from minbits.codec.quantized_network import QuantizedNetwork
from minbits.codec.range_decoder import BitDecoder
from minbits.errors import NetworkFileError
from minbits.layers.convolution import Convolution
from minbits.layers.linear import Linear
from tests.strategies import dependent, networks, random_network, same_network

RECORDS = Path(__file__).parent.parent.parent / "records"
PROBABILITIES = st.integers(32, 65504)


def ideal_bits_of(network: QuantizedNetwork) -> float:
    """Return what the models of the network's file say that its bits have to cost."""
    encoder, version = BitEncoder(), version_of(encode_network(network))
    assert version is not None
    _code_network(encoder, network, version, _Parts(None))
    return encoder.ideal_bits


def reference(payload: bytes) -> constriction.stream.queue.RangeDecoder:
    padded = payload + b"\0" * (-len(payload) % 4)
    return constriction.stream.queue.RangeDecoder(np.frombuffer(padded, ">u4").astype(np.uint32))


@settings(max_examples=300)
@given(st.binary(max_size=40), st.lists(PROBABILITIES, min_size=1, max_size=200))
def test_any_bytes_read_as_constriction_reads_them(payload: bytes, choices: list[int]) -> None:
    theirs, ours = reference(payload), BitDecoder(payload)
    for probability in choices:
        model = constriction.stream.model.Bernoulli(probability / 65536, perfect=False)
        try:
            wanted = int(theirs.decode(model))
        except AssertionError:
            with pytest.raises(NetworkFileError):
                ours.code(0, probability)
            return
        assert ours.code(0, probability) == wanted


@given(st.lists(st.tuples(st.integers(0, 1), PROBABILITIES), max_size=300))
def test_many_bits_at_once_are_written_as_one_by_one(pairs: list[tuple[int, int]]) -> None:
    single, bulk = BitEncoder(), BitEncoder()
    for bit, probability in pairs:
        single.code(bit, probability)
    found = np.array(pairs, np.int64).reshape(-1, 2)
    bulk.code(1, HALF)
    bulk.code_many(found[:, 0].copy(), found[:, 1].copy())
    first = BitEncoder()
    first.code(1, HALF)
    for bit, probability in pairs:
        first.code(bit, probability)
    assert bulk.payload() == first.payload()
    assert bulk.ideal_bits == pytest.approx(first.ideal_bits)


@settings(max_examples=60)
@given(networks(), networks())
def test_compiled_loops_write_and_read_the_same_bytes(
    first: QuantizedNetwork, second: QuantizedNetwork
) -> None:
    for network in (first, second):
        slow = encode_network(network)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tensor_code, "SMALL_TENSOR", 1)
            patch.setattr(tensor_code, "LARGE_TENSOR", 1)
            assert encode_network(network) == slow
            assert same_network(decode_network(slow), network)


@settings(max_examples=200)
@given(st.binary(max_size=60))
def test_compiled_loops_refuse_what_the_readable_ones_refuse(payload: bytes) -> None:
    bank, levels = ModelBank(), []
    decoder = BitDecoder(payload)
    try:
        for _ in range(50):
            levels.append(code_weight(decoder, bank, "linear", 0))
    except NetworkFileError:
        levels = []
    from minbits.codec.compiled_levels import code_large_levels

    compiled, other = BitDecoder(payload), ModelBank()
    if not levels:
        with pytest.raises(NetworkFileError):
            code_large_levels(compiled, other, "linear", (50,), np.zeros(0, np.int32))
        return
    found = code_large_levels(compiled, other, "linear", (50,), np.zeros(0, np.int32))
    assert found.tolist() == levels
    assert (compiled.lower, compiled.point) == (
        decoder.lower, decoder.point,
    )  # fmt: skip


SIGNS = [SIGNED, POSITIVE, ORIENTED]


def read_slowly(
    coder: BitCoder, bank: ModelBank, levels: list[int], signs: int, kernel: int
) -> list[int]:
    """Code levels one by one, as `tensor_code` does where it does without compiled loops."""
    found: list[int] = []
    begun = False
    for place, level in enumerate(levels):
        begun = begun and place % kernel != 0
        is_positive = signs == POSITIVE or (signs == ORIENTED and not begun)
        found.append(code_weight(coder, bank, "linear", level, is_positive))
        begun = begun or found[-1] != 0
    return found


def oriented(levels: np.ndarray, signs: int) -> np.ndarray:
    """Return levels of which only those have a sign that one is coded for."""
    if signs == POSITIVE:
        return np.abs(levels)
    if signs == ORIENTED:
        first = (levels != 0).argmax(1)
        levels[np.arange(len(levels)), first] = np.abs(levels[np.arange(len(levels)), first])
    return levels


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(SIGNS), st.integers(1, 9), st.integers(1, 40))
def test_compiled_loops_know_which_signs_are_coded(
    seed: int, signs: int, kernel: int, kernels: int
) -> None:
    generator = np.random.default_rng(seed)
    scale = generator.choice([0.5, 3.0, 1e5])
    levels = np.round(generator.laplace(0, scale, (kernels, kernel))).astype(np.int32)
    levels = oriented(levels, signs)
    slow, fast = BitEncoder(), BitEncoder()
    read_slowly(slow, ModelBank(), levels.ravel().tolist(), signs, kernel)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled_levels, "_LEVELS_WRITTEN", int(generator.integers(1, 50)))
        code_large_levels(fast, ModelBank(), "linear", levels.shape, levels, signs)
    assert fast.payload() == slow.payload()
    assert fast.count == slow.count
    nothing = np.zeros(0, np.int32)
    decoder = BitDecoder(fast.payload())
    found = code_large_levels(decoder, ModelBank(), "linear", levels.shape, nothing, signs)
    assert np.array_equal(found, levels)
    assert decoder.payload() == fast.payload()


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60), st.sampled_from(SIGNS), st.integers(1, 9))
def test_compiled_loops_read_any_bytes_as_the_slow_ones_do(
    payload: bytes, signs: int, kernel: int
) -> None:
    slow, fast, shape = BitDecoder(payload), BitDecoder(payload), (6, kernel)
    nothing = np.zeros(0, np.int32)
    try:
        expected = read_slowly(slow, ModelBank(), [0] * 6 * kernel, signs, kernel)
    except NetworkFileError:
        with pytest.raises(NetworkFileError):
            code_large_levels(fast, ModelBank(), "linear", shape, nothing, signs)
        return
    found = code_large_levels(fast, ModelBank(), "linear", shape, nothing, signs)
    assert found.ravel().tolist() == expected
    assert (fast.count, fast.payload()) == (slow.count, slow.payload())
    assert fast.position_bits == slow.position_bits


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 1), PROBABILITIES), min_size=1, max_size=300))
def test_a_decoder_knows_the_payload_that_an_encoder_writes(pairs: list[tuple[int, int]]) -> None:
    encoder = BitEncoder()
    for bit, probability in pairs:
        encoder.code(bit, probability)
    payload = encoder.payload()
    decoder = BitDecoder(payload + b"surplus")
    try:
        found = [decoder.code(0, probability) for _, probability in pairs]
    except NetworkFileError:
        return
    # Surplus bytes may spell other bits; those that they spell have a payload of their own.
    again = BitEncoder()
    for bit, (_, probability) in zip(found, pairs, strict=True):
        again.code(bit, probability)
    assert decoder.payload() == again.payload()
    plain = BitDecoder(payload)
    assert [plain.code(0, probability) for _, probability in pairs] == [bit for bit, _ in pairs]
    assert plain.payload() == payload
    assert plain.position_bits == pytest.approx(encoder.ideal_bits, abs=0.01 * len(pairs) + 0.01)


def test_a_decoder_knows_the_payload_of_very_many_bits() -> None:
    generator = np.random.default_rng(0)
    count = MAX_BITS_TO_SHORTEN + 1000
    for zeros in (0, 200):  # an ending that is cut off
        encoder, bits = BitEncoder(), generator.integers(0, 2, count)
        bits[len(bits) - zeros :] = 0
        encoder.code_many(bits, np.full(count, HALF))
        decoder = BitDecoder(encoder.payload())
        state = state_of(decoder)
        for _ in range(count):
            read_bit(decoder.words, state, HALF)
        move_on(decoder, state, DONE)
        assert decoder.payload() == encoder.payload()


def test_a_large_network_comes_back() -> None:
    layers = (Convolution(20, 5), Convolution(50, 5), Linear(40, activation="relu"), Linear(10))
    network = random_network(Architecture((1, 28, 28), 8, layers), 0, scale=1.0)
    assert network.parameter_count > 800_000
    assert same_network(decode_network(encode_network(network)), network)


@settings(max_examples=100)
@given(networks())
def test_a_file_is_as_long_as_its_ideal_code(network: QuantizedNetwork) -> None:
    ideal_bits = ideal_bits_of(network)
    size_bits = 8 * len(encode_network(network))
    assert size_bits <= ideal_bits * 1.01 + 32


@pytest.mark.parametrize("name", ["self-test", "residual", "sequence"])
def test_a_small_network_is_read_and_run_with_numpy_alone(name: str) -> None:
    code = (
        "import sys; sys.modules.update(numba=None, constriction=None, torch=None); "
        "import numpy; from minbits.codec.network import read; "
        "network = read(sys.argv[1]); shape = network.architecture.input_shape; "
        "assert network.predict(numpy.ones((2, *shape))).shape == (2,)"
    )
    path = f"tests/golden/{name}.mbn"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("path", sorted(RECORDS.glob("*.mbn")), ids=lambda path: path.stem)
def test_a_record_is_as_long_as_its_ideal_code(path: Path) -> None:
    network = read_network(path)
    ideal_bits = ideal_bits_of(network)
    assert 8 * len(encode_network(network)) <= ideal_bits * 1.01 + 32
    # Nothing hides between the parts: the file, too, is as long as what its bits had to cost.
    assert 8 * path.stat().st_size >= ideal_bits


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 99), st.sampled_from([0.2, 1.0, 5.0]))
def test_a_file_of_mixed_contexts_is_as_long_as_its_ideal_code(seed: int, scale: float) -> None:
    architecture = Architecture((1, 12, 12), 8, (Linear(20, activation="relu"), Linear(30)))
    network = dependent(random_network(architecture, seed, scale))
    ideal_bits = ideal_bits_of(network)
    assert 8 * len(encode_network(network)) <= ideal_bits * 1.01 + 32
