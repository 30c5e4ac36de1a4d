"""The lanes engine against PyTorch: loss, every gradient and every moment."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from minbits.codec.architecture import Architecture, parameter_count, run_order
from minbits.errors import NetworkError
from minbits.layers.pooling import Pooling
from minbits.networks.grammar import parse_layers
from minbits.networks.parameters import parameter_layout
from minbits.training.distortion import NO_DISTORTIONS
from minbits.training.engine import ObjectiveSettings, accuracy
from minbits.training.lanes.engine import LanesEngine, lanes_obstacle
from minbits.training.lanes.vector_code import LANES
from minbits.training.loop import Draw, TrainingData
from minbits.training.optimizers import make_optimizer
from minbits.types import TrainingRecipe
from tests.strategies import architectures
from tests.training.reference import ENGINES, Problem, assert_agree

SMALL = (
    "conv 5 k5 s2 p2 relu; depthwise k3 p1; pointwise 7 leaky_relu; maxpool 2; depthwise k3 p1; "
    "pointwise 6 hard_swish; avgpool all; linear 4"
)
EVERY_LAYER = {
    "the main job": SMALL,
    "residual and shared": (
        "conv 4 k3 p1 relu; depthwise k3 p1; pointwise 4 relu; add 2 relu; depthwise k3 p1; "
        "pointwise 4; again 2 from 2; add 4; maxpool 2; conv 6 k3 s2 d2 p2 relu; linear 8 relu; "
        "linear 8; add 1; linear 4"
    ),
    "strides and no windows' ends": (
        "conv 8 k3 p1 relu; pointwise 8 relu; depthwise k3 s2 p1; conv 3 k3 s2 p1 relu; maxpool 3; "
        "linear 4"
    ),
    "additions read by many": (
        "conv 3 k3 p1; conv 3 k3 p1 leaky_relu; add 1; conv 3 k3 p1; add 2; add 3 leaky_relu; "
        "depthwise k5 p2 d1 bias relu; add 1; avgpool 2; linear 3"
    ),
    "normalised by the root": (
        "rmsnorm; conv 5 k3 p1 leaky_relu; rmsnorm; depthwise k3 p1; pointwise 6 relu; rmsnorm; "
        "maxpool 2; conv 6 k3 s2 p1; rmsnorm; linear 8 relu; rmsnorm; linear 4"
    ),
    "pointwise logits": (
        "conv 4 k3 leaky_relu; rmsnorm; depthwise k3; pointwise 6 leaky_relu; rmsnorm; "
        "depthwise k3 p1; add 1; rmsnorm; pointwise 4; avgpool all"
    ),
    "fully connected": "linear 64 relu; linear 64 relu; again 1; linear 10",
}


def image_network(text: str, channels: int = 1) -> Architecture:
    return Architecture((channels, 12, 12), 8, parse_layers(text, channels))


def is_covered(architecture: Architecture) -> bool:
    return parameter_count(architecture) > 0 and not lanes_obstacle(architecture, LANES, 0.0)


@settings(max_examples=120)
@given(architectures(least_layers=2), st.integers(0, 1000))
def test_gradients_without_normalisation(architecture: Architecture, seed: int) -> None:
    assume(is_covered(architecture))
    assert_agree(Problem(architecture, False, ObjectiveSettings(LANES), seed))


@settings(max_examples=80)
@given(architectures(least_layers=2, least_width=4), st.integers(0, 1000))
def test_gradients_with_normalisation(architecture: Architecture, seed: int) -> None:
    assume(is_covered(architecture))
    # A channel of almost constant value has no variance: its gradient is a quotient of noise. So
    # inputs have some width, and their maximum or mean is not all that is seen of them.
    assume(not any(isinstance(step.layer, Pooling) for step in run_order(architecture)[:1]))
    assert_agree(Problem(architecture, True, ObjectiveSettings(2 * LANES), seed))


@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("text", EVERY_LAYER.values(), ids=EVERY_LAYER.keys())
def test_images_with_everything_switched_on(text: str, channels: int, normalised: bool) -> None:
    objective = ObjectiveSettings(3 * LANES, label_smoothing=0.1, soft_target_weight=0.3)
    problem = Problem(image_network(text, channels), normalised, objective, 3, 0.8, 0.6)
    assert_agree(problem)


@pytest.mark.parametrize("normalised", [False, True])
def test_sequences(normalised: bool) -> None:
    text = (
        "conv 5 k5 s2 p2 flat relu; depthwise k3 p3 d3 flat; pointwise 6 relu; maxpool 3; "
        "conv 6 k3 p1 flat relu; add 1; avgpool 2; linear 3"
    )
    architecture = Architecture((3, 1, 50), 0, parse_layers(text, 3))
    assert_agree(Problem(architecture, normalised, ObjectiveSettings(2 * LANES)))


@pytest.mark.parametrize("text", ["linear 3", "linear 20 relu; linear 20 relu; add 1; linear 3"])
def test_feature_vectors(text: str) -> None:
    architecture = Architecture((13, 1, 1), 0, parse_layers(text, 13))
    assert_agree(Problem(architecture, True, ObjectiveSettings(2 * LANES)))


def test_a_batch_depends_on_nothing_before_it() -> None:
    problem = Problem(image_network(SMALL), True, ObjectiveSettings(64), 0, 0.8, 0.5)
    used, fresh = (problem.objective(LanesEngine()) for _ in range(2))
    first, second = np.zeros_like(problem.values), np.zeros_like(problem.values)
    used.loss_and_gradient(problem.values * 3, problem.draws[0], first)
    losses = [
        used.loss_and_gradient(problem.values, problem.draws[1], first),
        fresh.loss_and_gradient(problem.values, problem.draws[1], second),
    ]
    assert losses[0] == losses[1]
    assert np.array_equal(first, second)
    assert np.array_equal(used.variances, fresh.variances)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_whole_training_steps_agree(optimizer: str) -> None:
    settings = ObjectiveSettings(64, label_smoothing=0.1)
    recipe = TrainingRecipe(1, 1, optimizer=optimizer)  # type: ignore[arg-type]
    stepped: list[np.ndarray] = []
    for engine in ENGINES:
        problem = Problem(image_network(SMALL), True, settings, 0, 0.8)
        values, gradient = problem.values.copy(), np.zeros_like(problem.values)
        objective, rule = (
            problem.objective(engine),
            make_optimizer(recipe, np.ones_like(values), 1e-2),
        )
        for number in range(4):
            objective.loss_and_gradient(values, problem.draws[number % 2], gradient)
            rule.step(values, gradient, 1e-2)
        stepped.append(values)
    # Adam divides by the gradient's size: tiny gradients may round to opposite steps.
    assert np.median(np.abs(stepped[0] - stepped[1])) < 1e-5
    if optimizer == "sgd":
        assert np.abs(stepped[0] - stepped[1]).max() < 1e-4


@given(architectures(least_layers=2), st.integers(0, 1000), st.integers(1, 70))
@settings(max_examples=40)
def test_logits_agree_for_any_number_of_examples(
    architecture: Architecture, seed: int, count: int
) -> None:
    assume(is_covered(architecture))
    layout = parameter_layout(architecture, normalised=False)
    generator = np.random.default_rng(seed)
    values = layout.initial(seed) + generator.normal(0, 0.2, layout.size).astype(np.float32)
    inputs = generator.normal(0, 1, (count, *architecture.input_shape)).astype(np.float32)
    expected, found = (engine.logits(architecture, values, inputs) for engine in ENGINES)
    scale = float(np.abs(expected).max())
    assert np.abs(found - expected).max() <= 1e-4 * scale + 1e-6


def test_accuracy_counts_the_largest_logit() -> None:
    architecture = Architecture((2, 1, 1), 0, parse_layers("linear 2 nobias", 2))
    inputs = np.array([[3, 1], [1, 2], [0, 5], [4, 1]], np.float32).reshape(4, 2, 1, 1)
    data = TrainingData(inputs, np.array([0, 1, 0, 0]))
    values = np.eye(2, dtype=np.float32).ravel()
    for engine in ENGINES:
        assert accuracy(engine, architecture, values, data) == 0.75


def test_an_engine_can_change_networks() -> None:
    engine = LanesEngine()
    inputs = np.random.default_rng(0).normal(size=(40, 1, 12, 12)).astype(np.float32)
    for text in (SMALL, "linear 3", SMALL):
        architecture = image_network(text)
        values = parameter_layout(architecture, normalised=False).initial(0)
        fresh = LanesEngine().logits(architecture, values, inputs)
        assert np.array_equal(engine.logits(architecture, values, inputs), fresh)


def test_infinite_inputs_are_not_hidden() -> None:
    problem = Problem(image_network(SMALL), False, ObjectiveSettings(LANES))
    problem.data.inputs[:] = math.inf
    draw = Draw(problem.draws[0].indices, NO_DISTORTIONS)
    loss = problem.objective(LanesEngine()).loss_and_gradient(
        problem.values, draw, np.zeros_like(problem.values)
    )
    assert not math.isfinite(loss)


def test_what_lanes_do_not_cover_is_refused() -> None:
    architecture = image_network("conv 2 k1 p1; avgpool all")
    with pytest.raises(NetworkError, match="padding 1"):
        Problem(architecture, False, ObjectiveSettings(LANES)).objective(LanesEngine())
