from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from minbits.codec.architecture import Architecture
from minbits.evaluation.evaluate import evaluate
from minbits.networks.grammar import parse_layers
from minbits.search.device import device_name
from minbits.search.trial import run_trial
from minbits.training.engine import ObjectiveSettings
from minbits.training.torch_engine import TorchEngine, best_device
from minbits.types import DataSet, TrainingRecipe, TrialConfig
from minbits.workers.work import WorkerContext
from tests.training.reference import Problem, assert_agree

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

IMAGES = (
    "conv 6 k3 leaky_relu; maxpool 2; depthwise k3 p1; pointwise 9 relu; pointwise 9 relu; "
    "avgpool all; linear 10"
)
VECTORS = "linear 20 relu; linear 10"
RECIPE = TrainingRecipe(float_epochs=12, quantized_epochs=10, batch_size=64, augmentation=0.3)


@pytest.fixture
def exact_convolutions() -> Iterator[None]:
    """Without the rounding of TF32, whose 10 bits would hide a mistake."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = before


@pytest.mark.usefixtures("exact_convolutions")
@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize(("text", "shape"), [(IMAGES, (1, 28, 28)), (VECTORS, (13, 1, 1))])
def test_loss_and_gradient_are_those_of_the_cpu(
    text: str, shape: tuple[int, int, int], normalised: bool
) -> None:
    architecture = Architecture(shape, 0, parse_layers(text, shape[0]))
    settings = ObjectiveSettings(128, label_smoothing=0.1, soft_target_weight=0.3)
    distortions = (0.8, 0.6) if shape[1] > 1 else (0.0, 0.0)
    problem = Problem(architecture, normalised, settings, 3, *distortions)
    assert_agree(
        problem, 1e-3, (TorchEngine(torch.device("cpu")), TorchEngine(torch.device("cuda")))
    )


def test_the_first_cuda_device_is_taken_and_named() -> None:
    assert best_device().type == "cuda"
    assert device_name() == torch.cuda.get_device_name(0)


def test_a_trial_on_the_gpu_gives_a_file_that_numpy_runs_alike(tiny: DataSet) -> None:
    text = "conv 4 k3 p1 relu; maxpool 2; conv 4 k3 relu; avgpool all; linear 2"
    recipe = dataclasses.replace(RECIPE, quantized_epochs=20)
    result = run_trial(TrialConfig(text, recipe, 0, engine="torch"), tiny, 0, WorkerContext())
    assert result.status == "done", result.error
    assert result.network_file is not None
    found = evaluate(result.network_file, tiny).validation
    assert (found.correct, found.examples) == (
        result.validation_correct,
        result.validation_examples,
    )
    assert found.correct / found.examples > 0.9


def test_logits_are_those_of_the_cpu(exact_convolutions: None) -> None:
    problem = Problem(
        Architecture((1, 28, 28), 0, parse_layers(IMAGES, 1)), False, ObjectiveSettings(64)
    )
    one, other = (
        TorchEngine(torch.device(name)).logits(
            problem.architecture, problem.values, problem.data.inputs
        )
        for name in ("cpu", "cuda")
    )
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
