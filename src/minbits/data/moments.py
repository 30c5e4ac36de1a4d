"""Images normalised by their moments: centred, upright, and all of one size.

A classical preprocessing of written characters (Casey 1970): the intensity of an image is read as a
density; the image is moved so that the mean of the density is in the middle, sheared so that rows
and columns are uncorrelated, and scaled so that the standard deviations have given values. It has
no parameters that were fitted to data.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.errors import DataError

Float = npt.NDArray[np.float32]

# Standard deviations of the density over the side of the image, in rows and columns.
SPREAD = 0.2
_LARGEST_SCALE = 3.0
_IMAGES_AT_ONCE = 2000
_TINY = 1e-6


def normalise_moments(images: npt.NDArray[Any]) -> Float:
    """Return images moved, sheared and scaled by their first and second moments.

    Args:
        images: shape ``(examples, channels, height, width)``, 0 where there is nothing. Moments are
            those of the sum over channels of absolute values.

    Returns:
        float32 images of the same shape, interpolated bilinearly; an image of zeros stays as it is.

    Raises:
        DataError: if the images have not four axes.
    """
    if images.ndim != 4:
        raise DataError(
            "moments", f"an array of {images.ndim} axes", "(examples, channels, height, width)",
            "Give images.",
        )  # fmt: skip
    out = np.empty(images.shape, np.float32)
    for start in range(0, len(images), _IMAGES_AT_ONCE):
        rows = slice(start, start + _IMAGES_AT_ONCE)
        out[rows] = _normalised(images[rows].astype(np.float32))
    return out


def _normalised(images: Float) -> Float:
    count, _, height, width = images.shape
    density = np.abs(images).sum(axis=1, dtype=np.float64)
    mass = density.sum((1, 2))
    mass_or_one = np.where(mass > 0, mass, 1.0)
    y = np.arange(height, dtype=np.float64)
    x = np.arange(width, dtype=np.float64)
    by_row, by_column = density.sum(2) / mass_or_one[:, None], density.sum(1) / mass_or_one[:, None]
    mean_y, mean_x = by_row @ y, by_column @ x
    dy, dx = y - mean_y[:, None], x - mean_x[:, None]
    variance_y = (by_row * dy**2).sum(1)
    variance_x = (by_column * dx**2).sum(1)
    covariance = np.einsum("nhw,nh,nw->n", density, dy, dx) / mass_or_one
    shear = covariance / np.maximum(variance_y, _TINY)
    upright = np.maximum(variance_x - shear * covariance, _TINY)
    scale_y = np.sqrt(np.maximum(variance_y, _TINY)) / (SPREAD * height)
    scale_x = np.sqrt(upright) / (SPREAD * width)
    # One scale for both directions keeps the shape: a 1 stays thin.
    scale = np.maximum(scale_y, scale_x)
    scale = np.clip(scale, 1 / _LARGEST_SCALE, _LARGEST_SCALE)
    # Where each pixel of the new image comes from.
    new_y, new_x = y - (height - 1) / 2, x - (width - 1) / 2
    from_y = np.broadcast_to(
        (mean_y[:, None] + scale[:, None] * new_y)[:, :, None], (count, height, width)
    )
    from_x = mean_x[:, None, None] + scale[:, None, None] * (
        new_x[None, None, :] + shear[:, None, None] * new_y[None, :, None]
    )
    found = _bilinear(images, from_y, from_x)
    found[mass == 0] = images[mass == 0]
    return found


def _bilinear(images: Float, from_y: npt.NDArray[Any], from_x: npt.NDArray[Any]) -> Float:
    """Return images read at real places, shape ``(examples, height, width)``; 0 outside."""
    count, channels, height, width = images.shape
    padded = np.zeros((count, channels, height + 2, width + 2), np.float32)
    padded[:, :, 1:-1, 1:-1] = images
    y = np.clip(from_y + 1, 0, height + 1 - 1e-3)
    x = np.clip(from_x + 1, 0, width + 1 - 1e-3)
    top, left = np.floor(y).astype(np.intp), np.floor(x).astype(np.intp)
    down, right = (y - top).astype(np.float32), (x - left).astype(np.float32)
    number = np.arange(count)[:, None, None]
    out = np.empty(images.shape, np.float32)
    for channel in range(channels):
        plane = padded[:, channel]
        upper = plane[number, top, left] * (1 - right) + plane[number, top, left + 1] * right
        lower = (
            plane[number, top + 1, left] * (1 - right) + plane[number, top + 1, left + 1] * right
        )
        out[:, channel] = upper * (1 - down) + lower * down
    return out
