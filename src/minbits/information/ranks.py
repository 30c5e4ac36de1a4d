"""Normal scores: each column brought to a normal distribution by its ranks.

A rising function of one column changes no information between that column, or all of them, and
anything else. What depends on distances or scales then sees no heavy tails.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

FloatArray = npt.NDArray[np.float64]


def normal_scores(values: FloatArray, among: FloatArray | None = None) -> FloatArray:
    """Return the normal deviates of each value's rank in its column, equal values alike.

    Args:
        values: shape ``(examples, columns)``.
        among: the examples that ranks are taken among, as ``values``; None takes ``values``. Beyond
            them all values are alike.

    Returns:
        As ``values``, about standard normal.
    """
    given = values if among is None else among
    out = np.empty(values.shape)
    for index, column in enumerate(values.T):
        line = np.sort(given[:, index])
        below = np.searchsorted(line, column, side="left")
        above = np.searchsorted(line, column, side="right")
        # Half way between the ranks of its equals; the ends at half an example.
        share = (below + above) / (2 * len(line))
        out[:, index] = ndtri(np.clip(share, 0.5 / len(line), 1 - 0.5 / len(line)))
    return out
