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

A front end stands before the layers, behind the views: ``moments 14`` normalises images by their
moments and gives 14 x 14 pixels, ``moments 14 s11`` makes them a little smaller inside, ``area 14``
takes means over areas.

``prelu`` has a slope for each channel. ``normalise 4`` makes mean 0 and variance 1 in four groups
of channels, ``normalise each`` in each channel, ``normalise 1 e3`` with 0.001 added to the
variance. ``rmsnorm`` divides by the root of the mean square of all values. ``maxwindow 3 s2 p1
ceil`` and ``avgwindow 3 s2`` pool over windows that overlap. ``grouped 8 by 2 k3`` is a convolution
of two groups of channels. ``shared k3 p1`` is a depthwise convolution with the kernels of the first
layer with weights: channel c has kernel c mod K. An activation ``leaky0.01`` is a leaky ReLU of
that slope.
"""

from __future__ import annotations

from typing import Literal

from minbits.codec.architecture import Architecture
from minbits.errors import NetworkError
from minbits.front_ends.base import FrontEnd
from minbits.front_ends.registry import FRONT_ENDS
from minbits.layers.base import Layer, Shape
from minbits.layers.registry import LAYERS, layer_of_word
from minbits.layers.repetition import Repetition
from minbits.layers.text import LayerText

# Networks that see raw inputs, and those behind a front end, are compared apart.
InputClass = Literal["raw", "normalised"]


def _expected() -> str:
    """Return what a layer's text may be: the usages of all layers."""
    usages = [usage for layer in LAYERS.values() for usage in layer.usages]
    return f"{', '.join(usages[:-1])} or {usages[-1]}, with options"


def _words_of(text: str) -> LayerText:
    name, *words = text.split() or [""]
    return LayerText(text, name, tuple(words), _expected())


def parse_layer(text: str) -> Layer:
    """Return the layer that ``text`` describes.

    Raises:
        NetworkError: if it is not in the grammar.
    """
    words = _words_of(text)
    layer = layer_of_word(words.name)
    if layer is None:
        raise words.error(f"'{words.name}'" if words.name else "nothing")
    return layer.parse(words)


def parse_architecture(text: str, shape: Shape, input_exponent: int) -> Architecture:
    """Return the architecture that a text describes on inputs of ``shape``.

    Raises:
        NetworkError: if it is not in the grammar.
    """
    views, front_end, layers = _parts(text)
    seen = shape if front_end is None else front_end.output_shape(shape)
    return Architecture(shape, input_exponent, parse_layers(layers, seen[0]), views, front_end)


def parse_front_end(text: str) -> FrontEnd:
    """Return the front end that a text such as ``moments 14`` describes.

    Raises:
        NetworkError: if it is none.
    """
    words = _words_of(text)
    if words.name not in FRONT_ENDS:
        usages = ", ".join(front_end.usage for front_end in FRONT_ENDS.values())
        raise NetworkError("front end", f"'{text}'", usages, "Choose one of these.")
    return FRONT_ENDS[words.name].parse(words)


def split_front_end(text: str) -> tuple[str | None, str]:
    """Return the text of an architecture's front end, None without one, and that of the rest."""
    views, front_end, layers = _parts(text)
    if front_end is None:
        return None, text
    rest = layers.strip()
    return front_end.text(), rest if views == 1 else f"views {views}; {rest}"


def input_class(text: str) -> InputClass:
    """Return which class of records a network belongs to, by its architecture's text."""
    try:
        return "raw" if split_front_end(text)[0] is None else "normalised"
    except NetworkError:
        return "raw"  # of a newer version, say: nothing is known of a front end


def with_front_end(text: str, front_end: str | None) -> str:
    """Return the text of an architecture with another front end, None for none.

    Raises:
        NetworkError: if it is none.
    """
    _, rest = split_front_end(text)
    if front_end is None:
        return rest
    views, _, layers = _parts(rest)
    start = f"views {views}; " if views > 1 else ""
    return f"{start}{parse_front_end(front_end).text()}; {layers.strip()}"


def _parts(text: str) -> tuple[int, FrontEnd | None, str]:
    """Return the views, the front end and the layers' text of an architecture."""
    views = 1
    first, _, rest = text.partition(";")
    if first.split()[:1] == ["views"]:
        views, text = _words_of(first).number(), rest
        first, _, rest = text.partition(";")
    words = _words_of(first)
    if words.name in FRONT_ENDS:
        return views, FRONT_ENDS[words.name].parse(words), rest
    return views, None, text


def parse_layers(text: str, channels: int) -> tuple[Layer, ...]:
    """Return the layers of an architecture whose input has ``channels`` channels.

    Raises:
        NetworkError: if a layer is not in the grammar.
    """
    layers: list[Layer] = []
    for part in text.split(";"):
        layer = parse_layer(part).fitted_to(channels)
        # What reaches out of the network is found later.
        start = max(0, len(layers) - layer.back) if isinstance(layer, Repetition) else 0
        run = layers[start : start + layer.count] if isinstance(layer, Repetition) else [layer]
        for one in run:
            channels = one.channels_after(channels)
        layers.append(layer)
    return tuple(layers)


def format_layer(layer: Layer) -> str:
    """Return the text of a layer, such that `parse_layer` gives it back."""
    return layer.text()


def format_layers(layers: tuple[Layer, ...]) -> str:
    """Return the text of an architecture's layers."""
    return "; ".join(format_layer(layer) for layer in layers)


def format_architecture(architecture: Architecture) -> str:
    """Return the text of an architecture, such that `parse_architecture` gives it back."""
    views = f"views {architecture.views}; " if architecture.views > 1 else ""
    front_end = "" if architecture.front_end is None else f"{architecture.front_end.text()}; "
    return views + front_end + format_layers(architecture.layers)
