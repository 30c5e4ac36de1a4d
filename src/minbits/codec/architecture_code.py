"""How an architecture is written: every field relative to what usually stands there.

Version 2 adds dilation, convolutions over sequences, residual additions and repeated layers.

The usual values (a 3 x 3 kernel, stride 1, "same" padding, a depthwise convolution followed by a
pointwise one, …) are conventions of network design. They shorten the common case and fit no data.
"""

from __future__ import annotations

from collections.abc import Sequence

from minbits.codec.adaptive_bits import BitCoder
from minbits.codec.architecture import VIEW_SHIFTS, Architecture, Growth, activation_shapes
from minbits.codec.integers import (
    Context,
    ModelBank,
    code_adaptive_bit,
    code_difference,
    code_exception,
    code_plain_bits,
    code_signed,
    code_unsigned,
    not_canonical,
)
from minbits.errors import NetworkError, NetworkFileError
from minbits.layers.activations import CODED_ACTIVATIONS
from minbits.layers.base import MAX_LAYERS, Layer, Shape
from minbits.layers.pooling import Pooling
from minbits.layers.registry import layer_of_kind

# Versions from this one on name the kinds of layers that versions 1 to 3 do not know.
NAMED_LAYERS_VERSION = 15
_MAX_NAME_BYTES = 64
USUAL_INPUT_EXPONENT = 8

# What may follow each kind of layer, the most usual first.
_SUCCESSORS = {
    "start": ("convolution", "linear", "pooling", "pointwise", "depthwise"),
    "convolution": ("depthwise", "pooling", "convolution", "linear", "pointwise", "end"),
    "depthwise": ("pointwise", "convolution", "depthwise", "pooling", "linear", "end"),
    "pointwise": ("depthwise", "pooling", "convolution", "pointwise", "linear", "end"),
    "pooling": ("depthwise", "linear", "convolution", "pointwise", "pooling", "end"),
    "linear": ("end", "linear", "pooling", "convolution", "depthwise", "pointwise"),
}
_NEW_KINDS = ("addition", "again")
_SUCCESSORS_2 = {
    **{kind: (*ranks, *_NEW_KINDS) for kind, ranks in _SUCCESSORS.items()},
    "depthwise": ("pointwise", "again", *_SUCCESSORS["depthwise"][1:], "addition"),
    "pointwise": ("depthwise", "pooling", "again", "addition", *_SUCCESSORS["pointwise"][2:]),
    "pooling": ("depthwise", "linear", "again", *_SUCCESSORS["pooling"][2:], "addition"),
    "addition": (
        "depthwise", "again", "pooling", "convolution", "pointwise", "linear", "addition", "end",
    ),
    "again": (
        "pooling", "depthwise", "again", "addition", "linear", "convolution", "pointwise", "end",
    ),
}  # fmt: skip


def is_of_version_1(architecture: Architecture) -> bool:
    """Whether version 1 of the format can say it: nothing in it came with version 2."""
    if architecture.views > 1 or _is_extended(architecture):
        return False
    shapes = activation_shapes(architecture)
    return not any(
        isinstance(layer, Pooling) and layer.size > 1 and shape[1] == 1
        for layer, shape in zip(architecture.layers, shapes[:-1], strict=True)
    )


def _is_extended(architecture: Architecture) -> bool:
    """Whether a layer came with version 2, or is named."""
    return bool(named_kinds(architecture)) or any(x.is_extended for x in architecture.layers)


def named_kinds(architecture: Architecture) -> tuple[str, ...]:
    """Return the kinds of layers that versions 1 to 3 do not know, in order of their first use."""
    kinds = (layer.code_kind for layer in architecture.layers)
    return tuple(dict.fromkeys(kind for kind in kinds if kind not in _SUCCESSORS_2))


class _Fields:
    """What layers code their numbers with (`minbits.layers.fields.FieldCoder`)."""

    def __init__(self, coder: BitCoder, bank: ModelBank) -> None:
        self._coder, self._bank = coder, bank

    def flag(self, context: Context, bit: int) -> int:
        return code_adaptive_bit(self._coder, self._bank, context, bit)

    def exception(self, context: Context, bit: int) -> int:
        return code_exception(self._coder, self._bank, context, bit)

    def unsigned(self, context: Context, value: int, order: int = 0) -> int:
        return code_unsigned(self._coder, self._bank, context, value, order)

    def signed(self, context: Context, value: int, order: int = 0) -> int:
        return code_signed(self._coder, self._bank, context, value, order)

    def difference(self, context: Context, value: int, order: int) -> int:
        return code_difference(self._coder, self._bank, context, value, order)

    def activation(self, family: str, key: str, is_usual: bool = False) -> str:
        if key not in CODED_ACTIVATIONS:
            known = f"one of {', '.join(CODED_ACTIVATIONS)}"
            raise NetworkError("file", f"activation '{key}'", known, "Change the architecture.")
        index = CODED_ACTIVATIONS.index(key)
        high = self.exception((family, "activation, high bit"), index >> 1)
        code_low = self.flag if is_usual else self.exception
        low = code_low((family, "activation, low bit", high), index & 1)
        return CODED_ACTIVATIONS[high << 1 | low]

    def name(self, text: str) -> str:
        """Code a name: its length in bytes, then UTF-8."""
        given = text.encode()
        length = 1 + self.unsigned(("name",), max(len(given) - 1, 0), order=3)
        if length > _MAX_NAME_BYTES:
            raise NetworkFileError(
                "payload",
                f"a name of {length} bytes",
                f"at most {_MAX_NAME_BYTES}",
                "Get it again.",
            )
        given = given.ljust(length)
        found = bytes(code_plain_bits(self._coder, given[place], 8) for place in range(length))
        try:
            return found.decode()
        except UnicodeDecodeError as error:
            raise not_canonical() from error


def _successors(extended: bool, names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return what may follow each kind; kinds that are named follow any, and are ranked last."""
    if not extended:
        return _SUCCESSORS
    if not names:
        return _SUCCESSORS_2
    known = {kind: (*ranks, *names) for kind, ranks in _SUCCESSORS_2.items()}
    usual = ("end", *(kind for kind in _SUCCESSORS_2 if kind != "start"), *names)
    return {**known, **dict.fromkeys(names, usual)}


def _code_kind(
    coder: BitCoder, bank: ModelBank, kind: str, previous: str, successors: Sequence[str]
) -> str:
    wanted = successors.index(kind)
    for rank in range(len(successors) - 1):
        if not code_exception(coder, bank, ("kind", previous, rank), int(wanted > rank)):
            return successors[rank]
    return successors[-1]


def _code_shape(coder: BitCoder, bank: ModelBank, shape: Shape) -> Shape:
    channels = 1 + code_unsigned(coder, bank, ("input channels",), shape[0] - 1)
    height = 1 + code_unsigned(coder, bank, ("height",), shape[1] - 1, order=4)
    if not code_exception(coder, bank, ("not square",), int(shape[1] != shape[2])):
        return (channels, height, height)
    width = 1 + code_unsigned(coder, bank, ("width",), shape[2] - 1, order=4)
    if width == height:
        raise not_canonical()
    return (channels, height, width)


def _code_layer(
    fields: _Fields, given: Layer | None, kind: str, shape: Shape, extended: bool
) -> Layer:
    layer_type = layer_of_kind(kind)
    assert layer_type is not None
    # A decoder is given none, and an encoder's is of the kind.
    same = given if isinstance(given, layer_type) else None
    return layer_type.code(fields, same, kind, shape, extended)


def _code_names(fields: _Fields, names: tuple[str, ...]) -> tuple[str, ...]:
    """Code the kinds of layers that are named in the file.

    Raises:
        NetworkFileError: if no layer of such a kind is registered.
    """
    count = 1 + fields.unsigned(("names",), max(len(names) - 1, 0))
    if count > MAX_LAYERS:
        raise not_canonical()
    found = tuple(fields.name(names[place] if place < len(names) else "") for place in range(count))
    for name in found:
        if layer_of_kind(name) is None:
            raise NetworkFileError(
                "file", f"a layer of kind '{name}'", "a kind that is registered",
                "Import what registers it, then read the file again.",
            )  # fmt: skip
    return found


def code_architecture(
    coder: BitCoder, bank: ModelBank, architecture: Architecture | None, version: int
) -> Architecture:
    """Write ``architecture`` as a version of the format does, or read one (``None``); return it.

    Raises:
        NetworkError: as soon as what was read so far breaks a limit of the format, so that a
            hostile file can make nothing large.
        NetworkFileError: if an integer read is too long, or an encoder says the same otherwise.
    """
    given = architecture or Architecture((1, 1, 1), 0, ())
    shape = given_shape = _code_shape(coder, bank, given.input_shape)
    exponent = USUAL_INPUT_EXPONENT + code_signed(
        coder, bank, ("input exponent",), given.input_exponent - USUAL_INPUT_EXPONENT
    )
    views, extended = 1, False
    if version > 1:
        if code_exception(coder, bank, ("views",), int(given.views > 1)):
            views = len(VIEW_SHIFTS)
        extended = bool(code_exception(coder, bank, ("extended",), int(_is_extended(given))))
    fields = _Fields(coder, bank)
    names: tuple[str, ...] = ()
    if version >= NAMED_LAYERS_VERSION:
        names = _code_names(fields, named_kinds(given))
    layers: list[Layer] = []
    growth = Growth(given_shape, exponent, views)
    kind, successors = "start", _successors(extended, names)
    while True:
        source = given.layers[len(layers)] if len(layers) < len(given.layers) else None
        # A decoder's source is always None, and what it codes for the kind is ignored.
        wanted = "end" if source is None else source.code_kind
        if wanted not in successors[kind]:
            wanted = successors[kind][0]
        kind = _code_kind(coder, bank, wanted, kind, successors[kind])
        if kind == "end":
            found = Architecture(given_shape, exponent, tuple(layers), views)
            if (extended and not _is_extended(found)) or named_kinds(found) != names:
                raise not_canonical()
            return found
        layers.append(_code_layer(fields, source, kind, shape, extended))
        if layers[-1].code_kind != kind:
            raise not_canonical()
        growth.add(layers[-1])
        shape = growth.shapes[-1]
