"""How good a trial is: bits, and how far it is from the accuracy that is aimed at."""

from __future__ import annotations

import math
from dataclasses import dataclass

from minbits.search.strategy import Outcome


def standard_error(accuracy: float, examples: int) -> float:
    """Return the standard error of an accuracy measured on some examples."""
    return math.sqrt(accuracy * (1 - accuracy) / examples)


def with_margin(accuracy: float, examples: int) -> float:
    """Return the accuracy to aim at on validation: the target and one standard error.

    A validation accuracy just at the target is as likely luck as not.
    """
    return min(1.0, accuracy + standard_error(accuracy, examples))


@dataclass(frozen=True)
class Goal:
    """What a search is after.

    Attributes:
        accuracy: target, in (0, 1].
        examples: validation examples.
    """

    accuracy: float
    examples: int

    @property
    def aim(self) -> float:
        """The validation accuracy that counts as a success."""
        return with_margin(self.accuracy, self.examples)

    def is_met(self, outcome: Outcome) -> bool:
        """Whether a trial's file is believed to reach the target, see `shortfall_of`."""
        return outcome.accuracy is not None and self.shortfall_of(outcome) == 0

    def shortfall(self, accuracy: float) -> float:
        """Return how many standard errors a validation accuracy lies below the aim, or 0."""
        return self._short(self.aim - accuracy, self.examples)

    def accuracy_at(self, shortfall: float) -> float:
        """Return the validation accuracy that lies that many standard errors below the aim."""
        return self.aim - shortfall * self._unit(self.examples)

    def shortfall_of(self, outcome: Outcome) -> float:
        """Return by how many standard errors a trial's file falls short.

        Of many files, some pass validation by luck, and where validation examples are few those are
        what a search ends with. But a network rarely does better on new examples than on those that
        it was trained on: one that misses the target there is not believed.
        """
        assert outcome.accuracy is not None
        short = self.shortfall(outcome.accuracy)
        correct, examples = outcome.training_correct, outcome.training_examples
        if correct is None or not examples:
            return short
        return max(short, self._short(self.accuracy - correct / examples, examples))

    def _short(self, missing: float, examples: int) -> float:
        # Counts, not quotients: rounding must not make a file fall short.
        return missing / self._unit(examples) if missing * examples > 1e-9 else 0.0

    def _unit(self, examples: int) -> float:
        return max(standard_error(self.accuracy, examples), 1 / examples)

    def score(self, outcome: Outcome) -> float | None:
        """Return what is to be made small: log2 of the bits, and one more a standard error short.

        None for a trial without a file. A standard error of accuracy costs a network far less than
        twice its bits, so that the smallest score lies at the aim.
        """
        if outcome.accuracy is None or not outcome.size_bits:
            return None
        return math.log2(outcome.size_bits) + self.shortfall_of(outcome)
