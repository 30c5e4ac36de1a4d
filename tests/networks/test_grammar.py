from __future__ import annotations

import pytest
from hypothesis import given

from minbits.codec.architecture import Architecture, parameter_count
from minbits.errors import ArgumentError, NetworkError
from minbits.networks.grammar import format_layers, parse_layers
from minbits.networks.zoo import ZOO, architecture_for, zoo_entry
from minbits.records import DataSet
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
        ("conv 3 k3 tanh", "'tanh'"),
        ("linear 3;; linear 2", "nothing"),
        ("maxpool", "no number"),
    ],
)
def test_what_is_not_in_the_grammar_is_named(text: str, got: str) -> None:
    with pytest.raises(NetworkError, match=got):
        parse_layers(text, 1)


def test_the_pytorch_example_has_21840_parameters(mnist: DataSet) -> None:
    architecture = architecture_for(ZOO["pytorch-example"].architecture, mnist)
    assert parameter_count(architecture) == 21_840


def test_an_unknown_network_is_named() -> None:
    with pytest.raises(ArgumentError, match="pytorch-example"):
        zoo_entry("lenet")
