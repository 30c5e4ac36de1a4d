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
    seen = np.empty((len(inputs), *front_end.output_shape(_shape(inputs))), np.float32)
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
    if front_end is not None and maps.size and not fields.size:
        seen = np.empty((len(indices), *front_end.output_shape(_shape(inputs))), np.float32)
        if front_end.write_through_maps(inputs, indices, maps, seen):
            return seen
    images = np.empty((len(indices), *inputs.shape[1:]), np.float32)
    sample_images(inputs, indices, maps, fields, images)
    return seen_inputs(front_end, images)


def _shape(inputs: Float) -> tuple[int, int, int]:
    _, channels, height, width = inputs.shape
    return channels, height, width
