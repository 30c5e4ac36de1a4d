from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minbits.codec.architecture import Architecture, parameter_count
from minbits.codec.file_format import decode_network, encode_network
from minbits.codec.inference import predict
from minbits.codec.quantized_network import QuantizedNetwork
from minbits.compression.quantizer import Quantizer
from minbits.compression.warm_start import (
    WarmStart,
    _best_factor_steps,
    _with_logits_scaled,
    calibrated,
    coarsened,
    thinned,
    warm_start,
    with_layers_shared,
    with_usual_logits,
    with_widths,
    without_layers,
)
from minbits.data.splits import validation_split
from minbits.errors import NetworkError
from minbits.networks.grammar import format_layers, parse_layers
from minbits.search.trial import run_trial
from minbits.training.context import TrainingContext
from minbits.training.lanes.engine import LanesEngine
from minbits.training.loop import TrainingData, training_data
from minbits.types import DataSet, TrainingRecipe, TrialConfig
from minbits.workers.work import WorkerContext

TEXT = (
    "conv 6 k3 p1 relu; depthwise k3 p1; pointwise 5 relu; depthwise k3 p1; pointwise 7 relu; "
    "maxpool 2; avgpool all; linear 2"
)
RECIPE = TrainingRecipe(float_epochs=12, quantized_epochs=10, batch_size=64, augmentation=0.0)
ENGINE = LanesEngine()


@pytest.fixture(scope="module")
def network(tiny: DataSet) -> QuantizedNetwork:
    result = run_trial(TrialConfig(TEXT, RECIPE, 1), tiny, 0, WorkerContext())
    assert result.network_file is not None
    return decode_network(result.network_file)


@pytest.fixture(scope="module")
def examples(tiny: DataSet) -> TrainingData:
    kept, _ = validation_split(tiny)
    return training_data(tiny, kept)


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    shifted = logits.astype(np.float64) - logits.max(1, keepdims=True)
    return float(np.mean(np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(labels)), labels]))


def doubtful(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the cross-entropy with one more example, whose label is drawn uniformly."""
    classes = range(logits.shape[1])
    drawn = np.mean([cross_entropy(logits, np.full(len(labels), k)) for k in classes])
    return cross_entropy(logits, labels) + float(drawn) / len(labels)


def test_the_start_is_the_network_of_the_file(network: QuantizedNetwork, tiny: DataSet) -> None:
    start = warm_start(network)
    inputs = tiny.test_inputs.astype(np.float32) * np.float32(2.0**-tiny.input_exponent)
    logits = ENGINE.logits(start.architecture, start.values, inputs)
    assert np.array_equal(logits.argmax(1), predict(network, tiny.test_inputs))


def test_a_quantiser_that_starts_there_exports_the_same_levels(network: QuantizedNetwork) -> None:
    start = warm_start(network)
    quantizer = Quantizer(start.architecture, start.values, 0.28, start.step_indices)
    assert encode_network(quantizer.export()) == encode_network(network)


def test_the_layers_share_the_factor_on_the_logits(
    network: QuantizedNetwork, examples: TrainingData
) -> None:
    start = warm_start(network)
    found = calibrated(start, ENGINE, examples)
    is_bias = [
        tensor is layer.bias
        for layer in network.layers
        for tensor in (layer.weights, layer.bias)
        if tensor is not None
    ]
    taken = (found.step_indices - start.step_indices).astype(int)
    weights = [steps for steps, bias in zip(taken, is_bias, strict=True) if not bias]
    assert max(weights) - min(weights) <= 1
    assert sum(weights) == taken[-1] != 0  # the last bias has met all factors


def test_behind_an_activation_that_lets_no_factor_through_none_is_taken(
    examples: TrainingData, tiny: DataSet
) -> None:
    text = "conv 4 k3 p1 hard_swish; conv 5 k3 p1 relu; avgpool all; linear 2"
    result = run_trial(TrialConfig(text, RECIPE, 1), tiny, 0, WorkerContext())
    assert result.network_file is not None
    start = warm_start(decode_network(result.network_file))
    found = calibrated(start, ENGINE, examples)
    taken = found.step_indices - start.step_indices
    assert not taken[:2].any()
    assert taken[2:].any()
    before = ENGINE.logits(start.architecture, start.values, examples.inputs)
    after = ENGINE.logits(found.architecture, found.values, examples.inputs)
    factor = np.abs(after).max() / np.abs(before).max()
    np.testing.assert_allclose(after, before * factor, rtol=1e-4, atol=1e-5)


def test_calibration_scales_logits_alone_and_makes_the_loss_smaller(
    network: QuantizedNetwork, examples: TrainingData
) -> None:
    start = warm_start(network)
    found = calibrated(start, ENGINE, examples)
    before = ENGINE.logits(start.architecture, start.values, examples.inputs)
    after = ENGINE.logits(found.architecture, found.values, examples.inputs)
    factor = np.abs(after).max() / np.abs(before).max()
    np.testing.assert_allclose(after, before * factor, rtol=1e-4, atol=1e-5)
    # All labels are right, so that one example is added whose label is drawn.
    assert (before.argmax(1) == examples.labels).all()
    losses = [doubtful(before * 2.0 ** (steps / 4), examples.labels) for steps in range(-24, 97)]
    assert doubtful(after, examples.labels) == pytest.approx(min(losses), rel=1e-3)
    quantizer = Quantizer(found.architecture, found.values, 0.28, found.step_indices)
    for one, other in zip(quantizer.export().layers, network.layers, strict=True):
        assert np.array_equal(one.weights.levels, other.weights.levels)


@pytest.mark.parametrize("octaves", [-90, -31, 25, 60])
def test_calibration_finds_the_same_logits_at_any_scale(
    network: QuantizedNetwork, examples: TrainingData, octaves: int
) -> None:
    start = warm_start(network)
    wanted = calibrated(start, ENGINE, examples)
    moved = calibrated(_with_logits_scaled(start, 4 * octaves), ENGINE, examples)
    logits = [ENGINE.logits(s.architecture, s.values, examples.inputs) for s in (wanted, moved)]
    # Steps of the grid are whole: shares of the layers may differ by one, the product does not.
    np.testing.assert_allclose(logits[1], logits[0], rtol=1e-4, atol=1e-4)


@given(st.integers(0, 10**6), st.sampled_from([0.0, 1.0, 3.0, 30.0]), st.integers(-200, 200))
def test_the_factor_on_logits_is_the_best_of_the_whole_grid(
    seed: int, margin: float, steps: int
) -> None:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, 60)
    logits = generator.standard_normal((60, 3))
    logits[np.arange(60), labels] += margin
    found = _best_factor_steps(logits * 2.0 ** (steps / 4), labels)
    losses = {k: cross_entropy(logits * 2.0 ** (k / 4), labels) for k in range(-60, 61)}
    own = cross_entropy(logits * 2.0 ** ((found + steps) / 4), labels)
    tells_something = (logits[np.arange(60), labels] - logits.mean(1)).sum() > 0
    if (logits.argmax(1) != labels).any() and tells_something:
        assert own == pytest.approx(min(losses.values()), rel=1e-9)
    else:  # all right, however cold, or nothing told, however warm: what is found is finite
        assert abs(found + steps) < 60


@pytest.mark.parametrize("power", [-12, -3, 3, 12])
def test_logits_of_a_network_from_outside_are_brought_to_a_usual_scale(
    network: QuantizedNetwork, examples: TrainingData, power: int
) -> None:
    architecture = network.architecture
    values = calibrated(warm_start(network), ENGINE, examples).values
    # What suits the labels already stays as it is, and so does a factor of three.
    last = 2 * 7 + 2
    for factor in (1.0, 3.0):
        own = values.copy()
        own[-last:] *= np.float32(factor)
        assert np.array_equal(with_usual_logits(architecture, own, ENGINE, examples), own)
    moved = values.copy()
    moved[-last:] *= np.float32(10.0**power)
    found = with_usual_logits(architecture, moved, ENGINE, examples)
    assert np.array_equal(found[:-last], values[:-last])
    ratio = found[-last:][values[-last:] != 0] / values[-last:][values[-last:] != 0]
    assert ratio.max() / ratio.min() == pytest.approx(1, rel=1e-5)
    assert 2**-0.26 < ratio[0] < 2**0.26  # a step of the grid at most


@pytest.mark.parametrize("end", ["linear 2; add 1", "linear 2; again 1", "linear 2 hard_swish"])
def test_where_the_last_layer_does_not_scale_the_logits_nothing_is_scaled(
    examples: TrainingData, tiny: DataSet, end: str
) -> None:
    layers = parse_layers(f"avgpool all; linear 2 relu; {end}", 1)
    architecture = Architecture(tiny.input_shape, tiny.input_exponent, layers)
    values = np.random.default_rng(0).standard_normal(parameter_count(architecture), np.float32)
    found = with_usual_logits(architecture, 1e3 * values, ENGINE, examples)
    assert np.array_equal(found, 1e3 * values)
    steps = np.zeros(4, np.float32)
    assert calibrated(WarmStart(architecture, values, steps), ENGINE, examples).values is values


def test_coarser_steps_make_smaller_levels(network: QuantizedNetwork) -> None:
    start = coarsened(warm_start(network), 4)
    quantizer = Quantizer(start.architecture, start.values, 0.28, start.step_indices)
    for one, other in zip(quantizer.export().layers, network.layers, strict=True):
        # A step twice as large halves every level, rounded.
        assert np.all(np.abs(2 * one.weights.levels - other.weights.levels) <= 1)


def context(examples: TrainingData) -> TrainingContext:
    return TrainingContext(RECIPE, 0, examples, examples, ENGINE)


@pytest.mark.parametrize("part", [0.9, 0.6, 0.3])
def test_thinning_keeps_a_part_of_the_parameters(
    network: QuantizedNetwork, examples: TrainingData, part: float
) -> None:
    start = warm_start(network)
    found = thinned(start, part, context(examples))
    before, after = parameter_count(start.architecture), parameter_count(found.architecture)
    assert after <= part * before
    assert len(found.values) == after
    assert len(found.step_indices) == len(start.step_indices)


def test_the_least_useful_channel_goes_first(
    network: QuantizedNetwork, examples: TrainingData
) -> None:
    start = warm_start(network)
    values = start.values.copy()
    # Nothing reads the first channel of the last block any more.
    values[-(2 * 7 + 2) : -2].reshape(2, 7)[:, 0] = 0
    changed = type(start)(start.architecture, values, start.step_indices)
    found = with_widths(changed, {4: 6}, context(examples))
    logits = [ENGINE.logits(s.architecture, s.values, examples.inputs) for s in (changed, found)]
    np.testing.assert_allclose(logits[0], logits[1], rtol=1e-5, atol=1e-5)


def test_layers_are_left_out_and_shared(network: QuantizedNetwork, examples: TrainingData) -> None:
    start = with_widths(warm_start(network), {0: 5, 2: 5, 4: 5}, context(examples))
    less = without_layers(start, 3, 2)
    assert "pointwise 5 relu; maxpool" in format_layers(less.architecture.layers)
    shared = with_layers_shared(start, 3, 2)
    assert "pointwise 5 relu; again 2; maxpool" in format_layers(shared.architecture.layers)
    for found in (less, shared):
        assert len(found.values) == parameter_count(found.architecture)
        quantizer = Quantizer(found.architecture, found.values, 0.28, found.step_indices)
        assert decode_network(encode_network(quantizer.export()))


def test_layers_that_others_depend_on_cannot_go(network: QuantizedNetwork) -> None:
    start = warm_start(network)
    with pytest.raises(NetworkError):
        without_layers(start, 1, 2)
    with pytest.raises(NetworkError):
        with_layers_shared(start, 3, 2)
