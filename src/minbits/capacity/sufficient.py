"""What a search has found to be enough, brought in from outside: this room knows no ledger."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FoundNetwork:
    """The smallest verified file known for a data set.

    Attributes:
        size_bits: 8 times its length.
        test_accuracy: what it reached on the test set.
        place: where it is recorded.
        residual_bits: code length of the training labels given the file's network; None where it
            was not computed.
    """

    size_bits: int
    test_accuracy: float
    place: str
    residual_bits: float | None = None

    @property
    def two_part_bits(self) -> float | None:
        """The file and the labels given the file: a two-part code of the training labels."""
        return None if self.residual_bits is None else self.size_bits + self.residual_bits
