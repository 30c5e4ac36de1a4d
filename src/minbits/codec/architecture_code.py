"""How an architecture is written: every field relative to what usually stands there.

Version 2 adds dilation, convolutions over sequences, residual additions and repeated layers.

The usual values (a 3 x 3 kernel, stride 1, "same" padding, a depthwise convolution followed by a
pointwise one, …) are conventions of network design. They shorten the common case and fit no data.
"""

from __future__ import annotations

from collections.abc import Sequence

from minbits.codec.adaptive_bits import BitCoder
from minbits.codec.architecture import (
    ACTIVATION_KINDS,
    VIEW_SHIFTS,
    ActivationKind,
    Addition,
    Again,
    Architecture,
    Convolution,
    Growth,
    Layer,
    Linear,
    Pooling,
    Shape,
    activation_shapes,
)
from minbits.codec.integers import (
    ModelBank,
    code_adaptive_bit,
    code_difference,
    code_exception,
    code_signed,
    code_unsigned,
    not_canonical,
)

USUAL_INPUT_EXPONENT = 8
USUAL_KERNEL = 3

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


def kind_of(layer: Layer | None) -> str:
    """Return the kind under which a layer is coded; ``None`` stands for the end of the network."""
    match layer:
        case Convolution(depthwise=True):
            return "depthwise"
        case Convolution(kernel=1, stride=1, padding=0, dilation=1, flat=False):
            return "pointwise"
        case Convolution():
            return "convolution"
        case None:
            return "end"
    return {Linear: "linear", Pooling: "pooling", Addition: "addition", Again: "again"}[type(layer)]


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
    """Whether a layer came with version 2."""
    return any(
        isinstance(layer, Addition | Again)
        or (isinstance(layer, Convolution) and (layer.flat or layer.dilation > 1))
        for layer in architecture.layers
    )


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


def _code_activation(
    coder: BitCoder, bank: ModelBank, family: str, activation: ActivationKind
) -> ActivationKind:
    index = ACTIVATION_KINDS.index(activation)
    high = code_exception(coder, bank, (family, "activation, high bit"), index >> 1)
    # Hidden layers mostly have one, depthwise halves and last layers mostly none.
    code_low = code_adaptive_bit if family == "convolution" else code_exception
    low = code_low(coder, bank, (family, "activation, low bit", high), index & 1)
    return ACTIVATION_KINDS[high << 1 | low]


def _code_convolution(
    coder: BitCoder, bank: ModelBank, layer: Convolution, kind: str, shape: Shape, extended: bool
) -> Convolution:
    family = "depthwise" if kind == "depthwise" else "convolution"
    channels = shape[0]
    out_channels, kernel, stride, padding, dilation, flat = channels, 1, 1, 0, 1, False
    if kind != "depthwise":
        change = code_difference(
            coder, bank, ("more channels",), layer.out_channels - channels, order=1
        )
        out_channels = channels + change
    if kind != "pointwise":
        kernel = USUAL_KERNEL + code_signed(
            coder, bank, (kind, "kernel"), layer.kernel - USUAL_KERNEL
        )
        if code_exception(coder, bank, (kind, "strided"), int(layer.stride > 1)):
            stride = 2 + code_unsigned(coder, bank, (kind, "stride"), max(layer.stride - 2, 0))
        if extended:
            if code_exception(coder, bank, (kind, "dilated"), int(layer.dilation > 1)):
                wider = max(layer.dilation - 2, 0)
                dilation = 2 + code_unsigned(coder, bank, (kind, "dilation"), wider)
            # Kernels are flat where the image is: over sequences.
            usual = shape[1] == 1
            unusual = code_exception(coder, bank, (kind, "flat"), int(layer.flat != usual))
            flat = usual != bool(unusual)
        same = dilation * (kernel // 2)
        padding = same + code_signed(coder, bank, (kind, "padding"), layer.padding - same)
    # A depthwise half is linear: its bias would add nothing to that of the pointwise half.
    usual_bias = kind != "depthwise"
    unusual = code_exception(coder, bank, (family, "bias"), int(layer.bias != usual_bias))
    activation = _code_activation(coder, bank, family, layer.activation)
    bias = usual_bias != bool(unusual)
    return Convolution(
        out_channels, kernel, stride, padding, kind == "depthwise", bias, activation, dilation, flat
    )


def _code_linear(coder: BitCoder, bank: ModelBank, layer: Linear) -> Linear:
    features = 1 + code_unsigned(coder, bank, ("out features",), layer.out_features - 1, order=3)
    bias = code_exception(coder, bank, ("linear", "bias"), int(not layer.bias)) == 0
    return Linear(features, bias, _code_activation(coder, bank, "linear", layer.activation))


def _code_pooling(coder: BitCoder, bank: ModelBank, layer: Pooling) -> Pooling:
    average = code_adaptive_bit(coder, bank, ("average",), int(layer.kind == "average"))
    usual = 0 if average else 2
    size = usual + code_signed(coder, bank, ("pooling size", average), layer.size - usual)
    return Pooling("average" if average else "max", size)


def _code_addition(coder: BitCoder, bank: ModelBank, layer: Addition) -> Addition:
    back = 1 + code_unsigned(coder, bank, ("addition", "back"), layer.back - 1, order=1)
    return Addition(back, _code_activation(coder, bank, "addition", layer.activation))


def _code_again(coder: BitCoder, bank: ModelBank, layer: Again) -> Again:
    count = 1 + code_unsigned(coder, bank, ("again", "count"), layer.count - 1, order=1)
    between = layer.back - layer.count
    return Again(count, count + code_unsigned(coder, bank, ("again", "between"), between, order=0))


# What a decoder passes in place of the layer that it is about to read: any value will do.
_ANY_CONVOLUTION = Convolution(1, 1)
_ANY_LINEAR = Linear(1)
_ANY_POOLING = Pooling("max", 2)
_ANY_ADDITION = Addition(1)
_ANY_AGAIN = Again(1, 1)


def _code_layer(
    coder: BitCoder, bank: ModelBank, layer: Layer | None, kind: str, shape: Shape, extended: bool
) -> Layer:
    match kind:
        case "linear":
            linear = layer if isinstance(layer, Linear) else _ANY_LINEAR
            return _code_linear(coder, bank, linear)
        case "pooling":
            pooling = layer if isinstance(layer, Pooling) else _ANY_POOLING
            return _code_pooling(coder, bank, pooling)
        case "addition":
            addition = layer if isinstance(layer, Addition) else _ANY_ADDITION
            return _code_addition(coder, bank, addition)
        case "again":
            again = layer if isinstance(layer, Again) else _ANY_AGAIN
            return _code_again(coder, bank, again)
        case _:
            convolution = layer if isinstance(layer, Convolution) else _ANY_CONVOLUTION
            return _code_convolution(coder, bank, convolution, kind, shape, extended)


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
    layers: list[Layer] = []
    growth = Growth(given_shape, exponent, views)
    kind, successors = "start", _SUCCESSORS_2 if extended else _SUCCESSORS
    while True:
        source = given.layers[len(layers)] if len(layers) < len(given.layers) else None
        # A decoder's source is always None, and what it codes for the kind is ignored.
        wanted = kind_of(source)
        if wanted not in successors[kind]:
            wanted = successors[kind][0]
        kind = _code_kind(coder, bank, wanted, kind, successors[kind])
        if kind == "end":
            found = Architecture(given_shape, exponent, tuple(layers), views)
            if extended and not _is_extended(found):
                raise not_canonical()
            return found
        layers.append(_code_layer(coder, bank, source, kind, shape, extended))
        if kind_of(layers[-1]) != kind:
            raise not_canonical()
        growth.add(layers[-1])
        shape = growth.shapes[-1]
