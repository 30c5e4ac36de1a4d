"""The network file, versions 1 and 2: bytes to network and back (docs/format.md, to the byte).

``magic and version (1 byte) · CRC-16 (2 bytes) · payload``. The payload is one stream of adaptive
bits: architecture, steps, levels. Encoder and decoder run the same `_code_*` functions, so that
the format is described once.
"""

from __future__ import annotations

import binascii
import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minbits.codec.adaptive_bits import BitCoder, BitDecoder, BitEncoder
from minbits.codec.architecture import Architecture, Convolution, TensorShapes, tensor_shapes
from minbits.codec.architecture_code import code_architecture, is_of_version_1, kind_of
from minbits.codec.integers import (
    ModelBank,
    code_difference,
    code_exception,
    code_signed,
    code_weight,
)
from minbits.codec.quantized_network import (
    IntegerArray,
    QuantizedLayer,
    QuantizedNetwork,
    QuantizedTensor,
)
from minbits.errors import NetworkError, NetworkFileError
from minbits.units import bytes_to_bits

MAGIC = 0xB0
VERSIONS = (1, 2)
HEADER_BYTES = 3
MAX_FILE_BYTES = 4 << 20

# Conventions of the format, fitted to no data set: the step relative to which the first step is
# coded, and how much of the statistics of one tensor is carried over to the next of its family.
USUAL_STEP_INDEX = -12
LEVEL_COUNTS_KEPT = 24
# Tensors of at least this many weights are coded by compiled loops; the bytes are the same.
LARGE_TENSOR = 16_384


@dataclass(frozen=True)
class SizePart:
    """One part of a file and its ideal code length; parts add up to the file but for rounding."""

    name: str
    size_bits: float
    values: int


def _get_file_again(where: str, got: str, expected: str) -> NetworkFileError:
    return NetworkFileError(where, got, expected, "Get the file again, or write it anew.")


class _Parts:
    """Splits the ideal code length that an encoder adds up into named parts."""

    def __init__(self, encoder: BitEncoder | None) -> None:
        self._encoder = encoder
        self.parts: list[SizePart] = []

    @contextmanager
    def part(self, name: str, values: int) -> Iterator[None]:
        before = self._encoder.ideal_bits if self._encoder else 0.0
        yield
        after = self._encoder.ideal_bits if self._encoder else 0.0
        self.parts.append(SizePart(name, after - before, values))


def _code_levels(
    coder: BitCoder, bank: ModelBank, family: str, shape: tuple[int, ...], levels: IntegerArray
) -> IntegerArray:
    """Code a tensor in row-major order; a decoder passes no levels."""
    bank.shrink(family, LEVEL_COUNTS_KEPT)
    if math.prod(shape) >= LARGE_TENSOR:
        # Numba is heavy, and small networks, for which the decoder must be light, do without it.
        from minbits.codec.compiled_levels import code_large_levels

        return code_large_levels(coder, bank, family, shape, levels)
    source = [int(level) for level in levels.ravel()] or [0] * math.prod(shape)
    result = [code_weight(coder, bank, family, value) for value in source]
    return np.array(result, np.int32).reshape(shape)


def _code_oriented_levels(
    coder: BitCoder, bank: ModelBank, family: str, shape: tuple[int, ...], levels: IntegerArray
) -> IntegerArray:
    """Code a tensor whose kernels mostly begin with a positive weight (version 2).

    Where a linear depthwise layer is followed by one that mixes channels, a kernel's sign can be
    moved to the next layer. If the first weight that is not zero is positive in every kernel, its
    sign is not coded.
    """
    source = levels.reshape(shape[0], -1) if levels.size else np.zeros((shape[0], 1), np.int32)
    turned = any(int(row[np.flatnonzero(row)[0]]) < 0 for row in source if row.any())
    turned = bool(code_exception(coder, bank, (family, "orientation"), int(turned)))
    bank.shrink(family, LEVEL_COUNTS_KEPT)
    count = math.prod(shape[1:])
    result: list[int] = []
    for kernel in range(shape[0]):
        begun = turned
        for index in range(count):
            value = int(source[kernel, index]) if levels.size else 0
            coded = code_weight(coder, bank, family, value, not begun)
            begun = begun or coded != 0
            result.append(coded)
    return np.array(result, np.int32).reshape(shape)


def _code_sorted_levels(
    coder: BitCoder, bank: ModelBank, family: str, shape: tuple[int, ...], levels: IntegerArray
) -> IntegerArray:
    """Code biases that mostly ascend (version 2): the order of channels is free in most layers.

    What ascends is coded as a first value and differences, which saves the bits of the order.
    """
    source = [int(level) for level in levels.ravel()] or [0] * math.prod(shape)
    unsorted = int(any(a > b for a, b in itertools.pairwise(source)))
    if code_exception(coder, bank, (family, "unsorted"), unsorted):
        return _code_levels(coder, bank, family, shape, levels)
    bank.shrink(f"{family} difference", LEVEL_COUNTS_KEPT)
    value = code_difference(coder, bank, (f"{family} difference", "first"), source[0], order=2)
    result = [value]
    for before, after in itertools.pairwise(source):
        value += code_weight(coder, bank, f"{family} difference", max(after - before, 0), True)
        result.append(value)
    return np.array(result, np.int32).reshape(shape)


_CodeLevels = Callable[[BitCoder, ModelBank, str, tuple[int, ...], IntegerArray], IntegerArray]


def is_oriented(architecture: Architecture, layer_index: int) -> bool:
    """Whether a kernel's sign can be moved from a layer to the next.

    So it is in a linear depthwise layer without a bias, directly before one that mixes channels.
    """
    layers = architecture.layers
    first, behind = layers[layer_index], layers[layer_index + 1 : layer_index + 2]
    return (
        isinstance(first, Convolution)
        and first.depthwise
        and not first.bias
        and first.activation == "none"
        and bool(behind)
        and isinstance(behind[0], Convolution)
        and not behind[0].depthwise
    )


def _code_layer_tensors(
    coder: BitCoder,
    bank: ModelBank,
    family: str,
    shapes: TensorShapes,
    layer: QuantizedLayer | None,
    steps: dict[str, int],
    codes: tuple[_CodeLevels, _CodeLevels],
    parts: _Parts,
) -> QuantizedLayer:
    def code_tensor(
        role: str, context: str, shape: tuple[int, ...], tensor: QuantizedTensor | None
    ) -> QuantizedTensor:
        given = tensor or QuantizedTensor(np.zeros(0, np.int32), 0)
        name = f"layer {shapes.layer_index} {family}: {role}"
        with parts.part(f"{name} step", 0):
            change = given.step_index - steps[role]
            if role == "weights":
                steps[role] += code_signed(coder, bank, ("step", role), change)
            else:
                steps[role] += code_difference(coder, bank, ("step", role), change, order=2)
        with parts.part(name, math.prod(shape)):
            code = codes[0] if role == "weights" else codes[1]
            levels = code(coder, bank, context, shape, given.levels)
        return QuantizedTensor(levels, steps[role])

    weights = code_tensor("weights", family, shapes.weights, layer.weights if layer else None)
    bias = None
    if shapes.bias is not None:
        bias = code_tensor("bias", "bias", (shapes.bias,), layer.bias if layer else None)
    return QuantizedLayer(weights, bias)


def _codes(
    architecture: Architecture, layer_index: int, version: int
) -> tuple[_CodeLevels, _CodeLevels]:
    """Return how weights and biases of a layer are coded."""
    if version == 1:
        return _code_levels, _code_levels
    oriented = is_oriented(architecture, layer_index)
    return _code_oriented_levels if oriented else _code_levels, _code_sorted_levels


def _code_network(
    coder: BitCoder, network: QuantizedNetwork | None, version: int, parts: _Parts
) -> QuantizedNetwork:
    bank = ModelBank()
    with parts.part("architecture", 0):
        given = network.architecture if network else None
        architecture = code_architecture(coder, bank, given, version)
    steps = {"weights": USUAL_STEP_INDEX, "bias": USUAL_STEP_INDEX}
    layers: list[QuantizedLayer] = []
    for index, shapes in enumerate(tensor_shapes(architecture)):
        family = kind_of(architecture.layers[shapes.layer_index])
        layer = network.layers[index] if network else None
        codes = _codes(architecture, shapes.layer_index, version)
        layers.append(_code_layer_tensors(coder, bank, family, shapes, layer, steps, codes, parts))
    return QuantizedNetwork(architecture, tuple(layers))


def _checksum(version: int, payload: bytes) -> bytes:
    return binascii.crc_hqx(bytes([MAGIC | version]) + payload, 0xFFFF).to_bytes(2, "big")


def _encode(network: QuantizedNetwork, version: int) -> bytes:
    encoder = BitEncoder()
    _code_network(encoder, network, version, _Parts(encoder))
    payload = encoder.payload()
    if HEADER_BYTES + len(payload) > MAX_FILE_BYTES:
        raise NetworkFileError(
            "network", f"{len(payload)} bytes", f"at most {MAX_FILE_BYTES}", "Use fewer weights."
        )
    return bytes([MAGIC | version]) + _checksum(version, payload) + payload


def encode_network(network: QuantizedNetwork) -> bytes:
    """Return the bytes of the shortest file that holds ``network``, of whichever version.

    Raises:
        NetworkFileError: if the network is too large for the format.
    """
    versions = VERSIONS if is_of_version_1(network.architecture) else VERSIONS[1:]
    return min((_encode(network, version) for version in versions), key=len)


def decode_network(data: bytes) -> QuantizedNetwork:
    """Read a network from the bytes of a file.

    Raises:
        NetworkFileError: if ``data`` is not exactly the encoding of a network.
    """
    if len(data) < HEADER_BYTES or data[0] & 0xF0 != MAGIC:
        start = data[:2].hex(" ") or "nothing"
        raise _get_file_again("file", f"{len(data)} bytes, starting {start}", "a .mbn network file")
    version = data[0] & 0x0F
    if version not in VERSIONS:
        known = " or ".join(str(number) for number in VERSIONS)
        raise NetworkFileError(
            "file", f"format version {version}", f"version {known}", "Update minbits."
        )
    payload = data[HEADER_BYTES:]
    if len(data) > MAX_FILE_BYTES:
        raise _get_file_again("file", f"{len(data)} bytes", f"at most {MAX_FILE_BYTES}")
    if _checksum(version, payload) != data[1:HEADER_BYTES]:
        raise _get_file_again("file", "a checksum that does not match", "intact bytes")
    try:
        network = _code_network(BitDecoder(payload), None, version, _Parts(None))
    except NetworkError as error:
        raise _get_file_again(f"file, {error.where}", error.got, error.expected) from error
    # A network has one encoding only: surplus or missing bytes cannot pass as another spelling.
    if _encode(network, version) != data:
        raise _get_file_again("file", "bytes that no encoder writes", "a canonical encoding")
    return network


def size_parts(network: QuantizedNetwork) -> tuple[SizePart, ...]:
    """Return where the bits of the network's file go; the parts add up to its whole length."""
    version = encode_network(network)[0] & 0x0F
    encoder = BitEncoder()
    parts = _Parts(encoder)
    _code_network(encoder, network, version, parts)
    header = SizePart("magic, version, checksum", float(bytes_to_bits(HEADER_BYTES)), 0)
    payload_bits = bytes_to_bits(len(encoder.payload()))
    ending = SizePart("end of the range coder's last byte", payload_bits - encoder.ideal_bits, 0)
    return (header, *parts.parts, ending)


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a network file.

    Raises:
        NetworkFileError: if the file cannot be read or is larger than the format allows.
    """
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise _get_file_again(str(path), f"{size} bytes", f"at most {MAX_FILE_BYTES}")
        return path.read_bytes()
    except OSError as error:
        raise NetworkFileError(
            str(path), error.strerror or "an error", "a readable file", "Check the path."
        ) from error


def read_network(path: Path) -> QuantizedNetwork:
    """Read the network in the file at ``path``.

    Raises:
        NetworkFileError: if the file cannot be read or is not a valid network file.
    """
    try:
        return decode_network(read_bytes(path))
    except NetworkFileError as error:
        if error.where == str(path):
            raise
        raise NetworkFileError(
            f"{path}: {error.where}", error.got, error.expected, error.remedy
        ) from error
