"""Capacities of the perceptron in the limit of many weights, by the replica method: a reference."""

from __future__ import annotations

import math

import numpy as np
from scipy import optimize, special

from minbits.errors import ArgumentError

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(200)
_GAUSSIAN = _WEIGHTS / _WEIGHTS.sum()


def gardner_capacity(margin: float = 0.0) -> float:
    """Return the random labels a real weight holds at a margin, 2 at margin 0 (Gardner 1988).

    The margin is that of the normalised field, ``label * w·x / |w|``, of inputs with unit
    variance. The formula is exact where the number of weights goes to infinity, at margins >= 0.

    Raises:
        ArgumentError: at a negative margin, where replica symmetry breaks.
    """
    if not (math.isfinite(margin) and margin >= 0):
        raise ArgumentError("gardner_capacity", f"margin {margin}", "margin >= 0", "Raise it.")
    density = math.exp(-margin * margin / 2) / math.sqrt(2 * math.pi)
    below = float(special.ndtr(margin))
    return 1.0 / ((1 + margin * margin) * below + margin * density)


def _binary_entropy_nats(load: float) -> float:
    """Return the entropy a weight of the binary weight vectors that fit ``load`` labels a weight.

    Replica symmetric: overlap and its conjugate are iterated to their fixed point.
    """
    overlap = 0.5
    for _ in range(2000):
        root = math.sqrt(overlap / (1 - overlap))
        # Density over tail, through the scaled complementary error function: finite everywhere.
        ratio = math.sqrt(2 / math.pi) / special.erfcx(root * _NODES / math.sqrt(2))
        conjugate = load / (1 - overlap) * float(_GAUSSIAN @ ratio**2)
        updated = float(_GAUSSIAN @ np.tanh(math.sqrt(conjugate) * _NODES) ** 2)
        if abs(updated - overlap) < 1e-12:
            break
        overlap = updated
    field = np.abs(math.sqrt(conjugate) * _NODES)
    log_cosh = field + np.log1p(np.exp(-2 * field))
    tail = special.log_ndtr(-root * _NODES)
    return float(
        -0.5 * conjugate * (1 - overlap) + _GAUSSIAN @ log_cosh + load * (_GAUSSIAN @ tail)
    )


def binary_weight_capacity() -> float:
    """Return the random labels that a weight of plus or minus one holds: 0.833.

    Where the replica symmetric entropy of the solutions becomes zero (Krauth & Mézard 1989). The
    value is a result of statistical physics; the matching bounds are proved (Huang 2024 for the
    upper one, Ding & Sun 2019 for the lower one) under conditions on functions checked numerically.
    """
    return float(optimize.brentq(_binary_entropy_nats, 0.7, 0.95, xtol=1e-9))
