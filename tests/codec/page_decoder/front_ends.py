"""The front ends of version 4, as docs/format.md tells them: integers and doubles of Python."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from tests.codec.page_decoder.bits import RefusedError

Shape = tuple[int, int, int]
Image = list[list[list[int]]]  # channel, row, column
UNIT = 2.0**-20
MOST = 16_384  # of the grid


def check(is_allowed: bool, what: str) -> None:
    """Refuse what is not allowed."""
    if not is_allowed:
        raise RefusedError(what)


def on_grid(value: float) -> int:
    """Return the integer of the grid for an input that is multiplied by 2^-exponent."""
    if math.isnan(value):
        return 0
    return round(min(max(value * 4096, -MOST), MOST))


@dataclass(frozen=True)
class Area:
    """Means of areas."""

    side: int

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the result for an image."""
        channels, height, width = shape
        shorter = min(height, width)
        check(1 <= self.side <= shorter, "side of area")
        rows, columns = ((2 * side * self.side + shorter) // (2 * shorter) for side in shape[1:])
        check(max(rows, columns) <= 256, "rows and columns of area")
        return (channels, rows, columns)

    def apply(self, image: Image, down: int, across: int) -> Image:
        """Return the image of means, shifted by half pixels."""
        old = (len(image), len(image[0]), len(image[0][0]))
        _, rows, columns = self.output_shape(old)
        lines = [list(shares(r, old[1], rows, down)) for r in range(rows)]
        places = [list(shares(c, old[2], columns, across)) for c in range(columns)]
        # A new row covers H, and a new column W; an old row is `rows`, an old column `columns`.
        whole = old[1] * old[2]
        return [
            [[mean_of(channel, line, place, whole) for place in places] for line in lines]
            for channel in image
        ]


def shares(new: int, before: int, after: int, shift: int) -> Iterator[tuple[int, int]]:
    """Yield the old rows that a new one covers and how much of each, in parts of 1 / ``after``."""
    start = new * before - shift * before // 2
    for old in range(before):
        covered = min(start + before, (old + 1) * after) - max(start, old * after)
        if covered > 0:
            yield old, covered


def mean_of(
    channel: list[list[int]], line: list[tuple[int, int]], place: list[tuple[int, int]], whole: int
) -> int:
    """Return ⌊256 · mean + 1/2⌋ of an area."""
    total = sum(channel[r][c] * high * wide for r, high in line for c, wide in place)
    return (512 * total + whole) // (2 * whole)


@dataclass(frozen=True)
class Moments:
    """Position, slant and size of what an image shows, normalised."""

    side: int
    spread: int

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the result for an image."""
        check(1 <= self.side <= 64 and 1 <= self.spread <= 32, "side and spread of moments")
        return (shape[0], self.side, self.side)

    def apply(self, image: Image, down: int, across: int) -> Image:
        """Return the image around its middle, shifted by half pixels."""
        height, width = len(image[0]), len(image[0][0])
        k = max(1, min(4, max(height, width) // self.side))
        z = 16 / (self.spread * self.side * k)
        top, left, high, slant, wide = frame(image, z)
        steps = range(-(self.side * k - 1), self.side * k, 2)
        places = []
        for u in (step - k * down for step in steps):
            row = min(max(top + u * high, -(1 << 16)), height << 16)
            for v in (step - k * across for step in steps):
                column = min(max(left + u * slant + v * wide, -(1 << 16)), width << 16)
                places.append((row, column))
        return [self._pixels([sample(channel, *place) for place in places], k) for channel in image]

    def _pixels(self, samples: list[int], k: int) -> list[list[int]]:
        line, t = self.side * k, 256 * k * k
        sums = [[0] * self.side for _ in range(self.side)]
        for at, value in enumerate(samples):
            sums[at // line // k][at % line // k] += value
        return [[(2 * s + t) // (2 * t) for s in row] for row in sums]


def quotients(image: Image) -> list[float]:
    """Return y, yy, x, xx and xy: moments of the density."""
    height, width = len(image[0]), len(image[0][0])
    sums = [0] * 6
    for r in range(height):
        for c in range(width):
            d = sum(abs(channel[r][c]) for channel in image)
            y, x = 2 * r - (height - 1), 2 * c - (width - 1)
            for place, factor in enumerate((1, y, y * y, x, x * x, x * y)):
                sums[place] += d * factor
    n = float(max(1, sums[0]))
    return [float(total) / n for total in sums[1:]]


def frame(image: Image, z: float) -> tuple[int, int, int, int, int]:
    """Return top, left, D, S and A: where samples lie, in units of 2^-16 pixel."""
    y, yy, x, xx, xy = quotients(image)
    vy, vx, c = yy - y * y + 1 / 3, xx - x * x + 1 / 3, xy - x * y
    a = min(max(c / vy, -1.0), 1.0)
    u = vx - a * (2 * c - a * vy)
    sy, sx = math.sqrt(vy), math.sqrt(max(u, 1 / 3))
    q = min(sx / sy, 1.0)
    w = max(0.8 * math.sqrt(q * (3 - q * q) / 2), 0.25)
    lengths = (y / 2, x / 2, sy * z, a * (sy * z), sx * z / w)
    top, left, high, slant, wide = (round(length * 65_536) for length in lengths)
    height, width = len(image[0]), len(image[0][0])
    return top + (height - 1 << 15), left + (width - 1 << 15), high, slant, wide


def sample(channel: list[list[int]], row: int, column: int) -> int:
    """Return a place's value, read bilinearly, in units of 2^-16 of the grid."""
    upper, f = row >> 16, (row >> 8) % 256
    left, g = column >> 16, (column >> 8) % 256
    pixel = functools.partial(pixel_of, channel)
    above = pixel(upper, left) * (256 - g) + pixel(upper, left + 1) * g
    below = pixel(upper + 1, left) * (256 - g) + pixel(upper + 1, left + 1) * g
    return above * (256 - f) + below * f


def pixel_of(channel: list[list[int]], row: int, column: int) -> int:
    """Return a pixel, 0 outside the image."""
    is_inside = 0 <= row < len(channel) and 0 <= column < len(channel[0])
    return channel[row][column] if is_inside else 0


@dataclass(frozen=True)
class Directions:
    """Eight maps of where an image grows lighter, of its normalised form."""

    side: int
    spread: int

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the result for an image."""
        check(1 <= self.side <= 32 and 1 <= self.spread <= 32, "side and spread of directions")
        return (8 * shape[0], self.side, self.side)

    def apply(self, image: Image, down: int, across: int) -> Image:
        """Return the maps, shifted by half pixels of theirs."""
        seen = Moments(2 * self.side, self.spread).apply(image, 2 * down, 2 * across)
        maps = []
        for channel in seen:
            sums = [[[0] * self.side for _ in range(self.side)] for _ in range(8)]
            for r in range(2 * self.side):
                for c in range(2 * self.side):
                    for direction, length in lengths(channel, r, c):
                        sums[direction][r // 2][c // 2] += length
            maps += [[[(s + 4) // 8 for s in row] for row in plane] for plane in sums]
        return maps


# Of the signs of x and y, the direction.
DIRECTIONS = {
    (1, 0): 0, (1, 1): 1, (0, 1): 2, (-1, 1): 3, (-1, 0): 4, (-1, -1): 5, (0, -1): 6, (1, -1): 7,
}  # fmt: skip


def lengths(channel: list[list[int]], r: int, c: int) -> Iterator[tuple[int, int]]:
    """Yield the directions of a place's gradient, and how far it goes in each."""
    x = pixel_of(channel, r, c + 1) - pixel_of(channel, r, c - 1)
    y = pixel_of(channel, r + 1, c) - pixel_of(channel, r - 1, c)
    sign_x, sign_y = (x > 0) - (x < 0), (y > 0) - (y < 0)
    if abs(x) > abs(y):
        yield DIRECTIONS[sign_x, 0], abs(x) - abs(y)
    elif abs(y) > abs(x):
        yield DIRECTIONS[0, sign_y], abs(y) - abs(x)
    if x and y:
        yield DIRECTIONS[sign_x, sign_y], (1448 * min(abs(x), abs(y)) + 512) // 1024


FrontEnd = Area | Moments | Directions
