"""Bilinear sampling of images under affine maps, on the CPU."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from minbits.training.lanes.linear_maps import Float


@njit(cache=True)
def sample_affine(images: Float, theta: Float, out: Float, bordered: Float) -> None:
    """Write each image as seen through its affine map; what comes from outside is zero.

    The same as PyTorch's ``affine_grid`` and ``grid_sample`` (bilinear, zeros, corners not
    aligned), up to rounding.

    Args:
        images: shape ``(batch, channels, rows, columns)``.
        theta: shape ``(batch, 2, 3)``, maps output to input coordinates, both in [-1, 1].
        out: of the shape of ``images``.
        bordered: workspace of shape ``(rows + 3, columns + 3)``.
    """
    batch, channels, rows, columns = images.shape
    bordered[:] = 0
    half_rows, half_columns = np.float32(rows / 2), np.float32(columns / 2)
    low, one = np.float32(-1), np.float32(1)
    high_row, high_column = np.float32(rows), np.float32(columns)
    for n in range(batch):
        t = theta[n]
        step_column = t[0, 0]
        step_row = t[1, 0] * half_rows / half_columns
        for channel in range(channels):
            # One pixel of zeros on the near side and two on the far one, so that the four corners
            # of any clamped place can be read without asking.
            bordered[1 : rows + 1, 1 : columns + 1] = images[n, channel]
            for row in range(rows):
                y = (np.float32(2 * row + 1)) / np.float32(rows) - one
                x = one / np.float32(columns) - one
                place_column = ((t[0, 0] * x + t[0, 1] * y + t[0, 2]) + one) * half_columns
                place_row = ((t[1, 0] * x + t[1, 1] * y + t[1, 2]) + one) * half_rows
                for column in range(columns):
                    across = place_column + step_column * np.float32(column) - np.float32(0.5)
                    down = place_row + step_row * np.float32(column) - np.float32(0.5)
                    across = min(max(across, low), high_column) + one
                    down = min(max(down, low), high_row) + one
                    left, top = np.int32(across), np.int32(down)
                    right_part, low_part = across - np.float32(left), down - np.float32(top)
                    upper = bordered[top, left] + right_part * (
                        bordered[top, left + 1] - bordered[top, left]
                    )
                    lower = bordered[top + 1, left] + right_part * (
                        bordered[top + 1, left + 1] - bordered[top + 1, left]
                    )
                    out[n, channel, row, column] = upper + low_part * (lower - upper)


def affine_images(images: Float, theta: npt.NDArray[np.float32]) -> Float:
    """Return a batch of images, each seen through its affine map.

    Args:
        images: float32 of shape ``(batch, channels, rows, columns)``.
        theta: float32 of shape ``(batch, 2, 3)``.
    """
    out = np.empty_like(images)
    bordered = np.zeros((images.shape[2] + 3, images.shape[3] + 3), np.float32)
    sample_affine(images, theta, out, bordered)
    return out
