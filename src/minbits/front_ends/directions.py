"""Maps of the directions in which a normalised image grows lighter or darker: eight a channel.

A classical feature of written characters (Liu et al. 2003): the gradient at each pixel is taken
apart into the two of eight directions that are next to its own, and each direction has a map of its
own, of half as many pixels down and across.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from minbits.front_ends.base import FrontEnd, Integers, Shift
from minbits.front_ends.moments import USUAL_SPREAD, Moments
from minbits.layers.base import FloatArray, Shape, architecture_error
from minbits.layers.cost import Work
from minbits.layers.fields import FieldCoder
from minbits.layers.text import LayerText

COUNT = 8
# The root of two, over 2^10: how long an oblique step is.
ROOT_BITS = 10
ROOT = 1448
# A map's pixel is a mean of 2 x 2 pixels, and a gradient half of a difference.
POOL_BITS = 3
_USUAL_SIDE = 14
_CHUNK = 1024  # images whose normalised pixels are kept at once


@dataclass(frozen=True)
class Directions(FrontEnd):
    """Eight maps of ``side`` by ``side`` pixels, of an image normalised to twice that side."""

    key = "directions"
    usage = "directions N"

    largest_side: ClassVar[int] = Moments.largest_side // 2

    side: int
    spread: int = USUAL_SPREAD

    @property
    def normalised(self) -> Moments:
        """The front end whose result the maps are taken of."""
        return Moments(2 * self.side, self.spread)

    @classmethod
    def parse(cls, text: LayerText) -> Self:
        """Return the front end of a text such as ``directions 14`` or ``directions 14 s11``."""
        found = Moments.parse(text)
        return cls(found.side, found.spread)

    def text(self) -> str:
        """Return the text of the front end."""
        return Moments(self.side, self.spread).text().replace(Moments.key, self.key)

    @classmethod
    def code(cls, fields: FieldCoder, given: Self | None) -> Self:
        """Write the fields, or read them."""
        known = given or cls(_USUAL_SIDE)
        side = fields.signed(("directions", "side"), known.side - _USUAL_SIDE, order=2)
        spread = fields.signed(("directions", "spread"), known.spread - USUAL_SPREAD)
        return cls(_USUAL_SIDE + side, USUAL_SPREAD + spread)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the result: eight times as many channels."""
        if not 1 <= self.side <= self.largest_side:
            raise architecture_error(
                "front end", self.text(), f"a side of 1 to {self.largest_side}"
            )
        channels = self.normalised.output_shape(shape)[0]
        return (COUNT * channels, self.side, self.side)

    def pixels(self, images: Integers, shifts: Sequence[Shift]) -> list[Integers]:
        """Return the maps; half a pixel of theirs is a whole one of the normalised image."""
        doubled = [(2 * down, 2 * across) for down, across in shifts]
        return [direction_maps(found) for found in self.normalised.pixels(images, doubled)]

    def work(self, shape: Shape) -> Work:
        """Return what one example costs with NumPy."""
        cost = self.normalised.work(shape)
        places = shape[0] * (2 * self.side) ** 2
        return Work(cost.products, cost.passed + 200 * places + 3000)

    def workspace(self, shape: Shape) -> int:
        """Return the values of four bytes an example that are made on the way."""
        places = shape[0] * (2 * self.side) ** 2
        # Eight maps and their sums, gradients and what they are split into, of eight bytes each.
        return self.normalised.workspace(shape) + 70 * places

    def write_images(self, images: FloatArray, out: FloatArray) -> None:
        """Write what the first layer sees, by compiled loops."""
        # The decoder does without.
        from minbits.front_ends.compiled import write_directions

        for start in range(0, len(images), _CHUNK):
            part = slice(start, start + _CHUNK)
            seen = self._room(images[part])
            self.normalised.write_images(images[part], seen)
            write_directions(seen, out[part])

    def write_through_maps(
        self, images: FloatArray, indices: npt.NDArray[np.int64], maps: FloatArray, out: FloatArray
    ) -> bool:
        """Write what is seen through maps: the normalised image is read once, as that of moments."""
        # See `write_images`.
        from minbits.front_ends.compiled import write_directions

        for start in range(0, len(indices), _CHUNK):
            part = slice(start, start + _CHUNK)
            seen = self._room(images[:1], len(indices[part]))
            self.normalised.write_through_maps(images, indices[part], maps[part], seen)
            write_directions(seen, out[part])
        return True

    def _room(self, images: FloatArray, count: int | None = None) -> FloatArray:
        _, channels, height, width = images.shape
        shape = self.normalised.output_shape((channels, height, width))
        return np.empty((len(images) if count is None else count, *shape), np.float32)


def direction_maps(pixels: Integers) -> Integers:
    """Return eight maps of each channel, of half as many rows and columns.

    Args:
        pixels: ``(examples, channels, rows, columns)``; rows and columns are even.

    Returns:
        ``(examples, 8 channels, rows / 2, columns / 2)``: right, right and down, down, and so on.
    """
    examples, channels, rows, columns = pixels.shape
    bordered = np.pad(pixels, ((0, 0), (0, 0), (1, 1), (1, 1)))
    down = bordered[:, :, 2:, 1:-1] - bordered[:, :, :-2, 1:-1]
    right = bordered[:, :, 1:-1, 2:] - bordered[:, :, 1:-1, :-2]
    high, wide = np.abs(down), np.abs(right)
    straight = np.abs(wide - high)
    oblique = (ROOT * np.minimum(wide, high) + (1 << (ROOT_BITS - 1))) >> ROOT_BITS
    is_wide = wide >= high
    sums = np.empty((examples, channels, COUNT, rows // 2, columns // 2), np.int64)
    parts = (
        (straight, is_wide & (right > 0)),
        (oblique, (right > 0) & (down > 0)),
        (straight, ~is_wide & (down > 0)),
        (oblique, (right < 0) & (down > 0)),
        (straight, is_wide & (right < 0)),
        (oblique, (right < 0) & (down < 0)),
        (straight, ~is_wide & (down < 0)),
        (oblique, (right > 0) & (down < 0)),
    )
    for number, (part, where) in enumerate(parts):
        cells = (part * where).reshape(examples, channels, rows // 2, 2, columns // 2, 2)
        sums[:, :, number] = cells.sum((3, 5))
    maps: Integers = (sums + (1 << (POOL_BITS - 1))) >> POOL_BITS
    return maps.reshape(examples, channels * COUNT, rows // 2, columns // 2)
