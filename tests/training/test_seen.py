"""What the first layer sees in training: distorted first, then through the front end."""

from __future__ import annotations

import numpy as np
import pytest

from minbits.codec.architecture import Architecture
from minbits.codec.inference import predict_logits
from minbits.front_ends.base import off_grid, seen_images
from minbits.front_ends.directions import Directions
from minbits.front_ends.gradients import direction_maps
from minbits.front_ends.moments import Moments
from minbits.networks.grammar import parse_architecture
from minbits.networks.parameters import parameter_layout
from minbits.training.context import TrainingContext
from minbits.training.distortion import NO_DISTORTIONS, random_distortions, random_maps
from minbits.training.engine import ObjectiveSettings
from minbits.training.float_phase import train_float
from minbits.training.lanes.engine import LanesEngine
from minbits.training.lanes.sampling import sample_images
from minbits.training.loop import Draw, TrainingData, training_data
from minbits.training.many import train_many
from minbits.training.seen import seen_batch
from minbits.training.torch_engine import TorchEngine
from minbits.types import DataSet, TrainingRecipe
from tests.front_ends import reference
from tests.front_ends.test_front_ends import blobs
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


@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 9, 13), (1, 30, 16)])
@pytest.mark.parametrize("front", [Moments(6), Moments(14, 9)], ids=str)
def test_normalised_images_are_read_once_through_affine_maps(
    front: Moments, shape: tuple[int, int, int]
) -> None:
    images = blobs(4, shape)
    images[3] = 0
    indices = np.array([2, 0, 3, 1, 0])
    maps = random_maps(5, 1.5, np.random.default_rng(3))
    found = seen_batch(front, images, indices, maps, NO_DISTORTIONS.fields)
    for place, (index, theta) in enumerate(zip(indices, maps, strict=True)):
        wanted = reference.seen_moments(
            reference.grid(images[index]), front.side, front.spread, theta
        )
        # Places are rounded to 2^-8 of a pixel, on either side of an edge perhaps.
        assert np.allclose(found[place], wanted, atol=0.01)
        (alone,) = seen_batch(front, images, np.array([index]), theta[None], NO_DISTORTIONS.fields)
        assert np.array_equal(alone, found[place])
    assert not np.array_equal(found[1], found[4])


def test_directions_are_those_of_what_is_seen_through_maps() -> None:
    images = blobs(4, (2, 9, 13))
    indices = np.array([2, 0, 3, 1, 0])
    maps = random_maps(5, 1.5, np.random.default_rng(3))
    found = seen_batch(Directions(6, 9), images, indices, maps, NO_DISTORTIONS.fields)
    seen = seen_batch(Moments(12, 9), images, indices, maps, NO_DISTORTIONS.fields)
    pixels = (seen.astype(np.float64) * 2**20).astype(np.int64)
    assert np.array_equal(found, off_grid(direction_maps(pixels)))


def test_a_map_that_moves_nothing_gives_the_images_as_they_are() -> None:
    images = blobs(6, (1, 12, 17))
    maps = np.tile(np.eye(2, 3, dtype=np.float32), (6, 1, 1))
    found = seen_batch(Moments(9), images, np.arange(6), maps, NO_DISTORTIONS.fields)
    assert np.allclose(found, seen_images(Moments(9), images)[0], atol=0.005)


def test_shift_slant_and_size_of_a_map_are_taken_out_again() -> None:
    images = blobs(5, (1, 28, 28))
    maps = np.tile(np.eye(2, 3, dtype=np.float32), (5, 1, 1))
    maps[:, 0] += np.float32([0.0, 0.2, 0.3])
    maps[:, 1] += np.float32([0.0, 0.0, -0.2])
    found = seen_batch(Moments(14), images, np.arange(5), maps, NO_DISTORTIONS.fields)
    assert np.allclose(found, seen_images(Moments(14), images)[0], atol=0.02)


@pytest.mark.parametrize(("strength", "elastic"), [(0.0, 0.0), (0.7, 0.0), (0.7, 0.7)])
def test_both_engines_see_the_same(tiny: DataSet, strength: float, elastic: float) -> None:
    data, layout = examples(tiny), parameter_layout(network(tiny), normalised=True)
    values = layout.initial(3)
    indices = np.arange(100, 164)[::-1].copy()
    drawn = random_distortions(64, (8, 8), strength, elastic, np.random.default_rng(2))
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
