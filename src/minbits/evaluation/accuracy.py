"""Whether an accuracy is reached: one tolerance for every job."""

from __future__ import annotations

import math

from minbits.types import TrialOutcome

# Of 10,000 examples, 9,900 reach 0.99 exactly, though 0.99 * 10,000 is rounded.
TOLERANCE = 1e-9


def reaches(correct: float, examples: int, accuracy: float) -> bool:
    """Return whether ``correct`` of ``examples`` is at least ``accuracy``, safe from rounding."""
    return correct >= accuracy * examples - TOLERANCE


def correct_needed(examples: int, accuracy: float) -> int:
    """Return the fewest right answers of ``examples`` that reach an accuracy."""
    return math.ceil(accuracy * examples - TOLERANCE)


def accuracy_reaches(found: float, accuracy: float) -> bool:
    """Return whether one accuracy is at least another one, safe from rounding."""
    return reaches(found, 1, accuracy)


def passes(outcome: TrialOutcome, accuracy: float) -> bool:
    """Return whether a trial's file reaches an accuracy on validation; False without one."""
    correct, examples = outcome.validation_correct, outcome.validation_examples
    return correct is not None and bool(examples) and reaches(correct, examples or 0, accuracy)


def standard_error(accuracy: float, examples: int) -> float:
    """Return the standard error of an accuracy measured on some examples."""
    return math.sqrt(accuracy * (1 - accuracy) / examples)


def with_margin(accuracy: float, examples: int) -> float:
    """Return the validation target: the accuracy that is wanted and one standard error.

    A validation accuracy just at the target is as likely luck as not.
    """
    return min(1.0, accuracy + standard_error(accuracy, examples))
