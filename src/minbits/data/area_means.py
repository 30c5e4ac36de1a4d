"""Images brought to fewer rows and columns: each new pixel is the mean of the area it covers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

_IMAGES_AT_ONCE = 4096


def area_weights(size: int, side: int) -> npt.NDArray[np.float64]:
    """Return the share of each old row in each new one, shape ``(side, size)``; rows sum to 1."""
    edges = np.linspace(0.0, size, side + 1)
    low, high = edges[:-1, None], edges[1:, None]
    cells = np.arange(size)[None, :]
    overlap = np.clip(np.minimum(high, cells + 1) - np.maximum(low, cells), 0.0, None)
    weights: npt.NDArray[np.float64] = overlap / (size / side)
    return weights


def area_means(images: npt.NDArray[Any], side: int) -> npt.NDArray[np.uint8]:
    """Return images of ``side`` rows and columns.

    Args:
        images: uint8 ``(examples, channels, height, width)``.
        side: rows and columns of the result.

    Returns:
        uint8 ``(examples, channels, side, side)``, rounded to the nearest grey value.
    """
    height, width = images.shape[2:]
    rows, columns = area_weights(height, side), area_weights(width, side)
    out = np.empty((*images.shape[:2], side, side), np.uint8)
    for start in range(0, len(images), _IMAGES_AT_ONCE):
        part = images[start : start + _IMAGES_AT_ONCE].astype(np.float64)
        out[start : start + _IMAGES_AT_ONCE] = np.rint(rows @ part @ columns.T)
    return out
