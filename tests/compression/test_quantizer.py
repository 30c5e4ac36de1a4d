from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minbits.codec.architecture import Architecture, parameter_count
from minbits.codec.file_format import encode_network
from minbits.codec.inference import predict, predict_logits
from minbits.codec.quantized_network import (
    QuantizedNetwork,
    nearest_step_index,
    step_size,
)
from minbits.compression.quantized_phase import train_quantized
from minbits.compression.quantizer import Quantizer
from minbits.compression.steps import share_steps
from minbits.errors import NetworkError
from minbits.networks.grammar import parse_layers
from minbits.networks.parameters import parameter_layout
from minbits.training.context import TrainingContext
from minbits.training.engine import Engine
from minbits.training.float_phase import train_float
from minbits.training.lanes.engine import LanesEngine
from minbits.training.loop import training_data
from minbits.training.torch_engine import TorchEngine
from minbits.types import DataSet, TrainingRecipe
from tests.compression import reference
from tests.strategies import architectures, networks

TEXT = "conv 4 k3 p1 relu; depthwise k3 p1; pointwise 5 relu; maxpool 2; avgpool all; linear 3"
ARCHITECTURE = Architecture((1, 8, 8), 8, parse_layers(TEXT, 1))


PENALTY = 0.01


def quantizer(architecture: Architecture = ARCHITECTURE, seed: int = 0) -> Quantizer:
    values = parameter_layout(architecture, normalised=False).initial(seed)
    # Biases start as zeros, where slopes are undefined.
    values += np.random.default_rng(seed).normal(0, 0.1, len(values)).astype(np.float32)
    return Quantizer(architecture, values, 0.3)


def check_backward(
    module: Quantizer,
    toward: npt.NDArray[np.float32],
    penalty: float,
    values: torch.Tensor,
    leaves: tuple[torch.Tensor, torch.Tensor],
) -> None:
    """Compare values and gradients with those of a reference that went backward already."""
    gradient, step_gradient = np.empty_like(module.latent), np.empty_like(module.step_indices)
    module.backward(toward, penalty, gradient, step_gradient)
    assert np.allclose(module.values, values.detach(), rtol=1e-5, atol=1e-7)
    latent, steps = leaves
    assert latent.grad is not None
    assert steps.grad is not None
    assert np.allclose(gradient, latent.grad, rtol=1e-4, atol=1e-5)
    assert np.allclose(step_gradient, steps.grad, rtol=1e-3, atol=1e-4)


@settings(max_examples=60)
@given(architectures(), st.integers(0, 1000))
def test_values_bits_and_gradients_equal_the_reference(
    architecture: Architecture, seed: int
) -> None:
    if not parameter_count(architecture):
        return
    found, generator = quantizer(architecture, seed), np.random.default_rng(seed)
    found.step_indices += generator.normal(0, 3, len(found.step_indices)).astype(np.float32)
    latent = torch.tensor(found.latent, dtype=torch.float64, requires_grad=True)
    steps = torch.tensor(found.step_indices, dtype=torch.float64, requires_grad=True)
    expected = reference.quantize(architecture, latent, steps)
    toward = generator.normal(size=len(latent)).astype(np.float32)
    loss = (expected.values * torch.from_numpy(toward)).sum() + PENALTY * expected.bits
    loss.backward()

    bits = found.forward()
    assert bits == pytest.approx(float(expected.bits.detach()), rel=1e-4)
    check_backward(found, toward, PENALTY, expected.values, (latent, steps))


def test_the_exported_network_holds_exactly_what_training_used() -> None:
    module = quantizer()
    module.fix_steps()
    module.forward()
    used = parameter_layout(ARCHITECTURE, normalised=False).tensors(module.values)
    for (weights, bias), layer in zip(used, module.export().layers, strict=True):
        assert np.allclose(weights, layer.weights.values(), rtol=1e-6)
        assert (bias is None) == (layer.bias is None)
        if bias is not None and layer.bias is not None:
            assert np.allclose(bias, layer.bias.values(), rtol=1e-6)


def test_what_the_quantizer_is_given_stays_as_it_was() -> None:
    values = parameter_layout(ARCHITECTURE, normalised=False).initial(0)
    before = values.copy()
    Quantizer(ARCHITECTURE, values, 0.3).latent[:] = 7
    assert np.array_equal(values, before)


def test_fixed_steps_lie_on_the_grid_of_the_format() -> None:
    module = quantizer()
    module.step_indices += np.float32(0.3)
    assert not module.steps_are_fixed
    module.fix_steps()
    assert module.steps_are_fixed
    assert np.array_equal(module.step_indices, np.round(module.step_indices))


def test_the_rate_never_pushes_a_weight_away_from_zero() -> None:
    module = quantizer()
    # Levels that shun zero: a prior fitted to them makes zero dear.
    module.step_indices[:] = 0
    module.latent[:] = np.where(np.arange(len(module.latent)) % 2, 1.0, -2.0)
    module.latent[:5] = (0.3, -0.3, 0.6, -0.9, 1.4)
    module.forward()
    gradient, step_gradient = np.empty_like(module.latent), np.empty_like(module.step_indices)
    module.backward(np.zeros_like(module.latent), 1.0, gradient, step_gradient)
    assert np.array_equal(np.sign(gradient), np.sign(module.latent))
    assert (step_gradient < 0).all()


def test_the_most_settled_weights_are_frozen_first_at_their_average_level() -> None:
    module = quantizer()
    module.fix_steps()
    step = 2.0 ** (float(module.step_indices[0]) / 4)
    module.latent[:] = 0
    for number in range(400):
        # One weight swings, two thirds of the time above the border; one swings evenly; one stays.
        module.latent[0] = (1.3 if number % 30 < 20 else 0.3) * step
        module.latent[1] = (1.3 if number % 2 else 0.3) * step
        module.latent[2] = 2.2 * step
        module.forward()
        module.follow()
    total = len(module.latent)
    module.freeze((total - 2) / total)
    assert module.is_frozen[2:].all()
    assert not module.is_frozen[:2].any()
    module.freeze((total - 1) / total)
    assert module.is_frozen[0]
    assert not module.is_frozen[1]
    module.freeze(0.0)  # what is frozen stays so
    module.latent[0] = module.latent[2] = 9 * step
    module.latent[1] = 4 * step
    module.forward()
    assert module.values[:3] == pytest.approx([step, 4 * step, 2 * step])
    module.freeze(1.0)
    assert module.is_frozen.all()


def test_freezing_needs_averages() -> None:
    with pytest.raises(ValueError, match="follow"):
        quantizer().freeze(0.5)


def test_coarser_steps_are_estimated_smaller() -> None:
    module = quantizer()
    fine = module.forward()
    module.step_indices += 6
    assert module.forward() < fine


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
    data = training_data(tiny, np.arange(len(tiny.train_labels)))
    recipe = TrainingRecipe(12, 20, batch_size=64, augmentation=0.0)
    context = TrainingContext(recipe, 0, data, data, engine)
    values = train_float(architecture, context)
    sizes: list[int] = []
    for rate_weight in (0.01, 0.3):
        weighted = dataclasses.replace(recipe, rate_weight=rate_weight)
        quantized = train_quantized(
            architecture, values, dataclasses.replace(context, recipe=weighted)
        )
        sizes.append(len(encode_network(quantized)))
        accuracy = np.mean(predict(quantized, tiny.train_inputs) == tiny.train_labels)
        assert accuracy > 0.9
    assert sizes[1] < sizes[0]


def test_soft_rounding_leaves_a_part_of_the_rounding_error_to_weights_that_are_free() -> None:
    module = quantizer()
    module.fix_steps()
    module.forward()
    module.follow()
    module.freeze(0.5)
    frozen, rounded = module.is_frozen, module.values.copy()
    bits = module.forward(0.25)
    expected = rounded + np.float32(0.25) * (module.latent - rounded)
    assert np.array_equal(module.values[frozen], rounded[frozen])
    assert np.allclose(module.values[~frozen], expected[~frozen], rtol=1e-5, atol=1e-7)
    assert not np.allclose(module.values, rounded)
    assert module.forward() == bits
    assert np.array_equal(module.values, rounded)


def test_the_gradient_of_soft_rounding_is_that_of_a_reference() -> None:
    module, softness = quantizer(), 0.3
    latent = torch.tensor(module.latent, dtype=torch.float64, requires_grad=True)
    steps = torch.tensor(module.step_indices, dtype=torch.float64, requires_grad=True)
    hard = reference.quantize(ARCHITECTURE, latent, steps).values
    toward = np.random.default_rng(0).normal(size=len(latent)).astype(np.float32)
    # What is left over from rounding does not depend on the step, the rest does as ever.
    values = (1 - softness) * hard + softness * latent
    (values * torch.from_numpy(toward)).sum().backward()
    module.forward(softness)
    check_backward(module, toward, 0.0, values, (latent, steps))


def test_what_is_followed_after_soft_rounding_is_the_weight_itself() -> None:
    module = quantizer()
    module.fix_steps()
    step = 2.0 ** (float(module.step_indices[0]) / 4)
    module.latent[:] = 0
    module.latent[0], module.latent[1] = 1.4 * step, 2.1 * step
    for _ in range(200):
        module.forward(0.5)
        module.follow()
    # The one that lies nearer to a level is frozen before the other.
    total = len(module.latent)
    module.freeze((total - 1) / total)
    assert module.is_frozen[1:].all()
    assert not module.is_frozen[0]
