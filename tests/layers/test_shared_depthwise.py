"""Kernels that layers share: file, NumPy, PyTorch, training and compression agree."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minbits.codec.architecture import activation_shapes, run_order, tensor_shapes
from minbits.codec.file_format import (
    _encode,
    decode_network,
    encode_network,
    size_parts,
    version_of,
)
from minbits.codec.inference import predict_logits
from minbits.codec.quantized_network import QuantizedNetwork
from minbits.codec.run_cost import run_cost
from minbits.codec.tensor_code import LEAN_VERSION, USUAL_STEP_INDEX
from minbits.compression.channels import channel_groups
from minbits.compression.steps import share_steps
from minbits.compression.symmetries import remove_symmetries
from minbits.compression.warm_start import _with_logits_scaled, warm_start
from minbits.errors import NetworkError
from minbits.label_codes.exact_logits import ExactNetwork, measured_ranges
from minbits.networks.blocks import blocks_of
from minbits.networks.grammar import format_architecture, parse_architecture
from minbits.networks.parameters import parameter_layout
from minbits.networks.to_torch import to_torch
from minbits.networks.torch_layers import run_layers
from minbits.search.tasks import TrialTask
from minbits.search.trial import run_task
from minbits.training.engine import ObjectiveSettings
from minbits.types import DataSet, TrainingRecipe, TrialConfig
from minbits.workers.work import WorkerContext
from tests.strategies import random_network, same_network
from tests.training.reference import Problem, assert_agree

SHAPE = (1, 14, 13)
TEXTS = {
    "the first convolution's": (
        "conv 4 k3 leaky_relu; rmsnorm; shared k3; pointwise 7 leaky_relu; rmsnorm; "
        "shared k3 p1; pointwise 6; avgpool all"
    ),
    "without normalisation": (
        "conv 5 k3 p1 relu; maxpool 2; shared k3 s2 p1; pointwise 3 leaky_relu; shared k3 p2 d2; "
        "pointwise 12 relu; linear 3"
    ),
    "twice in a row, and added": (
        "rmsnorm; conv 3 k2 leaky_relu nobias; shared k2; shared k2 d3; pointwise 3; add 1; "
        "linear 4"
    ),
    "of each channel, repeated": (
        "depthwise k3 p1 relu bias; pointwise 6 relu; shared k3 p1; pointwise 6 relu; again 2; "
        "avgpool 2; linear 3"
    ),
}  # fmt: skip


def network_of(name: str, seed: int = 1, step_index: int | None = -9) -> QuantizedNetwork:
    return random_network(parse_architecture(TEXTS[name], SHAPE, 8), seed, step_index=step_index)


def some_inputs(seed: int, count: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *SHAPE)).astype(np.uint8)


def unshared(network: QuantizedNetwork) -> QuantizedNetwork:
    """Return the network with a copy of the kernels in every layer that shares them."""
    text = TEXTS_WITHOUT_SHARING[format_architecture(network.architecture)]
    architecture = parse_architecture(text, SHAPE, 8)
    kernels, layers, given = network.layers[0].weights, [], iter(network.layers)
    for step in run_order(network.architecture):
        if step.tensor is None:
            continue
        if step.tensor or not layers:
            layers.append(next(given))
            continue
        channels = activation_shapes(network.architecture)[step.layer_index][0]
        levels = kernels.levels[np.arange(channels) % len(kernels.levels)]
        copy = type(kernels)(levels, kernels.step_index)
        layers.append(type(network.layers[0])(copy, None))
    return QuantizedNetwork(architecture, tuple(layers))


TEXTS_WITHOUT_SHARING = {text: text.replace("shared", "depthwise") for text in TEXTS.values()}


@pytest.mark.parametrize("name", list(TEXTS)[:3])
def test_it_is_a_depthwise_convolution_of_copies(name: str) -> None:
    network, inputs = network_of(name), some_inputs(1)
    found, wanted = predict_logits(network, inputs), predict_logits(unshared(network), inputs)
    assert np.array_equal(found, wanted)
    assert run_cost(network.architecture, 5) == run_cost(unshared(network).architecture, 5)


@pytest.mark.parametrize("name", TEXTS)
def test_file_numpy_and_pytorch_agree(name: str) -> None:
    network, inputs = network_of(name), some_inputs(2)
    assert format_architecture(network.architecture) == TEXTS[name]
    content = encode_network(network)
    assert version_of(content) == LEAN_VERSION
    for one in (content, _encode(network, 15)):
        assert same_network(decode_network(one), network)
    found = predict_logits(network, inputs)
    scale = np.abs(found).max()
    pairs = [
        (layer.weights.values(), None if layer.bias is None else layer.bias.values())
        for layer in network.layers
    ]
    tensors = [(torch.from_numpy(w), None if b is None else torch.from_numpy(b)) for w, b in pairs]
    with torch.no_grad():
        module = to_torch(network)(torch.from_numpy(inputs)).numpy()
        scaled = torch.from_numpy(inputs).float() / 256
        layers = run_layers(network.architecture, tensors, scaled).numpy()
    np.testing.assert_allclose(module / scale, found / scale, atol=2e-5)
    np.testing.assert_allclose(layers / scale, found / scale, atol=2e-5)


def test_kernels_are_in_the_file_once() -> None:
    network = network_of("the first convolution's")
    parts = size_parts(encode_network(network))
    assert sum(part.values for part in parts) == network.parameter_count
    # 4 kernels and biases, and two layers of 4 * 7 + 7 and 7 * 6 + 6 parameters.
    assert network.parameter_count == 40 + 35 + 48
    architecture = [part.size_bits for part in parts if part.name == "architecture"]
    assert architecture[0] < 75


@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize("name", TEXTS)
def test_gradients_of_all_uses_are_added(name: str, normalised: bool) -> None:
    architecture = parse_architecture(TEXTS[name], SHAPE, 8)
    problem = Problem(architecture, normalised, ObjectiveSettings(64))
    # Kernels that several layers have cannot take up the factors of one normalisation.
    assert problem.layout.slots[0].scale_at is None
    assert_agree(problem)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(list(TEXTS)[:2]), st.integers(0, 1000))
def test_steps_are_shared_and_predictions_stay(name: str, seed: int) -> None:
    network, inputs = network_of(name, seed, None), some_inputs(seed)
    shared = share_steps(network)
    indices = [layer.weights.step_index for layer in shared.layers]
    assert indices == [USUAL_STEP_INDEX] * len(indices)
    found, wanted = predict_logits(shared, inputs), predict_logits(network, inputs)
    scales = [max(float(np.abs(logits).max()), 1e-30) for logits in (found, wanted)]
    np.testing.assert_allclose(found / scales[0], wanted / scales[1], atol=1e-4)


@pytest.mark.parametrize("name", TEXTS)
def test_what_depends_on_a_layers_own_kernels_is_left_alone(name: str) -> None:
    network = network_of(name)
    assert same_network(remove_symmetries(network), network)
    assert channel_groups(network.architecture) == ()
    assert blocks_of(network.architecture) == ()
    slots = parameter_layout(network.architecture, normalised=False).slots
    assert len(slots) == len(tensor_shapes(network.architecture)) == len(network.layers)


def test_a_factor_on_the_logits_leaves_the_kernels() -> None:
    network, inputs = network_of("without normalisation"), some_inputs(3)
    start = warm_start(network)
    scaled = _with_logits_scaled(start, 8)
    kernels = network.layers[0].weights.levels.size
    assert np.array_equal(scaled.values[:kernels], start.values[:kernels])
    layout = parameter_layout(network.architecture, normalised=False)
    logits = []
    for values in (start.values, scaled.values):
        tensors = [
            (torch.tensor(w), None if b is None else torch.tensor(b))
            for w, b in layout.tensors(values)
        ]
        x = torch.from_numpy(inputs).float() / 256
        logits.append(run_layers(network.architecture, tensors, x).numpy())
    np.testing.assert_allclose(logits[1], 4 * logits[0], rtol=1e-4, atol=1e-4)


def test_labels_can_be_coded_with_it() -> None:
    network, inputs = network_of("the first convolution's"), some_inputs(4, 20)
    exact = ExactNetwork(network, measured_ranges(network, inputs))
    found, usual = exact.logits(inputs), predict_logits(network, inputs)
    np.testing.assert_allclose(found, usual, atol=1e-2 * np.abs(usual).max())
    assert np.array_equal(found[::-1], exact.logits(inputs[::-1]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("shared k3; linear 2", "no weights before it"),
        ("conv 4 k5; shared k3; linear 2", r"kernels of \(1, 5, 5\)"),
        ("pointwise 2; conv 4 k3; shared k3; linear 2", r"kernels of \(1, 1, 1\)"),
        ("conv 4 k3 flat; shared k3; linear 2", r"kernels of \(1, 1, 3\)"),
        ("prelu; shared k1; linear 2", "the first weights of Prelu"),
        ("conv 4 k3; shared k3 relu; linear 2", "an activation or a bias"),
        ("conv 4 k3; shared k3 bias; linear 2", "an activation or a bias"),
        ("conv 4 k3; shared 4; linear 2", "'4'"),
    ],
)
def test_what_does_not_fit_is_named(text: str, expected: str) -> None:
    with pytest.raises(NetworkError, match=expected):
        activation_shapes(parse_architecture(text, (1, 9, 9), 8))


def test_kernels_over_several_channels_are_not_lent() -> None:
    with pytest.raises(NetworkError, match=r"kernels of \(3, 3, 3\)"):
        activation_shapes(parse_architecture("conv 4 k3; shared k3; linear 2", (3, 9, 9), 8))


@pytest.mark.parametrize("engine", ["lanes", "torch"])
def test_it_is_trained_and_compressed(tiny: DataSet, engine: str) -> None:
    text = "conv 4 k3 leaky_relu; rmsnorm; shared k3; pointwise 6 relu; rmsnorm; shared k3; " + (
        "pointwise 2; avgpool all"
    )
    recipe = TrainingRecipe(float_epochs=3, quantized_epochs=2, batch_size=64)
    config = TrialConfig(text, recipe, 0, engine=engine)  # type: ignore[arg-type]
    result = run_task(TrialTask(config, 0), tiny, WorkerContext())
    assert result.status == "done", result.error
    assert result.network_file is not None
    found = decode_network(result.network_file)
    assert format_architecture(found.architecture) == text
    steps = {layer.weights.step_index for layer in found.layers}
    assert steps == {USUAL_STEP_INDEX}
