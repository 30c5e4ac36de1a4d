"""The logistic function and its inverse on integers, the same on every machine.

Tables are computed by integer arithmetic to 96 bits, so that no machine's libm enters.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

# Logits are in units of 2 ** -8 nat, within ± LARGEST_LOGIT.
LOGIT_BITS = 8
LARGEST_LOGIT = 2047
TABLE_BITS = 12
_PROBABILITY_BITS = 16
_FRACTION_BITS = 96


@functools.cache
def squash_table() -> npt.NDArray[np.int64]:
    """Return 2^16 / (1 + e^-x), rounded, for x = (index - 2048) / 256."""
    one = 1 << _FRACTION_BITS
    step, term = 0, one
    for order in range(1, 20):  # the series of e^(1/256)
        step += term
        term = (term >> LOGIT_BITS) // order
    power, powers = one, []  # e^(x / 256) for x = 0, 1, 2, …
    for _ in range(1 << (TABLE_BITS - 1)):
        powers.append(power)
        power = power * step >> _FRACTION_BITS
    upper = [((power << 17) // (one + power) + 1) >> 1 for power in powers]
    lower = [(1 << _PROBABILITY_BITS) - value for value in reversed(upper[1:])]
    return np.array([lower[0], *lower, *upper], np.int64)


@functools.cache
def stretch_table() -> npt.NDArray[np.int64]:
    """Return the logit of a probability of 12 bits: the least whose squash reaches its middle."""
    middles = (np.arange(1 << TABLE_BITS) << 4) + 8
    found = np.searchsorted(squash_table()[1:], middles) + 1 - (1 << (TABLE_BITS - 1))
    return np.asarray(np.clip(found, -LARGEST_LOGIT, LARGEST_LOGIT), np.int64)
