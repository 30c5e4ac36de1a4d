"""Normalisation by the root mean square: file, NumPy, training and compression agree."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minbits.codec.architecture import Architecture, activation_shapes, tensor_shapes
from minbits.codec.file_format import (
    _encode,
    decode_network,
    encode_network,
    size_parts,
    version_of,
)
from minbits.codec.inference import predict_logits
from minbits.codec.quantized_network import QuantizedNetwork
from minbits.codec.tensor_code import LEAN_VERSION, USUAL_STEP_INDEX
from minbits.compression.channels import channel_groups, keep_channels, shrink
from minbits.compression.steps import share_steps, with_one_bias_step
from minbits.compression.symmetries import remove_symmetries
from minbits.errors import NetworkError, NetworkFileError
from minbits.layers.rms_normalisation import RmsNormalisation, sum_of_squares
from minbits.networks.grammar import format_architecture, parse_architecture
from minbits.networks.parameters import parameter_layout
from minbits.search.tasks import TrialTask
from minbits.search.trial import run_task
from minbits.types import DataSet, TrainingRecipe, TrialConfig
from minbits.workers.work import WorkerContext
from tests.strategies import random_network, same_network

SHAPE = (1, 12, 12)
LAYER = RmsNormalisation()
TEXT = (
    "conv 5 k3 leaky_relu; rmsnorm; depthwise k3; pointwise 6 relu; rmsnorm; maxpool 2; "
    "pointwise 3; avgpool all"
)
ARCHITECTURE = parse_architecture(TEXT, SHAPE, 8)


def small_inputs(seed: int, count: int = 9) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *SHAPE)).astype(np.uint8)


@given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 1000))
def test_the_sum_of_squares_does_not_hang_on_the_other_examples(
    values: int, examples: int, seed: int
) -> None:
    x = np.random.default_rng(seed).normal(0, 3, (values, examples)).astype(np.float32)
    found = sum_of_squares(x.copy())
    exact = np.square(x, dtype=np.float64).sum(0)
    np.testing.assert_allclose(found, exact, rtol=1e-6)
    alone = [sum_of_squares(x[:, [n]])[0] for n in range(examples)]
    assert found.tolist() == alone


@given(st.integers(0, 1000), st.integers(-30, 30))
def test_outputs_have_a_mean_square_of_1_whatever_factor_the_inputs_have(
    seed: int, exponent: int
) -> None:
    x = np.random.default_rng(seed).normal(0, 1, (3, 4, 5, 2)).astype(np.float32)
    found = LAYER.run(x, ())
    np.testing.assert_allclose(np.square(found).mean((0, 1, 2)), 1, rtol=1e-5)
    if exponent > -15:  # powers of two round nothing; of smaller numbers nothing is divided
        assert np.array_equal(LAYER.run(x * np.float32(2.0**exponent), ()), found)


def test_examples_of_nothing_stay_as_they_are() -> None:
    x = np.zeros((2, 2, 2, 3), np.float32)
    x[..., 1] = np.float32(2.0**-21)  # a mean square of 2 ** -42
    x[..., 2] = np.float32(2.0**-20)
    found = LAYER.run(x, ())
    assert np.array_equal(found[..., :2], x[..., :2])
    assert (found[..., 2] == 1).all()


def test_the_file_names_the_layer_in_few_bits() -> None:
    network = random_network(ARCHITECTURE, 1, step_index=-12)
    content = encode_network(network)
    assert version_of(content) == LEAN_VERSION
    assert same_network(decode_network(content), network)
    plain = parse_architecture(TEXT.replace("rmsnorm; ", ""), SHAPE, 8)
    sizes = [
        sum(part.size_bits for part in size_parts(_encode(one, LEAN_VERSION)) if part.name ==
            "architecture")
        for one in (network, random_network(plain, 1, step_index=-12))
    ]  # fmt: skip
    # Two bits say which kinds are used, and each of the two layers is one of nine ranks.
    assert sizes[0] - sizes[1] < 17
    assert same_network(decode_network(_encode(network, 15)), network)


def test_other_names_beside_it_are_written_in_full() -> None:
    text = "conv 3 k3 silu; rmsnorm; prelu; rmsnorm; linear 2"
    network = random_network(parse_architecture(text, SHAPE, 0), 2)
    for version in (LEAN_VERSION, 15):
        content = _encode(network, version)
        assert format_architecture(decode_network(content).architecture) == text
        assert b"rmsnorm" not in content  # coded bits, not text


def test_its_name_alone_is_refused_in_version_4(monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_network(ARCHITECTURE, 1)
    monkeypatch.setattr("minbits.codec.lean_architecture._OWN_KINDS", ())
    content = _encode(network, LEAN_VERSION)
    assert same_network(decode_network(content), network)
    monkeypatch.undo()
    with pytest.raises(NetworkFileError, match="no encoder"):
        decode_network(content)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_one_example_alone_gets_about_the_logits_that_it_has_among_others(seed: int) -> None:
    network, inputs = random_network(ARCHITECTURE, seed, step_index=-10), small_inputs(seed)
    found = predict_logits(network, inputs)
    alone = np.concatenate([predict_logits(network, inputs[[n]]) for n in range(len(inputs))])
    np.testing.assert_allclose(found, alone, rtol=1e-4, atol=1e-4 * np.abs(found).max())


def usual_step_count(network: QuantizedNetwork) -> int:
    return sum(layer.weights.step_index == USUAL_STEP_INDEX for layer in network.layers)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000))
def test_steps_are_shared_and_no_factor_passes_it(seed: int) -> None:
    network = random_network(ARCHITECTURE, seed)
    shared, inputs = share_steps(network), small_inputs(seed)
    assert usual_step_count(shared) == len(network.layers)
    # The bias of a layer behind a normalisation moves with the weights of its own layer alone.
    before, after = network.layers[2], shared.layers[2]
    assert before.bias is not None
    assert after.bias is not None
    own = USUAL_STEP_INDEX - before.weights.step_index
    depthwise = USUAL_STEP_INDEX - network.layers[1].weights.step_index
    assert after.bias.step_index - before.bias.step_index == own + depthwise
    found, wanted = predict_logits(shared, inputs), predict_logits(network, inputs)
    scales = [np.abs(logits).max() for logits in (found, wanted)]
    np.testing.assert_allclose(found / scales[0], wanted / scales[1], atol=1e-4)


def test_biases_can_have_one_step() -> None:
    indices = np.array([-9, -12, -3, -10, -8, -20, -11], np.float32)
    found = with_one_bias_step(ARCHITECTURE, indices)
    network = random_network(ARCHITECTURE, 0)
    layers = []
    steps = iter(found.astype(int).tolist())
    for layer in network.layers:
        weights = type(layer.weights)(layer.weights.levels, next(steps))
        bias = layer.bias and type(layer.bias)(layer.bias.levels, next(steps))
        layers.append(type(layer)(weights, bias))
    shared = share_steps(QuantizedNetwork(ARCHITECTURE, tuple(layers)))
    assert len({layer.bias.step_index for layer in shared.layers if layer.bias is not None}) == 1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_channels_change_their_order_and_none_goes_unnoticed(seed: int) -> None:
    network, inputs = random_network(ARCHITECTURE, seed), small_inputs(seed)
    sorted_network = remove_symmetries(network)
    for layer in sorted_network.layers[:-1]:
        assert layer.bias is None or (np.diff(layer.bias.levels) >= 0).all()
    found, wanted = predict_logits(sorted_network, inputs), predict_logits(network, inputs)
    np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())
    # A channel of zeros counts in the mean: without it, all others would be smaller.
    layout = parameter_layout(ARCHITECTURE, normalised=False)
    values = layout.initial(seed)
    tensors = layout.tensors(values)
    tensors[0][0][2] = 0
    assert shrink(ARCHITECTURE, values)[0] == ARCHITECTURE
    group = channel_groups(ARCHITECTURE)[0]
    assert group.is_normalised
    # Thinning, which trains on, may remove it all the same.
    mask = np.arange(5) != 2
    smaller, left = keep_channels(ARCHITECTURE, values, {group.producer: mask})
    assert activation_shapes(smaller)[1][0] == 4
    assert len(left) == parameter_layout(smaller, normalised=False).size


def test_it_takes_no_words() -> None:
    with pytest.raises(NetworkError, match="'4'"):
        parse_architecture("rmsnorm 4; linear 2", (5, 1, 1), 0)


@pytest.mark.parametrize("engine", ["lanes", "torch"])
@pytest.mark.parametrize(
    "text", [TEXT.replace("pointwise 3;", "pointwise 2;"), "rmsnorm; linear 4 relu; linear 2"]
)
def test_it_is_trained_and_compressed(tiny: DataSet, text: str, engine: str) -> None:
    recipe = TrainingRecipe(float_epochs=3, quantized_epochs=2, batch_size=64)
    config = TrialConfig(text, recipe, 0, engine=engine)  # type: ignore[arg-type]
    result = run_task(TrialTask(config, 0), tiny, WorkerContext())
    assert result.status == "done", result.error
    assert result.config.engine == engine
    assert result.network_file is not None
    found = decode_network(result.network_file).architecture
    assert format_architecture(found) == text


def double_loss(architecture: Architecture, values: np.ndarray, x: np.ndarray, label: int) -> float:
    """Return the cross-entropy of ``linear; rmsnorm; linear`` in double precision."""
    shapes = tensor_shapes(architecture)
    at = 0
    pairs = []
    for shape in shapes:
        count = math.prod(shape.weights)
        weights = values[at : at + count].reshape(shape.weights)
        at += count
        pairs.append((weights, values[at : at + (shape.bias or 0)]))
        at += shape.bias or 0
    hidden = pairs[0][0] @ x + pairs[0][1]
    logits = pairs[1][0] @ (hidden / np.sqrt(np.mean(hidden**2))) + pairs[1][1]
    return float(np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[label])


def test_the_gradient_is_that_of_differences() -> None:
    from minbits.training.engine import ObjectiveSettings
    from minbits.training.lanes.engine import LanesEngine
    from tests.training.reference import Problem

    architecture = parse_architecture("linear 7; rmsnorm; linear 3", (4, 1, 1), 0)
    problem = Problem(architecture, False, ObjectiveSettings(32))
    gradient = np.zeros_like(problem.values)
    draw = problem.draws[0]
    problem.objective(LanesEngine()).loss_and_gradient(problem.values, draw, gradient)

    def loss(values: np.ndarray) -> float:
        chosen = [
            double_loss(architecture, values, problem.data.inputs[n].ravel().astype(float), label)
            for n, label in zip(draw.indices, problem.data.labels[draw.indices], strict=True)
        ]
        return float(np.mean(chosen))

    values, step = problem.values.astype(np.float64), 1e-5
    for place in range(len(values)):
        moved = [values.copy(), values.copy()]
        moved[0][place] += step
        moved[1][place] -= step
        wanted = (loss(moved[0]) - loss(moved[1])) / (2 * step)
        assert gradient[place] == pytest.approx(wanted, abs=2e-5)
