"""A one-line text for an architecture, for command lines, ledgers and people.

``conv 8 k5 s2 p2 relu; depthwise k3 p1; pointwise 16 relu; maxpool 2; avgpool all; linear 10``

Layers are separated by semicolons. ``k``, ``s`` and ``p`` give kernel, stride and padding (defaults
1, 1, 0); then comes the activation (default none) and ``bias`` or ``nobias`` where it is not the
usual one: a depthwise convolution usually has no bias, every other layer has one.
"""

from __future__ import annotations

from minbits.codec.architecture import (
    ACTIVATION_KINDS,
    ActivationKind,
    Convolution,
    Layer,
    Linear,
    Pooling,
)
from minbits.errors import NetworkError

_EXPECTED = "conv N, pointwise N, depthwise, linear N, maxpool N or avgpool N, with options"


def _bad(text: str, got: str) -> NetworkError:
    return NetworkError(f"layer '{text.strip()}'", got, _EXPECTED, "Correct the architecture.")


def _split_options(text: str, words: list[str]) -> tuple[dict[str, int], ActivationKind, str]:
    numbers = {"k": 1, "s": 1, "p": 0}
    activation: ActivationKind = "none"
    bias = ""
    for word in words:
        if word in ACTIVATION_KINDS:
            activation = word
        elif word in ("bias", "nobias"):
            bias = word
        elif word[:1] in numbers and word[1:].isdigit():
            numbers[word[0]] = int(word[1:])
        else:
            raise _bad(text, f"'{word}'")
    return numbers, activation, bias


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
    if name not in ("conv", "pointwise", "depthwise", "linear"):
        raise _bad(text, f"'{name}'")
    depthwise = name == "depthwise"
    size = 1 if depthwise else _number(text, rest)
    numbers, activation, bias_word = _split_options(text, rest if depthwise else rest[1:])
    bias = bias_word == "bias" if bias_word else not depthwise
    if name == "linear":
        return Linear(size, bias, activation)
    return Convolution(size, numbers["k"], numbers["s"], numbers["p"], depthwise, bias, activation)


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
                layer = Convolution(
                    channels,
                    layer.kernel,
                    layer.stride,
                    layer.padding,
                    True,
                    layer.bias,
                    layer.activation,
                )
            channels = layer.out_channels
        elif isinstance(layer, Linear):
            channels = layer.out_features
        layers.append(layer)
    return tuple(layers)


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
        case Linear():
            return " ".join(["linear", str(layer.out_features), *_options(layer, True)])
        case Convolution():
            geometry = [f"k{layer.kernel}"] if layer.kernel != 1 else []
            geometry += [f"s{layer.stride}"] if layer.stride != 1 else []
            geometry += [f"p{layer.padding}"] if layer.padding else []
            if layer.depthwise:
                return " ".join(["depthwise", *geometry, *_options(layer, False)])
            name = "conv" if geometry else "pointwise"
            words = [name, str(layer.out_channels), *geometry, *_options(layer, True)]
            return " ".join(words)


def format_layers(layers: tuple[Layer, ...]) -> str:
    """Return the text of an architecture's layers."""
    return "; ".join(format_layer(layer) for layer in layers)
