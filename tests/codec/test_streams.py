"""Files made by hand: whatever the coder can say is a network or the one error."""

from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minbits.codec import architecture_code, tensor_code
from minbits.codec.adaptive_bits import BitCoder, BitEncoder
from minbits.codec.architecture import Architecture, tensor_shapes
from minbits.codec.file_format import (
    LEAN_VERSION,
    VERSIONS,
    _code_network,
    _encode,
    _Parts,
    _payload,
    decode_network,
    encode_network,
    size_parts,
    version_of,
)
from minbits.codec.integers import Context, ModelBank
from minbits.codec.quantized_network import (
    MAX_LEVEL,
    QuantizedLayer,
    QuantizedNetwork,
    QuantizedTensor,
)
from minbits.codec.range_decoder import BitDecoder
from minbits.errors import NetworkError, NetworkFileError
from minbits.layers.convolution import Convolution
from minbits.layers.linear import Linear
from minbits.layers.pooling import Pooling
from tests.codec.streams import (
    chosen_file,
    edge_architecture,
    edge_file,
    edge_network,
    mutated,
    overreaching_file,
    with_checksum,
)
from tests.strategies import same_network

SEEDS = st.integers(0, 2**32 - 1)


def reference_decode(content: bytes) -> QuantizedNetwork | None:
    """Decode a file, and take it only if encoding the network again gives the same bytes."""
    version, decoder = version_of(content), BitDecoder(_payload(content))
    assert version is not None
    try:
        network, modes = _code_network(decoder, None, version, _Parts(None))
        return network if _encode(network, version, modes) == content else None
    except (NetworkError, NetworkFileError):
        return None


def check(content: bytes) -> None:
    expected = reference_decode(content)
    if expected is None:
        with pytest.raises(NetworkFileError):
            decode_network(content)
        return
    assert same_network(decode_network(content), expected)
    parts = size_parts(content)
    assert sum(part.size_bits for part in parts) == pytest.approx(8 * len(content), abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_networks_at_the_edges_come_back(seed: int) -> None:
    random = np.random.default_rng(seed)
    network = edge_network(random, edge_architecture(random, 1000))
    content = edge_file(random, network)
    assert same_network(decode_network(content), network)
    assert same_network(decode_network(encode_network(network)), network)
    check(content)


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_fields_past_the_edges_are_refused_or_valid(seed: int) -> None:
    random = np.random.default_rng(seed)
    check(overreaching_file(random, edge_architecture(random, 300)))


@settings(max_examples=150, deadline=None)
@given(SEEDS)
def test_whatever_bits_are_chosen_a_file_is_a_network_or_refused(seed: int) -> None:
    check(chosen_file(np.random.default_rng(seed), 1500))


@settings(max_examples=150, deadline=None)
@given(SEEDS, st.booleans())
def test_a_file_is_taken_if_and_only_if_encoding_it_again_gives_its_bytes(
    seed: int, is_repaired: bool
) -> None:
    random = np.random.default_rng(seed)
    version = int(random.integers(1, 5))
    start = _payload(chosen_file(random, 300))
    payload = mutated(random, start) + random.bytes(int(random.integers(20)))
    if is_repaired:
        decoder = BitDecoder(payload)
        try:
            _code_network(decoder, None, version, _Parts(None))
        except (NetworkError, NetworkFileError):
            return
        payload = decoder.payload()
        assert reference_decode(with_checksum(payload, version)) is not None
    check(with_checksum(payload, version))


def ascending(biases: list[int], version: int) -> bytes:
    """Write a file of one linear layer with ``biases``, sensible or not."""
    architecture = Architecture((1, 1, 1), 8, (Linear(len(biases)),))
    weights = SimpleNamespace(
        levels=np.zeros((len(biases), 1), np.int32), step_index=-12, is_dependent=False
    )
    bias = SimpleNamespace(levels=np.array(biases, np.int64), step_index=-12)
    raw: Any = SimpleNamespace(
        architecture=architecture, layers=[SimpleNamespace(weights=weights, bias=bias)]
    )
    encoder = BitEncoder()
    with suppress(NetworkFileError):  # all is written by then
        _code_network(encoder, raw, version, _Parts(None))
    return with_checksum(encoder.payload(), version)


@pytest.mark.parametrize("compiled_from", [1, 10_000])
@pytest.mark.parametrize("version", [2, 3, 4])
@given(st.lists(st.integers(0, 1 << 23), min_size=1, max_size=150), st.integers(-(1 << 23), 0))
@example([1 << 23] * 300, 0)
@settings(max_examples=20, deadline=None)
def test_biases_that_ascend_too_far_are_refused(
    version: int, compiled_from: int, rises: list[int], first: int
) -> None:
    biases = np.cumsum([first, *rises]).tolist()
    content = ascending(biases, version)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tensor_code, "SMALL_TENSOR", compiled_from)
        if max(-biases[0], biases[-1]) <= MAX_LEVEL:
            bias = decode_network(content).layers[0].bias
            assert bias is not None
            assert bias.levels.tolist() == biases
        else:
            with pytest.raises(NetworkFileError, match=r"2\*\*20"):
                decode_network(content)


PLAIN = Architecture((1, 3, 3), 8, (Linear(2),))
DEPTHWISE = Convolution(2, 3, 1, 1, True, False, "none")
ORIENTED = Architecture((2, 3, 3), 8, (DEPTHWISE, Convolution(2, 1), Pooling("max", 0)))
NEEDLESS: list[tuple[Context, Architecture]] = [
    (("not square",), PLAIN),
    (("extended",), PLAIN),
    (("bias", "unsorted"), PLAIN),
    (("depthwise", "orientation"), ORIENTED),
]


def ones(architecture: Architecture) -> QuantizedNetwork:
    """Return a network of which every level is 1."""

    def tensor(shape: tuple[int, ...]) -> QuantizedTensor:
        return QuantizedTensor(np.ones(shape, np.int32), -12)

    layers = tuple(
        QuantizedLayer(tensor(s.weights), None if s.bias is None else tensor((s.bias,)))
        for s in tensor_shapes(architecture)
    )
    return QuantizedNetwork(architecture, layers)


@pytest.mark.parametrize(("flag", "architecture"), NEEDLESS, ids=lambda value: str(value)[:30])
@pytest.mark.parametrize("version", [2, 3])
def test_a_flag_that_says_nothing_is_refused(
    flag: Context, architecture: Architecture, version: int
) -> None:
    true = architecture_code.code_exception

    def lying(coder: BitCoder, bank: ModelBank, context: Context, exception: int) -> int:
        return true(coder, bank, context, 1 if context == flag else exception)

    encoder = BitEncoder()
    with pytest.MonkeyPatch.context() as patch:
        for module in (architecture_code, tensor_code):
            patch.setattr(module, "code_exception", lying)
        # The encoder finds it out itself, with all written that says it.
        with pytest.raises(NetworkFileError, match="canonical"):
            _code_network(encoder, ones(architecture), version, _Parts(None))
    with pytest.raises(NetworkFileError, match="canonical"):
        decode_network(with_checksum(encoder.payload(), version))


@pytest.mark.parametrize("version", [*VERSIONS, LEAN_VERSION])
def test_a_pointwise_layer_is_called_so(version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def called(layer: Convolution) -> str:
        return "depthwise" if layer.depthwise else "convolution"

    network = ones(Architecture((2, 3, 3), 8, (Convolution(3, 1), Linear(2))))
    with monkeypatch.context() as patch:
        patch.setattr(Convolution, "code_kind", property(called))
        content = _encode(network, version)
    with pytest.raises(NetworkFileError, match="canonical"):
        decode_network(content)
