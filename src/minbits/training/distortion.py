"""Random distortions of images: affine maps and elastic fields."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float32]

# Ranges at strength 1; rotation in degrees, the others as fractions of the image.
ROTATION_DEGREES = 12.0
SCALE = 0.12
SHEAR = 0.12
SHIFT = 0.08
# Elastic fields have this many knots a side; between them displacements are bilinear.
KNOTS = 5
ELASTIC_PART = 0.04  # standard deviation of a knot at strength 1, as a fraction of the image


@dataclass(frozen=True)
class Distortions:
    """One distortion an example; arrays of size 0 where there is none.

    Attributes:
        maps: ``(examples, 2, 3)``, from output to input coordinates in [-1, 1].
        fields: ``(examples, 2, knot, knot)``, displacements across and down in pixels.
    """

    maps: Float
    fields: Float

    def part(self, start: int, end: int) -> Distortions:
        """Return the distortions of some of the examples."""
        return Distortions(
            self.maps[start:end] if self.maps.size else self.maps,
            self.fields[start:end] if self.fields.size else self.fields,
        )


NO_DISTORTIONS = Distortions(np.zeros((0, 2, 3), np.float32), np.zeros((0, 2, 0, 0), np.float32))


def random_maps(count: int, strength: float, generator: np.random.Generator) -> Float:
    """Return random affine maps, shape ``(count, 2, 3)``, from output to input in [-1, 1].

    Every parameter is uniform in ``[-range, range]`` times ``strength``.
    """
    draws = (generator.random((6, count), np.float32) * 2 - 1) * np.float32(strength)
    angle = draws[0] * np.float32(math.radians(ROTATION_DEGREES))
    cosine, sine = np.cos(angle), np.sin(angle)
    scale_x, scale_y = 1 + draws[1] * np.float32(SCALE), 1 + draws[2] * np.float32(SCALE)
    shear = draws[3] * np.float32(SHEAR)
    maps = np.empty((count, 2, 3), np.float32)
    maps[:, 0, 0], maps[:, 0, 1] = cosine * scale_x, (shear - sine) * scale_y
    maps[:, 1, 0], maps[:, 1, 1] = sine * scale_x, cosine * scale_y
    # Coordinates span [-1, 1], two units an image: hence the factor two on shifts.
    maps[:, :, 2] = draws[4:6].T * np.float32(2 * SHIFT)
    return maps


def random_fields(
    count: int, shape: tuple[int, int], strength: float, generator: np.random.Generator
) -> Float:
    """Return random fields of displacements in pixels, ``(count, 2, KNOTS, KNOTS)``.

    Knots are drawn from a normal distribution (elastic deformation, Simard et al. 2003, with a
    bilinear grid in place of the Gaussian filter).
    """
    drawn = generator.standard_normal((count, 2, KNOTS, KNOTS), np.float32)
    height, width = shape
    drawn[:, 0] *= np.float32(strength * ELASTIC_PART * width)
    drawn[:, 1] *= np.float32(strength * ELASTIC_PART * height)
    return drawn


def random_distortions(
    count: int, shape: tuple[int, int], affine: float, elastic: float,
    generator: np.random.Generator,
) -> Distortions:  # fmt: skip
    """Return a distortion for each of ``count`` images of ``shape``; strength 0 means none."""
    if affine == 0 and elastic == 0:
        return NO_DISTORTIONS
    maps = random_maps(count, affine, generator)
    fields = NO_DISTORTIONS.fields
    if elastic:
        fields = random_fields(count, shape, elastic, generator)
    return Distortions(maps, fields)
