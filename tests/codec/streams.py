"""Network files made by hand: whatever the coder can say, sensible or not, and what lies beyond.

Three sources, each driven by a generator of random numbers:

- networks with fields at the edges of what is valid (`edge_network`);
- fields past those edges, written by the encoder without being asked whether they are valid
  (`overreaching_file`);
- bits chosen one by one while the decoder's own description of the format runs (`chosen_file`):
  every decision that a decoder can meet, such as flags that say nothing.

Each is a stream that the bit coder accepts to its end. `mutated` damages one; `with_checksum` makes
a payload a file.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import numpy as np

from minbits.codec import tensor_code
from minbits.codec.adaptive_bits import BitEncoder
from minbits.codec.architecture import (
    MAX_PARAMETERS,
    Architecture,
    Growth,
    parameter_count,
    tensor_shapes,
)
from minbits.codec.architecture_code import NAMED_LAYERS_VERSION, has_names, is_of_version_1
from minbits.codec.file_format import (
    VERSIONS,
    _bank_of,
    _code_architecture,
    _code_network,
    _encode,
    _header,
    _Parts,
)
from minbits.codec.integers import MAX_EXPONENT
from minbits.codec.quantized_network import (
    MAX_LEVEL,
    MAX_STEP_INDEX,
    MIN_STEP_INDEX,
    IntegerArray,
    QuantizedLayer,
    QuantizedNetwork,
    QuantizedTensor,
)
from minbits.codec.tensor_code import LEAN_VERSION
from minbits.errors import MinbitsError, NetworkError, NetworkFileError
from minbits.front_ends.area import Area
from minbits.front_ends.base import FrontEnd
from minbits.front_ends.directions import Directions
from minbits.front_ends.moments import Moments
from minbits.layers.activations import CODED_ACTIVATIONS
from minbits.layers.addition import Addition
from minbits.layers.base import Layer
from minbits.layers.convolution import Convolution
from minbits.layers.linear import Linear
from minbits.layers.pooling import Pooling
from minbits.layers.repetition import Repetition
from minbits.layers.rms_normalisation import RmsNormalisation
from minbits.layers.shared_depthwise import SharedDepthwise

Random = np.random.Generator
SIDES = (1, 1, 2, 3, 5, 9, 28, 32, 255, 4096)
CHANNELS = (1, 1, 2, 3, 4, 6, 10, 64, 257, 65_536)
SMALL = (0, 1, 1, 1, 2, 3, 5, 7, 31)
FRONT_SIDES = (1, 2, 14, 28, 28, 64, 256)
SPREADS = (1, 11, 12, 12, 32)
EXPONENTS = (-64, -1, 0, 8, 8, 64)
FEW_PARAMETERS = 3_000
ALL_VERSIONS = (*VERSIONS, LEAN_VERSION)
PLAIN_KINDS = ("convolution", "depthwise", "pointwise", "pooling", "linear")
EXTENDED_KINDS = (*PLAIN_KINDS, "addition", "again")
OWN_KINDS = (*EXTENDED_KINDS, "rmsnorm", "shared")


def with_checksum(payload: bytes, version: int) -> bytes:
    return _header(version, payload) + payload


def one_of(random: Random, values: Any) -> Any:
    return values[int(random.integers(len(values)))]


def any_layer(random: Random, channels: int, depth: int, kinds: tuple[str, ...]) -> Layer:
    """Draw a layer that may follow ``depth`` others; whether it fits is for the caller to see."""
    kind = one_of(random, kinds)
    activation, bias = one_of(random, CODED_ACTIVATIONS), bool(random.integers(2))
    back = int(random.integers(1, min(depth, 4) + 2))
    drawn: dict[str, Callable[[], Layer]] = {
        "rmsnorm": RmsNormalisation,
        "pooling": lambda: Pooling(one_of(random, ("max", "average")), one_of(random, SMALL)),
        "linear": lambda: Linear(one_of(random, CHANNELS), bias, activation),
        "pointwise": lambda: Convolution(
            one_of(random, CHANNELS), 1, bias=bias, activation=activation
        ),
        "addition": lambda: Addition(int(random.integers(1, depth + 2)), activation),
        "again": lambda: Repetition(int(random.integers(1, back + 1)), back),
    }
    if kind in drawn:
        return drawn[kind]()
    return _sliding(random, kind, channels, kinds == PLAIN_KINDS, bias, activation)


def _sliding(
    random: Random, kind: str, channels: int, is_plain: bool, bias: bool, activation: str
) -> Layer:
    kernel, stride = max(one_of(random, SMALL), 1), max(one_of(random, SMALL), 1)
    padding = one_of(random, SMALL)
    dilation = 1 if is_plain else max(one_of(random, SMALL), 1)
    flat = not is_plain and bool(random.integers(2))
    if kind == "shared":
        return SharedDepthwise(channels, kernel, stride, padding, dilation, flat)
    wide = kind == "depthwise"
    outputs = channels if wide else one_of(random, CHANNELS)
    return Convolution(outputs, kernel, stride, padding, wide, bias, activation, dilation, flat)


def any_front_end(random: Random) -> FrontEnd | None:
    """Draw a front end, mostly none; whether it takes the inputs is for the caller to see."""
    if random.integers(4):
        return None
    if random.integers(2):
        return Area(one_of(random, FRONT_SIDES))
    kind = Directions if random.integers(3) == 0 else Moments
    return kind(one_of(random, FRONT_SIDES), one_of(random, SPREADS))


def edge_architecture(
    random: Random, most_parameters: int = FEW_PARAMETERS, most_layers: tuple[int, ...] = (2, 7, 69)
) -> Architecture:
    """Draw an architecture; channels, sides, kernels and the like are often the largest valid."""
    kinds = one_of(random, (PLAIN_KINDS, PLAIN_KINDS, EXTENDED_KINDS, OWN_KINDS))
    while True:
        shape = (one_of(random, CHANNELS), one_of(random, SIDES), one_of(random, SIDES))
        views = 5 if random.integers(4) == 0 else 1
        exponent, front_end = one_of(random, EXPONENTS), any_front_end(random)
        chosen: list[Layer] = []
        try:
            growth = Growth(shape, exponent, views, front_end)
        except NetworkError:
            continue
        for _ in range(int(random.integers(1, one_of(random, most_layers) + 1))):
            channels = growth.shapes[-1][0]
            layer = any_layer(random, channels, len(chosen), kinds)
            grown = Architecture(shape, exponent, (*chosen, layer), views, front_end)
            try:
                if parameter_count(grown) > most_parameters:
                    continue
                growth.add(layer)
            except NetworkError:
                continue
            chosen.append(layer)
        if chosen:
            return Architecture(shape, exponent, tuple(chosen), views, front_end)


def any_levels(random: Random, shape: tuple[int, ...], most: int) -> IntegerArray:
    """Draw levels of at most ``most`` in magnitude, in one of several patterns."""
    pattern = int(random.integers(7))
    if pattern == 0:
        found = np.zeros(shape)
    elif pattern == 1:
        found = np.full(shape, most)
    elif pattern == 2:
        found = np.where(random.random(shape) < 0.5, most, -most)
    elif pattern == 3:
        found = np.round(random.laplace(0, one_of(random, (0.3, 2.0, 40.0, 1e5)), shape))
    elif pattern == 4:
        found = np.sort(random.integers(-most, most + 1, shape).ravel()).reshape(shape)
    elif pattern == 5:
        found = np.where(random.random(shape) < 0.02, random.integers(-most, most + 1, shape), 0)
    else:
        found = random.integers(-3, 4, shape)
    return np.clip(found, -most, most).astype(np.int32)


def edge_network(random: Random, architecture: Architecture) -> QuantizedNetwork:
    """Draw levels and steps, up to the largest valid ones."""
    steps = (MIN_STEP_INDEX, MAX_STEP_INDEX, -12, -12, 0)
    is_dependent = random.integers(4) == 0
    layers = []
    for shapes in tensor_shapes(architecture):
        weights = any_levels(random, shapes.weights, MAX_LEVEL)
        bias = None if shapes.bias is None else any_levels(random, (shapes.bias,), MAX_LEVEL)
        layers.append(
            QuantizedLayer(
                QuantizedTensor(weights, one_of(random, steps), bool(is_dependent)),
                None if bias is None else QuantizedTensor(bias, one_of(random, steps)),
            )
        )
    return QuantizedNetwork(architecture, tuple(layers))


def versions_of(network: QuantizedNetwork) -> tuple[int, ...]:
    """Return the versions of the format that can say a network."""
    plain = _plain_versions(network.architecture)
    return plain if not network.has_dependent_levels else tuple(v for v in plain if v >= 3)


def _plain_versions(architecture: Architecture) -> tuple[int, ...]:
    if architecture.front_end is not None:
        return (LEAN_VERSION,)
    if has_names(architecture):
        return (LEAN_VERSION, NAMED_LAYERS_VERSION)
    return ALL_VERSIONS[0 if is_of_version_1(architecture) else 1 :]


def edge_file(random: Random, network: QuantizedNetwork) -> bytes:
    """Return a network's file in one of the versions that can say it."""
    return _encode(network, one_of(random, versions_of(network)))


def overreaching_file(random: Random, architecture: Architecture) -> bytes:
    """Return what the encoder writes of fields that need not be valid: levels, biases, steps."""
    version = one_of(random, _plain_versions(architecture))
    most = one_of(random, (MAX_LEVEL, MAX_LEVEL + 1, 1 << MAX_EXPONENT))
    layers = []
    for shapes in tensor_shapes(architecture):
        bias = None
        if shapes.bias is not None:
            rises = random.integers(0, most, shapes.bias)
            first = int(random.integers(-most, most))
            bias = SimpleNamespace(
                levels=first + np.cumsum(rises), step_index=int(random.integers(-300, 300))
            )
        weights = SimpleNamespace(
            levels=any_levels(random, shapes.weights, most),
            step_index=int(random.integers(-300, 300)),
            is_dependent=False,
        )
        layers.append(SimpleNamespace(weights=weights, bias=bias))
    encoder = BitEncoder()
    raw: Any = SimpleNamespace(architecture=architecture, layers=layers)
    with suppress(MinbitsError):  # what was written before is a stream as well
        _code_network(encoder, raw, version, _Parts(None))
    return with_checksum(encoder.payload(), version)


class Chooser:
    """Stands where a decoder stands, chooses every bit itself, and writes it."""

    def __init__(self, choose: Callable[[int], int], most_bits: int) -> None:
        self.encoder = BitEncoder()
        self._choose = choose
        self._most_bits = most_bits

    @property
    def count(self) -> int:
        return self.encoder.count

    def code(self, bit: int, probability_of_one: int) -> int:
        if self.count >= self._most_bits:
            raise NetworkFileError("chooser", "enough bits", "fewer", "Stop.")
        return self.encoder.code(self._choose(probability_of_one), probability_of_one)


def chosen_file(random: Random, most_bits: int = 4_000) -> bytes:
    """Return a file of bits chosen at random while the format's description runs."""
    version = one_of(random, ALL_VERSIONS)
    share = one_of(random, (0.1, 0.3, 0.5, 0.7, 0.9))

    def as_often(probability: int) -> int:
        return int(random.random() < share)

    def unlikely(probability: int) -> int:
        return int(random.random() * 65_536 >= probability)

    def natural(probability: int) -> int:
        return int(random.random() * 65_536 < probability)

    chooser = Chooser(one_of(random, (as_often, unlikely, natural)), most_bits)
    compiled_from, tensor_code.SMALL_TENSOR = tensor_code.SMALL_TENSOR, MAX_PARAMETERS + 1
    try:
        # Contexts are mixed by compiled code alone, which no chooser can stand in for.
        if version < max(VERSIONS):
            _code_network(chooser, None, version, _Parts(None))
        else:
            _code_architecture(chooser, _bank_of(version), None, version, _Parts(None))
    except MinbitsError:
        pass  # what was chosen before is a stream as well
    finally:
        tensor_code.SMALL_TENSOR = compiled_from
    return with_checksum(chooser.encoder.payload(), version)


def mutated(random: Random, payload: bytes) -> bytes:
    """Return a payload damaged in a few places."""
    found = bytearray(payload)
    for _ in range(int(random.integers(1, 4))):
        place = int(random.integers(len(found) + 1))
        kind = int(random.integers(6))
        if kind == 0 and place < len(found):
            found[place] ^= 1 << int(random.integers(8))
        elif kind == 1 and place < len(found):
            found[place] = int(random.integers(256))
        elif kind == 2:
            found[place:place] = random.bytes(int(random.integers(1, 5)))
        elif kind == 3:
            del found[place : place + int(random.integers(1, 5))]
        elif kind == 4:
            del found[place:]
        else:
            found[place : place + 4] = one_of(random, (b"\0\0\0\0", b"\xff\xff\xff\xff"))
    return bytes(found)
