from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minbits.codec.architecture import Architecture
from minbits.codec.inference import predict
from minbits.errors import OutputError
from minbits.exports.numpy_arrays import NumpyArrays, read_arrays
from minbits.exports.protocol import export_checked
from minbits.exports.registry import EXPORTERS
from minbits.layers.linear import Linear
from minbits.networks.grammar import parse_architecture
from tests.strategies import architectures, random_network


def inputs_for(architecture: Architecture) -> np.ndarray:
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (20, *architecture.input_shape)).astype(np.uint8)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(architectures(), st.integers(0, 1000))
def test_every_network_is_written_and_predicts_the_same(
    tmp_path: Path, architecture: Architecture, seed: int
) -> None:
    network, inputs = random_network(architecture, seed), inputs_for(architecture)
    for exporter in EXPORTERS.values():
        path = tmp_path / f"network{exporter.suffix}"
        assert export_checked(exporter, network, path, inputs) == (path,)
        assert np.array_equal(exporter.predict(path, inputs), predict(network, inputs))


def test_views_and_repeated_layers_are_written(tmp_path: Path) -> None:
    text = "views 5; conv 3 k3 p1 relu; conv 3 k3 p1 relu; again 1; add 2; avgpool all; linear 2"
    network = random_network(parse_architecture(text, (1, 6, 6), 8), 1)
    path = tmp_path / "n.npz"
    export_checked(NumpyArrays(), network, path, inputs_for(network.architecture))
    architecture, tensors = read_arrays(path)
    assert architecture == network.architecture
    for (weights, _), layer in zip(tensors, network.layers, strict=True):
        assert np.array_equal(weights, layer.weights.values())


def test_the_same_network_gives_the_same_bytes(tmp_path: Path) -> None:
    network = random_network(Architecture((4, 1, 1), 0, (Linear(3),)), 0)
    for name in ("a.npz", "b.npz"):
        NumpyArrays().export(network, tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_what_predicts_otherwise_is_refused(tmp_path: Path) -> None:
    class Wrong(NumpyArrays):
        def predict(self, path: Path, inputs: np.ndarray) -> np.ndarray:
            return 1 - super().predict(path, inputs)

    network = random_network(Architecture((4, 1, 1), 0, (Linear(2),)), 0)
    inputs = inputs_for(network.architecture)
    with pytest.raises(OutputError, match="other classes for 20 of 20 examples"):
        export_checked(Wrong(), network, tmp_path / "n.npz", inputs)
    with pytest.raises(OutputError, match=r"expected \.npz"):
        export_checked(NumpyArrays(), network, tmp_path / "n.bin", inputs)
