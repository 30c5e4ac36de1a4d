"""Images of fewer pixels: each new pixel is the mean of the area that it covers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from minbits.front_ends.base import INPUT_BITS, OUTPUT_BITS, FrontEnd, Integers, Shift
from minbits.layers.base import FloatArray, Shape, architecture_error
from minbits.layers.cost import Work
from minbits.layers.fields import FieldCoder
from minbits.layers.text import LayerText

USUAL_SIDE = 14
_MAX_SIDE = 256
_GAIN = 1 << (OUTPUT_BITS - INPUT_BITS)


@dataclass(frozen=True)
class Area(FrontEnd):
    """The shorter side of an image becomes ``side`` pixels long, the other one in proportion."""

    key = "area"
    usage = "area N"

    side: int

    @classmethod
    def parse(cls, text: LayerText) -> Self:
        """Return the front end of a text."""
        if len(text.words) > 1:
            raise text.error(f"'{text.words[1]}'")
        return cls(text.number())

    def text(self) -> str:
        """Return the text of the front end."""
        return f"area {self.side}"

    @classmethod
    def code(cls, fields: FieldCoder, given: Self | None) -> Self:
        """Write the fields, or read them."""
        side = (given or cls(USUAL_SIDE)).side
        return cls(USUAL_SIDE + fields.signed(("area", "side"), side - USUAL_SIDE, order=2))

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the result: the longer side is rounded, halves up."""
        channels, height, width = shape
        shorter = min(height, width)
        if not 1 <= self.side <= shorter:
            raise architecture_error("front end", self.text(), f"a side of 1 to {shorter}")
        sides = [(2 * side * self.side + shorter) // (2 * shorter) for side in (height, width)]
        if max(sides) > _MAX_SIDE:
            raise architecture_error(
                "front end", f"{sides[0]}x{sides[1]} pixels", f"at most {_MAX_SIDE} a side"
            )
        return (channels, sides[0], sides[1])

    def pixels(self, images: Integers, shifts: Sequence[Shift]) -> list[Integers]:
        """Return means, rounded, halves up; an image is moved before they are taken."""
        channels, height, width = images.shape[1:]
        _, rows, columns = self.output_shape((channels, height, width))
        total, found = height * width, []
        # Sums of integers far below 2^53: products of matrices of doubles, which are fast, are
        # exact in any order.
        values = images.astype(np.float64)
        for shift in shifts:
            down = area_weights(height, rows, shift[0]).astype(np.float64)
            across = area_weights(width, columns, shift[1]).astype(np.float64)
            sums = (down @ values @ across.T).astype(np.int64)
            found.append((2 * _GAIN * sums + total) // (2 * total))
        return found

    def work(self, shape: Shape) -> Work:
        """Return what one example costs with NumPy."""
        channels, height, width = shape
        rows, columns = self.output_shape(shape)[1:]
        products = channels * rows * width * (height + columns)
        # Doubles, and matrices that may be small.
        return Work(products=3 * products, passed=(16 * height * width + 300) * channels)

    def workspace(self, shape: Shape) -> int:
        """Return the values an example that are made on the way."""
        # Views are kept as integers of eight bytes.
        return 8 * math.prod(shape) + 16 * math.prod(self.output_shape(shape))

    def write_images(self, images: FloatArray, out: FloatArray) -> None:
        """Write what the first layer sees, by compiled loops."""
        # The decoder does without.
        from minbits.front_ends.compiled import write_areas

        rows, columns = out.shape[2:]
        write_areas(
            images, area_weights(images.shape[2], rows), area_weights(images.shape[3], columns),
            _GAIN, out,
        )  # fmt: skip


def area_weights(size: int, side: int, half_pixels: int = 0) -> Integers:
    """Return how much of each old line lies in each new one, shape ``(side, size)``.

    A new line is ``size`` long, an old one ``side``. Moving the image by half of a new line leaves
    out what is moved beyond the border; nothing comes in.
    """
    low = size * np.arange(side)[:, None] - (half_pixels * size) // 2
    cells = side * np.arange(size)[None, :]
    overlap = np.minimum(low + size, cells + side) - np.maximum(low, cells)
    weights: Integers = np.maximum(overlap, 0).astype(np.int64)
    return weights
