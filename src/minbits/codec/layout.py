"""Where the neighbours of a weight are."""

from __future__ import annotations

import math
from dataclasses import dataclass

from minbits.codec.architecture import Architecture, activation_shapes, run_order


@dataclass(frozen=True)
class Layout:
    """Where a weight's neighbours are: rows of outputs, and images in each of them.

    Attributes:
        rows, columns: the tensor as a matrix of (out, in · row · column).
        width: columns of the image, or of the kernel, that a row holds.
        is_dependent: whether levels are on two grids.
    """

    rows: int
    columns: int
    width: int
    is_dependent: bool


def layout_of(
    architecture: Architecture, number: int, shape: tuple[int, ...], is_dependent: bool
) -> Layout:
    """Return the layout of the weights of tensor ``number``, of shape ``shape``."""
    width = shape[-1]
    if len(shape) == 2:
        order = run_order(architecture)
        first = next(index for index, step in enumerate(order) if step.tensor == number)
        width = activation_shapes(architecture)[first][2]
    return Layout(shape[0], math.prod(shape[1:]), width, is_dependent)
