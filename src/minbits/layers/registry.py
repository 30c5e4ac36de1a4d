"""The layers: a new one is a file and a line here."""

from __future__ import annotations

from minbits.layers.addition import Addition
from minbits.layers.base import Layer
from minbits.layers.convolution import Convolution
from minbits.layers.grouped_convolution import GroupedConvolution
from minbits.layers.linear import Linear
from minbits.layers.normalisation import Normalisation
from minbits.layers.pooling import Pooling
from minbits.layers.prelu import Prelu
from minbits.layers.repetition import Repetition
from minbits.layers.rms_normalisation import RmsNormalisation
from minbits.layers.shared_depthwise import SharedDepthwise
from minbits.layers.strided_pooling import StridedPooling
from minbits.registry import Registry

LAYERS: Registry[type[Layer]] = Registry(
    "layer",
    Convolution,
    Linear,
    Pooling,
    Addition,
    Repetition,
    GroupedConvolution,
    Normalisation,
    Prelu,
    StridedPooling,
    RmsNormalisation,
    SharedDepthwise,
)


def layer_of_word(word: str) -> type[Layer] | None:
    """Return the layer whose texts begin with a word, None where there is none."""
    return next(
        (
            layer
            for layer in LAYERS.values()
            if word in [usage.split()[0] for usage in layer.usages]
        ),
        None,
    )


def layer_of_kind(kind: str) -> type[Layer] | None:
    """Return the layer that the file format codes under a kind, None where there is none."""
    return next((layer for layer in LAYERS.values() if kind in layer.code_kinds), None)
