"""What the first layer sees of examples: distorted first, then through the front end."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from minbits.front_ends.base import FrontEnd
from minbits.training.lanes.sampling import sample_images

Float = npt.NDArray[np.float32]


def seen_inputs(front_end: FrontEnd | None, inputs: Float) -> Float:
    """Return scaled inputs ``(examples, channels, rows, columns)`` as the first layer sees them."""
    if front_end is None:
        return inputs
    _, channels, height, width = inputs.shape
    shape = front_end.output_shape((channels, height, width))
    seen = np.empty((len(inputs), *shape), np.float32)
    front_end.write_images(inputs, seen)
    return seen


def seen_batch(
    front_end: FrontEnd | None,
    inputs: Float,
    indices: npt.NDArray[np.int64],
    maps: Float,
    fields: Float,
) -> Float:
    """Return ``inputs[indices]``, each through its own distortion, as the first layer sees them.

    Args:
        front_end: of the network; None for none.
        inputs: scaled, ``(examples, channels, rows, columns)``.
        indices: ``(batch,)``.
        maps: ``(batch, 2, 3)`` affine distortions, or of size 0.
        fields: ``(batch, 2, knot, knot)`` displacements, or of size 0.
    """
    images = np.empty((len(indices), *inputs.shape[1:]), np.float32)
    sample_images(inputs, indices, maps, fields, images)
    return seen_inputs(front_end, images)
