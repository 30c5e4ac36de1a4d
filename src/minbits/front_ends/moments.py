"""Images normalised by their moments: centred, upright, of one size, and about as wide as high.

A classical preprocessing of written characters (Casey 1970): an image is read as a density, moved
so that the mean of the density is in the middle, sheared so that rows and columns are uncorrelated,
and scaled so that its standard deviation down has a given value. That across follows from the ratio
of the two, by the rule of Liu et al. (2003) with a polynomial in place of its sine, so that all
arithmetic is exact or correctly rounded in IEEE 754.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from minbits.front_ends.base import INPUT_BITS, OUTPUT_BITS, FrontEnd, Integers, Shift
from minbits.front_ends.frame import MIX_BITS, PLACE_BITS, Frame, doubled_places, frame_of
from minbits.layers.base import FloatArray, Shape, architecture_error
from minbits.layers.cost import Work
from minbits.layers.fields import FieldCoder
from minbits.layers.text import LayerText

_USUAL_SIDES = (28, 14)
USUAL_SPREAD = 12
_MAX_SPREAD = 32
_MAX_SAMPLES = 4  # of a new pixel, down and across
_READ_VALUES = 1 << 12  # that are read in one call, if one channel has fewer


@dataclass(frozen=True)
class Moments(FrontEnd):
    """An image of ``side`` by ``side`` pixels, whose density is ``spread`` sixty-fourths high.

    The standard deviation down is ``spread / 64`` of the side. Where pixels become fewer, several
    samples of the given image are averaged for each.
    """

    key = "moments"
    usage = "moments N"

    largest_side: ClassVar[int] = 64

    side: int
    spread: int = USUAL_SPREAD

    @classmethod
    def parse(cls, text: LayerText) -> Self:
        """Return the front end of a text such as ``moments 14`` or ``moments 14 s11``."""
        spread = USUAL_SPREAD
        for word in text.words[1:]:
            if word[:1] != "s" or not word[1:].isdigit():
                raise text.error(f"'{word}'")
            spread = int(word[1:])
        return cls(text.number(), spread)

    def text(self) -> str:
        """Return the text of the front end."""
        spread = "" if self.spread == USUAL_SPREAD else f" s{self.spread}"
        return f"moments {self.side}{spread}"

    @classmethod
    def code(cls, fields: FieldCoder, given: Self | None) -> Self:
        """Write the fields, or read them."""
        known = given or cls(_USUAL_SIDES[0])
        sides = (*_USUAL_SIDES, known.side)
        choice = fields.habit(("moments", "side"), sides.index(known.side), len(sides))
        side = sides[choice]
        if choice == len(_USUAL_SIDES):
            side = 1 + fields.unsigned(("moments", "other side"), known.side - 1, order=4)
            fields.require(side not in _USUAL_SIDES)
        spread = fields.signed(("moments", "spread"), known.spread - USUAL_SPREAD)
        return cls(side, USUAL_SPREAD + spread)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the result: a square of as many channels."""
        if not 1 <= self.side <= self.largest_side:
            raise architecture_error(
                "front end", self.text(), f"a side of 1 to {self.largest_side}"
            )
        if not 1 <= self.spread <= _MAX_SPREAD:
            raise architecture_error("front end", self.text(), f"a spread of 1 to {_MAX_SPREAD}")
        return (shape[0], self.side, self.side)

    def samples(self, height: int, width: int) -> int:
        """Return how many places of the given image are read for a pixel, down and across."""
        return max(1, min(_MAX_SAMPLES, max(height, width) // self.side))

    def pixels(self, images: Integers, shifts: Sequence[Shift]) -> list[Integers]:
        """Return normalised images; shifts are taken in the frame, so that nothing is blurred."""
        samples = self.samples(*images.shape[2:])
        frame = self._frame(images, samples)
        return [self._read(images, frame, samples, shift) for shift in shifts]

    def _frame(self, images: Integers, samples: int) -> Frame:
        height, width = images.shape[2:]
        density = np.abs(images).sum(1)
        down, across = doubled_places(height), doubled_places(width)
        rows, columns, by_row = density.sum(2), density.sum(1), density @ across
        sums = (rows @ down, rows @ down**2, columns @ across, columns @ across**2, by_row @ down)
        means = [moment / np.maximum(rows.sum(1), 1) for moment in sums]
        parts = frame_of(means, self.side * samples, self.spread)
        units = np.float64(1 << PLACE_BITS)
        found = [np.rint(part * units).astype(np.int64)[:, None, None] for part in parts]
        middle = [(side - 1) << (PLACE_BITS - 1) for side in (height, width)]
        return Frame(found[0] + middle[0], found[1] + middle[1], found[2], found[3], found[4])

    def _read(self, images: Integers, frame: Frame, samples: int, shift: Shift) -> Integers:
        places = doubled_places(self.side * samples)
        down = (places - samples * shift[0])[:, None]
        across = (places - samples * shift[1])[None, :]
        places_down = frame.top + down * frame.down
        places_across = frame.left + down * frame.slant + across * frame.across
        sums = np.empty((*images.shape[:2], self.side, self.side), np.int64)
        for channels, read in bilinear(images, places_down, places_across):
            sides = (len(images), self.side, samples, self.side, samples, read.shape[3])
            sums[:, channels] = np.moveaxis(read.reshape(sides).sum((2, 4)), 3, 1)
        total = samples**2 << (INPUT_BITS + 2 * MIX_BITS - OUTPUT_BITS)
        pixels: Integers = (2 * sums + total) // (2 * total)
        return pixels

    def work(self, shape: Shape) -> Work:
        """Return what one example costs with NumPy."""
        channels, height, width = shape
        places = (self.side * self.samples(height, width)) ** 2
        bordered = channels * (height + 3) * (width + 3)
        return Work(passed=8 * bordered + (20 + 60 * channels) * places)

    def workspace(self, shape: Shape) -> int:
        """Return the values an example that are made on the way."""
        channels, height, width = shape
        places = (self.side * self.samples(height, width)) ** 2
        bordered = channels * (height + 3) * (width + 3)
        # Views are kept as integers of eight bytes; channels are read one after the other.
        kept = 10 * channels * self.side**2
        return 6 * channels * height * width + 2 * bordered + 28 * places + kept

    def write_images(self, images: FloatArray, out: FloatArray) -> None:
        """Write what the first layer sees, by compiled loops."""
        # The decoder does without.
        from minbits.front_ends.compiled import write_moments

        samples = self.samples(*images.shape[2:])
        write_moments(images, self.side, self.spread, samples, out)

    def write_through_maps(
        self, images: FloatArray, indices: npt.NDArray[np.int64], maps: FloatArray, out: FloatArray
    ) -> bool:
        """Write what is seen through maps: both are affine, so that an image is read once."""
        # See `write_images`.
        from minbits.front_ends.compiled import write_seen_moments

        samples = self.samples(*images.shape[2:])
        write_seen_moments(images, indices, maps, self.side, self.spread, samples, out)
        return True


def bilinear(
    images: Integers, down: Integers, across: Integers
) -> Iterator[tuple[slice, Integers]]:
    """Yield images read at places, times 2^16; outside there are zeros.

    Small images of many channels would take most of their time for calls, one channel after the
    other; large ones would take much memory, all channels at once.

    Args:
        images: ``(examples, channels, rows, columns)``.
        down: places in units of 2^-16 pixel, such that with ``across`` they have the shape
            ``(examples, rows, columns)`` of what is read.
        across: likewise.

    Yields:
        Channels that are next to each other, and what is read of them, of the shape
        ``(examples, rows, columns, channels)``.
    """
    examples, channels, height, width = images.shape
    # A line of zeros before, and two behind, so that the four corners of any place can be read.
    bordered = np.zeros((examples, channels, height + 3, width + 3), np.int64)
    bordered[:, :, 1 : height + 1, 1 : width + 1] = images
    down, across = np.broadcast_arrays(
        np.clip(down, -1 << PLACE_BITS, height << PLACE_BITS),
        np.clip(across, -1 << PLACE_BITS, width << PLACE_BITS),
    )
    top, left = (down >> PLACE_BITS) + 1, (across >> PLACE_BITS) + 1
    fraction = (1 << MIX_BITS) - 1
    low, right = (
        ((place >> (PLACE_BITS - MIX_BITS)) & fraction)[..., None] for place in (down, across)
    )
    together = max(1, _READ_VALUES // top.size)
    for start in range(0, channels, together):
        planes = bordered[:, start : start + together]
        upper = _mixed_across(planes, top, left, right) * ((1 << MIX_BITS) - low)
        lower = _mixed_across(planes, top + 1, left, right) * low
        yield slice(start, start + together), upper + lower


def _mixed_across(planes: Integers, row: Integers, left: Integers, right: Integers) -> Integers:
    """Return two neighbours in a row, mixed, as ``(examples, rows, columns, channels)``."""
    number = np.arange(len(planes))[:, None, None]
    mixed: Integers = planes[number, :, row, left] * ((1 << MIX_BITS) - right)
    mixed += planes[number, :, row, left + 1] * right
    return mixed
