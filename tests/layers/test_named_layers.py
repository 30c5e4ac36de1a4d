"""Layers and activations that the file format names: file, NumPy, PyTorch and training agree."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from minbits.codec.architecture import Architecture, activation_shapes
from minbits.codec.file_format import decode_network, encode_network
from minbits.codec.inference import predict_logits
from minbits.codec.run_cost import run_cost
from minbits.compression.channels import shrink
from minbits.compression.steps import share_steps
from minbits.compression.symmetries import remove_symmetries
from minbits.errors import LabelCodeError, NetworkError, NetworkFileError
from minbits.label_codes.exact_logits import ExactNetwork
from minbits.layers.activations import ACTIVATIONS, CODED_ACTIVATIONS, leaky_key
from minbits.layers.base import Shape
from minbits.networks.grammar import format_architecture, parse_architecture
from minbits.networks.parameters import flat_parameters
from minbits.networks.to_torch import to_torch
from minbits.networks.torch_layers import run_layers
from minbits.search.tasks import TrialTask
from minbits.search.trial import run_task
from minbits.types import DataSet, TrainingRecipe, TrialConfig
from minbits.workers.work import WorkerContext
from tests.strategies import random_network, same_network

NAMED = tuple(key for key in ACTIVATIONS if key not in CODED_ACTIVATIONS)
PATTERNED = (*NAMED, "leaky0.01", "tanh_4bit", "relu6_1bit", "sigmoid_8bit")
TEXTS: dict[str, tuple[str, Shape]] = {
    **{key: (f"conv 3 k3 {key}; linear 2", (1, 6, 5)) for key in PATTERNED},
    "two slopes": ("conv 3 k3 leaky0.2; conv 3 k3 leaky0.01; linear 2", (1, 7, 8)),
    "prelu": ("conv 4 k3; prelu; maxpool 2; pointwise 3; prelu; linear 4; prelu; linear 2",
              (1, 8, 8)),
    "one group": ("conv 4 k3; normalise 1; depthwise relu bias; linear 2", (1, 6, 6)),
    "groups": ("conv 6 k3 relu; normalise 3 e3; avgpool all; linear 2", (2, 6, 7)),
    "each": ("conv 4 k3 relu; normalise each e7; linear 2", (1, 6, 6)),
    "features": ("linear 8 relu; normalise 1; linear 2", (5, 1, 1)),
    "max 3/2": ("conv 3 k3 relu; maxwindow 3 s2; linear 2", (1, 12, 11)),
    "padded": ("conv 3 k3 relu; maxwindow 3 s2 p1; linear 2", (1, 12, 11)),
    "ceiled": ("maxwindow 2 s2 ceil; conv 2 k2 tanh; maxwindow 3 s4 p1 ceil; linear 2",
               (1, 11, 12)),
    "ceiled away": ("maxwindow 2 s3 ceil; linear 2", (1, 5, 9)),
    "average": ("conv 3 k3; avgwindow 3; linear 2", (1, 8, 9)),
    "of a sequence": ("conv 4 k3 flat relu; maxwindow 3 s2 p1 ceil; linear 2", (2, 1, 20)),
    "grouped": ("conv 6 k3 relu; grouped 4 by 2 k3 s2 p1 relu; linear 2", (1, 9, 9)),
    "grouped rows": ("grouped 6 by 3 k3 p1 d2 flat silu nobias; linear 2", (3, 1, 20)),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_file_numpy_and_pytorch_agree(name: str) -> None:
    text, shape = TEXTS[name]
    architecture = parse_architecture(text, shape, 0)
    assert format_architecture(architecture) == text
    network = random_network(architecture, 1, step_index=-8)
    content = encode_network(network)
    assert same_network(decode_network(content), network)
    assert encode_network(decode_network(content)) == content
    inputs = np.random.default_rng(2).standard_normal((9, *shape)).astype(np.float32)
    found = predict_logits(network, inputs)
    module = to_torch(network)
    with torch.no_grad():
        wanted = module(torch.from_numpy(inputs)).numpy()
        pairs = [
            (layer.weights.values(), None if layer.bias is None else layer.bias.values())
            for layer in network.layers
        ]
        tensors = [
            (torch.from_numpy(w), None if b is None else torch.from_numpy(b)) for w, b in pairs
        ]
        trained = run_layers(architecture, tensors, torch.from_numpy(inputs)).numpy()
    scale = np.abs(wanted).max()
    np.testing.assert_allclose(found / scale, wanted / scale, atol=2e-5)
    np.testing.assert_allclose(trained / scale, wanted / scale, atol=2e-5)
    assert len(flat_parameters(architecture, pairs)) == network.parameter_count
    assert run_cost(architecture, 10).seconds > 0
    # What frees bits changes no prediction.
    for other in (remove_symmetries(network), share_steps(network)):
        logits = predict_logits(other, inputs)
        assert (logits.argmax(1) == found.argmax(1)).all()


@pytest.mark.parametrize("key", NAMED)
def test_an_activation_is_that_of_pytorch_everywhere(key: str) -> None:
    values = np.concatenate([np.linspace(-12, 12, 4801), [-1e30, 1e30, 0.0, -1e-30]])
    values = values.astype(np.float32)
    wanted = ACTIVATIONS[key].torch(torch, torch.from_numpy(values.copy())).numpy()
    found = ACTIVATIONS[key].numpy(values.copy())
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, rtol=3e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("plain", "low", "high"), [("tanh", -1, 1), ("sigmoid", 0, 1), ("relu6", 0, 6)]
)
@pytest.mark.parametrize("bits", [1, 4, 8])
def test_few_values_are_the_nearest_and_gradients_pass(
    plain: str, low: int, high: int, bits: int
) -> None:
    values = np.linspace(-9, 9, 3001).astype(np.float32)
    found = ACTIVATIONS[f"{plain}_{bits}bit"].numpy(values.copy())
    exact = ACTIVATIONS[plain].numpy(values.copy())
    step = (high - low) / (2**bits - 1)
    assert len(np.unique(found)) == 2**bits
    assert (found.min(), found.max()) == pytest.approx((low, high), abs=1e-5)
    assert np.abs(found - exact).max() <= step / 2 + 1e-5
    x = torch.tensor(values, requires_grad=True)
    y = ACTIVATIONS[f"{plain}_{bits}bit"].torch(torch, x)
    y.sum().backward()
    same = torch.tensor(values, requires_grad=True)
    ACTIVATIONS[plain].torch(torch, same).sum().backward()
    assert torch.equal(x.grad, same.grad)
    differ = np.abs(y.detach().numpy() - found) > 1e-5
    assert differ.mean() < 2e-3  # values half-way between two levels
    assert "tanh_9bit" not in ACTIVATIONS
    assert "elu_4bit" not in ACTIVATIONS


def test_a_slope_has_one_name() -> None:
    assert leaky_key(0.01) == "leaky0.01"
    assert leaky_key(0.125) == "leaky_relu"
    assert leaky_key(0.0) == "relu"
    assert leaky_key(1.0) == "none"
    assert [leaky_key(slope) for slope in (-0.1, 1.5, math.nan, 1e-13)] == [None] * 4
    assert "leaky0.10" not in ACTIVATIONS
    assert "leaky1.5" not in ACTIVATIONS
    assert ACTIVATIONS["leaky0.2"].is_homogeneous


def test_slopes_that_are_trained_take_channels_with_them() -> None:
    """A channel that a slope of zero cuts off below zero is not constant."""
    architecture = parse_architecture("pointwise 3; prelu; linear 2", (2, 1, 1), 0)
    network = random_network(architecture, 3, step_index=-8)
    tensors = [
        (layer.weights.values(), None if layer.bias is None else layer.bias.values())
        for layer in network.layers
    ]
    tensors[1][0][:] = 0
    tensors[0][0][1] = 0
    tensors[0][1][1] = 0  # type: ignore[index]
    values = flat_parameters(architecture, tensors)
    smaller, left = shrink(architecture, values)
    assert activation_shapes(smaller)[1][0] == 2
    inputs = torch.randn(20, 2, 1, 1)
    outputs = []
    for one, flat in ((architecture, values), (smaller, left)):
        from minbits.networks.parameters import parameter_layout

        layout = parameter_layout(one, normalised=False)
        pairs = [
            (torch.tensor(w), None if b is None else torch.tensor(b))
            for w, b in layout.tensors(flat)
        ]
        outputs.append(run_layers(one, pairs, inputs))
    torch.testing.assert_close(*outputs)


@pytest.mark.parametrize("name", ["prelu", "groups", "grouped", "ceiled"])
def test_what_is_named_is_trained_and_compressed(name: str, tiny: DataSet) -> None:
    text = TEXTS[name][0].replace("maxpool 2; ", "")
    recipe = TrainingRecipe(float_epochs=3, quantized_epochs=2, batch_size=64)
    result = run_task(TrialTask(TrialConfig(text, recipe, 0), 0), tiny, WorkerContext())
    assert result.status == "done", result.error
    assert result.network_file is not None
    found = decode_network(result.network_file).architecture
    assert format_architecture(found) == text


def test_sums_that_differ_between_machines_are_no_exact_code() -> None:
    for text in ("linear 3 tanh; linear 2", "linear 3; prelu; linear 2"):
        architecture = parse_architecture(text, (4, 1, 1), 0)
        with pytest.raises(LabelCodeError, match="known to be exact"):
            ExactNetwork(random_network(architecture, 0))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("conv 4 k3; normalise 3; linear 2", "4 channels in 3 groups"),
        ("conv 4 k3; grouped 4 by 3 k3; linear 2", "output channels in 3 groups"),
        ("conv 3 k3; grouped 4 by 2 k3; linear 2", "input channels in 2 groups"),
        ("avgwindow 3 s2 p1; linear 2", "padding = 1"),
        ("maxwindow 2 s2 p2; linear 2", "padding = 2"),
        ("maxwindow 9 s2; linear 2", "too small"),
        ("maxwindow 3 x2; linear 2", "'x2'"),
        ("normalise 1 f3; linear 2", "'f3'"),
        ("prelu 3; linear 2", "'3'"),
        ("grouped 4 k3; linear 2", "no 'by'"),
        ("conv 3 k3 leaky2; linear 2", "'leaky2'"),
    ],
)
def test_what_does_not_fit_is_named(text: str, expected: str) -> None:
    with pytest.raises(NetworkError, match=expected):
        activation_shapes(parse_architecture(text, (1, 8, 8), 0))


def test_the_limit_of_parameters_binds_the_file_and_not_what_is_given() -> None:
    architecture = Architecture((1025, 1, 1), 8, parse_architecture("linear 1024", (1025, 1, 1), 8)
                                .layers)  # fmt: skip
    network = random_network(architecture, 0, scale=0.0)
    with pytest.raises(NetworkError, match="1,050,624 parameters; expected at most 1,048,576"):
        encode_network(network)


def test_a_slope_beyond_its_range_in_a_file_is_refused() -> None:
    network = random_network(parse_architecture("linear 2 leaky0.01", (3, 1, 1), 0), 0)
    content = encode_network(network)
    with pytest.raises(NetworkFileError):
        decode_network(content[:-3] + bytes(3))
