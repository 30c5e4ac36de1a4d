"""Images as seen through random distortions, written straight to the lanes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.compilation import compiled
from minbits.training.lanes.linear_maps import Float

_HALF, _ONE, _TWO = np.float32(0.5), np.float32(1), np.float32(2)


@compiled()
def copy_image(image: Float, out: Float, at: int, channel: int, row: int, column: int) -> None:
    """Copy ``image[channel, row, column]`` to ``out``, whose steps count floats."""
    for c in range(image.shape[0]):
        for r in range(image.shape[1]):
            place = at + c * channel + r * row
            for k in range(image.shape[2]):
                out[place + k * column] = image[c, r, k]


@compiled()
def _draw_row(
    bordered: Float, across: Any, down: Any, step_across: Any, step_down: Any, columns: int,
    bend_across: Float, bend_down: Float, is_bent: bool, out: Float, place: int, column: int,
) -> None:  # fmt: skip
    """Interpolate one row of pixels along a line, bent or straight."""
    low, high_row = np.float32(0), np.float32(bordered.shape[0] - 2)
    high_column = np.float32(bordered.shape[1] - 2)
    for k in range(columns):
        x = across + step_across * np.float32(k)
        y = down + step_down * np.float32(k)
        if is_bent:
            x += bend_across[k]
            y += bend_down[k]
        # What is clamped comes from the border of zeros.
        x = min(max(x, low), high_column)
        y = min(max(y, low), high_row)
        left, top = np.int32(x), np.int32(y)
        right_part, low_part = x - np.float32(left), y - np.float32(top)
        upper = bordered[top, left] + right_part * (bordered[top, left + 1] - bordered[top, left])
        lower = bordered[top + 1, left] + right_part * (
            bordered[top + 1, left + 1] - bordered[top + 1, left]
        )
        out[place + k * column] = upper + low_part * (lower - upper)


@compiled()
def _bend_row(field: Float, part: Any, columns: int, bend_across: Float, bend_down: Float) -> None:
    """Interpolate a field of displacements, ``[2, knot, knot]``, along a row at ``part``."""
    knots = field.shape[1]
    place = part * np.float32(knots - 1)
    top = min(np.int32(place), knots - 2)
    below = place - np.float32(top)
    for k in range(columns):
        along = (np.float32(k) + _HALF) / np.float32(columns) * np.float32(knots - 1)
        left = min(np.int32(along), knots - 2)
        right = along - np.float32(left)
        for axis in range(2):
            upper = field[axis, top, left] * (_ONE - right) + field[axis, top, left + 1] * right
            lower = (
                field[axis, top + 1, left] * (_ONE - right) + field[axis, top + 1, left + 1] * right
            )
            value = upper * (_ONE - below) + lower * below
            if axis == 0:
                bend_across[k] = value
            else:
                bend_down[k] = value


@compiled()
def sample_image(
    image: Float, theta: Float, field: Float, bordered: Float, out: Float, at: int, channel: int,
    row: int, column: int,
) -> None:  # fmt: skip
    """Write an image as seen through an affine map and a field of displacements.

    Bilinear; what comes from outside the image is zero. Without a field, this is PyTorch's
    ``affine_grid`` and ``grid_sample`` (zeros, corners not aligned), up to rounding.

    Args:
        image: ``[channel, row, column]``.
        theta: ``[2, 3]``, from output to input coordinates, both in [-1, 1].
        field: displacements of the input place in pixels, across and down, at knots that span the
            image: ``[2, knot, knot]``, or of size 0 for none.
        bordered: workspace of ``rows + 3`` by ``columns + 3``, all zeros; it is left so.
        out, at, channel, row, column: where the first pixel goes, and steps in floats.
    """
    channels, rows, columns = image.shape
    half_rows, half_columns = np.float32(rows) * _HALF, np.float32(columns) * _HALF
    step_across = theta[0, 0]
    step_down = theta[1, 0] * half_rows / half_columns
    is_bent = field.size > 0
    bend_across = np.empty(columns if is_bent else 1, np.float32)
    bend_down = np.empty(columns if is_bent else 1, np.float32)
    for c in range(channels):
        # One pixel of zeros on the near side and two on the far one, so that the four corners of
        # any clamped place can be read without asking.
        for r in range(rows):
            for k in range(columns):
                bordered[r + 1, k + 1] = image[c, r, k]
        x = _ONE / np.float32(columns) - _ONE
        for r in range(rows):
            y = np.float32(2 * r + 1) / np.float32(rows) - _ONE
            across = (theta[0, 0] * x + theta[0, 1] * y + theta[0, 2] + _ONE) * half_columns
            down = (theta[1, 0] * x + theta[1, 1] * y + theta[1, 2] + _ONE) * half_rows
            if is_bent:
                part = (np.float32(r) + _HALF) / np.float32(rows)
                _bend_row(field, part, columns, bend_across, bend_down)
            _draw_row(
                bordered, across + _HALF, down + _HALF, step_across, step_down, columns,
                bend_across, bend_down, is_bent, out, at + c * channel + r * row, column,
            )  # fmt: skip


@compiled()
def sample_images(
    images: Float, indices: npt.NDArray[np.int64], maps: Float, fields: Float, out: Float
) -> None:
    """Write ``images[indices]``, each through its own distortion, to ``out[example, …]``.

    ``maps`` and ``fields`` are of size 0 where there are none.
    """
    channels, rows, columns = images.shape[1:]
    bordered = np.zeros((rows + 3, columns + 3), np.float32)
    flat = out.reshape(-1)
    size = channels * rows * columns
    no_field = np.zeros((0, 0, 0), np.float32)
    for n in range(len(indices)):
        image = images[indices[n]]
        if maps.size == 0:
            copy_image(image, flat, n * size, rows * columns, columns, 1)
        else:
            field = fields[n] if fields.size else no_field
            sample_image(
                image, maps[n], field, bordered, flat, n * size, rows * columns, columns, 1
            )
