"""The softmax of logits as integers, the same on every machine: a table of powers of two.

Powers are computed by integer arithmetic, so that no machine's libm enters.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt

from minbits.label_codes.symbols import WEIGHT_BITS, Integers

# Exponents are in units of 2 ** -12.
FRACTION_BITS = 12
_PARTS = 1 << FRACTION_BITS
_WORK_BITS = 96
_LARGEST_FALL = 40 << FRACTION_BITS

# A temperature is one of 2^16 factors on the logits: powers of 2^(1/512), from 2^-64 to 2^64.
TEMPERATURE_BITS = 16
FACTORS_AN_OCTAVE = 512
MIDDLE = 1 << (TEMPERATURE_BITS - 1)


@functools.cache
def power_table() -> npt.NDArray[np.int64]:
    """Return 2^30 times 2^(index / 4096), for indices below 4096, rounded down."""
    root = 2 << _WORK_BITS
    for _ in range(FRACTION_BITS):
        root = math.isqrt(root << _WORK_BITS)
    powers, power = [], 1 << _WORK_BITS
    for _ in range(_PARTS):
        powers.append(power >> (_WORK_BITS - WEIGHT_BITS))
        power = power * root >> _WORK_BITS
    return np.array(powers, np.int64)


def factor_of(index: int) -> float:
    """Return the factor on logits, in bits a unit, that an index of 16 bits stands for."""
    octave, part = divmod(index - MIDDLE, FACTORS_AN_OCTAVE)
    fraction = int(power_table()[part * (_PARTS // FACTORS_AN_OCTAVE)])
    return math.ldexp(fraction, octave - WEIGHT_BITS)


def nearest_index(factor: float) -> int:
    """Return the index of the factor nearest to a given one in ratio."""
    if not factor > 0:
        return 0
    place = MIDDLE + round(FACTORS_AN_OCTAVE * math.log2(min(factor, 2.0**64)))
    return min(max(place, 0), 2 * MIDDLE - 1)


def softmax_weights(logits: npt.NDArray[np.float32], factor: float) -> Integers:
    """Return positive integers in proportion to ``2 ** (factor * logits)``.

    Args:
        logits: shape ``(examples, classes)``, finite.
        factor: of `factor_of`.
    """
    values = logits.astype(np.float64)
    below = values - values.max(axis=1, keepdims=True)
    fall = np.rint(np.minimum(below * -factor * _PARTS, _LARGEST_FALL)).astype(np.int64)
    whole, part = np.divmod(-fall, _PARTS)
    weights: Integers = (power_table()[part] >> -whole) + 1
    return weights
