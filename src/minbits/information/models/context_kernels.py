"""Compiled loops over pixels and their causal neighbourhoods; the tests hold plain twins."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.compilation import compiled

# How far a neighbour may be away, in rows above and in columns to either side.
REACH = 4

Integers = npt.NDArray[np.int64]

_compiled: Any = compiled(error_model="python")


def causal_neighbours(count: int) -> Integers:
    """Return the ``count`` nearest offsets of pixels that come before one, by rows.

    Returns:
        Shape ``(count, 2)``: rows and columns.
    """
    offsets = [
        (row, column)
        for row in range(-REACH, 1)
        for column in range(-REACH, REACH + 1)
        if row < 0 or column < 0
    ]
    offsets.sort(key=lambda offset: (offset[0] ** 2 + offset[1] ** 2, -offset[0], offset[1]))
    return np.array(offsets[:count], np.int64)


@_compiled
def full_context(padded, image, row, column, neighbours):  # type: ignore[no-untyped-def] # pragma: no cover
    """Return a pixel's neighbours as the bits of a number, the nearest one lowest."""
    context = 0
    for bit in range(neighbours.shape[0]):
        value = padded[image, row + REACH + neighbours[bit, 0], column + REACH + neighbours[bit, 1]]
        context |= int(value) << bit
    return context


@_compiled
def count_orders(padded, neighbours, orders, starts, height, width, counts):  # type: ignore[no-untyped-def] # pragma: no cover
    """Add one for every pixel to the cell of its context, order by order.

    Args:
        padded: uint8 images, ``REACH`` rows above and columns to either side blank.
        neighbours: offsets of the largest order.
        orders: how many neighbours each order looks at.
        starts: where the cells of each order start; blank contexts have one cell a pixel after the
            others.
        height: rows of an image.
        width: columns of an image.
        counts: int64, shape ``(cells, 2)``: pixels off and on.
    """
    for image in range(padded.shape[0]):
        for row in range(height):
            for column in range(width):
                context = full_context(padded, image, row, column, neighbours)
                value = padded[image, row + REACH, column + REACH]
                for index in range(orders.shape[0]):
                    cell = context & ((1 << orders[index]) - 1)
                    if cell == 0:
                        cell = (1 << orders[index]) + row * width + column
                    counts[starts[index] + cell, value] += 1


@_compiled
def backed_off_bits(  # type: ignore[no-untyped-def] # pragma: no cover
    padded, neighbours, orders, starts, height, width, counts, strength, least, bits
):
    """Add each image's code length in bits to ``bits``, shape ``(examples, orders)``.

    Order by order, ``p = (on + strength p) / (off + on + strength)``, from one half on.
    """
    for image in range(padded.shape[0]):
        for row in range(height):
            for column in range(width):
                context = full_context(padded, image, row, column, neighbours)
                value = padded[image, row + REACH, column + REACH]
                chance = 0.5
                for index in range(orders.shape[0]):
                    cell = context & ((1 << orders[index]) - 1)
                    if cell == 0:
                        cell = (1 << orders[index]) + row * width + column
                    off = counts[starts[index] + cell, 0]
                    on = counts[starts[index] + cell, 1]
                    chance = (on + strength * chance) / (off + on + strength)
                    chance = min(max(chance, least), 1 - least)
                    bits[image, index] -= math.log2(chance if value == 1 else 1 - chance)
