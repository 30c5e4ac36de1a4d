from __future__ import annotations

import pytest
from hypothesis import given

from minbits.codec.architecture import Architecture, parameter_count
from minbits.errors import ArgumentError, NetworkError
from minbits.layers.addition import Addition
from minbits.layers.convolution import Convolution
from minbits.layers.repetition import Repetition
from minbits.networks.grammar import format_layers, parse_layers
from minbits.networks.zoo import ZOO, architecture_for, zoo_entry
from minbits.types import DataSet
from tests.strategies import architectures


@given(architectures())
def test_text_and_layers_are_inverse(architecture: Architecture) -> None:
    text = format_layers(architecture.layers)
    assert parse_layers(text, architecture.input_shape[0]) == architecture.layers


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("conv relu", "'relu'"),
        ("conv", "no number"),
        ("wave 3", "'wave'"),
        ("conv 3 k3 mish", "'mish'"),
        ("linear 3;; linear 2", "nothing"),
        ("maxpool", "no number"),
        ("conv 3 k3 d", "'d'"),
        ("add relu", "'relu'"),
        ("again", "no number"),
        ("again 2 of 3", "'2 of 3'"),
    ],
)
def test_what_is_not_in_the_grammar_is_named(text: str, got: str) -> None:
    with pytest.raises(NetworkError, match=got):
        parse_layers(text, 1)


def test_every_word_of_the_grammar() -> None:
    text = (
        "conv 4 k3 p2 d2 relu; depthwise k3 p1; pointwise 4 leaky_relu nobias; add 2 relu; "
        "again 3; again 2 from 4; conv 3 k5 s2 p2 flat hard_swish; maxpool 2; avgpool all; "
        "linear 5 relu; linear 2 nobias"
    )
    layers = parse_layers(text, 1)
    assert format_layers(layers) == text
    assert layers[0] == Convolution(4, 3, 1, 2, dilation=2)
    assert layers[3:6] == (Addition(2, "relu"), Repetition(3, 3), Repetition(2, 4))
    assert layers[6] == Convolution(3, 5, 2, 2, activation="hard_swish", flat=True)


def test_a_depthwise_layer_after_a_repetition_has_its_channels() -> None:
    layers = parse_layers("conv 4 k3; conv 4 k1 s1 p0; pointwise 4; again 2; depthwise k3", 1)
    assert layers[-1] == Convolution(4, 3, depthwise=True, bias=False, activation="none")


def test_the_pytorch_example_has_21840_parameters(mnist: DataSet) -> None:
    architecture = architecture_for(ZOO["pytorch-example"].architecture, mnist)
    assert parameter_count(architecture) == 21_840


def test_an_unknown_network_is_named() -> None:
    with pytest.raises(ArgumentError, match="pytorch-example"):
        zoo_entry("lenet")
