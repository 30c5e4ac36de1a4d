from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from minbits.training.augmentation import random_affine, random_maps
from minbits.training.lanes.affine import affine_images
from torch.nn import functional

from minbits.codec.architecture import Architecture
from minbits.networks.grammar import parse_layers
from minbits.records import DataSet, TrainingRecipe
from minbits.training.engine import Engine, LanesEngine, TorchEngine
from minbits.training.float_phase import train_float
from minbits.training.loop import (
    LoopSettings,
    StoppedError,
    TrainingData,
    accuracy,
    best_device,
    run_epochs,
    training_data,
)
from minbits.training.schedule import cosine, one_cycle

TEXT = "conv 4 k3 p1 relu; maxpool 2; conv 4 k3 relu; avgpool all; linear 2"
RECIPE = TrainingRecipe(float_epochs=12, quantized_epochs=1, batch_size=64, augmentation=0.3)
ENGINES: list[Engine] = [TorchEngine(), LanesEngine()]
CPU_ONLY = pytest.mark.skipif(torch.cuda.is_available(), reason="lanes run on the CPU")


def examples(data: DataSet) -> TrainingData:
    return training_data(data, np.arange(len(data.train_labels)), best_device())


def train(data: DataSet, seed: int, engine: Engine) -> torch.Tensor:
    architecture = Architecture(data.input_shape, data.input_exponent, parse_layers(TEXT, 1))
    found = train_float(
        architecture,
        RECIPE,
        seed,
        examples(data),
        examples(data),
        lambda epoch, accuracy: None,
        lambda: False,
        engine,
    )
    return torch.cat([weights.detach().cpu().ravel() for weights in found.weights])


def test_augmentation_of_strength_zero_changes_nothing() -> None:
    images = torch.rand(3, 1, 8, 8)
    assert torch.equal(random_affine(images, 0, torch.Generator()), images)


def test_augmentation_moves_mass_but_hardly_makes_or_loses_any() -> None:
    images = torch.zeros(200, 1, 28, 28)
    images[:, :, 10:18, 10:18] = 1
    moved = random_affine(images, 1.0, torch.Generator().manual_seed(0))
    assert not torch.equal(moved, images)
    assert 0 <= float(moved.min()) <= float(moved.max()) <= 1 + 1e-6
    assert float(moved.sum() / images.sum()) == pytest.approx(1, abs=0.1)
    centre = (moved.sum((0, 1, 2)) * torch.arange(28)).sum() / moved.sum()
    assert float(centre) == pytest.approx(13.5, abs=0.4)


@pytest.mark.parametrize("shape", [(9, 1, 28, 28), (5, 3, 8, 11), (4, 2, 9, 5)])
@pytest.mark.parametrize("strength", [0.3, 1.0, 6.0])
def test_sampling_equals_that_of_pytorch(shape: tuple[int, ...], strength: float) -> None:
    images = torch.rand(shape, generator=torch.Generator().manual_seed(1))
    maps = random_maps(shape[0], strength, torch.Generator().manual_seed(2))
    grid = functional.affine_grid(maps, list(shape), align_corners=False)
    expected = functional.grid_sample(images, grid, align_corners=False)
    found = affine_images(images.numpy(), maps.numpy())
    assert np.abs(found - expected.numpy()).max() < 1e-4


def test_augmentation_follows_its_generator_alone() -> None:
    images = torch.rand(5, 1, 9, 9)
    one, two = (random_affine(images, 1, torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(one, two)


def test_schedules() -> None:
    rate = one_cycle(2.0)
    assert rate(0.05) == pytest.approx(1.0)
    assert rate(0.1) == pytest.approx(2.0)
    assert rate(1.0) == pytest.approx(0.0)
    assert cosine(3.0)(0.0) == 3.0
    assert cosine(3.0)(0.5) == pytest.approx(1.5)


@CPU_ONLY
@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_training_learns_and_repeats_itself(tiny: DataSet, engine: Engine) -> None:
    architecture = Architecture(tiny.input_shape, tiny.input_exponent, parse_layers(TEXT, 1))
    reports: list[float] = []
    data = examples(tiny)
    network = train_float(
        architecture, RECIPE, 0, data, data, lambda e, a: reports.append(a), lambda: False, engine
    )
    assert len(reports) == RECIPE.float_epochs
    assert accuracy(network, data) == reports[-1] > 0.95
    first = torch.cat([weights.detach().ravel() for weights in network.weights])
    assert torch.equal(first.cpu(), train(tiny, 0, engine))
    assert not torch.equal(first.cpu(), train(tiny, 1, engine))


def test_inputs_are_scaled_as_the_decoder_scales_them(tiny: DataSet) -> None:
    scaled = examples(tiny).inputs
    assert torch.equal(scaled.cpu() * 256, torch.from_numpy(tiny.train_inputs).float())


def test_training_stops_when_asked(tiny: DataSet) -> None:
    data = examples(tiny)
    weight = torch.nn.Parameter(torch.zeros(1, device=data.inputs.device))
    optimizer = torch.optim.SGD([weight], 0.1)
    settings = LoopSettings(5, 100, cosine(0.1), 0.0)
    with pytest.raises(StoppedError):
        run_epochs(
            data,
            settings,
            optimizer,
            lambda images, labels: (weight * images.mean()).sum(),
            torch.Generator(),
            lambda epoch: None,
            lambda: True,
        )


def test_divergence_is_an_error(tiny: DataSet) -> None:
    data = examples(tiny)
    weight = torch.nn.Parameter(torch.ones(1, device=data.inputs.device))
    optimizer = torch.optim.SGD([weight], 0.1)
    with pytest.raises(FloatingPointError, match="after epoch 1"):
        run_epochs(
            data,
            LoopSettings(5, 100, cosine(0.1), 0.0),
            optimizer,
            lambda images, labels: (weight * math.inf).sum(),
            torch.Generator(),
            lambda epoch: None,
            lambda: False,
        )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_training_runs_on_the_gpu(tiny: DataSet) -> None:
    assert best_device().type == "cuda"
    assert train(tiny, 0, TorchEngine()).isfinite().all()
