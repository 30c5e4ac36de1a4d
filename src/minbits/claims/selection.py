"""Which trial's file is put to the test: chosen by validation alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from minbits.search.score import with_margin
from minbits.search.strategy import reaches


@dataclass(frozen=True)
class Validated:
    """A trial's file and its validation result.

    Attributes:
        sha256: of the file.
        size_bits: of the file.
        correct: right answers on validation.
        examples: of validation.
        training_accuracy: on examples that it was trained on, None where not known.
    """

    sha256: str
    size_bits: int
    correct: int
    examples: int
    training_accuracy: float | None = None


# A second claim of a run needs that the first missed, and that what its file gets right of training
# examples, less the usual gap, clears the target by so many standard errors of validation: it is no
# second throw of the same dice. On validation itself it could not clear it by more where examples
# are few: two standard errors above 97 % are all but perfect.
SECOND_CLAIM_MARGIN = 1.0


def choose_claim(
    validated: Sequence[Validated], accuracy: float, smaller_than_bits: float
) -> Validated | None:
    """Return the file to claim, or None where no file is worth a look at the test set.

    Only files that reached the target on validation, and that are smaller than what was found so
    far, are considered. Among those that clear the target by one standard error the smallest is
    chosen, since a validation accuracy just at the target is as likely luck as not; if there is
    none, the most accurate one.
    """
    eligible = [
        item
        for item in validated
        if item.size_bits < smaller_than_bits and reaches(item.correct, item.examples, accuracy)
    ]
    safe = safe_files(eligible, accuracy)
    if safe:
        return safe[0]
    return max(
        eligible, key=lambda item: (item.correct / item.examples, -item.size_bits), default=None
    )


def choose_second_claim(
    believed: Sequence[Validated],
    accuracy: float,
    smaller_than_bits: float,
    needed_in_training: float,
) -> Validated | None:
    """Return the file to claim after one that missed, or None.

    Of the files that clear the target on validation by one standard error the smallest is chosen
    whose training accuracy is as high as needed; if there is none, that of the highest.

    Args:
        believed: files that were not claimed yet and would do for a first claim, with their
            training accuracies.
        accuracy: the target.
        smaller_than_bits: larger files are left out.
        needed_in_training: target, usual gap and `SECOND_CLAIM_MARGIN`.
    """
    safe = [item for item in safe_files(believed, accuracy) if item.size_bits < smaller_than_bits]
    sure = [item for item in safe if _in_training(item) >= needed_in_training - 1e-9]
    if sure:
        return sure[0]
    return max(safe, key=lambda item: (_in_training(item), -item.size_bits), default=None)


def safe_files(items: Sequence[Validated], accuracy: float) -> list[Validated]:
    """Return files that clear the target on validation by a standard error, smallest first."""
    found = [
        item
        for item in items
        if reaches(item.correct, item.examples, with_margin(accuracy, item.examples))
    ]
    return sorted(found, key=lambda item: (item.size_bits, -item.correct))


def _in_training(item: Validated) -> float:
    assert item.training_accuracy is not None
    return item.training_accuracy


def most_credible(doubtful: Sequence[Validated]) -> Validated | None:
    """Return, of files that seem lucky on validation, the one with most right in training."""
    return max(
        doubtful,
        key=lambda item: (_in_training(item), item.correct / item.examples, -item.size_bits),
        default=None,
    )


def nearest_to_target(items: Sequence[Validated]) -> Validated | None:
    """Return the file with most right on validation, the smallest of several, or None."""
    return max(
        items, key=lambda item: (item.correct / item.examples, -item.size_bits), default=None
    )
