"""Fano's inequality turned round: the least information for an error rate."""

from __future__ import annotations

import math

import numpy as np

from minbits.capacity.channels import check_probability
from minbits.errors import ArgumentError
from minbits.information.discrete import binary_entropy_bits


def remaining_entropy_bits(error_rate: float, classes: int) -> float:
    """Return Fano's bound ``H_b(e) + e log2(C - 1)`` of the entropy of a label given a guess.

    Beyond e = 1 - 1/C, where guessing at random is better, the bound is log2 C.

    Raises:
        ArgumentError: unless 0 <= e <= 1 and C >= 2.
    """
    check_probability("Fano's inequality", "error rate", error_rate)
    if classes < 2:
        raise ArgumentError("Fano's inequality", f"{classes} classes", "2 or more", "Add classes.")
    if error_rate >= 1 - 1 / classes:
        return math.log2(classes)
    uncertain = float(binary_entropy_bits(np.array(error_rate)))
    return uncertain + error_rate * math.log2(classes - 1)


def least_information_bits(label_entropy_bits: float, error_rate: float, classes: int) -> float:
    """Return the least I(X; Y) of one example that allows an error rate (Fano 1961).

    ``H(Y) - H_b(e) - e log2(C - 1)``, never below 0: a lower bound, of what the *input* must tell
    about the label; it says nothing of the bits of the network that reads it.

    Raises:
        ArgumentError: outside ``0 <= H(Y) <= log2 C``, ``0 <= e <= 1``, ``C >= 2``.
    """
    remaining = remaining_entropy_bits(error_rate, classes)
    if not 0 <= label_entropy_bits <= math.log2(classes) + 1e-9:
        raise ArgumentError(
            "least_information_bits",
            f"H(Y) = {label_entropy_bits} bits of {classes} classes",
            f"0 <= H(Y) <= log2 C = {math.log2(classes):.4f}",
            "Measure the entropy of the labels again.",
        )
    return max(0.0, label_entropy_bits - remaining)


def random_labelling_bits(
    examples: int, label_entropy_bits: float, accuracy: float, classes: int
) -> float:
    """Return what a labelling drawn at random needs at an accuracy a, for the whole set.

    ``N [H(Y) - H_b(a) - (1 - a) log2(C - 1)]``: the rate-distortion bound of N independent labels
    under Hamming distortion. A lower bound of the bits of any network that reaches accuracy a on
    labels that do not follow from the inputs, on average over labellings; exact as N grows where
    classes are equally likely (Cover & Thomas 2006, section 10.3), else below it.

    Raises:
        ArgumentError: outside ``N >= 1``, ``0 <= a <= 1`` and the domain of
            `least_information_bits`.
    """
    if examples < 1:
        raise ArgumentError("random_labelling_bits", f"N = {examples}", "N >= 1", "Add examples.")
    check_probability("random_labelling_bits", "accuracy", accuracy)
    return examples * least_information_bits(label_entropy_bits, 1 - accuracy, classes)
