"""A joint code of binary images from the nearest pixels before each one: the simplest there is.

It shows that pixels are not independent where no better bound of H(X) is at hand.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.errors import ArgumentError

# Row and column offsets of the ten nearest pixels that a raster scan has already passed.
NEIGHBOURS = (
    (0, -1), (-1, 0), (-1, -1), (-1, 1), (0, -2), (-2, 0), (-1, -2), (-1, 2), (-2, -1), (-2, 1),
)  # fmt: skip
ROW_BANDS = 4


def _contexts(images: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """Return the context number of every pixel of images ``(examples, height, width)``."""
    _, height, width = images.shape
    padded = np.pad(images, ((0, 0), (2, 0), (2, 2)))
    contexts = np.zeros(images.shape, np.int32)
    for bit, (row, column) in enumerate(NEIGHBOURS):
        part = padded[:, 2 + row : 2 + row + height, 2 + column : 2 + column + width]
        contexts |= part.astype(np.int32) << bit
    bands = np.arange(height) * ROW_BANDS // height
    contexts += (bands[None, :, None] << len(NEIGHBOURS)).astype(np.int32)
    return contexts


def neighbour_code_lengths(
    train: npt.NDArray[Any], held_out: npt.NDArray[Any], threshold: float
) -> npt.NDArray[np.float64]:
    """Return the code length in bits of each held-out image, shape ``(examples,)``.

    Their expectation is an upper bound of the source's H(X); their mean is that up to chance. A
    pixel is predicted from how often it was on in the training images wherever the ten nearest
    pixels before it, and its quarter of the rows, were the same (Krichevsky–Trofimov estimate; the
    template is that of JBIG, 1993). The counts themselves are not counted.

    Args:
        train: images ``(examples, channels, height, width)``; channels are coded apart.
        held_out: as ``train``.
        threshold: a pixel is on where its value is greater.

    Raises:
        ArgumentError: without images on both sides.
    """
    if train.ndim != 4 or not len(train) or not len(held_out):
        raise ArgumentError(
            "neighbour_code_lengths", f"{train.shape} and {held_out.shape}", "images", "Add some."
        )
    lengths = np.zeros(len(held_out))
    for channel in range(train.shape[1]):
        on = train[:, channel] > threshold
        contexts = _contexts(on)
        size = ROW_BANDS << len(NEIGHBOURS)
        seen = np.bincount(contexts.ravel(), minlength=size)
        ones = np.bincount(contexts[on], minlength=size)
        probability = (ones + 0.5) / (seen + 1.0)
        on = held_out[:, channel] > threshold
        predicted = probability[_contexts(on)]
        lengths -= np.log2(np.where(on, predicted, 1.0 - predicted)).sum((1, 2))
    return lengths
