"""Codes of labels given a network's logits."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from minbits.errors import ArgumentError
from minbits.information.temperature import (
    ScaledLogits,
    best_temperature,
    scaled_for,
)
from minbits.label_codes.integer_softmax import FACTORS_AN_OCTAVE, MIDDLE, TEMPERATURE_BITS
from minbits.units import nats_to_bits

__all__ = [
    "TEMPERATURE_BITS",
    "best_temperature",
    "exceptions_code_bits",
    "labels_given_network_bits",
    "residual_code_bits",
]

# A receiver is told one of 2^16 temperatures: infinity, 0, or the logits' own root mean square
# times a factor of the two-part code's grid. Two neighbours differ by 0.14 %.
_COLDEST = (1 << TEMPERATURE_BITS) - 1


def _inverse_of_index(index: int, scale: float) -> float:
    """Return the inverse temperature that an index of 16 bits stands for.

    Args:
        index: 0 for infinite temperature, 65,535 for 0.
        scale: root mean square of the logits less their row's mean, above 0.
    """
    if index == 0:
        return 0.0
    if index == _COLDEST:
        return math.inf
    return math.exp2((index - MIDDLE) / FACTORS_AN_OCTAVE) / scale


def _index_below(inverse: float, scale: float) -> int:
    """Return the last index whose inverse temperature is not above a given one, 1 at least."""
    place = MIDDLE + math.floor(FACTORS_AN_OCTAVE * (math.log2(inverse) + math.log2(scale)))
    return min(max(place, 1), _COLDEST - 2)


def tempered_code_bits(logits: npt.NDArray[np.floating], labels: npt.NDArray[np.int64]) -> float:
    """Return the code length of labels with the temperature told, whatever the logits' scale.

    The receiver has the inputs and the network, hence the logits and their root mean square; it is
    told which of 2^16 temperatures relative to that is used. Logits times a factor give the same.

    Raises:
        ArgumentError: if shapes do not match, or a logit is no number or plus infinity.
    """
    scaled = scaled_for(logits, labels)
    return TEMPERATURE_BITS + min(
        nats_to_bits(scaled.code_nats(labels, inverse)) for inverse in _candidates(scaled, labels)
    )


def _candidates(scaled: ScaledLogits, labels: npt.NDArray[np.int64]) -> list[float]:
    """Return the inverse temperatures that can be told and lie next to the best one."""
    best, scale = scaled.best_inverse(labels), scaled.centred_rms
    if best == 0 or scale == 0:
        return [0.0]
    if math.isinf(best):
        return [math.inf]
    # The code length is convex, so that one of the two neighbours is the best that can be told.
    below = _index_below(best, scale)
    return [_inverse_of_index(index, scale) for index in (below, below + 1)]


def exceptions_code_bits(wrong: int, examples: int, classes: int) -> float:
    """Return the length of a code that lists which labels a network gets wrong.

    It says how many are wrong, which of them, and which of the other classes each is.

    Raises:
        ArgumentError: unless ``0 <= wrong <= examples`` and ``classes >= 2``.
    """
    if not 0 <= wrong <= examples or classes < 2:
        raise ArgumentError(
            "exceptions_code_bits",
            f"{wrong} of {examples} wrong, {classes} classes",
            "0 <= wrong <= examples, 2 or more classes",
            "Count again.",
        )
    logs = special.gammaln([examples + 1, wrong + 1, examples - wrong + 1])
    which_bits = nats_to_bits(float(logs[0] - logs[1] - logs[2]))
    return math.log2(examples + 1) + which_bits + wrong * math.log2(max(classes - 1, 1))


def residual_code_bits(soft_bits: float, wrong: int, examples: int, classes: int) -> float:
    """Return the length of the shorter of two codes of labels, given a network.

    One bit says which: the network's probabilities, or the list of its exceptions.

    Args:
        soft_bits: code length under the network's probabilities.
        wrong: labels that the network gets wrong.
        examples: all labels.
        classes: C.

    Raises:
        ArgumentError: as `exceptions_code_bits`.
    """
    return 1.0 + min(soft_bits, exceptions_code_bits(wrong, examples, classes))


def labels_given_network_bits(
    logits: npt.NDArray[np.floating], labels: npt.NDArray[np.int64]
) -> float:
    """Return the code length of labels given a network whose logits have any scale.

    The shorter of the code under its probabilities, their temperature set to suit the labels and
    told, and of the list of its exceptions. Logits times any positive factor give the same length.

    Args:
        logits: shape ``(examples, classes)``.
        labels: shape ``(examples,)``.

    Raises:
        ArgumentError: if shapes do not match, or a logit is no number or plus infinity.
    """
    soft_bits = tempered_code_bits(logits, labels)
    wrong = int((logits.argmax(1) != labels).sum())
    return residual_code_bits(soft_bits, wrong, len(labels), logits.shape[1])
