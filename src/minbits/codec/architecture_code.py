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
    USUAL_COUNT,
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
from minbits.errors import NetworkFileError
from minbits.layers.activations import ACTIVATIONS, CODED_ACTIVATIONS
from minbits.layers.base import MAX_LAYERS, Layer, Shape
from minbits.layers.pooling import Pooling
from minbits.layers.registry import layer_of_kind

# Versions from this one on name what versions 1 to 3 do not know: kinds of layers, activations.
NAMED_LAYERS_VERSION = 15
_MAX_NAME_BYTES = 64
# Kinds of layers, and activations.
Names = tuple[tuple[str, ...], tuple[str, ...]]
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
    """Whether a layer came with version 2, or something is named."""
    return has_names(architecture) or any(layer.is_extended for layer in architecture.layers)


def has_names(architecture: Architecture) -> bool:
    """Whether there is a kind of layer or an activation that versions 1 to 3 do not know."""
    return any(names_in(architecture))


def names_in(architecture: Architecture) -> Names:
    """Return the kinds and the activations that are named, in order of their first use."""
    layers = architecture.layers
    kinds = (layer.code_kind for layer in layers)
    activations = (getattr(layer, "activation", "none") for layer in layers)
    return (
        tuple(dict.fromkeys(kind for kind in kinds if kind not in _SUCCESSORS_2)),
        tuple(dict.fromkeys(key for key in activations if key not in CODED_ACTIVATIONS)),
    )


class Fields:
    """What layers code their numbers with (`minbits.layers.fields.FieldCoder`).

    Attributes:
        activations: those that the file names.
        habits: the last choice of each context.
        is_lean: whether the file is of version 4.
    """

    is_lean = False

    def __init__(self, coder: BitCoder, bank: ModelBank) -> None:
        self._coder, self._bank = coder, bank
        self.activations: tuple[str, ...] = ()
        self.habits: dict[Context, int] = {}

    def flag(self, context: Context, bit: int) -> int:
        """Code a bit of which both values are usual."""
        return code_adaptive_bit(self._coder, self._bank, context, bit)

    def exception(self, context: Context, bit: int) -> int:
        """Code a bit that is expected to be zero."""
        return code_exception(self._coder, self._bank, context, bit)

    def kind_flag(self, context: Context, bit: int) -> int:
        """Code whether a kind is another than the more usual one."""
        return self._bank.model(context, USUAL_COUNT).code(self._coder, bit)

    def unsigned(self, context: Context, value: int, order: int = 0) -> int:
        """Code a number that is not negative."""
        return code_unsigned(self._coder, self._bank, context, value, order)

    def signed(self, context: Context, value: int, order: int = 0) -> int:
        """Code a number that is expected to be zero."""
        return code_signed(self._coder, self._bank, context, value, order)

    def difference(self, context: Context, value: int, order: int) -> int:
        """Code a number of any sign."""
        return code_difference(self._coder, self._bank, context, value, order)

    def habit(self, context: Context, value: int, choices: int) -> int:
        """Code a choice that is expected to be the last one of its context."""
        expected = self.habits.get(context, 0)
        found = expected
        if self.exception((*context, "another"), int(value != expected)):
            others = [choice for choice in range(choices) if choice != expected]
            found = self._one_of(context, others, value)
        self.habits[context] = found
        return found

    def _one_of(self, context: Context, choices: list[int], value: int) -> int:
        for rank, choice in enumerate(choices[:-1]):
            if not self.flag((*context, "which", rank), int(value != choice)):
                return choice
        return choices[-1]

    def require(self, condition: bool) -> None:
        """Refuse what an encoder says otherwise."""
        if not condition:
            raise not_canonical()

    def activation(self, family: str, key: str, is_usual: bool = False) -> str:
        """Code an activation."""
        if self.activations:
            is_named = key in self.activations
            if self.exception((family, "named activation"), int(is_named)):
                index = self.activations.index(key) if is_named else 0
                found = self.unsigned(("named activation",), index)
                if found >= len(self.activations):
                    raise not_canonical()
                return self.activations[found]
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


def code_kind(fields: Fields, given: Layer | None, previous: str, successors: Sequence[str]) -> str:
    """Code the kind of a layer, or the end, by its rank among what may follow the previous one."""
    # A decoder is given no layer, and what it codes for the kind is ignored.
    kind = "end" if given is None else given.code_kind
    wanted = successors.index(kind) if kind in successors else 0
    for rank in range(len(successors) - 1):
        if not fields.kind_flag(("kind", previous, rank), int(wanted > rank)):
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


def code_layer(
    fields: Fields, given: Layer | None, kind: str, shape: Shape, extended: bool
) -> Layer:
    """Code a layer whose kind is known, for an input of ``shape``."""
    layer_type = layer_of_kind(kind)
    assert layer_type is not None
    # A decoder is given none, and an encoder's is of the kind.
    same = given if isinstance(given, layer_type) else None
    return layer_type.code(fields, same, kind, shape, extended)


def code_names(fields: Fields, what: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Code names of kinds of layers, or of activations."""
    count = fields.unsigned(("names", what), len(names))
    if count > MAX_LAYERS:
        raise not_canonical()
    return tuple(fields.name(names[place] if place < len(names) else "") for place in range(count))


def not_known(what: str) -> NetworkFileError:
    """Return the error for a file with what this program does not know."""
    return NetworkFileError(
        "file", what, "what is registered", "Import what registers it, then read the file again."
    )


def check_registered(kinds: tuple[str, ...], activations: tuple[str, ...]) -> None:
    """Check that all names in a file are of something that this program knows.

    Raises:
        NetworkFileError: if one is not.
    """
    unknown = [f"a layer of kind '{kind}'" for kind in kinds if layer_of_kind(kind) is None]
    unknown += [f"activation '{key}'" for key in activations if key not in ACTIVATIONS]
    if unknown:
        raise not_known(unknown[0])


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
    fields = Fields(coder, bank)
    names: Names = ((), ())
    if version >= NAMED_LAYERS_VERSION:
        kinds, activations = names_in(given)
        names = (
            code_names(fields, "layers", kinds), code_names(fields, "activations", activations),
        )  # fmt: skip
        if not any(names):
            raise not_canonical()
        check_registered(*names)
        fields.activations = names[1]
    layers: list[Layer] = []
    growth = Growth(given_shape, exponent, views)
    kind, successors = "start", _successors(extended, names[0])
    while True:
        source = given.layers[len(layers)] if len(layers) < len(given.layers) else None
        kind = code_kind(fields, source, kind, successors[kind])
        if kind == "end":
            found = Architecture(given_shape, exponent, tuple(layers), views)
            if extended != _is_extended(found) or names_in(found) != names:
                raise not_canonical()
            return found
        layers.append(code_layer(fields, source, kind, shape, extended))
        if layers[-1].code_kind != kind:
            raise not_canonical()
        growth.add(layers[-1])
        shape = growth.shapes[-1]
