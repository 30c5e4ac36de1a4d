"""The file of the network that gave the labels of a planted set: its size is known to be enough."""

from __future__ import annotations

from minbits.codec.architecture import Architecture
from minbits.codec.file_format import encode_network
from minbits.codec.quantized_network import QuantizedLayer, QuantizedNetwork, QuantizedTensor
from minbits.distributions import PlantedNetwork
from minbits.layers.linear import Linear


def planted_file(source: PlantedNetwork) -> bytes:
    """Return the network file of a planted network: it classifies every example right.

    Levels are the whole numbers themselves, at a step of 1.
    """
    first, bias, second, output = source.levels()
    layers = (Linear(source.hidden, activation="relu"), Linear(2))
    return encode_network(
        QuantizedNetwork(
            Architecture((source.bits, 1, 1), 0, layers),
            (
                QuantizedLayer(QuantizedTensor(first, 0), QuantizedTensor(bias, 0)),
                QuantizedLayer(QuantizedTensor(second, 0), QuantizedTensor(output, 0)),
            ),
        )
    )
