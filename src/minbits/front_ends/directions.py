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
from minbits.front_ends.gradients import COUNT, direction_maps
from minbits.front_ends.moments import USUAL_SPREAD, Moments
from minbits.layers.base import FloatArray, Shape, architecture_error
from minbits.layers.cost import Work
from minbits.layers.fields import FieldCoder
from minbits.layers.text import LayerText

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
            seen = self._room(images, len(images[part]))
            self.normalised.write_images(images[part], seen)
            write_directions(seen, out[part])

    def write_through_maps(
        self, images: FloatArray, indices: npt.NDArray[np.int64], maps: FloatArray, out: FloatArray
    ) -> bool:
        """Write what is seen through maps: an image is read once, as `Moments` does."""
        # See `write_images`.
        from minbits.front_ends.compiled import write_directions

        for start in range(0, len(indices), _CHUNK):
            part = slice(start, start + _CHUNK)
            seen = self._room(images, len(indices[part]))
            self.normalised.write_through_maps(images, indices[part], maps[part], seen)
            write_directions(seen, out[part])
        return True

    def _room(self, images: FloatArray, count: int) -> FloatArray:
        _, channels, height, width = images.shape
        shape = self.normalised.output_shape((channels, height, width))
        return np.empty((count, *shape), np.float32)
