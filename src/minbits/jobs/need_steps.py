"""From entropy to neurons and weights: the question's 95, and each of its four steps corrected.

Nothing here bounds the network that given labels need: their shortest program may be shorter than
any that is known. What ends the way are reference points, and codes of the labels that exist.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal

from minbits.capacity.cover import MEMORISATION_BITS_PER_WEIGHT
from minbits.capacity.fano import random_labelling_bits
from minbits.errors import ArgumentError
from minbits.evaluation.known_network import FoundNetwork
from minbits.label_codes.learned import CodedBlock, PrequentialLength
from minbits.notebook import Cells, Shown
from minbits.studies.kept import KnownLabelCode

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
class ReferencePoints:
    """Two figures to hold a network's size against, in bits. Neither bounds what a network needs.

    Either one may be the larger: the first grows with a learner's clumsiness on few labels, the
    second falls with the accuracy wanted.

    Attributes:
        learned_bits: what one learner took from the labels until it predicted new ones at the
            accuracy wanted: the excess of its prequential code. None where it was not measured; 0
            or less where it learned nothing.
        reached_accuracy: whether that learner reached the accuracy; None where it was not measured.
            If not, it took this much and would have to take more.
        learner: what it was, or why there is none.
        random_labels_bits: what a network needs on average for labels drawn at random, to have so
            many of them right. Labels that follow from the inputs need less or more than that.
    """

    learned_bits: float | None
    reached_accuracy: bool | None
    learner: str
    random_labels_bits: float

    @property
    def learned_weights(self) -> float | None:
        """The first one at two bits a weight."""
        if self.learned_bits is None:
            return None
        return self.learned_bits / MEMORISATION_BITS_PER_WEIGHT

    @property
    def random_labels_weights(self) -> float:
        """The second one at two bits a weight."""
        return self.random_labels_bits / MEMORISATION_BITS_PER_WEIGHT

    @property
    def sentence(self) -> str:
        """Both of them, and what they are worth."""
        drawn = f"{self.random_labels_bits:,.0f} bits for labels drawn at random"
        if self.learned_bits is None:
            return f"a reference point, not a bound: {drawn}"
        if self.learned_bits <= 0:
            taken = (
                f"a learner took nothing from the labels (an excess of {self.learned_bits:,.0f})"
            )
        else:
            taken = f"{self.learned_bits:,.0f} bits that one learner took from the labels"
            if not self.reached_accuracy:
                taken += ", short of this accuracy"
        text = f"two reference points, no bounds: {taken}; {drawn}"
        if self.learned_bits > self.random_labels_bits:
            text += ", fewer than the learner took"
        return text


@dataclass(frozen=True, repr=False)
class NeedReport(Shown):
    """The way from an entropy to two reference points, and what the search has found.

    Attributes:
        figures: where it started.
        accuracy: wanted.
        steps: the question first, then its corrections.
        reference_points: where it ends.
        prequential: code of the training labels; None where it was not computed.
        found: the smallest verified file; None where there is none.
        label_code: the shortest code of the training labels that the ledger knows; None where there
            is none.
    """

    figures: NeedFigures
    accuracy: float
    steps: tuple[NeedStep, ...]
    reference_points: ReferencePoints
    prequential: PrequentialLength | None
    found: FoundNetwork | None
    label_code: KnownLabelCode | None = None

    def summary(self) -> str:
        """Return what it is of, in one line."""
        return f"{self.figures.data_name} at {100 * self.accuracy:g} %: from entropy to a network"

    def facts(self) -> Cells:
        """Return the rows of its table, one a step."""
        return [
            (step.title, f"{step.bits:,.2f}", f"{step.count:,.0f} {step.unit}", step.bits_of)
            for step in self.steps
        ]

    def header(self) -> tuple[str, ...]:
        """Return the names of the table's columns."""
        return ("step", "bits", "at 2 bits each", "bits of")

    @property
    def labels_alone_bits(self) -> float:
        """N · H(Y): all training labels when no input is looked at, class frequencies known."""
        return self.figures.examples * self.figures.label_entropy_bits

    @property
    def times_less_than_labels(self) -> float | None:
        """The labels alone over the two-part code, which pays for the errors; None without one."""
        if self.found is None or self.found.two_part_bits is None:
            return None
        return self.labels_alone_bits / self.found.two_part_bits

    @property
    def verdict(self) -> str:
        """Some sentences."""
        head = (
            f"{self.figures.data_name} at {100 * self.accuracy:g} %: "
            f"{self.reference_points.sentence}."
        )
        if self.found is None:
            return f"{head} No network has been found yet."
        found = f"The smallest network found so far is a file of {self.found.size_bits:,} bits"
        ratio = self.times_less_than_labels
        if ratio is None:
            return f"{head} {found}{self._test_result}; its errors were not coded."
        compared = f"{ratio:,.1f} times less" if ratio >= 1 else f"{1 / ratio:,.1f} times as much"
        return (
            f"{head} {found}{self._test_result}. With the code of the training labels given it, "
            f"that is {self.found.two_part_bits:,.0f} bits: {compared}"
            f"{' than' if ratio >= 1 else ' as'} the {self.labels_alone_bits:,.0f} bits of the "
            "labels alone."
        )

    @property
    def _test_result(self) -> str:
        found = self.found
        limit = None if found is None else found.accuracy_lower_limit
        if found is None or limit is None:
            return ""
        looks = "one look" if found.looks == 1 else f"{found.looks} looks"
        may = ""
        if limit < self.accuracy:
            may = ", which may be below the target"
        return (
            f" with {found.test_correct:,} of {found.test_examples:,} test examples right: a true "
            f"accuracy of at least {100 * limit:.2f} % (95 % confidence after {looks}){may}"
        )


def _question_steps(figures: NeedFigures) -> list[NeedStep]:
    """Return the lines on one image: what it was taken for, and what it holds at most."""
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
            "pixels depend on one another: the joint entropy is smaller"
            if figures.joint_bits < figures.independent_bits
            else "pixels may depend on one another; no joint code here is shorter",
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
        raise ArgumentError("`accuracy`", str(accuracy), "0 < accuracy <= 1", "Correct it.")
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
            "Y, all labels, as if drawn at random, at this accuracy: lower bound on average",
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
    prequential: PrequentialLength | None,
    found: FoundNetwork | None,
) -> NeedReport:
    """Return steps, reference points and comparison.

    Raises:
        ArgumentError: as `need_steps`.
    """
    steps = need_steps(figures, accuracy)
    random_labels_bits = steps[-1].bits
    if prequential is None:
        points = ReferencePoints(None, None, "not measured", random_labels_bits)
    elif len(prequential.blocks) == 1:
        reason = f"none: {prequential.examples} labels are too few to learn from any of them"
        points = ReferencePoints(None, None, reason, random_labels_bits)
    else:
        learned = prequential.learned_bits(accuracy)
        points = ReferencePoints(
            prequential.excess_bits if learned is None else learned,
            learned is not None,
            prequential.network,
            random_labels_bits,
        )
    return NeedReport(figures, accuracy, steps, points, prequential, found)


def plain_need(report: NeedReport) -> dict[str, Any]:
    """Return the report as plain data for JSON."""
    plain = dataclasses.asdict(report)
    if report.prequential is not None:
        plain["prequential"]["total_bits"] = report.prequential.total_bits
        told = [field.name for field in dataclasses.fields(CodedBlock)]
        plain["prequential"]["blocks"] = [
            {name: getattr(block, name) for name in told} for block in report.prequential.blocks
        ]
    if report.found is not None:
        plain["found"]["two_part_bits"] = report.found.two_part_bits
        plain["found"]["accuracy_lower_limit"] = report.found.accuracy_lower_limit
    points = report.reference_points
    plain["reference_points"]["learned_weights"] = points.learned_weights
    plain["reference_points"]["random_labels_weights"] = points.random_labels_weights
    plain["labels_alone_bits"] = report.labels_alone_bits
    plain["times_less_than_labels"] = report.times_less_than_labels
    plain["verdict"] = report.verdict
    return plain
