"""Front ends one pixel after the other, with Python's integers: slow, as docs/format.md says."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt

Image = list[list[list[int]]]


def grid(image: npt.NDArray[np.float32]) -> Image:
    """Return a scaled image ``(channels, rows, columns)`` in units of 2^-12."""
    return [[[one(float(x)) for x in row] for row in plane] for plane in image]


def one(value: float) -> int:
    if math.isnan(value):
        return 0
    return round(max(-16384.0, min(16384.0, value * 4096)))


def pixel(image: Image, channel: int, row: int, column: int) -> int:
    rows, columns = len(image[0]), len(image[0][0])
    inside = 0 <= row < rows and 0 <= column < columns
    return image[channel][row][column] if inside else 0


def moments(
    image: Image, side: int, spread: int, shift: tuple[int, int] = (0, 0)
) -> npt.NDArray[np.float32]:
    """Return what the front end ``moments`` makes of an image on its grid."""
    rows, columns = len(image[0]), len(image[0][0])
    samples = max(1, min(4, max(rows, columns) // side))
    mass = y1 = y2 = x1 = x2 = xy = 0
    for r in range(rows):
        for k in range(columns):
            density = sum(abs(plane[r][k]) for plane in image)
            y, x = 2 * r - rows + 1, 2 * k - columns + 1
            mass += density
            y1, y2 = y1 + density * y, y2 + density * y * y
            x1, x2 = x1 + density * x, x2 + density * x * x
            xy += density * x * y
    means = [float(number) / float(max(mass, 1)) for number in (y1, y2, x1, x2, xy)]
    my, myy, mx, mxx, mxy = means
    down_variance = myy - my * my + 1 / 3
    across_variance = mxx - mx * mx + 1 / 3
    covariance = mxy - mx * my
    slant = min(max(covariance / down_variance, -1.0), 1.0)
    upright = across_variance - slant * (2.0 * covariance - slant * down_variance)
    down, across = math.sqrt(down_variance), math.sqrt(max(upright, 1 / 3))
    ratio = min(across / down, 1.0)
    wide = max(0.8 * math.sqrt(ratio * (3.0 - ratio * ratio) / 2.0), 0.25)
    size = 16.0 / (spread * side * samples)
    step_down = round(down * size * 65536)
    step_slant = round(slant * (down * size) * 65536)
    step_across = round(across * size / wide * 65536)
    top = round(my / 2 * 65536) + (rows - 1) * 32768
    left = round(mx / 2 * 65536) + (columns - 1) * 32768
    out = np.zeros((len(image), side, side), np.float32)
    for c in range(len(image)):
        for i in range(side):
            for j in range(side):
                total = 0
                for a in range(i * samples, (i + 1) * samples):
                    for b in range(j * samples, (j + 1) * samples):
                        u = 2 * a - side * samples + 1 - samples * shift[0]
                        v = 2 * b - side * samples + 1 - samples * shift[1]
                        row = min(max(top + u * step_down, -65536), rows * 65536)
                        column = left + u * step_slant + v * step_across
                        column = min(max(column, -65536), columns * 65536)
                        total += read(image, c, row // 256, column // 256)
                mean = Fraction(total, samples**2 * 256)
                out[c, i, j] = math.floor(mean + Fraction(1, 2)) / 2**20
    return out


def seen_moments(
    image: Image, side: int, spread: int, theta: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Return what ``moments`` makes of an image that is seen through an affine map.

    Each pixel's density is moved to where it is seen; the moments are those of the moved densities.
    """
    rows, columns = len(image[0]), len(image[0][0])
    samples = max(1, min(4, max(rows, columns) // side))
    half = np.array([columns, rows]) / 2
    matrix = theta[:, :2].astype(float) * half[:, None] / half[None, :]
    shift = theta[:, 2].astype(float) * half
    inverse = np.linalg.inv(matrix)
    weights, places = [], []
    for r in range(rows):
        for k in range(columns):
            weights.append(sum(abs(plane[r][k]) for plane in image))
            from_middle = np.array([k - (columns - 1) / 2, r - (rows - 1) / 2])
            places.append(inverse @ (from_middle - shift))
    total = max(sum(weights), 1)
    at = np.array(places)
    middle = np.array(weights) @ at / total
    if sum(weights) == 0:
        middle = inverse @ -shift
    spreads = (at - middle).T @ ((at - middle) * np.array(weights)[:, None]) / total
    # In pixels: a pixel's own area has a variance of 1/12.
    down_variance, across_variance = spreads[1, 1] + 1 / 12, spreads[0, 0] + 1 / 12
    slant = min(max(spreads[0, 1] / down_variance, -1.0), 1.0)
    upright = across_variance - 2 * slant * spreads[0, 1] + slant**2 * down_variance
    down, across = math.sqrt(down_variance), math.sqrt(max(upright, 1 / 12))
    ratio = min(across / down, 1.0)
    wide = max(0.8 * math.sqrt(ratio * (3.0 - ratio * ratio) / 2.0), 0.25)
    size = 64.0 / (spread * side * samples)
    out = np.zeros((len(image), side, side), np.float32)
    for c in range(len(image)):
        for i in range(side):
            for j in range(side):
                found = []
                for a in range(i * samples, (i + 1) * samples):
                    for b in range(j * samples, (j + 1) * samples):
                        v, u = a - (side * samples - 1) / 2, b - (side * samples - 1) / 2
                        y = middle[1] + v * down * size
                        x = middle[0] + v * slant * down * size + u * across * size / wide
                        place = matrix @ [x, y] + shift + [(columns - 1) / 2, (rows - 1) / 2]
                        row = min(max(place[1], -1.0), float(rows))
                        column = min(max(place[0], -1.0), float(columns))
                        found.append(
                            read(image, c, math.floor(256 * row), math.floor(256 * column))
                        )
                out[c, i, j] = np.mean(found) / 2.0**28
    return out


def read(image: Image, channel: int, row: int, column: int) -> int:
    """Return a pixel at a place in units of 1/256, times 2^16."""
    (r, low), (k, right) = divmod(row, 256), divmod(column, 256)
    corners = [(r, k, 256 - low, 256 - right), (r, k + 1, 256 - low, right)]
    corners += [(r + 1, k, low, 256 - right), (r + 1, k + 1, low, right)]
    return sum(pixel(image, channel, y, x) * a * b for y, x, a, b in corners)


def area(image: Image, side: int, shift: tuple[int, int] = (0, 0)) -> npt.NDArray[np.float32]:
    """Return what the front end ``area`` makes of an image on its grid."""
    rows, columns = len(image[0]), len(image[0][0])
    shorter = min(rows, columns)
    sides = [math.floor(Fraction(n * side, shorter) + Fraction(1, 2)) for n in (rows, columns)]
    out = np.zeros((len(image), *sides), np.float32)
    for c, i, j in np.ndindex(out.shape):
        total = 0
        for r in range(rows):
            for k in range(columns):
                share = overlap(i, r, rows, sides[0], shift[0])
                total += image[c][r][k] * share * overlap(j, k, columns, sides[1], shift[1])
        mean = Fraction(256 * total, rows * columns)
        out[c, i, j] = math.floor(mean + Fraction(1, 2)) / 2**20
    return out


def overlap(new: int, old: int, size: int, side: int, half_pixels: int) -> int:
    start = new * size - half_pixels * size // 2
    return max(0, min(start + size, (old + 1) * side) - max(start, old * side))


def directions(
    image: Image, side: int, spread: int, shift: tuple[int, int] = (0, 0)
) -> npt.NDArray[np.float32]:
    """Return what the front end ``directions`` makes of an image on its grid."""
    doubled = (2 * shift[0], 2 * shift[1])
    seen = (moments(image, 2 * side, spread, doubled).astype(float) * 2**20).astype(int)
    ways = [(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)]
    sums = np.zeros((len(seen), 8, side, side), int)
    for c, i, j in np.ndindex(seen.shape):
        plane = seen[c].tolist()
        x = pixel([plane], 0, i, j + 1) - pixel([plane], 0, i, j - 1)
        y = pixel([plane], 0, i + 1, j) - pixel([plane], 0, i - 1, j)
        both = min(abs(x), abs(y))
        signs = int(np.sign(x)), int(np.sign(y))
        if both:
            length = math.floor(Fraction(1448 * both, 1024) + Fraction(1, 2))
            sums[c, ways.index(signs), i // 2, j // 2] += length
        if abs(x) != abs(y):
            way = (signs[0], 0) if abs(x) > abs(y) else (0, signs[1])
            sums[c, ways.index(way), i // 2, j // 2] += abs(abs(x) - abs(y))
    rounded = np.floor_divide(sums + 4, 8).reshape(-1, side, side)
    return (rounded / 2**20).astype(np.float32)
