"""Which trial's file is put to the test: chosen by validation alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from minbits.search.score import with_margin
from minbits.search.strategy import reaches


@dataclass(frozen=True)
class Validated:
    """A trial's file and its validation result."""

    sha256: str
    size_bits: int
    correct: int
    examples: int


# The claims of one run: by how many standard errors of validation a file's right answers on
# training examples, less the usual gap, must exceed the target. A second claim needs that the first
# missed, and that its file clears the target by more: it is no second throw of the same dice. More
# on validation is no way: of few examples, two standard errors above 97 % are all but perfect.
CLAIM_MARGINS = (0.0, 1.0)


def choose_claim(
    validated: Sequence[Validated],
    accuracy: float,
    smaller_than_bits: float,
    after_a_miss: bool = False,
) -> Validated | None:
    """Return the file to claim, or None where no file is worth a look at the test set.

    Only files that reached the target on validation, and that are smaller than what was found so
    far, are considered. Among those that clear the target by one standard error the smallest is
    chosen, since a validation accuracy just at the target is as likely luck as not; if there is
    none, the most accurate one, unless an earlier claim of the run missed.
    """
    eligible = [
        item
        for item in validated
        if item.size_bits < smaller_than_bits and reaches(item.correct, item.examples, accuracy)
    ]
    safe = [
        item
        for item in eligible
        if reaches(item.correct, item.examples, with_margin(accuracy, item.examples))
    ]
    if safe:
        return min(safe, key=lambda item: (item.size_bits, -item.correct))
    if after_a_miss:
        return None
    return max(
        eligible, key=lambda item: (item.correct / item.examples, -item.size_bits), default=None
    )
