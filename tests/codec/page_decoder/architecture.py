"""The architecture of a file, as docs/format.md tells it; a layer is a dictionary of its fields."""

from __future__ import annotations

import math
import re
from typing import Any

from tests.codec.page_decoder.bits import Contexts, RefusedError
from tests.codec.page_decoder.front_ends import FrontEnd

Layer = dict[str, Any]
Shape = tuple[int, int, int]

KINDS = ["convolution", "depthwise", "pointwise", "pooling", "linear"]
RANKS = {
    "start": "convolution linear pooling pointwise depthwise",
    "convolution": "depthwise pooling convolution linear pointwise end",
    "depthwise": "pointwise convolution depthwise pooling linear end",
    "pointwise": "depthwise pooling convolution pointwise linear end",
    "pooling": "depthwise linear convolution pointwise pooling end",
    "linear": "end linear pooling convolution depthwise pointwise",
}
EXTENDED_RANKS = {
    "start": RANKS["start"] + " addition again",
    "convolution": RANKS["convolution"] + " addition again",
    "depthwise": "pointwise again convolution depthwise pooling linear end addition",
    "pointwise": "depthwise pooling again addition convolution pointwise linear end",
    "pooling": "depthwise linear again convolution pointwise pooling end addition",
    "linear": RANKS["linear"] + " addition again",
    "addition": "depthwise again pooling convolution pointwise linear addition end",
    "again": "pooling depthwise again addition linear convolution pointwise end",
}
AFTER_NAMED = "end convolution depthwise pointwise pooling linear addition again"
NAMED_KINDS = ["grouped", "normalise", "prelu", "window", "rmsnorm", "shared"]
ACTIVATIONS = ["none", "relu", "leaky_relu", "hard_swish"]
NAMED_ACTIVATIONS = ["relu6", "tanh", "sigmoid", "silu", "gelu", "gelu_tanh", "elu"]
_LEAKY = re.compile(r"leaky0\.\d{0,11}[1-9]", re.ASCII)
_ROUNDED = re.compile(r"(relu6|sigmoid|tanh)_[1-8]bit", re.ASCII)
_WEIGHTED = ("convolution", "depthwise", "pointwise", "linear", "grouped", "prelu")
_SLIDING = ("convolution", "depthwise", "pointwise", "grouped", "shared")


def check(is_allowed: bool, what: str) -> None:
    """Refuse what is not allowed."""
    if not is_allowed:
        raise RefusedError(what)


class Network:
    """What is run so far: (layer, number of its weights) in order, and shapes after each."""

    def __init__(
        self, shape: Shape, exponent: int, views: int, front_end: FrontEnd | None = None
    ) -> None:
        self.input_shape, self.exponent, self.views = shape, exponent, views
        self.front_end = front_end
        self.layers: list[Layer] = []
        self.run: list[tuple[Layer, int | None]] = []
        self.shapes = [shape]
        self.weights: list[tuple[Layer, tuple[int, ...]]] = []
        self.work = 0
        check(max(shape[1:]) <= 4096 and shape[0] <= 65_536, "input shape")
        check(-64 <= exponent <= 64, "input exponent")
        check(views == 1 or min(shape[1:]) >= 2, "views of what has one row or column")
        self._check_activation()
        if front_end is not None:
            self.shapes = [front_end.output_shape(shape)]
            self._check_activation()

    def _check_activation(self) -> None:
        check(math.prod(self.shapes[-1]) <= 1 << 20, "values in an activation")

    def add(self, layer: Layer) -> None:
        """Append a layer as it is written."""
        check(len(self.layers) < 64, "layers as written")
        if layer["kind"] == "again":
            first = len(self.layers) - layer["back"]
            check(1 <= layer["count"] <= layer["back"] <= 64 and first >= 0, "repetition")
            repeated = self.layers[first : first + layer["count"]]
            check(all(item["kind"] != "again" for item in repeated), "repeated repetition")
        else:
            repeated = [layer]
        self.layers.append(layer)
        for item in repeated:
            self._run(item)

    def _run(self, layer: Layer) -> None:
        check(len(self.run) < 64, "layers as run")
        shape = self.shapes[-1]
        output = output_shape(layer, self.shapes)
        check(min(output) >= 1 and output[0] <= 65_536, "shape of an activation")
        number = None
        if layer["kind"] == "shared":
            number = 0
            self._share_kernels(layer, output)
        if layer["kind"] in _WEIGHTED:
            weights = weights_shape(layer, shape)
            known = [n for n, (other, _) in enumerate(self.weights) if other is layer]
            number = known[0] if known else len(self.weights)
            if not known:
                self.weights.append((layer, weights))
            check(self.weights[number][1] == weights, "weights that do not fit when repeated")
            self._count(weights, output)
        self.run.append((layer, number))
        self.shapes.append(output)
        self._check_activation()

    def _share_kernels(self, layer: Layer, output: Shape) -> None:
        check(bool(self.weights), "kernels that nothing has")
        first, weights = self.weights[0]
        check(first["kind"] in KINDS[:3], "kernels of what is no convolution")
        needed = (1, 1 if is_flat(layer) else layer["kernel"], layer["kernel"])
        check(weights[1:] == needed, "kernels of another size")
        self._count((output[0], *needed), output)

    def _count(self, weights: tuple[int, ...], output: Shape) -> None:
        self.work += self.views * math.prod(weights) * math.prod(output[1:])
        check(self.work <= 1 << 32, "multiply-accumulates")


def is_flat(layer: Layer) -> bool:
    """Whether a convolution's kernel has one row."""
    return bool(layer["flat"])


def output_shape(layer: Layer, shapes: list[Shape]) -> Shape:
    """Return the shape after a layer."""
    channels, height, width = shape = shapes[-1]
    kind = layer["kind"]
    if kind in _SLIDING:
        check(channels % layer.get("groups", 1) == 0, "groups of channels")
        check(kind not in ("depthwise", "shared") or layer["out"] == channels, "depthwise channels")
        reach = layer["dilation"] * (layer["kernel"] - 1)
        across = (width + 2 * layer["padding"] - reach - 1) // layer["stride"] + 1
        down = (height + 2 * layer["padding"] - reach - 1) // layer["stride"] + 1
        return (layer["out"], height if is_flat(layer) else down, across)
    if kind == "linear":
        return (layer["out"], 1, 1)
    if kind == "pooling":
        rows, columns = pooling_window(layer, height, width)
        return (channels, height // rows, width // columns)
    if kind == "window":
        along = [window_places(layer, side) for side in (height, width)]
        return (channels, 1 if height == 1 else along[0], along[1])
    if kind == "addition":
        check(layer["back"] < len(shapes), "addition of nothing")
        check(shapes[-1 - layer["back"]] == shape, "addition of another shape")
    if kind == "normalise":
        check(channels % (layer["groups"] or 1) == 0, "groups of channels")
    if kind == "prelu":
        check(layer["channels"] == channels, "slopes")
    return shape


def pooling_window(layer: Layer, height: int, width: int) -> tuple[int, int]:
    """Return rows and columns of a pooling's window."""
    if layer["size"] == 0:
        return (height, width)
    return (1 if height == 1 else layer["size"], layer["size"])


def window_places(layer: Layer, side: int) -> int:
    """Return how many windows lie along a side."""
    inside = side + 2 * layer["padding"] - layer["size"]
    if inside < 0:
        return 0
    places = inside // layer["stride"] + 1
    if layer["ceil"] and inside % layer["stride"]:
        # The last window may begin on the image or before it.
        places += places * layer["stride"] - layer["padding"] < side
    return places


def weights_shape(layer: Layer, shape: Shape) -> tuple[int, ...]:
    """Return the shape of a layer's weights."""
    if layer["kind"] == "linear":
        return (layer["out"], math.prod(shape))
    if layer["kind"] == "prelu":
        return (shape[0], 1, 1, 1)
    inputs = 1 if layer["kind"] == "depthwise" else shape[0] // layer.get("groups", 1)
    return (layer["out"], inputs, 1 if is_flat(layer) else layer["kernel"], layer["kernel"])


class ArchitectureReader:
    """Reads the fields of an architecture."""

    def __init__(self, contexts: Contexts, version: int) -> None:
        self.contexts, self.version = contexts, version
        self.is_extended = False
        self.kinds: list[str] = []
        self.activations: list[str] = []

    def read(self) -> Network:
        """Return the network without its weights."""
        code = self.contexts
        channels = 1 + code.unsigned("channels")
        height = width = 1 + code.unsigned("height", order=4)
        if code.exception("not square"):
            width = 1 + code.unsigned("width", order=4)
            check(width != height, "'not square' for a square image")
        exponent = 8 + code.signed("input exponent")
        views = 1
        if self.version > 1:
            views = 5 if code.exception("5 views") else 1
            self.is_extended = bool(code.exception("extended"))
        if self.version == 15:
            self._read_names()
        network = Network((channels, height, width), exponent, views)
        self._read_layers(network)
        self._check_extended(network)
        return network

    def _read_layers(self, network: Network) -> None:
        previous = "start"
        while (kind := self._kind(previous)) != "end":
            layer = {"kind": kind, **self._fields(kind, network.shapes[-1])}
            check_numbers(layer)
            network.add(layer)
            previous = self._as_previous(layer)
        self._check_names_used(network)

    def _read_names(self) -> None:
        self.kinds, self.activations = self._names("kinds"), self._names("activations")
        self._check_names()

    def _names(self, what: str) -> list[str]:
        count = self.contexts.unsigned("number of names", what)
        check(count <= 64, "too many names")
        return [self._name() for _ in range(count)]

    def _name(self) -> str:
        length = 1 + self.contexts.unsigned("bytes of a name", order=3)
        check(length <= 64, "a long name")
        try:
            return bytes(self.contexts.plain(8) for _ in range(length)).decode()
        except UnicodeDecodeError as error:
            raise RefusedError("a name") from error

    def _check_names(self) -> None:
        check(bool(self.kinds or self.activations), "names that are none")
        check(all(name in NAMED_KINDS for name in self.kinds), "an unknown kind")
        for name in self.activations:
            is_patterned = _LEAKY.fullmatch(name) or _ROUNDED.fullmatch(name)
            check(name in NAMED_ACTIVATIONS or is_patterned is not None, "an activation")

    def _check_extended(self, network: Network) -> None:
        is_extended = bool(self.kinds or self.activations) or any(
            layer["kind"] in ("addition", "again")
            or layer.get("flat", False)
            or layer.get("dilation", 1) > 1
            for layer in network.layers
        )
        check(self.is_extended == is_extended, "'extended'")

    def _check_names_used(self, network: Network) -> None:
        """Check that each name is used, and that they come in the order of their first use."""
        used = [layer.get("activation", "none") for layer in network.layers]
        named = [name for name in used if name not in ACTIVATIONS]
        check(self._kinds_to_name(network) == self.kinds, "names of kinds")
        check(list(dict.fromkeys(named)) == self.activations, "names of activations")

    def _kinds_to_name(self, network: Network) -> list[str]:
        kinds = [layer["kind"] for layer in network.layers if layer["kind"] in NAMED_KINDS]
        return list(dict.fromkeys(kinds))

    def _kind(self, previous: str) -> str:
        ranks = self._successors(previous)
        for rank, kind in enumerate(ranks[:-1]):
            if not self.contexts.kind_exception("kind", previous, str(rank)):
                return kind
        return ranks[-1]

    def _successors(self, previous: str) -> list[str]:
        usual = AFTER_NAMED if previous in self.kinds else self._ranks()[previous]
        return [*usual.split(), *self.kinds]

    def _as_previous(self, layer: Layer) -> str:
        return str(layer["kind"])

    def _ranks(self) -> dict[str, str]:
        return EXTENDED_RANKS if self.is_extended else RANKS

    def _fields(self, kind: str, shape: Shape) -> Layer:
        if kind in ("convolution", "pointwise", "depthwise"):
            return self._convolution(kind, shape)
        if kind == "shared":
            return {"out": shape[0], **self._geometry(kind, shape)}
        read = {
            "linear": self._linear,
            "pooling": lambda: self._pooling(shape),
            "addition": self._addition,
            "again": self._again,
            "grouped": lambda: self._grouped(shape),
            "normalise": self._normalise,
            "window": self._window,
            "prelu": lambda: {"channels": shape[0]},
            "rmsnorm": dict,
        }
        return read[kind]()

    def _linear(self) -> Layer:
        out = self._out_features()
        bias = not self.contexts.exception("linear", "no bias")
        return {"out": out, "bias": bias, "activation": self._activation("linear")}

    def _out_features(self) -> int:
        return 1 + self.contexts.unsigned("out features", order=3)

    def _pooling(self, shape: Shape) -> Layer:
        average = self._is_average(shape)
        size = (0 if average else 2) + self.contexts.signed("size", str(average))
        return {"average": average, "size": size}

    def _is_average(self, shape: Shape) -> bool:
        return bool(self.contexts.adaptive("average"))

    def _addition(self) -> Layer:
        back = 1 + self.contexts.unsigned("addition", "back", order=1)
        return {"back": back, "activation": self._activation("addition")}

    def _again(self) -> Layer:
        count = 1 + self.contexts.unsigned("again", "count", order=1)
        return {"count": count, "back": count + self.contexts.unsigned("again", "back", order=0)}

    def _grouped(self, shape: Shape) -> Layer:
        groups = 1 + self.contexts.unsigned("groups", order=1)
        layer = self._convolution("convolution", (max(1, shape[0] // groups), *shape[1:]))
        return {**layer, "out": layer["out"] * groups, "groups": groups}

    def _normalise(self) -> Layer:
        groups = 1 + self.contexts.signed("normalise groups")
        return {"groups": groups, "digits": 5 + self.contexts.signed("normalise digits")}

    def _window(self) -> Layer:
        code = self.contexts
        return {
            "average": bool(code.adaptive("window average")),
            "size": 3 + code.signed("window size"),
            "stride": 2 + code.signed("window stride"),
            "padding": code.unsigned("window padding"),
            "ceil": bool(code.exception("window ceil")),
        }

    def _convolution(self, kind: str, shape: Shape) -> Layer:
        code = self.contexts
        family = "depthwise" if kind == "depthwise" else "convolution"
        out = shape[0] if kind == "depthwise" else self._out_channels(kind, shape[0])
        plain = {"kernel": 1, "stride": 1, "padding": 0, "dilation": 1, "flat": False}
        geometry = plain
        if kind != "pointwise":
            geometry = self._geometry(kind, shape)
            is_usual = kind == "depthwise" or geometry != plain
            check(is_usual, "a pointwise layer coded as a convolution")
        bias = (kind != "depthwise") != bool(code.exception(family, "unusual bias"))
        return {
            "out": out, **geometry, "bias": bias, "activation": self._activation(family),
        }  # fmt: skip

    def _geometry(self, kind: str, shape: Shape) -> Layer:
        """Return how a kernel slides."""
        code, stride, dilation, flat = self.contexts, 1, 1, False
        kernel = 3 + code.signed(kind, "kernel")
        if code.exception(kind, "strided"):
            stride = 2 + code.unsigned(kind, "stride")
        if self.is_extended:
            if code.exception(kind, "dilated"):
                dilation = 2 + code.unsigned(kind, "dilation")
            flat = (shape[1] == 1) != bool(code.exception(kind, "unusual flatness"))
        padding = self._padding(kind, dilation * (kernel // 2))
        return {
            "kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation,
            "flat": flat,
        }  # fmt: skip

    def _out_channels(self, kind: str, channels: int) -> int:
        return channels + self.contexts.difference("more channels", order=1)

    def _padding(self, kind: str, usual: int) -> int:
        return usual + self.contexts.signed(kind, "padding")

    def _activation(self, family: str) -> str:
        code = self.contexts
        if self.activations and code.exception(family, "named"):
            place = code.unsigned("named activation")
            check(place < len(self.activations), "no such activation")
            return self.activations[place]
        high = code.exception(family, "high bit")
        read = code.adaptive if family == "convolution" else code.exception
        return ACTIVATIONS[2 * high + read(family, "low bit", str(high))]


def check_numbers(layer: Layer) -> None:
    """Refuse numbers beyond their limits."""
    kind = layer["kind"]
    limits = {"out": (1, 65_536)}
    if kind in _SLIDING:
        limits |= {"kernel": (1, 31), "stride": (1, 31), "dilation": (1, 31), "padding": (0, 31)}
        limits["groups"] = (1, layer["out"])
    if kind == "pooling":
        limits["size"] = (0, 31)
    if kind == "normalise":
        limits |= {"groups": (0, 65_536), "digits": (1, 12)}
    if kind == "addition":
        limits["back"] = (1, 64)
    if kind == "window":
        reach = 0 if layer["average"] else layer["size"] // 2
        limits |= {"size": (1, 31), "stride": (1, 31), "padding": (0, reach)}
        limits["ceil"] = (0, int(not layer["average"]))
    for name, (low, high) in limits.items():
        check(low <= layer.get(name, low) <= high, f"{name} of {kind}")
