"""Codes of labels given a network's logits."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from minbits.errors import ArgumentError
from minbits.units import nats_to_bits

TEMPERATURE_BITS = 16  # what a receiver is told of the temperature


def softmax_code_bits(
    logits: npt.NDArray[np.floating], labels: npt.NDArray[np.int64], temperature: float = 1.0
) -> float:
    """Return the code length of labels under the softmax of ``logits / temperature``.

    Args:
        logits: shape ``(examples, classes)``.
        labels: shape ``(examples,)``.
        temperature: above 0.

    Raises:
        ArgumentError: if shapes do not match, or the temperature is not positive.
    """
    if logits.ndim != 2 or len(logits) != len(labels) or not temperature > 0:
        raise ArgumentError(
            "softmax_code_bits",
            f"logits {logits.shape}, labels {labels.shape}, temperature {temperature}",
            "one row of logits a label and a temperature above 0",
            "Match the arrays.",
        )
    scaled = special.log_softmax(logits.astype(np.float64) / temperature, axis=1)
    return nats_to_bits(-float(scaled[np.arange(len(labels)), labels].sum()))


def best_temperature(logits: npt.NDArray[np.floating], labels: npt.NDArray[np.int64]) -> float:
    """Return the temperature, between 0.2 and 20, under which labels have the shortest code."""
    found = optimize.minimize_scalar(
        lambda exponent: softmax_code_bits(logits, labels, math.exp(exponent)),
        bounds=(math.log(0.2), math.log(20.0)),
        method="bounded",
    )
    return math.exp(float(found.x))


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
    """Return the code length of labels given a network, its temperature set to suit them.

    Raises:
        ArgumentError: if shapes do not match.
    """
    temperature = best_temperature(logits, labels)
    soft = TEMPERATURE_BITS + softmax_code_bits(logits, labels, temperature)
    wrong = int((logits.argmax(1) != labels).sum())
    return residual_code_bits(soft, wrong, len(labels), logits.shape[1])
