"""Writes the golden files: only for a new version of the format, never to make a test pass."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
from tests.strategies import dependent, random_network

from minbits.cli.doctor import self_test_network
from minbits.codec.architecture import Architecture
from minbits.codec.file_format import encode_network
from minbits.codec.quantized_network import QuantizedNetwork
from minbits.layers.addition import Addition
from minbits.layers.convolution import Convolution
from minbits.layers.linear import Linear
from minbits.layers.pooling import Pooling
from minbits.layers.repetition import Repetition
from minbits.networks.grammar import parse_architecture


def smooth(network: QuantizedNetwork) -> QuantizedNetwork:
    """Return a network in whose first large layer neighbours are alike."""
    layers = [
        dataclasses.replace(
            layer,
            weights=dataclasses.replace(
                layer.weights,
                levels=np.cumsum(np.clip(layer.weights.levels, -1, 1), axis=1, dtype=np.int32),
            ),
        )
        for layer in network.layers
    ]
    return QuantizedNetwork(network.architecture, tuple(layers))


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
    residual = Architecture(
        (2, 9, 8),
        1,
        (
            Convolution(4, 3, 1, 2, dilation=2),
            Convolution(4, 3, 1, 1, depthwise=True, bias=False, activation="none"),
            Convolution(4, 1, activation="leaky_relu"),
            Addition(2, "relu"),
            Repetition(3, 3),
            Repetition(2, 4),
            Pooling("max", 2),
            Linear(6, activation="hard_swish"),
            Linear(6),
            Addition(1),
            Linear(3, bias=False),
        ),
    )
    sequence = Architecture(
        (2, 1, 40),
        0,
        (
            Convolution(3, 5, 2, 2, flat=True),
            Convolution(3, 3, 1, 3, depthwise=True, activation="relu", dilation=3, flat=True),
            Pooling("average", 3),
            Convolution(4, 3, 1, 1),
            Pooling("max", 0),
            Linear(2),
        ),
    )
    image = Architecture(
        (1, 10, 10), 8, (Convolution(4, 3), Linear(10, activation="relu"), Linear(4))
    )
    named = parse_architecture(
        "conv 4 k3 leaky0.2; prelu; maxwindow 3 s2 p1 ceil; normalise 1 e3; depthwise bias; "
        "grouped 6 by 2 k3 gelu; avgwindow 2; linear 5 tanh; linear 3",
        (1, 12, 11), 8,
    )  # fmt: skip
    normalised = parse_architecture(
        "views 5; moments 9 s11; conv 3 k3 leaky_relu; depthwise k3; pointwise 4 leaky_relu; "
        "depthwise k3; pointwise 6 leaky_relu; avgpool all; linear 10",
        (1, 28, 28), 8,
    )  # fmt: skip
    means = parse_architecture(
        "area 5; conv 3 k3 p2 s2 silu; conv 3 k3 p1 nobias hard_swish; again 1; maxpool 2; "
        "pointwise 7; avgpool all; linear 3 tanh",
        (2, 9, 12), -1,
    )  # fmt: skip
    small_images = parse_architecture(
        "moments 14; conv 4 k2 d2 tanh_3bit; prelu; maxwindow 3 s2 p1 ceil; normalise 1 e3; "
        "grouped 6 by 2 k3 p1 gelu; avgwindow 2; linear 5 relu; linear 3",
        (2, 20, 31), 8,
    )  # fmt: skip
    whole_images = parse_architecture(
        "moments 28; maxpool 2; conv 3 k5 s2 p2 leaky_relu; depthwise k3 p1; pointwise 3 relu; "
        "add 2; again 2 from 3; pointwise 2 nobias hard_swish; avgpool 7; linear 10",
        (1, 28, 28), 8,
    )  # fmt: skip
    area_views = parse_architecture(
        "views 5; area 6; conv 4 k3 p2 leaky_relu; avgpool all; linear 10", (1, 13, 16), 8
    )
    raw_views = parse_architecture(
        "views 5; conv 2 k5 s3 p1 leaky_relu; maxpool 2; depthwise k3 p1 bias; again 1; "
        "depthwise k2 p1 flat; linear 10 silu; linear 10",
        (1, 28, 28), 8,
    )  # fmt: skip
    directions = parse_architecture(
        "views 5; directions 7 s11; conv 3 k3 leaky_relu; depthwise k3; pointwise 5 leaky_relu; "
        "avgpool all; linear 4",
        (2, 12, 17), 8,
    )  # fmt: skip
    # Tensors on both sides of 512 weights; 10 features that are not said.
    sizes = parse_architecture("conv 6 k3; maxpool 2; linear 10", (1, 9, 28), 8)
    by_root = parse_architecture(
        "moments 14; conv 6 k3 leaky_relu; rmsnorm; depthwise k3; pointwise 8 leaky_relu; rmsnorm; "
        "depthwise k3; pointwise 10; avgpool all",
        (1, 28, 28), 8,
    )  # fmt: skip
    sharing = parse_architecture(
        "moments 14; conv 8 k3 leaky_relu; rmsnorm; shared k3; pointwise 12 leaky_relu; rmsnorm; "
        "shared k3 p1; pointwise 10; avgpool all",
        (1, 28, 28), 8,
    )  # fmt: skip
    return {
        "lean-names": random_network(small_images, 10),
        "lean-moments-28": random_network(whole_images, 11),
        "lean-area-views": random_network(area_views, 12),
        "lean-views": random_network(raw_views, 13),
        "lean-mixed": smooth(random_network(sizes, 14, scale=0.4)),
        "lean-dependent": dependent(random_network(sizes, 15, scale=0.4)),
        "lean-directions": random_network(directions, 16, step_index=-12),
        "shared-kernels": random_network(sharing, 11, step_index=-12),
        "root-mean-square": random_network(by_root, 10, step_index=-12),
        "front-end-moments": random_network(normalised, 8, step_index=-12),
        "front-end-area": random_network(means, 9),
        "named-layers": random_network(named, 7),
        "mixed": smooth(random_network(image, 5, scale=0.4)),
        "dependent": dependent(random_network(image, 6, scale=0.4)),
        "residual": random_network(residual, 3),
        "sequence": random_network(sequence, 4),
        "self-test": self_test_network(),
        "every-layer": random_network(every_layer, 1),
        "wide-levels": random_network(wide_levels, 2, scale=5000.0),
    }


def main() -> None:
    folder = Path(__file__).parent
    for name, network in golden_networks().items():
        if (folder / f"{name}.mbn").exists():
            continue  # files of older versions stay as they are
        (folder / f"{name}.mbn").write_bytes(encode_network(network))
        front_end = network.architecture.front_end
        facts = {
            "input_shape": list(network.architecture.input_shape),
            "dependent": network.has_dependent_levels,
            "front_end": None if front_end is None else front_end.text(),
            "levels": [np.ravel(layer.weights.levels).tolist() for layer in network.layers],
            "biases": [
                None if layer.bias is None else layer.bias.levels.tolist()
                for layer in network.layers
            ],
        }
        (folder / f"{name}.json").write_text(json.dumps(facts) + "\n")


if __name__ == "__main__":
    main()
