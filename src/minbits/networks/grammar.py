"""A one-line text for an architecture, for command lines, ledgers and people.

``conv 8 k5 s2 p2 relu; depthwise k3 p1; pointwise 16 relu; maxpool 2; avgpool all; linear 10``

Layers are separated by semicolons. ``k``, ``s``, ``p`` and ``d`` give kernel, stride, padding and
dilation (defaults 1, 1, 0, 1); ``flat`` makes a kernel of one row, for sequences; then comes the
activation (default none) and ``bias`` or ``nobias`` where it is not the usual one: a depthwise
convolution usually has no bias, every other layer has one.

``add 2 relu`` adds the activation two layers back, that is the input of the layer before the last:
a residual connection. ``again 2`` runs the last two layers once more with the same weights, ``again
2 from 3`` runs two layers from the third last on. ``views 5`` at the start averages the logits of
an image and of four shifted by a pixel.
"""

from __future__ import annotations

import dataclasses

from minbits.codec.architecture import (
    ACTIVATION_KINDS,
    ActivationKind,
    Addition,
    Again,
    Architecture,
    Convolution,
    Layer,
    Linear,
    Pooling,
    Shape,
)
from minbits.errors import NetworkError

_EXPECTED = (
    "conv N, pointwise N, depthwise, linear N, maxpool N, avgpool N, add N or again N, with options"
)


def _bad(text: str, got: str) -> NetworkError:
    return NetworkError(f"layer '{text.strip()}'", got, _EXPECTED, "Correct the architecture.")


def _split_options(text: str, words: list[str]) -> tuple[dict[str, int], ActivationKind, str, bool]:
    numbers = {"k": 1, "s": 1, "p": 0, "d": 1}
    activation: ActivationKind = "none"
    bias, flat = "", False
    for word in words:
        if word in ACTIVATION_KINDS:
            activation = word
        elif word in ("bias", "nobias"):
            bias = word
        elif word == "flat":
            flat = True
        elif word[:1] in numbers and word[1:].isdigit():
            numbers[word[0]] = int(word[1:])
        else:
            raise _bad(text, f"'{word}'")
    return numbers, activation, bias, flat


def _number(text: str, words: list[str]) -> int:
    if not words or not words[0].isdigit():
        raise _bad(text, f"'{words[0]}'" if words else "no number")
    return int(words[0])


def parse_layer(text: str) -> Layer:
    """Return the layer that ``text`` describes.

    Raises:
        NetworkError: if it is not in the grammar.
    """
    words = text.split()
    if not words:
        raise _bad(text, "nothing")
    name, rest = words[0], words[1:]
    if name in ("maxpool", "avgpool"):
        size = 0 if rest == ["all"] else _number(text, rest)
        return Pooling("max" if name == "maxpool" else "average", size)
    if name == "add":
        _, activation, _, _ = _split_options(text, rest[1:])
        return Addition(_number(text, rest), activation)
    if name == "again":
        return _parse_again(text, rest)
    if name not in ("conv", "pointwise", "depthwise", "linear"):
        raise _bad(text, f"'{name}'")
    depthwise = name == "depthwise"
    size = 1 if depthwise else _number(text, rest)
    numbers, activation, bias_word, flat = _split_options(text, rest if depthwise else rest[1:])
    bias = bias_word == "bias" if bias_word else not depthwise
    if name == "linear":
        return Linear(size, bias, activation)
    geometry = (numbers["k"], numbers["s"], numbers["p"])
    return Convolution(size, *geometry, depthwise, bias, activation, numbers["d"], flat)


def _parse_again(text: str, words: list[str]) -> Again:
    count = _number(text, words)
    if len(words) == 1:
        return Again(count, count)
    if len(words) != 3 or words[1] != "from":
        raise _bad(text, f"'{' '.join(words)}'")
    return Again(count, _number(text, words[2:]))


def parse_architecture(text: str, shape: Shape, input_exponent: int) -> Architecture:
    """Return the architecture that a text describes on inputs of ``shape``.

    Raises:
        NetworkError: if it is not in the grammar.
    """
    first, _, rest = text.partition(";")
    words = first.split()
    views = 1
    if words[:1] == ["views"]:
        views, text = _number(first, words[1:]), rest
    return Architecture(shape, input_exponent, parse_layers(text, shape[0]), views)


def parse_layers(text: str, channels: int) -> tuple[Layer, ...]:
    """Return the layers of an architecture whose input has ``channels`` channels.

    Raises:
        NetworkError: if a layer is not in the grammar.
    """
    layers: list[Layer] = []
    for part in text.split(";"):
        layer = parse_layer(part)
        if isinstance(layer, Convolution):
            if layer.depthwise:
                layer = dataclasses.replace(layer, out_channels=channels)
            channels = layer.out_channels
        elif isinstance(layer, Linear):
            channels = layer.out_features
        elif isinstance(layer, Again):
            channels = _last_width(layers, layer, channels)
        layers.append(layer)
    return tuple(layers)


def _last_width(layers: list[Layer], again: Again, channels: int) -> int:
    """Return the channels after a repetition; what reaches out of the network is found later."""
    start = max(0, len(layers) - again.back)
    for layer in layers[start : start + again.count]:
        if isinstance(layer, Convolution):
            channels = layer.out_channels
        elif isinstance(layer, Linear):
            channels = layer.out_features
    return channels


def _options(layer: Convolution | Linear, usual_bias: bool) -> list[str]:
    words: list[str] = [] if layer.activation == "none" else [layer.activation]
    if layer.bias != usual_bias:
        words.append("bias" if layer.bias else "nobias")
    return words


def format_layer(layer: Layer) -> str:
    """Return the text of a layer, such that `parse_layer` gives it back."""
    match layer:
        case Pooling():
            name = "maxpool" if layer.kind == "max" else "avgpool"
            return f"{name} {layer.size or 'all'}"
        case Addition():
            activation = [] if layer.activation == "none" else [layer.activation]
            return " ".join(["add", str(layer.back), *activation])
        case Again():
            origin = f" from {layer.back}" if layer.back != layer.count else ""
            return f"again {layer.count}{origin}"
        case Linear():
            return " ".join(["linear", str(layer.out_features), *_options(layer, True)])
        case Convolution():
            geometry = [f"k{layer.kernel}"] if layer.kernel != 1 else []
            geometry += [f"s{layer.stride}"] if layer.stride != 1 else []
            geometry += [f"p{layer.padding}"] if layer.padding else []
            geometry += [f"d{layer.dilation}"] if layer.dilation != 1 else []
            geometry += ["flat"] if layer.flat else []
            if layer.depthwise:
                return " ".join(["depthwise", *geometry, *_options(layer, False)])
            name = "conv" if geometry else "pointwise"
            words = [name, str(layer.out_channels), *geometry, *_options(layer, True)]
            return " ".join(words)


def format_layers(layers: tuple[Layer, ...]) -> str:
    """Return the text of an architecture's layers."""
    return "; ".join(format_layer(layer) for layer in layers)


def format_architecture(architecture: Architecture) -> str:
    """Return the text of an architecture, such that `parse_architecture` gives it back."""
    views = f"views {architecture.views}; " if architecture.views > 1 else ""
    return views + format_layers(architecture.layers)
