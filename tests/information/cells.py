"""Exact information of a table of probabilities."""

from __future__ import annotations

import numpy as np


def exact_bits(cells: np.ndarray) -> float:
    """Return I(X;Y) of joint probabilities, shape ``(states of X, states of Y)``, in bits."""
    cells = cells / cells.sum()
    product = cells.sum(axis=1, keepdims=True) * cells.sum(axis=0, keepdims=True)
    seen = cells > 0
    return float((cells[seen] * np.log2(cells[seen] / product[seen])).sum())
