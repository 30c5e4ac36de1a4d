"""Random distortions, and the compiled sampling beside PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from minbits.training.distortion import (
    KNOTS,
    NO_DISTORTIONS,
    Distortions,
    random_distortions,
    random_fields,
    random_maps,
)
from minbits.training.lanes.sampling import sample_images
from minbits.training.torch_engine import distorted


def sampled(images: np.ndarray, distortions: Distortions) -> np.ndarray:
    out = np.full_like(images, np.nan)
    sample_images(images, np.arange(len(images)), distortions.maps, distortions.fields, out)
    return out


def random_images(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).random(shape, np.float32)


@pytest.mark.parametrize("shape", [(9, 1, 28, 28), (5, 3, 8, 11), (4, 2, 9, 5)])
@pytest.mark.parametrize("strength", [0.3, 1.0, 6.0])
@pytest.mark.parametrize("elastic", [0.0, 0.7, 4.0])
def test_sampling_equals_that_of_pytorch(
    shape: tuple[int, ...], strength: float, elastic: float
) -> None:
    images, generator = random_images(*shape), np.random.default_rng(2)
    distortions = random_distortions(shape[0], shape[2:], strength, elastic, generator)  # type: ignore[arg-type]
    expected = distorted(torch.from_numpy(images), distortions).numpy()
    found = sampled(images, distortions)
    # Where a place falls on a pixel's edge, rounding decides which neighbours are read; the values
    # that are read differ by no more than the rounding of the place times their contrast.
    assert np.abs(found - expected).max() < 2e-4


def test_images_are_picked_by_index_and_several_times() -> None:
    images, indices = random_images(6, 2, 9, 9), np.array([4, 0, 4])
    out = np.zeros((3, 2, 9, 9), np.float32)
    sample_images(images, indices, NO_DISTORTIONS.maps, NO_DISTORTIONS.fields, out)
    assert np.array_equal(out, images[indices])


def test_strength_zero_is_no_distortion() -> None:
    generator = np.random.default_rng(0)
    assert random_distortions(5, (8, 8), 0.0, 0.0, generator) is NO_DISTORTIONS
    assert NO_DISTORTIONS.part(1, 3).maps.size == 0
    still = Distortions(random_maps(3, 0.0, generator), NO_DISTORTIONS.fields)
    images = random_images(3, 1, 8, 8)
    assert np.allclose(sampled(images, still), images, atol=1e-5)


def test_distortion_moves_mass_but_hardly_makes_or_loses_any() -> None:
    images = np.zeros((200, 1, 28, 28), np.float32)
    images[:, :, 10:18, 10:18] = 1
    distortions = random_distortions(200, (28, 28), 1.0, 0.5, np.random.default_rng(0))
    moved = sampled(images, distortions)
    assert not np.array_equal(moved, images)
    assert 0 <= moved.min() <= moved.max() <= 1 + 1e-6
    assert moved.sum() / images.sum() == pytest.approx(1, abs=0.1)
    centre = (moved.sum((0, 1, 2)) * np.arange(28)).sum() / moved.sum()
    assert centre == pytest.approx(13.5, abs=0.4)


def test_distortions_follow_their_generator_alone() -> None:
    one, two = (random_distortions(7, (9, 9), 1, 1, np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(one.maps, two.maps)
    assert np.array_equal(one.fields, two.fields)
    part = one.part(2, 5)
    assert np.array_equal(part.maps, one.maps[2:5])
    assert np.array_equal(part.fields, one.fields[2:5])


def test_maps_stay_within_their_ranges() -> None:
    maps = random_maps(5000, 1.0, np.random.default_rng(0))
    assert np.abs(maps[:, :, 2]).max() <= 0.16 + 1e-6  # 8 % of an image that spans 2
    determinant = maps[:, 0, 0] * maps[:, 1, 1] - maps[:, 0, 1] * maps[:, 1, 0]
    assert 0.7 < determinant.min() < determinant.max() < 1.3


def test_fields_have_the_stated_deviation_in_pixels() -> None:
    fields = random_fields(4000, (20, 50), 0.5, np.random.default_rng(0))
    assert fields.shape == (4000, 2, KNOTS, KNOTS)
    assert fields[:, 0].std() == pytest.approx(0.5 * 0.04 * 50, rel=0.02)
    assert fields[:, 1].std() == pytest.approx(0.5 * 0.04 * 20, rel=0.02)
