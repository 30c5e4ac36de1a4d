"""The network file, versions 1 to 4: bytes to network and back (docs/format.md, to the byte).

``magic and version (1 byte) · CRC-16 (2 bytes) · payload``, from version 4 on ``magic, version and
checksum (1 byte) · payload``. The payload is one stream of adaptive
bits: architecture, steps, levels. Encoder and decoder run the same functions, so that the format
is described once. A network with layers or activations that are registered from outside is written
in version 4 or 15, which name them.
"""

from __future__ import annotations

import binascii
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from minbits.codec.adaptive_bits import BitCoder, BitEncoder
from minbits.codec.architecture import Architecture, check_parameters, tensor_shapes
from minbits.codec.architecture_code import (
    NAMED_LAYERS_VERSION,
    code_architecture,
    has_names,
    is_of_version_1,
)
from minbits.codec.integers import LEAN_USUAL_COUNT, USUAL_COUNT, ModelBank
from minbits.codec.lean_architecture import LeanFields, code_front_end, code_lean_architecture
from minbits.codec.quantized_network import QuantizedLayer, QuantizedNetwork, QuantizedTensor
from minbits.codec.range_decoder import BitDecoder
from minbits.codec.tensor_code import LEAN_VERSION, MIN_MIXED, TensorCode
from minbits.errors import NetworkError, NetworkFileError
from minbits.files import open_regular
from minbits.units import bytes_to_bits

MAGIC = 0xB0
VERSIONS = (1, 2, 3)
HEADER_BYTES = 3
# Three bits of the only byte of the header; the others are the payload as one number modulo 31.
LEAN_MAGIC = 0xC0
LEAN_HEADER_BYTES = 1
LEAN_MODULUS = 31
MAX_FILE_BYTES = 4 << 20


@dataclass(frozen=True)
class SizePart:
    """One part of a file and what its code takes; the parts add up to the file."""

    name: str
    size_bits: float
    values: int


def _damaged(where: str, got: str, expected: str) -> NetworkFileError:
    return NetworkFileError(where, got, expected, "The file is damaged: get another copy.")


class _Parts:
    """Splits what a decoder reads into named parts; measures nothing for an encoder."""

    def __init__(self, source: BitDecoder | None) -> None:
        self._source = source
        self.sizes: list[SizePart] = []

    @contextmanager
    def part(self, name: str, values: int) -> Iterator[None]:
        before = self._source.position_bits if self._source else 0.0
        yield
        if self._source:
            self.sizes.append(SizePart(name, self._source.position_bits - before, values))


def _code_network(
    coder: BitCoder,
    network: QuantizedNetwork | None,
    version: int,
    parts: _Parts,
    modes: Sequence[bool] | None = None,
) -> tuple[QuantizedNetwork, Sequence[bool]]:
    """Write a network, or read one (``None``); return it and how its weights are coded."""
    bank = _bank_of(version)
    given = network.architecture if network else None
    architecture = _code_architecture(coder, bank, given, version, parts)
    check_parameters(architecture)
    code = TensorCode(coder, bank, version, modes)
    layers: list[QuantizedLayer] = []
    for index, shapes in enumerate(tensor_shapes(architecture)):
        layer = network.layers[index] if network else None
        family = architecture.layers[shapes.layer_index].code_kind
        name = f"layer {shapes.layer_index} {family}: "
        with parts.part(f"{name}weights step", 0):
            step = code.step("weights", layer.weights if layer else None)
        with parts.part(f"{name}weights", math.prod(shapes.weights)):
            levels, is_dependent = code.weights(
                architecture, shapes, layer.weights if layer else None
            )
        weights, bias = QuantizedTensor(levels, step, is_dependent), None
        if shapes.bias is not None:
            with parts.part(f"{name}bias step", 0):
                step = code.step("bias", layer.bias if layer else None)
            with parts.part(f"{name}bias", shapes.bias):
                bias = QuantizedTensor(code.bias(shapes.bias, layer.bias if layer else None), step)
        layers.append(QuantizedLayer(weights, bias))
    return QuantizedNetwork(architecture, tuple(layers)), code.used


def _bank_of(version: int) -> ModelBank:
    return ModelBank(LEAN_USUAL_COUNT if version == LEAN_VERSION else USUAL_COUNT)


def _code_architecture(
    coder: BitCoder, bank: ModelBank, given: Architecture | None, version: int, parts: _Parts
) -> Architecture:
    if version != LEAN_VERSION:
        with parts.part("architecture", 0):
            return code_architecture(coder, bank, given, version)
    fields = LeanFields(coder, bank)
    with parts.part("front end", 0):
        front_end = code_front_end(fields, given)
    with parts.part("architecture", 0):
        return code_lean_architecture(fields, given, front_end)


def _checksum(version: int, payload: bytes) -> bytes:
    return binascii.crc_hqx(bytes([MAGIC | version]) + payload, 0xFFFF).to_bytes(2, "big")


def _encode(network: QuantizedNetwork, version: int, modes: Sequence[bool] | None = None) -> bytes:
    encoder = BitEncoder()
    _code_network(encoder, network, version, _Parts(None), modes)
    payload = encoder.payload()
    header = _header(version, payload)
    if len(header) + len(payload) > MAX_FILE_BYTES:
        raise NetworkFileError(
            "network", f"{len(payload)} bytes", f"at most {MAX_FILE_BYTES}", "Use fewer weights."
        )
    return header + payload


def _header(version: int, payload: bytes) -> bytes:
    if version == LEAN_VERSION:
        return bytes([LEAN_MAGIC | int.from_bytes(payload, "big") % LEAN_MODULUS])
    return bytes([MAGIC | version]) + _checksum(version, payload)


def _useful_versions(network: QuantizedNetwork) -> tuple[int, ...]:
    """Return the versions that can say a network and may be the shortest."""
    if network.architecture.front_end is not None:
        return (LEAN_VERSION,)
    if has_names(network.architecture):
        return (NAMED_LAYERS_VERSION, LEAN_VERSION)
    if network.has_dependent_levels:
        return (*VERSIONS[2:], LEAN_VERSION)
    is_large = any(layer.weights.levels.size >= MIN_MIXED for layer in network.layers)
    first = 0 if is_of_version_1(network.architecture) else 1
    return (*VERSIONS[first : 3 if is_large else 2], LEAN_VERSION)


def encode_network(network: QuantizedNetwork) -> bytes:
    """Return the bytes of the shortest file that holds ``network``, of whichever version.

    Raises:
        NetworkFileError: if the network is too large for the format.
    """
    return min((_encode(network, version) for version in _useful_versions(network)), key=len)


def ideal_length_bits(network: QuantizedNetwork) -> float:
    """Return the ideal length of a network's shortest file, in bits.

    Unlike the length of a file it is not rounded to bytes, so that small changes can be told.
    """
    found = math.inf
    for version in _useful_versions(network):
        encoder = BitEncoder()
        _code_network(encoder, network, version, _Parts(None))
        header_bits = bytes_to_bits(len(_header(version, b"")))
        found = min(found, header_bits + encoder.ideal_bits)
    return found


def version_of(data: bytes) -> int | None:
    """Return the version that the start of a file names, None where it is no network file."""
    if len(data) >= HEADER_BYTES and data[0] & 0xF0 == MAGIC and data[0] & 0x0F != LEAN_VERSION:
        return data[0] & 0x0F
    return LEAN_VERSION if data and data[0] & 0xE0 == LEAN_MAGIC else None


def _payload(data: bytes) -> bytes:
    return data[LEAN_HEADER_BYTES if version_of(data) == LEAN_VERSION else HEADER_BYTES :]


def _checked_version(data: bytes) -> int:
    version = version_of(data)
    if version is None:
        start = data[:2].hex(" ") or "nothing"
        raise NetworkFileError(
            "file", f"{len(data)} bytes, starting {start}", "a .mbn network file",
            "This is not a .mbn file: give one.",
        )  # fmt: skip
    if version not in (*VERSIONS, LEAN_VERSION, NAMED_LAYERS_VERSION):
        known = " or ".join(str(number) for number in (*VERSIONS, LEAN_VERSION))
        raise NetworkFileError(
            "file", f"format version {version}", f"version {known}", "Update minbits."
        )
    if len(data) > MAX_FILE_BYTES:
        raise _damaged("file", f"{len(data)} bytes", f"at most {MAX_FILE_BYTES}")
    payload = _payload(data)
    if _header(version, payload) + payload != data:
        raise _damaged("file", "a checksum that does not match", "intact bytes")
    return version


def _decode(data: bytes, parts: _Parts, decoder: BitDecoder) -> QuantizedNetwork:
    version = _checked_version(data)
    try:
        network, _ = _code_network(decoder, None, version, parts)
    except NetworkError as error:
        raise _damaged(f"file, {error.where}", error.got, error.expected) from error
    # A network has one encoding only: surplus or missing bytes cannot pass as another spelling.
    if decoder.payload() != _payload(data):
        raise _damaged("file", "bytes that no encoder writes", "a canonical encoding")
    return network


def decode_network(data: bytes) -> QuantizedNetwork:
    """Read a network from the bytes of a file.

    Raises:
        NetworkFileError: if ``data`` is not exactly the encoding of a network.
    """
    return _decode(data, _Parts(None), BitDecoder(_payload(data)))


def decode_with_parts(data: bytes) -> tuple[QuantizedNetwork, tuple[SizePart, ...]]:
    """Read a network, and where the bits of its file go; the parts add up to its whole length.

    Raises:
        NetworkFileError: as `decode_network`.
    """
    payload = _payload(data)
    decoder = BitDecoder(payload)
    parts = _Parts(decoder)
    network = _decode(data, parts, decoder)
    header = SizePart("magic, version, checksum", float(bytes_to_bits(len(data) - len(payload))), 0)
    ending_bits = bytes_to_bits(len(payload)) - decoder.position_bits
    ending = SizePart("end of the range coder's last byte", ending_bits, 0)
    return network, (header, *parts.sizes, ending)


def size_parts(data: bytes) -> tuple[SizePart, ...]:
    """Return where the bits of a file go; the parts add up to its whole length.

    Raises:
        NetworkFileError: as `decode_network`.
    """
    return decode_with_parts(data)[1]


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a network file.

    Raises:
        NetworkFileError: if the file cannot be read or is larger than the format allows.
    """
    try:
        # A pipe is not waited for; of a file that grows, no more is read than is allowed.
        with open_regular(path) as file:
            content = file.read(MAX_FILE_BYTES + 1)
            size = max(len(content), os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise NetworkFileError(
            str(path), error.strerror or "an error", "a readable file", "Check the path."
        ) from error
    if size > MAX_FILE_BYTES:
        raise NetworkFileError(
            str(path), f"{size} bytes or more", f"at most {MAX_FILE_BYTES}",
            "This is not a .mbn file: give one.",
        )  # fmt: skip
    return content


@contextmanager
def errors_named(path: Path) -> Iterator[None]:
    """Say of what file an error is."""
    try:
        yield
    except NetworkFileError as error:
        if error.where.startswith(str(path)):
            raise
        raise NetworkFileError(
            f"{path}: {error.where}", error.got, error.expected, error.remedy
        ) from error


def read_network(path: Path) -> QuantizedNetwork:
    """Read the network in the file at ``path``.

    Raises:
        NetworkFileError: if the file cannot be read or is not a valid network file.
    """
    with errors_named(path):
        return decode_network(read_bytes(path))
