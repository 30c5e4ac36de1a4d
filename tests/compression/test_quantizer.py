from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from minbits.compression.fake_quantizer import FakeQuantizer

from minbits.codec.architecture import Architecture
from minbits.codec.file_format import encode_network
from minbits.codec.inference import predict, predict_logits
from minbits.codec.quantized_network import (
    QuantizedNetwork,
    nearest_step_index,
    step_size,
)
from minbits.compression.quantized_phase import train_quantized
from minbits.compression.steps import share_steps
from minbits.errors import NetworkError
from minbits.networks.grammar import parse_layers
from minbits.networks.torch_layers import FloatNetwork
from minbits.records import DataSet, TrainingRecipe
from minbits.training.engine import Engine, LanesEngine, TorchEngine
from minbits.training.float_phase import train_float
from minbits.training.loop import best_device, training_data
from tests.strategies import networks

TEXT = "conv 4 k3 p1 relu; depthwise k3 p1; pointwise 5 relu; maxpool 2; avgpool all; linear 3"
ARCHITECTURE = Architecture((1, 8, 8), 8, parse_layers(TEXT, 1))


def quantizer() -> FakeQuantizer:
    network = FloatNetwork(ARCHITECTURE, 0, True, 0.0).eval()
    return FakeQuantizer(ARCHITECTURE, network.folded_tensors(), 0.3)


def test_the_exported_network_holds_exactly_what_training_used() -> None:
    module = quantizer()
    used, exported = module().tensors, module.export()
    for (weights, bias), layer in zip(used, exported.layers, strict=True):
        assert np.allclose(weights.detach().numpy(), layer.weights.values(), rtol=1e-6)
        assert (bias is None) == (layer.bias is None)
        if bias is not None and layer.bias is not None:
            assert np.allclose(bias.detach().numpy(), layer.bias.values(), rtol=1e-6)


def test_gradients_reach_weights_and_steps() -> None:
    module = quantizer()
    quantized = module()
    loss = sum(weights.square().sum() for weights, _ in quantized.tensors) + quantized.size_bits
    loss.backward()
    for parameter in (module.latent, module.step_indices):
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()
        assert parameter.grad.abs().sum() > 0


def test_coarser_steps_are_estimated_smaller() -> None:
    module = quantizer()
    fine = float(module().size_bits.detach())
    with torch.no_grad():
        module.step_indices.add_(6)
    assert float(module().size_bits.detach()) < fine


@given(networks(), st.integers(0, 1000))
def test_sharing_steps_keeps_every_prediction(network: QuantizedNetwork, seed: int) -> None:
    shape = network.architecture.input_shape
    inputs = np.random.default_rng(seed).integers(0, 256, (6, *shape)).astype(np.uint8)
    try:
        shared = share_steps(network)
    except NetworkError:
        return  # the accumulated factor left the format's range
    before, after = predict_logits(network, inputs), predict_logits(shared, inputs)
    if not (np.isfinite(before).all() and np.isfinite(after).all()):
        return
    scale_before, scale_after = np.abs(before).max(), np.abs(after).max()
    if scale_before > 1e-20 and scale_after > 1e-20:
        # Whole octaves are exact; quarter octaves round like any product of floats.
        assert np.allclose(before / scale_before, after / scale_after, atol=1e-4)


def test_sharing_steps_saves_bits() -> None:
    network = quantizer().export()
    assert len(encode_network(share_steps(network))) < len(encode_network(network))


@given(st.integers(-200, 200))
def test_step_indices_and_steps_are_inverse(index: int) -> None:
    assert nearest_step_index(step_size(index)) == index
    assert step_size(index + 4) == 2 * step_size(index)


@pytest.mark.parametrize("step", [0.0, -1.0, float("nan"), float("inf"), 1e300])
def test_impossible_steps_are_refused(step: float) -> None:
    with pytest.raises(NetworkError):
        nearest_step_index(step)


@pytest.mark.parametrize("engine", [TorchEngine(), LanesEngine()], ids=lambda engine: engine.name)
def test_the_rate_weight_trades_bits(tiny: DataSet, engine: Engine) -> None:
    text = "conv 4 k3 p1 relu; maxpool 2; conv 4 k3 relu; avgpool all; linear 2"
    architecture = Architecture(tiny.input_shape, tiny.input_exponent, parse_layers(text, 1))
    data = training_data(tiny, np.arange(len(tiny.train_labels)), best_device())
    recipe = TrainingRecipe(12, 20, batch_size=64, augmentation=0.0)
    network = train_float(
        architecture, recipe, 0, data, data, lambda epoch, accuracy: None, lambda: False, engine
    )
    sizes: list[int] = []
    for rate_weight in (0.01, 0.3):
        quantized = train_quantized(
            architecture,
            network.folded_tensors(),
            dataclasses.replace(recipe, rate_weight=rate_weight),
            0,
            data,
            data,
            lambda epoch, accuracy, size_bits: None,
            lambda: False,
            engine,
        )
        sizes.append(len(encode_network(quantized)))
        accuracy = np.mean(predict(quantized, tiny.train_inputs) == tiny.train_labels)
        assert accuracy > 0.9
    assert sizes[1] < sizes[0]
