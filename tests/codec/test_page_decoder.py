"""docs/format.md is enough: a decoder written from the page reads every file, and refuses alike."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from minbits.cli.doctor import self_test_network
from minbits.codec.adaptive_bits import BitEncoder
from minbits.codec.architecture import MAX_PARAMETERS, Architecture, activation_shapes
from minbits.codec.file_format import (
    _code_network,
    _encode,
    _Parts,
    decode_network,
)
from minbits.codec.inference import predict_logits
from minbits.codec.quantized_network import QuantizedNetwork
from minbits.errors import MinbitsError, NetworkFileError
from minbits.front_ends.area import Area
from minbits.front_ends.base import FrontEnd
from minbits.front_ends.directions import Directions
from minbits.front_ends.moments import Moments
from minbits.layers.base import Layer
from minbits.layers.convolution import Convolution
from minbits.layers.grouped_convolution import GroupedConvolution
from minbits.layers.linear import Linear
from minbits.layers.pooling import Pooling
from minbits.layers.shared_depthwise import SharedDepthwise
from minbits.layers.strided_pooling import StridedPooling
from minbits.networks.grammar import parse_architecture
from tests.codec.page_decoder.architecture import Layer as PageLayer
from tests.codec.page_decoder.bits import RefusedError
from tests.codec.page_decoder.file import checksum, opened, read
from tests.codec.page_decoder.forward import logits
from tests.codec.page_decoder.front_ends import Area as PageArea
from tests.codec.page_decoder.front_ends import Directions as PageDirections
from tests.codec.page_decoder.front_ends import FrontEnd as PageFrontEnd
from tests.codec.page_decoder.front_ends import Moments as PageMoments
from tests.codec.streams import (
    chosen_file,
    edge_architecture,
    edge_file,
    edge_network,
    mutated,
    overreaching_file,
    with_checksum,
)
from tests.strategies import random_network

ROOT = Path(__file__).parent.parent
GOLDEN = sorted((ROOT / "golden").glob("*.mbn"))
_RECORDS = ROOT.parent / "records"
# Of the ledger's files, every tenth.
_OF_LEDGER = sorted(_RECORDS.glob("ledger-artifacts/*/*.mbn"))
_PATHS = [*({*_RECORDS.rglob("*.mbn")} - {*_OF_LEDGER}), *_OF_LEDGER[::10]]
# Some points of the curve are records of their own: each file is read once.
RECORDS = {path.read_bytes() for path in _PATHS}


def as_page_layer(layer: Layer) -> PageLayer:
    """Return a layer of minbits in the words of the page's decoder."""
    fields: dict[str, Any] = {"kind": layer.code_kind, **vars(layer)}
    fields.pop("depthwise", None)
    if isinstance(layer, Convolution | GroupedConvolution | Linear):
        name = "out_features" if isinstance(layer, Linear) else "out_channels"
        fields["out"] = fields.pop(name)
    if isinstance(layer, Pooling | StridedPooling):
        fields["average"] = layer.kind == "average"
        fields["kind"] = layer.code_kind
    if isinstance(layer, StridedPooling):
        fields["ceil"] = fields.pop("is_ceiled")
    if isinstance(layer, SharedDepthwise):
        fields["out"] = fields.pop("channels")
    return fields


def as_page_front_end(front_end: FrontEnd | None) -> PageFrontEnd | None:
    """Return a front end of minbits in the words of the page's decoder."""
    if isinstance(front_end, Moments):
        return PageMoments(front_end.side, front_end.spread)
    if isinstance(front_end, Directions):
        return PageDirections(front_end.side, front_end.spread)
    return PageArea(front_end.side) if isinstance(front_end, Area) else None


def check_same(content: bytes) -> None:
    """Check that both decoders read the same from a file."""
    expected, (network, tensors) = decode_network(content), read(content)
    architecture = expected.architecture
    assert network.input_shape == architecture.input_shape
    assert (network.exponent, network.views) == (architecture.input_exponent, architecture.views)
    assert as_page_front_end(architecture.front_end) == network.front_end
    assert network.layers == [as_page_layer(layer) for layer in architecture.layers]
    assert tuple(network.shapes) == activation_shapes(architecture)
    pairs = [(layer.weights, layer.bias) for layer in expected.layers]
    assert len(tensors) == len(pairs)
    for found, wanted in zip(tensors, pairs, strict=True):
        for mine, theirs in zip(found, wanted, strict=True):
            assert (mine is None) == (theirs is None)
            if mine is not None and theirs is not None:
                assert mine.levels == theirs.levels.ravel().tolist()
                assert mine.step_index == theirs.step_index
                assert mine.is_dependent == theirs.is_dependent
                assert mine.shape == theirs.levels.shape
                values = np.array(mine.values()).astype(np.float32)
                np.testing.assert_array_equal(values, theirs.values().ravel())


def check_predictions(content: bytes, examples: int) -> None:
    """Check that both decoders give the same logits and classes, on bytes as inputs."""
    network, _ = read(content)
    drawn = np.random.default_rng(0).integers(0, 256, (examples, *network.input_shape))
    # Inputs of about 1, whatever the scale of the file.
    check_run(content, (drawn.astype(np.float32) / 256) * np.float32(2.0**network.exponent))


def check_run(content: bytes, inputs: npt.NDArray[np.float32]) -> None:
    """Check that both decoders give the same logits and classes of inputs."""
    expected, (network, tensors) = decode_network(content), read(content)
    wanted = predict_logits(expected, inputs)
    found = np.stack([logits(network, tensors, example) for example in inputs])
    scale = np.abs(wanted).max()
    np.testing.assert_allclose(found / scale, wanted / scale, atol=2e-5)
    np.testing.assert_array_equal(found.argmax(1), wanted.argmax(1))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_files_are_read_and_run_alike(path: Path) -> None:
    check_same(path.read_bytes())
    check_predictions(path.read_bytes(), 2)


def test_records_are_read_alike() -> None:
    assert len(RECORDS) > 30
    for content in RECORDS:
        check_same(content)


@pytest.mark.parametrize("name", ["digits-95", "mnist-98", "mnist-lenet-300-100-98.1"])
def test_records_are_run_alike(name: str) -> None:
    check_predictions((_RECORDS / f"{name}.mbn").read_bytes(), 2)


NAMED = [
    "normalise each e3; grouped 6 by 3 k3 s2 p1 d2 gelu; normalise 2; linear 4 tanh; linear 3",
    "rmsnorm; conv 4 k3 relu; rmsnorm; conv 4 k3 s2; avgpool all; rmsnorm; linear 3",
    "rmsnorm; depthwise k3 bias relu; pointwise 7; rmsnorm; shared k3 s2 p1; shared k3; linear 3",
    "conv 4 k3 elu; maxwindow 3 s2 p1 ceil; depthwise k3 leaky0.01; prelu; avgwindow 2; linear 3",
    "conv 5 k3 silu; depthwise k3; pointwise 5 gelu_tanh; add 1 relu6; again 2 from 3; "
    "linear 3 sigmoid",
    "conv 3 k3 s2 tanh_2bit; conv 4 k2 sigmoid_5bit; linear 4 relu6_3bit; linear 3",
]


@pytest.mark.parametrize("text", NAMED)
def test_named_layers_are_read_and_run_alike(text: str) -> None:
    content = _encode(random_network(parse_architecture(text, (3, 13, 12), 8), 1), 15)
    check_same(content)
    check_predictions(content, 1)


def test_sequences_and_last_layers_that_are_images_are_run_alike() -> None:
    text = "conv 4 k5 flat p1 relu; maxpool 2; depthwise k3 flat d2; pointwise 2"
    network = random_network(parse_architecture(text, (2, 1, 20), 3), 2)
    for version in (2, 3):
        check_same(_encode(network, version))
        check_predictions(_encode(network, version), 2)


def test_long_payloads_keep_their_own_ending() -> None:
    # Over 2**18 bits: levels of the largest magnitudes.
    network = random_network(Architecture((200, 1, 1), 0, (Linear(70),)), 3)
    levels = network.layers[0].weights.levels
    levels[:] = (levels * 7919) % 50_021 - 25_000
    check_same(_encode(network, 1))


SMALL = self_test_network()


def refused(content: bytes) -> bool:
    """Return whether a file is refused; both decoders must agree."""
    try:
        decode_network(content)
        is_refused = False
    except NetworkFileError:
        is_refused = True
    if is_refused:
        with pytest.raises(RefusedError):
            read(content)
    else:
        check_same(content)
    return is_refused


def test_the_checksum_is_that_of_the_page() -> None:
    assert checksum(b"123456789") == 0x29B1


@pytest.mark.parametrize("version", [1, 2, 3])
def test_damage_is_refused(version: int) -> None:
    content = _encode(SMALL, version)
    assert not refused(content)
    for damaged in (content[:2], content[:-1], content + b"\0", b"\xb9" + content[1:]):
        assert refused(damaged)
    for payload in (content[3:] + b"\1", content[3:] + b"\0"):
        assert refused(with_checksum(payload, version))


class Turning:
    """An encoder that writes the opposite of the bit of one number."""

    def __init__(self, number: int) -> None:
        self.encoder, self._number = BitEncoder(), number

    @property
    def count(self) -> int:
        return self.encoder.count

    def code(self, bit: int, probability_of_one: int) -> int:
        return self.encoder.code(bit ^ (self.count == self._number), probability_of_one)


def turned_file(network: QuantizedNetwork, version: int, number: int) -> bytes:
    """Return a file in which one flag of the architecture or of the first levels is another one."""
    turning: Any = Turning(number)
    # Levels may be too few for the other shape, and mixed ones are written by compiled code alone:
    # what was written before is a stream as well.
    with suppress(MinbitsError, AssertionError, IndexError, ValueError):
        _code_network(turning, network, version, _Parts(None))
    return with_checksum(turning.encoder.payload(), version)


TURNED = [
    (1, "conv 2 k3; maxpool 2; linear 2 relu"),
    (2, "conv 2 k3; depthwise k3; pointwise 2; add 1 relu; again 2 from 3; avgpool all; linear 2"),
    (3, "conv 2 k3; depthwise k3; pointwise 2; avgpool all; linear 2"),
    (15, "conv 2 k2 gelu; avgpool all; linear 2 relu"),
    (4, "moments 9; conv 2 k3 p2; depthwise k3 p1; pointwise 2; add 1; avgpool all; linear 2 relu"),
    (4, "conv 2 k3; rmsnorm; shared k3; pointwise 2; shared k3 p1; avgpool all"),
]


@pytest.mark.parametrize(("version", "text"), TURNED)
def test_flags_that_say_nothing_are_refused_alike(
    version: int, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Compiled loops would write past the turning.
    monkeypatch.setattr("minbits.codec.tensor_code.SMALL_TENSOR", MAX_PARAMETERS + 1)
    network = random_network(parse_architecture(text, (1, 8, 8), 8), 4)
    outcomes = [refused(turned_file(network, version, number)) for number in range(70)]
    assert any(outcomes)
    assert not all(outcomes)


def test_streams_of_all_kinds_are_read_or_refused_alike() -> None:
    random = np.random.default_rng(5)
    contents: list[bytes] = []
    for _ in range(45):
        architecture = edge_architecture(random, most_parameters=200)
        contents.append(edge_file(random, edge_network(random, architecture)))
        contents.append(overreaching_file(random, architecture))
        contents.append(chosen_file(random, most_bits=400))
        version, payload = opened(contents[-3])
        contents.append(with_checksum(mutated(random, payload), version))
    outcomes = [refused(content) for content in contents]
    assert any(outcomes)
    assert not all(outcomes)
