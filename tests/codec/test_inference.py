from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import minbits.codec.run_cost
from minbits.codec.architecture import Architecture
from minbits.codec.inference import predict, predict_logits
from minbits.codec.quantized_network import QuantizedLayer, QuantizedNetwork, QuantizedTensor
from minbits.errors import DataError
from minbits.layers.linear import Linear
from minbits.layers.pooling import Pooling
from minbits.networks.torch_layers import run_layers
from tests.codec import reference
from tests.strategies import architectures, random_network


def inputs_for(architecture: Architecture, examples: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (examples, *architecture.input_shape)).astype(np.uint8)


def close(first: np.ndarray, second: np.ndarray) -> bool:
    scale = max(1e-6, float(np.abs(second).max()))
    return bool(np.abs(first - second).max() <= 1e-4 * scale)


@settings(max_examples=60, deadline=None)
@given(architectures(), st.integers(0, 1000))
def test_fast_forward_pass_equals_the_slow_one(architecture: Architecture, seed: int) -> None:
    network = random_network(architecture, seed, step_index=-12)
    inputs = inputs_for(architecture, 3, seed)
    slow = np.stack([reference.logits(network, example) for example in inputs])
    assert close(predict_logits(network, inputs), slow)


@settings(max_examples=60, deadline=None)
@given(architectures(), st.integers(0, 1000))
def test_numpy_equals_pytorch(architecture: Architecture, seed: int) -> None:
    network = random_network(architecture, seed, step_index=-12)
    inputs = inputs_for(architecture, 5, seed)
    tensors = [
        (
            torch.from_numpy(layer.weights.values()),
            None if layer.bias is None else torch.from_numpy(layer.bias.values()),
        )
        for layer in network.layers
    ]
    scaled = torch.from_numpy(inputs.astype(np.float32)) * 2.0**-architecture.input_exponent
    expected = run_layers(architecture, tensors, scaled).numpy()
    assert close(predict_logits(network, inputs), expected)


def test_batches_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    architecture = Architecture((1, 6, 6), 8, (Pooling("max", 2), Linear(3)))
    network, inputs = random_network(architecture, 3), inputs_for(architecture, 50, 3)
    whole = predict_logits(network, inputs)
    monkeypatch.setattr(minbits.codec.run_cost, "_WORKSPACE_VALUES", 7 * 36)
    assert np.array_equal(whole, predict_logits(network, inputs))


def test_the_first_of_tied_classes_wins() -> None:
    zeros = QuantizedTensor(np.zeros((4, 9), np.int32), -12)
    network = QuantizedNetwork(
        Architecture((1, 3, 3), 8, (Linear(4, bias=False),)), (QuantizedLayer(zeros, None),)
    )
    assert predict(network, np.ones((5, 3, 3), np.uint8)).tolist() == [0] * 5


def test_inputs_of_another_shape_are_refused() -> None:
    network = random_network(Architecture((1, 3, 3), 8, (Linear(4),)), 0)
    with pytest.raises(DataError, match="inputs"):
        predict(network, np.zeros((5, 4, 4), np.uint8))


def test_the_codec_needs_neither_pytorch_nor_matplotlib_nor_a_database() -> None:
    code = (
        "import sys, minbits.codec, minbits.codec.run; "
        "print([m for m in ('torch', 'matplotlib', 'sqlalchemy', 'sklearn', 'scipy')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@settings(max_examples=20, deadline=None)
@given(architectures(), st.integers(0, 1000))
def test_threads_change_nothing(architecture: Architecture, seed: int) -> None:
    network = random_network(architecture, seed, step_index=-12)
    inputs = inputs_for(architecture, 40, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(minbits.codec.run_cost, "_LARGEST_BATCH", 7)
        alone = predict_logits(network, inputs)
        assert np.array_equal(predict_logits(network, inputs, threads=3), alone)
