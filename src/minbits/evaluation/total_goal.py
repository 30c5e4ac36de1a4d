"""The goal of a network for the two-part code: bits of its file and of the labels given it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from minbits.evaluation.goal import Goal
from minbits.types import TrialOutcome


def expected_label_bits(accuracy: float, labels: int, classes: int) -> float:
    """Return about how many bits labels take, given a network of some accuracy.

    That is the entropy of its errors, if each label has the same chance of one, and all other
    classes are equally likely then: it only orders networks.
    """
    errors = min(max(1 - accuracy, 0.5 / labels), 1 - 1e-9)
    entropy = -errors * math.log2(errors) - (1 - errors) * math.log2(1 - errors)
    return labels * (entropy + errors * math.log2(max(classes - 1, 1)))


def accuracy_on_all(outcome: TrialOutcome, held_out: float) -> float | None:
    """Return a file's accuracy on the examples it trained on and those of validation; None unknown.

    Args:
        outcome: of its trial; validation stands for all where training examples were not counted.
        held_out: the part of validation.
    """
    validation, training = outcome.validation_accuracy, outcome.training_accuracy
    if validation is None or training is None:
        return validation
    return held_out * validation + (1 - held_out) * training


@dataclass
class TotalGoal(Goal):
    """A short sum of a network's file and the labels given it; no accuracy is asked for.

    Attributes:
        labels: how many are coded: those that networks train on, and those of validation.
        classes: how many there are.
        label_factor: what labels take over the entropy of the errors. It is below 1 where a network
            knows which of its answers are doubtful, and 1 where errors are chance.
    """

    labels: int = 0
    classes: int = 0
    label_factor: float = 1.0

    def missing_standard_errors(self, outcome: TrialOutcome) -> float:
        """Return 0: a file of any accuracy can begin a code."""
        return 0.0

    def spare_standard_errors(self, outcome: TrialOutcome) -> float:
        """Return 0: accuracy is not given away, since it shortens the labels."""
        return 0.0

    def score(self, outcome: TrialOutcome) -> float | None:
        """Return log2 of the expected total, None for a trial without a file."""
        accuracy = accuracy_on_all(outcome, self.examples / self.labels)
        if accuracy is None or not outcome.size_bits:
            return None
        label_bits = expected_label_bits(accuracy, self.labels, self.classes)
        return math.log2(outcome.size_bits + self.label_factor * label_bits)

    def expected_score(self, outcome: TrialOutcome) -> float | None:
        """Return the score: that of a file's children is expected to be near."""
        return self.score(outcome)
