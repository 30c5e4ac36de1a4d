"""Writes the golden files: only for a new version of the format, never to make a test pass."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from tests.strategies import random_network

from minbits.cli.doctor import self_test_network
from minbits.codec.architecture import Architecture, Convolution, Linear, Pooling
from minbits.codec.file_format import encode_network
from minbits.codec.quantized_network import QuantizedNetwork


def golden_networks() -> dict[str, QuantizedNetwork]:
    every_layer = Architecture(
        (3, 9, 7),
        -2,
        (
            Convolution(5, 4, 2, 3, activation="hard_swish"),
            Convolution(5, 3, 1, 1, depthwise=True, bias=True, activation="leaky_relu"),
            Pooling("average", 2),
            Convolution(2, 1, bias=False, activation="none"),
            Pooling("max", 0),
            Linear(4, activation="relu"),
            Linear(3, bias=False),
        ),
    )
    wide_levels = Architecture((6, 1, 1), 0, (Linear(8, activation="relu"), Linear(2)))
    return {
        "self-test": self_test_network(),
        "every-layer": random_network(every_layer, 1),
        "wide-levels": random_network(wide_levels, 2, scale=5000.0),
    }


def main() -> None:
    folder = Path(__file__).parent
    for name, network in golden_networks().items():
        (folder / f"{name}.mbn").write_bytes(encode_network(network))
        facts = {
            "input_shape": list(network.architecture.input_shape),
            "levels": [np.ravel(layer.weights.levels).tolist() for layer in network.layers],
            "biases": [
                None if layer.bias is None else layer.bias.levels.tolist()
                for layer in network.layers
            ],
        }
        (folder / f"{name}.json").write_text(json.dumps(facts) + "\n")


if __name__ == "__main__":
    main()
