"""Figures of the labels, and the step from an entropy to neurons and weights."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from minbits.information.discrete import entropy_bits
from minbits.types import Quantity

# MacKay 2003, chapter 40: a threshold unit with K inputs can memorise about 2K random labels.
CAPACITY_BITS_PER_WEIGHT = 2.0


def label_quantities(labels: npt.NDArray[np.int64], class_count: int) -> tuple[Quantity, ...]:
    """Return the entropy of the labels of shape ``(examples,)``, a label and in total."""
    counts = np.bincount(labels, minlength=class_count)
    per_label = entropy_bits(counts)
    examples = len(labels)
    return (
        Quantity(
            key="label_entropy",
            value=per_label,
            unit="bits/label",
            of="Y",
            scope="example",
            kind="estimate",
            method=(
                f"plug-in Shannon entropy of the class frequencies of {examples:,} labels; inputs "
                "tell at most H(Y) about a label, which plug-in is low by about (K - 1) / 2N nats"
            ),
        ),
        Quantity(
            key="label_entropy_total",
            value=per_label * examples,
            unit="bits",
            of="Y",
            scope="data set",
            kind="upper bound",
            method=(
                f"{examples:,} x H(Y): an ideal code of all labels that never looks at an input "
                "(the class frequencies themselves not counted). Real labels need far fewer bits "
                "given the inputs"
            ),
        ),
        Quantity(
            key="label_uniform_code_total",
            value=examples * math.log2(class_count),
            unit="bits",
            of="Y",
            scope="data set",
            kind="upper bound",
            method=f"{examples:,} x log2 {class_count}: every class equally long",
        ),
    )


def question_quantities(
    pixel_sum_bits: float, label_total_bits: float, inputs: int
) -> tuple[Quantity, ...]:
    """Return the question's estimate of neurons and the corrected one of weights; both no bounds.

    Args:
        pixel_sum_bits: the figure that the question took for the entropy.
        label_total_bits: the entropy of all labels.
        inputs: number of input values of one example.
    """
    neurons = math.floor(pixel_sum_bits / CAPACITY_BITS_PER_WEIGHT)
    weights = label_total_bits / CAPACITY_BITS_PER_WEIGHT
    held_bits = neurons * (inputs + 1) * CAPACITY_BITS_PER_WEIGHT
    return (
        Quantity(
            key="question_estimate_neurons",
            value=float(neurons),
            unit="neurons",
            of="network",
            scope="data set",
            kind="estimate",
            method=(
                f"pixel_sum_without_complement / {CAPACITY_BITS_PER_WEIGHT:g} bits, rounded down, "
                "as in the question. Wrong four times: a dropped term, independent pixels, the "
                "inputs' entropy instead of the labels', and bits a neuron instead of a weight "
                f"({neurons} neurons with {inputs + 1} weights each hold about {held_bits:,.0f} "
                "bits)"
            ),
        ),
        Quantity(
            key="corrected_estimate_weights",
            value=weights,
            unit="weights",
            of="network",
            scope="data set",
            kind="estimate",
            method=(
                f"label_entropy_total / {CAPACITY_BITS_PER_WEIGHT:g} bits a weight (MacKay 2003, "
                "ch. 40): about so many weights memorise as many labels drawn at random. It bounds "
                "nothing: labels that follow from the inputs need far fewer, and other units than "
                "thresholds hold more or fewer bits a weight"
            ),
        ),
    )
