"""From entropy to neurons and weights: the question's 95, and each of its four steps corrected."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from minbits.capacity.cover import MEMORISATION_BITS_PER_WEIGHT
from minbits.capacity.fano import random_labelling_bits
from minbits.capacity.prequential import PrequentialCode
from minbits.capacity.sufficient import FoundNetwork
from minbits.errors import ArgumentError

StepUnit = Literal["neurons", "weights"]


@dataclass(frozen=True)
class NeedFigures:
    """What is known of a data set before any network is thought of.

    Attributes:
        data_name: the data set.
        inputs: values of one example.
        examples: training labels N.
        classes: C.
        label_entropy_bits: H(Y) of one label.
        pixel_sum_bits: the question's sum, a term dropped; None where inputs are not grey values.
        independent_bits: one image with pixels as independent; None likewise.
        joint_bits: the smallest upper bound of one image's entropy; None likewise.
        joint_method: where that comes from.
    """

    data_name: str
    inputs: int
    examples: int
    classes: int
    label_entropy_bits: float
    pixel_sum_bits: float | None
    independent_bits: float | None
    joint_bits: float | None
    joint_method: str


@dataclass(frozen=True)
class NeedStep:
    """One line of the way from an entropy to a network.

    Attributes:
        key: stable name.
        title: what was done.
        bits: what was to be stored.
        bits_of: what those bits are of, and what kind of statement they are.
        count: how many units were to store them, at two bits each.
        unit: of the count.
        correction: what this step mends.
    """

    key: str
    title: str
    bits: float
    bits_of: str
    count: float
    unit: StepUnit
    correction: str


@dataclass(frozen=True)
class NeedInterval:
    """Between what the labels told a learner and what labels at random would need, in bits.

    Attributes:
        low_bits: learned from labels until the accuracy was reached, by a prequential code (an
            estimate); 0 where it was not measured or not reached. Nothing above 0 is provable of a
            given labelling: its shortest program could always be shorter than what we know.
        high_bits: what random labels need at this accuracy (a lower bound of memorising them).
        low_method: where the low end comes from.
    """

    low_bits: float
    high_bits: float
    low_method: str

    @property
    def low_weights(self) -> float:
        """The low end at two bits a weight."""
        return self.low_bits / MEMORISATION_BITS_PER_WEIGHT

    @property
    def high_weights(self) -> float:
        """The high end at two bits a weight."""
        return self.high_bits / MEMORISATION_BITS_PER_WEIGHT


@dataclass(frozen=True)
class NeedReport:
    """The way from an entropy to an interval, and what the search has found.

    Attributes:
        figures: where it started.
        accuracy: wanted.
        steps: the question first, then its corrections.
        interval: where it ends.
        prequential: code of the training labels; None where it was not computed.
        found: the smallest verified file; None where there is none.
    """

    figures: NeedFigures
    accuracy: float
    steps: tuple[NeedStep, ...]
    interval: NeedInterval
    prequential: PrequentialCode | None
    found: FoundNetwork | None

    @property
    def verdict(self) -> str:
        """One sentence."""
        low, high = self.interval.low_bits, self.interval.high_bits
        head = (
            f"{self.figures.data_name} at {100 * self.accuracy:g} %: between {low:,.0f} bits "
            f"(learned from labels) and {high:,.0f} bits (labels at random)"
        )
        if self.found is None:
            return f"{head}; no network has been found yet."
        size = self.found.size_bits
        where = "inside" if low <= size <= high else "above" if size > high else "below"
        return (
            f"{head}; the smallest network found so far is a file of {size:,} bits, {where} the "
            f"interval: {high / size:,.1f} times less than random labels would need."
        )


def _question_steps(figures: NeedFigures) -> list[NeedStep]:
    assert figures.pixel_sum_bits is not None
    assert figures.independent_bits is not None
    assert figures.joint_bits is not None
    per = MEMORISATION_BITS_PER_WEIGHT
    return [
        NeedStep(
            "question",
            "the question's estimate",
            figures.pixel_sum_bits,
            "Σ -p log2 p over pixels: no entropy of anything",
            math.floor(figures.pixel_sum_bits / per),
            "neurons",
            "nothing yet; rounded down as in the question",
        ),
        NeedStep(
            "dropped_term",
            "1. the dropped term",
            figures.independent_bits,
            "X, one image, pixels independent: upper bound",
            figures.independent_bits / per,
            "neurons",
            "-(1-p) log2 (1-p) of each pixel belongs to its entropy",
        ),
        NeedStep(
            "independence",
            "2. independence",
            figures.joint_bits,
            f"X, one image, {figures.joint_method}: upper bound",
            figures.joint_bits / per,
            "neurons",
            "pixels depend on one another: the joint entropy is smaller",
        ),
    ]


def need_steps(figures: NeedFigures, accuracy: float) -> tuple[NeedStep, ...]:
    """Return the question's estimate and its four corrections.

    The first three lines are left out where inputs are not grey values.

    Args:
        figures: of the data set.
        accuracy: wanted, in (0, 1].

    Raises:
        ArgumentError: outside that domain.
    """
    if not 0 < accuracy <= 1:
        raise ArgumentError("--accuracy", str(accuracy), "0 < accuracy <= 1", "Correct it.")
    steps = [] if figures.pixel_sum_bits is None else _question_steps(figures)
    per = MEMORISATION_BITS_PER_WEIGHT
    labels = random_labelling_bits(
        figures.examples, figures.label_entropy_bits, accuracy, figures.classes
    )
    steps.append(
        NeedStep(
            "labels_not_inputs",
            "3. labels, not inputs",
            labels,
            "Y, all labels, as if drawn at random, at this accuracy",
            labels / per,
            "neurons",
            "a classifier stores what the labels say, of all examples, not one image",
        )
    )
    steps.append(
        NeedStep(
            "weights_not_neurons",
            "4. weights, not neurons",
            labels,
            "the same",
            labels / per,
            "weights",
            f"MacKay's two bits are of a weight: {labels / per / (figures.inputs + 1):,.1f} "
            f"neurons of {figures.inputs + 1:,} weights each",
        )
    )
    return tuple(steps)


def need_report(
    figures: NeedFigures,
    accuracy: float,
    prequential: PrequentialCode | None,
    found: FoundNetwork | None,
) -> NeedReport:
    """Return steps, interval and comparison.

    Raises:
        ArgumentError: as `need_steps`.
    """
    steps = need_steps(figures, accuracy)
    learned, method = None, "not measured: 0"
    if prequential is not None:
        learned = prequential.learned_bits(accuracy)
        method = f"prequential code with {prequential.network}, excess until the accuracy"
        if learned is None:
            # It has learned this much and would have to learn more: still an estimate from below.
            learned = prequential.excess_bits
            method = f"prequential code with {prequential.network}, which stayed below the accuracy"
    high = steps[-1].bits
    interval = NeedInterval(min(learned or 0.0, high), high, method)
    return NeedReport(figures, accuracy, steps, interval, prequential, found)
