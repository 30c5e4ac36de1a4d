"""How version 4 writes the front end and the architecture: a few bits where both are usual.

Every field is coded relative to what usually stands there, as in versions 1 to 3, and more is
expected: one channel of 28 x 28 pixels, ten classes, the activation and padding of the layer
before, averages over few pixels. Those are conventions, chosen while working on images of digits;
they fit no data.
"""

from __future__ import annotations

from minbits.codec.architecture import VIEW_SHIFTS, Architecture, Growth
from minbits.codec.architecture_code import (
    USUAL_INPUT_EXPONENT,
    Fields,
    Names,
    check_registered,
    code_kind,
    code_layer,
    code_names,
    names_in,
    not_known,
)
from minbits.front_ends.base import FrontEnd
from minbits.front_ends.registry import FRONT_ENDS, NO_FRONT_END
from minbits.layers.activations import CODED_ACTIVATIONS
from minbits.layers.base import Layer, Shape
from minbits.layers.pooling import Pooling

_USUAL_SIDE = 28
_USUAL_ACTIVATION = "leaky_relu"
_AVERAGED = "averaged"

# What may follow each kind of layer, the most usual first; names of other kinds come last.
_SUCCESSORS = {
    "start": ("convolution", "linear", "pooling", "pointwise", "depthwise"),
    "convolution": (
        "depthwise", "pooling", "convolution", "linear", "pointwise", "addition", "again", "end",
    ),
    "depthwise": (
        "pointwise", "again", "convolution", "depthwise", "pooling", "linear", "end", "addition",
    ),
    "pointwise": (
        "depthwise", "pooling", "again", "addition", "convolution", "pointwise", "linear", "end",
    ),
    "pooling": (
        "depthwise", "linear", "convolution", "again", "pointwise", "pooling", "end", "addition",
    ),
    _AVERAGED: (
        "linear", "end", "depthwise", "convolution", "again", "pointwise", "pooling", "addition",
    ),
    "linear": (
        "end", "linear", "pooling", "convolution", "depthwise", "pointwise", "addition", "again",
    ),
    "addition": (
        "depthwise", "again", "pooling", "convolution", "pointwise", "linear", "addition", "end",
    ),
    "again": (
        "pooling", "depthwise", "again", "addition", "linear", "convolution", "pointwise", "end",
    ),
}  # fmt: skip
# Kinds that version 4 knows and the others do not: where they are all that is to be named, a bit
# says of each whether it is there. What may follow them is all that a network can have.
_OWN_KINDS = ("rmsnorm", "shared")
_OWN_SUCCESSORS = {
    "rmsnorm": (
        "shared", "depthwise", "pooling", "convolution", "pointwise", "linear", "end", "again",
        "addition", "rmsnorm",
    ),
    "shared": (
        "pointwise", "again", "convolution", "rmsnorm", "shared", "depthwise", "pooling", "linear",
        "end", "addition",
    ),
}  # fmt: skip
# Behind these they are the most usual, behind others the least.
_BEFORE_OWN_KINDS = ("convolution", "pointwise", "pooling", "linear", "addition", "again")
_BEHIND_A_NAME = ("end", *(kind for kind in _SUCCESSORS if kind not in ("start", _AVERAGED)))


class LeanFields(Fields):
    """What layers code their numbers with in version 4."""

    is_lean = True

    def activation(self, family: str, key: str, is_usual: bool = False) -> str:
        """Code an activation: expected is the last one of the family."""
        keys = (*CODED_ACTIVATIONS, *self.activations)
        context = (family, "activation")
        if context not in self.habits:
            self.habits[context] = keys.index(_USUAL_ACTIVATION if is_usual else "none")
        return keys[self.habit(context, keys.index(key), len(keys))]


def code_front_end(fields: Fields, architecture: Architecture | None) -> FrontEnd | None:
    """Write the front end of ``architecture``, or read one (``None``); return it."""
    given = None if architecture is None else architecture.front_end
    keys = list(FRONT_ENDS)
    ranks = [keys[0], NO_FRONT_END, *keys[1:]]
    wanted = ranks.index(NO_FRONT_END if given is None else given.key)
    rank = 0
    while fields.flag(("front end", rank), int(wanted > rank)):
        rank += 1
        if rank == len(ranks):
            raise not_known(f"front end {rank}")
    if ranks[rank] == NO_FRONT_END:
        return None
    kind = FRONT_ENDS[ranks[rank]]
    return kind.code(fields, given if isinstance(given, kind) else None)


def _code_shape(fields: Fields, shape: Shape) -> Shape:
    channels, height, width = shape
    found = 1
    if fields.exception(("several channels",), int(channels > 1)):
        found = 2 + fields.unsigned(("input channels",), max(channels - 2, 0))
    side = _USUAL_SIDE
    if fields.exception(("other side",), int(height != _USUAL_SIDE)):
        side = 1 + fields.unsigned(("height",), height - 1, order=4)
        fields.require(side != _USUAL_SIDE)
    if not fields.exception(("not square",), int(width != height)):
        return (found, side, side)
    other = 1 + fields.unsigned(("width",), width - 1, order=4)
    fields.require(other != side)
    return (found, side, other)


def _in_order(names: Names) -> Names:
    """Return names in the order in which the file has them: kinds of version 4 in a fixed one."""
    if not _is_own(names):
        return names
    return tuple(kind for kind in _OWN_KINDS if kind in names[0]), ()


def _is_own(names: Names) -> bool:
    """Whether all that is to be named is of a kind that version 4 knows."""
    return not names[1] and set(names[0]) <= set(_OWN_KINDS)


def _code_names(fields: Fields, names: Names) -> Names:
    """Write or read what is named; two empty lists stand for kinds that version 4 knows."""
    if not fields.exception(("names",), int(any(names))):
        return ((), ())
    written = ((), ()) if _is_own(names) else names
    found = (
        code_names(fields, "layers", written[0]), code_names(fields, "activations", written[1]),
    )  # fmt: skip
    if not any(found):
        found = (_code_own_kinds(fields, names[0]), ())
    else:
        fields.require(not _is_own(found))
    fields.require(any(found))
    check_registered(*found)
    return found


def _code_own_kinds(fields: Fields, kinds: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(kind for kind in _OWN_KINDS if fields.flag(("own kind", kind), int(kind in kinds)))


def _successors(names: Names) -> dict[str, tuple[str, ...]]:
    """Return what may follow each kind, where these are named."""
    kinds = names[0]
    if not _is_own(names):
        known = {kind: (*ranks, *kinds) for kind, ranks in _SUCCESSORS.items()}
        return {**known, **dict.fromkeys(kinds, (*_BEHIND_A_NAME, *kinds))}
    found = {
        kind: (*kinds, *ranks) if kind in _BEFORE_OWN_KINDS else (*ranks, *kinds)
        for kind, ranks in _SUCCESSORS.items()
    }
    unused = set(_OWN_KINDS) - set(kinds)
    for kind in kinds:
        found[kind] = tuple(rank for rank in _OWN_SUCCESSORS[kind] if rank not in unused)
    return found


def code_lean_architecture(
    fields: LeanFields, architecture: Architecture | None, front_end: FrontEnd | None
) -> Architecture:
    """Write ``architecture`` as version 4 does, or read one (``None``).

    Args:
        fields: encoder or decoder.
        architecture: what is written.
        front_end: as it was written or read before.

    Raises:
        NetworkError: as soon as what was read so far breaks a limit of the format.
        NetworkFileError: if an integer read is too long, or an encoder says the same otherwise.
    """
    given = architecture or Architecture((1, 1, 1), 0, ())
    input_shape = _code_shape(fields, given.input_shape)
    exponent = USUAL_INPUT_EXPONENT + fields.signed(
        ("input exponent",), given.input_exponent - USUAL_INPUT_EXPONENT
    )
    views = len(VIEW_SHIFTS) if fields.flag(("views",), int(given.views > 1)) else 1
    names = _code_names(fields, _in_order(names_in(given)))
    fields.activations = names[1]
    growth = Growth(input_shape, exponent, views, front_end)
    layers: list[Layer] = []
    previous, successors = "start", _successors(names)
    while True:
        source = given.layers[len(layers)] if len(layers) < len(given.layers) else None
        kind = code_kind(fields, source, previous, successors[previous])
        if kind == "end":
            found = Architecture(input_shape, exponent, tuple(layers), views, front_end)
            fields.require(_in_order(names_in(found)) == names)
            return found
        layers.append(code_layer(fields, source, kind, growth.shapes[-1], extended=True))
        fields.require(layers[-1].code_kind == kind)
        growth.add(layers[-1])
        is_average = isinstance(layers[-1], Pooling) and layers[-1].kind == "average"
        previous = _AVERAGED if is_average else kind
