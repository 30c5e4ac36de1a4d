"""Which trial's file is put to the test: chosen by validation alone."""

from __future__ import annotations

from collections.abc import Sequence

from minbits.evaluation.accuracy import accuracy_reaches, passes, with_margin
from minbits.types import TrialOutcome

# A second claim of a run needs that the first missed, and that what its file gets right of training
# examples, less the usual gap, clears the target by so many standard errors of validation: it is no
# second throw of the same dice. On validation itself it could not clear it by more where examples
# are few: two standard errors above 97 % are all but perfect.
SECOND_CLAIM_MARGIN = 1.0


def choose_claim(
    validated: Sequence[TrialOutcome], accuracy: float, smaller_than_bits: float
) -> TrialOutcome | None:
    """Return the file to claim, or None where no file is worth a look at the test set.

    Only files that reached the target on validation, and that are smaller than what was found so
    far, are considered. Among those that clear the target by one standard error the smallest is
    chosen, since a validation accuracy just at the target is as likely luck as not; if there is
    none, the most accurate one.
    """
    eligible = [
        item for item in validated if _bits(item) < smaller_than_bits and passes(item, accuracy)
    ]
    safe = safe_files(eligible, accuracy)
    if safe:
        return safe[0]
    return nearest_to_target(eligible)


def choose_second_claim(
    accepted: Sequence[TrialOutcome],
    accuracy: float,
    smaller_than_bits: float,
    needed_in_training: float,
) -> TrialOutcome | None:
    """Return the file to claim after one that missed, or None.

    Of the files that clear the target on validation by one standard error the smallest is chosen
    whose training accuracy is as high as needed; if there is none, that of the highest.

    Args:
        accepted: files that were not claimed yet and would do for a first claim, with their
            training accuracies.
        accuracy: the target.
        smaller_than_bits: larger files are left out.
        needed_in_training: target, usual gap and `SECOND_CLAIM_MARGIN`.
    """
    safe = [item for item in safe_files(accepted, accuracy) if _bits(item) < smaller_than_bits]
    sure = [item for item in safe if accuracy_reaches(_in_training(item), needed_in_training)]
    if sure:
        return sure[0]
    return max(safe, key=lambda item: (_in_training(item), -_bits(item)), default=None)


def safe_files(items: Sequence[TrialOutcome], accuracy: float) -> list[TrialOutcome]:
    """Return files that clear the target on validation by a standard error, smallest first."""
    found = [
        item for item in items if passes(item, with_margin(accuracy, item.validation_examples or 1))
    ]
    return sorted(found, key=lambda item: (_bits(item), -(item.validation_correct or 0)))


def _bits(item: TrialOutcome) -> int:
    assert item.size_bits is not None
    return item.size_bits


def digest_of(item: TrialOutcome) -> str:
    """Return the SHA-256 of the file of a trial that has one."""
    assert item.sha256 is not None
    return item.sha256


def _on_validation(item: TrialOutcome) -> float:
    assert item.validation_accuracy is not None
    return item.validation_accuracy


def _in_training(item: TrialOutcome) -> float:
    assert item.training_accuracy is not None
    return item.training_accuracy


def most_credible(doubtful: Sequence[TrialOutcome]) -> TrialOutcome | None:
    """Return, of files that seem lucky on validation, the one with most right in training."""
    return max(
        doubtful,
        key=lambda item: (_in_training(item), _on_validation(item), -_bits(item)),
        default=None,
    )


def nearest_to_target(items: Sequence[TrialOutcome]) -> TrialOutcome | None:
    """Return the file with most right on validation, the smallest of several, or None."""
    return max(items, key=lambda item: (_on_validation(item), -_bits(item)), default=None)
