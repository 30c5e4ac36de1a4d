"""Front ends against a slow reference, in batches of any size, and on odd images."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from minbits.codec.architecture import VIEW_SHIFTS
from minbits.errors import NetworkError
from minbits.front_ends import moments
from minbits.front_ends.area import Area
from minbits.front_ends.base import FrontEnd, seen_images
from minbits.front_ends.directions import Directions
from minbits.front_ends.gradients import direction_maps
from minbits.front_ends.moments import Moments
from minbits.front_ends.registry import FRONT_ENDS
from tests.front_ends import reference

Images = npt.NDArray[np.float32]


def blobs(count: int, shape: tuple[int, int, int]) -> Images:
    """Return slanted smears of ink, each at its own place, as bytes scaled to [0, 1)."""
    generator = np.random.default_rng(5)
    _, height, width = shape
    y, x = np.mgrid[:height, :width]
    place = generator.uniform(0.3, 0.7, (count, 2, 1, 1)) * np.array([height, width])[:, None, None]
    slant = generator.uniform(-1, 1, (count, 1, 1))
    dy = y - place[:, 0]
    dx = x - place[:, 1] - slant * dy
    ink = np.exp(-((3 * dy / height) ** 2) - (8 * dx / width) ** 2)
    images = ink[:, None] * generator.uniform(-0.2, 1, (count, shape[0], 1, 1))
    return (np.round(255 * images) / 256).astype(np.float32)


def odd_images() -> list[Images]:
    """Return images that no one draws."""
    generator = np.random.default_rng(9)
    some = generator.standard_normal((2, 2, 5, 9)).astype(np.float32)
    one_pixel = np.zeros((1, 1, 6, 4), np.float32)
    one_pixel[0, 0, 5, 0] = 1
    return [
        np.zeros((2, 1, 7, 7), np.float32),
        np.ones((1, 3, 6, 8), np.float32),
        np.full((1, 1, 1, 1), 0.7, np.float32),
        one_pixel,
        some,
        np.array([np.inf, -np.inf, np.nan, 1e30, -9, 1e-40], np.float32).reshape(1, 1, 2, 3),
        np.eye(12, dtype=np.float32)[None, None],
        np.ones((1, 1, 1, 40), np.float32),
    ]


FRONTS = [Moments(14), Moments(3, 9), Moments(9, 20), Area(1), Area(2), Area(5)]
FRONTS += [Directions(7), Directions(1, 9), Directions(5, 20)]
SHAPES = [(1, 28, 28), (1, 8, 8), (3, 12, 20), (2, 33, 7)]


def expected(front: FrontEnd, images: Images, shift: tuple[int, int] = (0, 0)) -> Images:
    if isinstance(front, Moments):
        made = [reference.moments(reference.grid(x), front.side, front.spread, shift)
                for x in images]  # fmt: skip
    elif isinstance(front, Directions):
        made = [reference.directions(reference.grid(x), front.side, front.spread, shift)
                for x in images]  # fmt: skip
    else:
        assert isinstance(front, Area)
        made = [reference.area(reference.grid(x), front.side, shift) for x in images]
    return np.stack(made)


def compiled(front: FrontEnd, images: Images) -> Images:
    out = np.full((len(images), *front.output_shape(images.shape[1:])), 7, np.float32)  # type: ignore[arg-type]
    front.write_images(images, out)
    return out


def fits(front: FrontEnd, shape: tuple[int, ...]) -> bool:
    return not isinstance(front, Area) or front.side <= min(shape[-2:])


@pytest.mark.parametrize("front", FRONTS, ids=str)
def test_all_ways_agree_to_the_last_bit(front: FrontEnd) -> None:
    sets = [blobs(3, shape) for shape in SHAPES] + odd_images()
    for images in [images for images in sets if fits(front, images.shape)]:
        wanted = expected(front, images)
        (found,) = seen_images(front, images)
        assert np.array_equal(found, wanted)
        assert np.array_equal(compiled(front, images), wanted)
        assert found.shape[1:] == front.output_shape(images.shape[1:])  # type: ignore[arg-type]
        assert np.isfinite(found).all()


@pytest.mark.parametrize("front", FRONTS, ids=str)
def test_views_are_those_of_the_reference(front: FrontEnd) -> None:
    images = blobs(2, (1, 12, 9))
    views = seen_images(front, images, VIEW_SHIFTS)
    for shift, found in zip(VIEW_SHIFTS, views, strict=True):
        assert np.array_equal(found, expected(front, images, shift)), shift


@pytest.mark.parametrize("front", FRONTS, ids=str)
def test_an_image_alone_is_as_in_a_batch(front: FrontEnd) -> None:
    images = blobs(33, (1, 28, 28))
    (whole,) = seen_images(front, images)
    alone = np.concatenate([seen_images(front, image[None])[0] for image in images])
    assert np.array_equal(whole, alone)
    assert np.array_equal(whole, compiled(front, images))


@pytest.mark.parametrize("together", [1, 300, 1 << 20])
def test_channels_read_together_are_as_alone(
    together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moments, "_READ_VALUES", together)
    images = blobs(2, (7, 9, 12))
    assert np.array_equal(seen_images(Moments(5), images)[0], expected(Moments(5), images))


def test_what_moments_normalise_no_longer_matters() -> None:
    generator = np.random.default_rng(2)
    y, x = np.mgrid[:64, :64]
    ink = np.exp(-(((y - 31.5) / 9) ** 2) - ((x - 31.5) / 5) ** 2) * (1 + np.sin(y / 4))
    base = ink[None, None].astype(np.float32) / 2
    rolled = np.roll(base, (5, -7), (2, 3))
    slanted = np.stack([np.roll(base[0, 0, r], round((r - 31.5) / 4)) for r in range(64)])
    found = seen_images(Moments(16), np.concatenate([base, rolled, slanted[None, None]]))[0]
    assert np.abs(found[1] - found[0]).max() < 1e-3
    assert np.abs(found[2] - found[0]).max() < 0.1
    noise = generator.random((1, 1, 64, 64)).astype(np.float32)
    assert np.abs(seen_images(Moments(16), noise)[0] - found[0]).max() > 0.1


def test_moments_bring_a_density_to_the_middle_and_to_its_height() -> None:
    images = np.abs(blobs(20, (1, 40, 40)))
    (found,) = seen_images(Moments(28), images)
    places = np.arange(28) - 13.5
    rows = found[:, 0].sum(2).astype(np.float64)
    rows /= rows.sum(1, keepdims=True)
    means = rows @ places
    assert np.abs(means).max() < 0.2
    deviations = np.sqrt(rows @ places**2 - means**2)
    assert np.abs(deviations - 28 * 12 / 64).max() < 0.5


def test_directions_tell_where_an_image_grows_lighter() -> None:
    y, x = np.mgrid[:40, :40].astype(np.float32)
    ramps = {0: x, 1: x + y, 2: y, 3: y - x, 4: -x, 5: -x - y, 6: -y, 7: x - y}
    for number, ramp in ramps.items():
        image = (ramp - ramp.min() + 20) / 128
        (found,) = seen_images(Directions(8, 32), image[None, None])
        # Inside the border, where there is no edge to nothing.
        inside = found[0, :, 3:5, 3:5].mean((1, 2))
        assert inside.argmax() == number
        assert inside[number] > 0.8 * inside.sum()


def test_directions_are_as_long_as_the_gradient() -> None:
    generator = np.random.default_rng(4)
    pixels = generator.integers(-(1 << 21), 1 << 21, (50, 1, 4, 4))
    maps = direction_maps(pixels).astype(float)
    steps = np.array([[1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0], [-1, -1], [0, -1], [1, -1]])
    steps = steps / np.hypot(*steps.T)[:, None]
    found = np.einsum("ndij,dk->nkij", maps, steps)
    bordered = np.pad(pixels[:, 0], ((0, 0), (1, 1), (1, 1)))
    right = bordered[:, 1:-1, 2:] - bordered[:, 1:-1, :-2]
    down = bordered[:, 2:, 1:-1] - bordered[:, :-2, 1:-1]
    for axis, wanted in enumerate((right, down)):
        means = wanted.reshape(50, 2, 2, 2, 2).mean((2, 4)) / 2
        assert np.allclose(found[:, axis], means, rtol=1e-3, atol=2000)


def test_areas_keep_the_mean_and_bytes_that_are_alike() -> None:
    images = blobs(4, (2, 12, 12))
    (found,) = seen_images(Area(4), images)
    assert np.allclose(found.mean((2, 3)), images.mean((2, 3)), atol=1e-6)
    (same,) = seen_images(Area(12), images)
    assert np.array_equal(same, images)


@pytest.mark.parametrize(
    "front",
    [
        Moments(0),
        Moments(65),
        Moments(14, 0),
        Moments(14, 33),
        Area(0),
        Area(9),
        Directions(0),
        Directions(33),
    ],
    ids=str,
)
def test_numbers_out_of_range_are_refused(front: FrontEnd) -> None:
    with pytest.raises(NetworkError, match="front end"):
        front.output_shape((1, 8, 12))


def test_the_registry_knows_all() -> None:
    named: dict[str, Any] = dict(FRONT_ENDS)
    assert {"moments": Moments, "area": Area, "directions": Directions}.items() <= named.items()
