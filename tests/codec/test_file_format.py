from __future__ import annotations

import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minbits.cli.doctor import self_test_network
from minbits.codec.adaptive_bits import BitEncoder
from minbits.codec.architecture import Architecture, tensor_shapes
from minbits.codec.architecture_code import (
    NAMED_LAYERS_VERSION,
    code_architecture,
    is_of_version_1,
    names_in,
)
from minbits.codec.file_format import (
    HEADER_BYTES,
    LEAN_VERSION,
    MAGIC,
    MAX_FILE_BYTES,
    VERSIONS,
    _encode,
    _useful_versions,
    decode_network,
    encode_network,
    read_bytes,
    read_network,
    size_parts,
    version_of,
)
from minbits.codec.integers import ModelBank
from minbits.codec.quantized_network import QuantizedNetwork
from minbits.errors import NetworkError, NetworkFileError
from minbits.layers.addition import Addition
from minbits.layers.convolution import Convolution
from minbits.layers.linear import Linear
from minbits.layers.pooling import Pooling
from minbits.layers.repetition import Repetition
from tests.codec.streams import versions_of, with_checksum
from tests.strategies import architectures, networks, random_network, same_network

GOLDEN = Path(__file__).parent.parent / "golden"
FILE = _encode(self_test_network(), 2)


@given(networks())
def test_networks_come_back(network: QuantizedNetwork) -> None:
    assert same_network(decode_network(encode_network(network)), network)


@given(networks())
def test_parts_add_up_to_the_file(network: QuantizedNetwork) -> None:
    for version in versions_of(network):
        content = _encode(network, version)
        parts = size_parts(content)
        assert sum(part.size_bits for part in parts) == pytest.approx(8 * len(content), abs=1e-6)
        assert sum(part.values for part in parts) == network.parameter_count
        assert all(part.size_bits >= 0 for part in parts[:-1])


@given(architectures())
def test_architectures_come_back(architecture: Architecture) -> None:
    assert decode_network(encode_network(random_network(architecture, 0))).architecture == (
        architecture
    )


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.mbn")), ids=lambda path: path.stem)
def test_golden_files_are_read_and_written_byte_for_byte(path: Path) -> None:
    content = path.read_bytes()
    facts = json.loads(path.with_suffix(".json").read_text())
    network = decode_network(content)
    version = version_of(content)
    assert version is not None
    assert _encode(network, version) == content
    assert len(encode_network(network)) <= len(content)
    assert facts.get("dependent", False) == network.has_dependent_levels
    assert facts["levels"] == [layer.weights.levels.ravel().tolist() for layer in network.layers]
    assert facts["biases"] == [
        None if layer.bias is None else layer.bias.levels.tolist() for layer in network.layers
    ]
    assert facts["input_shape"] == list(network.architecture.input_shape)
    front_end = network.architecture.front_end
    assert facts.get("front_end") == (None if front_end is None else front_end.text())


def test_there_are_golden_files() -> None:
    versions = [version_of(path.read_bytes()) for path in GOLDEN.glob("*.mbn")]
    assert len(versions) >= 7
    assert set(versions) == {*VERSIONS, LEAN_VERSION, NAMED_LAYERS_VERSION}


@given(st.integers(0, len(FILE) - 1))
def test_truncated_files_are_refused(length: int) -> None:
    with pytest.raises(NetworkFileError):
        decode_network(FILE[:length])


@given(st.integers(0, 8 * len(FILE) - 1))
def test_a_flipped_bit_is_refused(position: int) -> None:
    damaged = bytearray(FILE)
    damaged[position // 8] ^= 1 << position % 8
    with pytest.raises(NetworkFileError):
        decode_network(bytes(damaged))


@given(st.binary(min_size=1, max_size=8))
@example(b"\0")
def test_surplus_bytes_are_refused_even_with_a_right_checksum(surplus: bytes) -> None:
    with pytest.raises(NetworkFileError):
        decode_network(FILE + surplus)
    with pytest.raises(NetworkFileError):
        decode_network(with_checksum(FILE[HEADER_BYTES:] + surplus, FILE[0] & 0x0F))


@settings(max_examples=300)
@given(st.binary(max_size=60), st.sampled_from([*VERSIONS, LEAN_VERSION]))
def test_any_payload_with_a_right_checksum_is_a_network_or_one_error(
    payload: bytes, version: int
) -> None:
    content = with_checksum(payload, version)
    try:
        network = decode_network(content)
    except NetworkFileError:
        return
    again = encode_network(network)
    assert same_network(decode_network(again), network)
    if version < 3:  # contexts are mixed only where there are enough levels to learn from
        assert len(again) <= len(content)


@given(st.binary(max_size=200))
def test_foreign_bytes_are_refused(content: bytes) -> None:
    if version_of(content) is None:
        with pytest.raises(NetworkFileError):
            decode_network(content)


def test_a_newer_version_is_named() -> None:
    with pytest.raises(NetworkFileError, match="format version 5"):
        decode_network(bytes([MAGIC | 5]) + FILE[1:])
    with pytest.raises(NetworkFileError, match=r"not a \.mbn file"):
        decode_network(bytes([MAGIC | 4]) + FILE[1:])  # version 4 begins otherwise


@given(networks())
def test_files_are_of_the_shorter_version_that_can_say_them(network: QuantizedNetwork) -> None:
    is_new = any(
        isinstance(layer, Addition | Repetition)
        or (isinstance(layer, Convolution) and (layer.flat or layer.dilation > 1))
        for layer in network.architecture.layers
    )
    content = encode_network(network)
    version = version_of(content)
    assert version is not None
    if is_new:
        assert version > 1
    # Version 3 is tried where a tensor is large enough for its contexts to pay.
    tried = _useful_versions(network)
    is_named = any(names_in(network.architecture))
    oldest = NAMED_LAYERS_VERSION if is_named else 1 if is_of_version_1(network.architecture) else 2
    assert tried[0] == oldest
    older = [_encode(network, number) for number in tried[: tried.index(version)]]
    assert all(len(content) < len(other) for other in older)


def test_a_version_1_network_is_refused_as_version_2() -> None:
    network = self_test_network()
    encoder, bank = BitEncoder(), ModelBank()
    code_architecture(encoder, bank, network.architecture, 2)
    with pytest.raises(NetworkFileError):
        decode_network(with_checksum(encoder.payload() + _encode(network, 1)[HEADER_BYTES:], 2))


IMAGE = (1, 28, 28)
HOSTILE = [
    Architecture((1, 4096, 4096), 8, (Linear(10),)),
    Architecture((1, 1000, 1000), 8, (Convolution(65_536, 3),)),
    Architecture((1, 900, 900), 8, (Linear(65_536),)),
    Architecture(IMAGE, 8, (Convolution(4, 3), Linear(65_536), Linear(65_536))),
    Architecture(IMAGE, 8, (Pooling("max", 1),) * 500),
]
# What only version 2 can say, and how it is refused.
HOSTILE_2 = [
    (Architecture(IMAGE, 8, (Convolution(4, 3), Repetition(1, 2))), "repeat nothing"),
    (Architecture(IMAGE, 8, (Repetition(1, 1),)), "repeat nothing"),
    (
        Architecture(IMAGE, 8, (Convolution(1, 3), Repetition(1, 1), Repetition(1, 1))),
        "repeat nothing",
    ),
    (Architecture(IMAGE, 8, (Pooling("max", 1), Repetition(1, 1)) * 33), "layers"),
    (Architecture(IMAGE, 8, (Convolution(4, 3), Repetition(1, 1))), "first use"),
    (
        Architecture((1, 9, 9), 8, (Convolution(1, 5), Repetition(1, 1), Repetition(1, 2))),
        "larger input",
    ),
    (Architecture(IMAGE, 8, (Convolution(4, 3), Addition(1))), "one shape"),
    (Architecture(IMAGE, 8, (Convolution(4, 3), Addition(40))), "one shape"),
    (Architecture(IMAGE, 8, (Convolution(4, 3), Addition(65))), "1 to 64"),
    (Architecture(IMAGE, 8, (Convolution(4, 3, dilation=32),)), "1 to 31"),
]


def attack(architecture: Architecture, version: int) -> bytes:
    """Return the file that the coder has begun when it finds that a limit is broken."""
    encoder = BitEncoder()
    with pytest.raises(NetworkError):
        tensor_shapes(code_architecture(encoder, ModelBank(), architecture, version))
    return with_checksum(encoder.payload(), version)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("architecture", HOSTILE)
def test_a_hostile_file_makes_nothing_large(architecture: Architecture, version: int) -> None:
    content = attack(architecture, version)
    tracemalloc.start()
    try:
        with pytest.raises(NetworkFileError):
            decode_network(content)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64 << 20


@pytest.mark.parametrize("version", [1, 2])
def test_a_large_tensor_is_written_in_little_memory(version: int) -> None:
    # Its five million bits go to the coder in blocks; at once they took 350 MB.
    network = random_network(Architecture((1, 1, 2000), 0, (Linear(100),)), 0, scale=2.0**15)
    first = _encode(network, version)
    tracemalloc.start()
    try:
        assert _encode(network, version) == first
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(first) > 300_000
    assert peak < 64 << 20


@pytest.mark.parametrize(("architecture", "expected"), HOSTILE_2)
def test_impossible_additions_and_repetitions_are_refused(
    architecture: Architecture, expected: str
) -> None:
    with pytest.raises(NetworkFileError, match=expected):
        decode_network(attack(architecture, 2))


def test_a_million_weights_in_a_small_file_are_decoded_in_time() -> None:
    architecture = Architecture((1023, 1, 1), 8, (Linear(1024),))
    network = random_network(architecture, 0, scale=0.0)
    content = encode_network(network)
    assert len(content) < 10_000
    assert same_network(decode_network(content), network)


def test_a_network_of_endless_work_is_refused() -> None:
    layers = (Convolution(32, 31, 1, 15), Convolution(32, 31, 1, 15))
    with pytest.raises(NetworkError, match="multiply-accumulates"):
        random_network(Architecture((1, 180, 180), 8, layers), 0)


@pytest.mark.parametrize("read", [read_bytes, read_network])
def test_a_pipe_is_not_waited_for(tmp_path: Path, read: Callable[[Path], object]) -> None:
    os.mkfifo(tmp_path / "n.mbn")
    with pytest.raises(NetworkFileError, match="a pipe and no regular file"):
        read(tmp_path / "n.mbn")


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.mbn"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(NetworkFileError, match="at most"):
        read_network(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NetworkFileError, match=r"none\.mbn"):
        read_network(tmp_path / "none.mbn")
