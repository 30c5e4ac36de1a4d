"""What a search has found to be enough, brought in from outside: this room knows no ledger."""

from __future__ import annotations

from dataclasses import dataclass

from minbits.intervals import anytime_lower_limit


@dataclass(frozen=True)
class FoundNetwork:
    """The smallest verified file known for a data set.

    Attributes:
        size_bits: 8 times its length.
        test_accuracy: what it reached on the test set.
        place: where it is recorded.
        residual_bits: code length of the training labels given the file's network; None where it
            was not computed.
        test_correct: of the test examples; None where only the accuracy is known.
        test_examples: how many there are; None likewise.
        looks: how often the test set was run for a claim, this one included, as far as the place of
            the record knows; None likewise.
    """

    size_bits: int
    test_accuracy: float
    place: str
    residual_bits: float | None = None
    test_correct: int | None = None
    test_examples: int | None = None
    looks: int | None = None

    @property
    def two_part_bits(self) -> float | None:
        """The file and the labels given the file: a two-part code of the training labels."""
        return None if self.residual_bits is None else self.size_bits + self.residual_bits

    @property
    def accuracy_lower_limit(self) -> float | None:
        """One-sided 95 % lower limit of the true accuracy after all looks; None if unknown."""
        if self.test_correct is None or self.test_examples is None or self.looks is None:
            return None
        return anytime_lower_limit(self.test_correct, self.test_examples, self.looks)
