"""What a learner of labels is given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.label_codes.protocol import Labels

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Task:
    """Labels seen, and the inputs whose labels are to be predicted.

    Attributes:
        seen_inputs: float32, shape ``(seen, channels, height, width)``, about in [-1, 1].
        seen_labels: shape ``(seen,)``.
        new_inputs: of the block, shape ``(new, channels, height, width)``.
        later_inputs: of all blocks after it.
        classes: how many there are.
        seed: of whatever is drawn.
        effort: a factor on the epochs of networks.
    """

    seen_inputs: npt.NDArray[np.float32]
    seen_labels: Labels
    new_inputs: npt.NDArray[np.float32]
    later_inputs: npt.NDArray[np.float32]
    classes: int
    seed: int
    effort: float
