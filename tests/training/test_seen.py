"""What the first layer sees in training: distorted first, then through the front end."""

from __future__ import annotations

import numpy as np
import pytest

from minbits.codec.architecture import Architecture
from minbits.codec.inference import predict_logits
from minbits.front_ends.base import seen_images
from minbits.front_ends.moments import Moments
from minbits.networks.grammar import parse_architecture
from minbits.networks.parameters import parameter_layout
from minbits.training.context import TrainingContext
from minbits.training.distortion import NO_DISTORTIONS, random_distortions
from minbits.training.engine import ObjectiveSettings
from minbits.training.float_phase import train_float
from minbits.training.lanes.engine import LanesEngine
from minbits.training.lanes.sampling import sample_images
from minbits.training.loop import Draw, TrainingData, training_data
from minbits.training.many import train_many
from minbits.training.seen import seen_batch
from minbits.training.torch_engine import TorchEngine
from minbits.types import DataSet, TrainingRecipe
from tests.strategies import random_network

TEXT = "moments 6; conv 4 k3 p1 leaky_relu; depthwise k3; pointwise 3 leaky_relu; linear 2"


def network(data: DataSet, text: str = TEXT) -> Architecture:
    return parse_architecture(text, data.input_shape, data.input_exponent)


def examples(data: DataSet) -> TrainingData:
    return training_data(data, np.arange(len(data.train_labels)))


def test_images_are_distorted_before_the_front_end(tiny: DataSet) -> None:
    data, indices = examples(tiny), np.array([5, 0, 5])
    drawn = random_distortions(3, (8, 8), 0.8, 0.5, np.random.default_rng(1))
    distorted = np.empty((3, 1, 8, 8), np.float32)
    sample_images(data.inputs, indices, drawn.maps, drawn.fields, distorted)
    found = seen_batch(Moments(6), data.inputs, indices, drawn.maps, drawn.fields)
    assert np.array_equal(found, seen_images(Moments(6), distorted)[0])
    assert not np.array_equal(found[0], found[2])


@pytest.mark.parametrize("strength", [0.0, 0.7])
def test_both_engines_see_the_same(tiny: DataSet, strength: float) -> None:
    data, layout = examples(tiny), parameter_layout(network(tiny), normalised=True)
    values = layout.initial(3)
    indices = np.arange(100, 164)[::-1].copy()
    drawn = random_distortions(64, (8, 8), strength, strength, np.random.default_rng(2))
    draw = Draw(indices, drawn if strength else NO_DISTORTIONS)
    found = []
    for engine in (LanesEngine(), TorchEngine()):
        gradient = np.zeros_like(values)
        objective = engine.objective(layout, data, ObjectiveSettings(64))
        loss = objective.loss_and_gradient(values, draw, gradient)
        found.append((loss, gradient, objective.means.copy()))
    (loss, gradient, means), (other, expected, wanted) = found
    assert loss == pytest.approx(other, rel=1e-4)
    assert np.allclose(gradient, expected, atol=1e-3 * np.abs(expected).max())
    assert np.allclose(means, wanted, atol=1e-4)


def test_engines_and_decoder_give_the_same_logits(tiny: DataSet) -> None:
    quantized = random_network(network(tiny), 4, step_index=-12)
    tensors = [
        (layer.weights.values(), None if layer.bias is None else layer.bias.values())
        for layer in quantized.layers
    ]
    values = np.concatenate([part.ravel() for pair in tensors for part in pair if part is not None])
    inputs = examples(tiny).inputs
    expected = predict_logits(quantized, tiny.train_inputs)
    for engine in (LanesEngine(), TorchEngine()):
        found = engine.logits(quantized.architecture, values, inputs)
        assert np.allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_many_seeds_at_once_give_what_each_gives_alone(tiny: DataSet) -> None:
    recipe = TrainingRecipe(2, 1, batch_size=64, augmentation=0.4, elastic=0.3)
    data, architecture, seeds = examples(tiny), network(tiny), [3, 0]
    values = train_many(architecture, recipe, seeds, data, lambda *_: None, lambda: False)
    for row, seed in zip(values, seeds, strict=True):
        context = TrainingContext(recipe, seed, data, data, LanesEngine())
        assert np.array_equal(row, train_float(architecture, context))
