"""How good a trial is: bits, and how far its file is from the accuracy that it must reach."""

from __future__ import annotations

import math
from dataclasses import dataclass

from minbits.evaluation.accuracy import TOLERANCE, accuracy_reaches, standard_error, with_margin
from minbits.types import TrialOutcome

# Files within about so many standard errors of the validation target, above or below, tell what
# generalisation gap is usual there: larger networks overfit more.
_NEAR = 2.0
# By how many standard errors the files are lucky on validation that others are made from.
_INHERITED_LUCK = 0.5
# What a standard error of accuracy is worth in bits, as doublings, once moves have spent a spare
# one or gained a missing one. Of MNIST's files it is 0.1 to 0.2 from 98 to 99 %, and 0.5 from there
# to 99.4 %.
_DOUBLINGS_A_SPARE_STANDARD_ERROR = 0.15
_DOUBLINGS_A_MISSING_STANDARD_ERROR = 0.5
# A file that falls short by one standard error counts as one of four times its bits.
_DOUBLINGS_A_STANDARD_ERROR = 2.0


@dataclass
class Goal:
    """What a search is after, and what it has learned about which files to accept.

    Attributes:
        accuracy: target, in (0, 1].
        examples: validation examples.
    """

    accuracy: float
    examples: int
    _gap_sum: float = 0.0
    _gap_weight: float = 1.0  # as if one file without a gap had been seen

    def learn(self, outcome: TrialOutcome) -> None:
        """Note by how much more a file gets right of what it was trained on than of validation.

        Parents are chosen by validation, and whatever luck they had there their children have as
        well: so their gap counts as a little larger.
        """
        validation, training = outcome.validation_accuracy, outcome.training_accuracy
        if validation is None or training is None:
            return
        unit = self._unit(self.examples)
        luck = 0.0 if outcome.config.parent is None else _INHERITED_LUCK * unit
        weight = math.exp(-0.5 * ((validation - self.validation_target) / (_NEAR * unit)) ** 2)
        self._gap_sum += weight * (training - validation + luck)
        self._gap_weight += weight

    @property
    def generalisation_gap(self) -> float:
        """The usual difference between training and validation accuracy, 0 or more.

        A mean over many files: hardly any luck is left in it.
        """
        return max(0.0, self._gap_sum / self._gap_weight)

    @property
    def validation_target(self) -> float:
        """The validation accuracy that counts as a success."""
        return with_margin(self.accuracy, self.examples)

    def training_accuracy_needed(self, errors: float = 0.0) -> float:
        """Return what a file must get right of its training examples: target and usual gap.

        Args:
            errors: standard errors of validation by which the target is exceeded.
        """
        margin = errors * self._unit(self.examples)
        return min(1.0, self.accuracy + self.generalisation_gap + margin)

    def is_met(self, outcome: TrialOutcome) -> bool:
        """Whether a trial's file is accepted: see `missing_standard_errors`."""
        has_file = outcome.validation_accuracy is not None
        return has_file and self.missing_standard_errors(outcome) == 0

    def rejection_reason(self, outcome: TrialOutcome) -> str | None:
        """Return why a file that passed validation is rejected: it seems to be luck; else None.

        What it gets right of its training examples must be counted.
        """
        found, needed = outcome.training_accuracy, self.training_accuracy_needed()
        assert found is not None
        if accuracy_reaches(found, needed):
            return None
        return (
            f"it seems to have passed validation by luck, with {100 * found:.2f} % right of the "
            f"examples that it was trained on, below the {100 * needed:.2f} % that files of this "
            "search need to hold on new examples"
        )

    def missing_standard_errors_at(self, accuracy: float) -> float:
        """Return how many standard errors an accuracy lies below the validation target, or 0."""
        return self._short(self.validation_target - accuracy, self.examples)

    def accuracy_at(self, missing: float) -> float:
        """Return the accuracy that lies that many standard errors below the validation target."""
        return self.validation_target - missing * self._unit(self.examples)

    def missing_standard_errors(self, outcome: TrialOutcome) -> float:
        """Return by how many standard errors a trial's file falls short.

        Of many files, some pass validation by luck, and where validation examples are few those are
        what a search ends with. But new examples are rarely easier than those that a network was
        trained on: what it gets right of these, less the usual gap, must reach the target too.
        """
        return max(self._short(-over, examples) for over, examples in self._margins(outcome))

    def spare_standard_errors(self, outcome: TrialOutcome) -> float:
        """Return by how many standard errors a trial's file exceeds all it must reach, or 0."""
        over = min(over for over, _ in self._margins(outcome))
        return max(0.0, over / self._unit(self.examples))

    def _margins(self, outcome: TrialOutcome) -> list[tuple[float, int]]:
        """Return by how much a file exceeds each thing it must reach, and of how many examples."""
        assert outcome.validation_accuracy is not None
        margins = [(outcome.validation_accuracy - self.validation_target, self.examples)]
        training, examples = outcome.training_accuracy, outcome.training_examples
        if training is not None and examples:
            margins.append((training - self.training_accuracy_needed(), examples))
        return margins

    def _short(self, missing: float, examples: int) -> float:
        # Counts, not quotients: rounding must not make a file fall short.
        return missing / self._unit(examples) if missing * examples > TOLERANCE else 0.0

    def _unit(self, examples: int) -> float:
        return max(standard_error(self.accuracy, examples), 1 / examples)

    def score(self, outcome: TrialOutcome) -> float | None:
        """Return what is to be made small: log2 of the bits, and two more a standard error short.

        None for a trial without a file. A standard error of accuracy costs a network far less than
        four times its bits, so that the smallest score lies at the validation target. At 99.4 % of
        MNIST it costs about twice its bits.
        """
        if outcome.validation_accuracy is None or not outcome.size_bits:
            return None
        return self.score_at(outcome.size_bits, self.missing_standard_errors(outcome))

    def expected_score(self, outcome: TrialOutcome) -> float | None:
        """Return the score that moves from a file can be expected to come to, None without one.

        A missing standard error counts for less than in `score`, which is of the file as it is.
        """
        if outcome.validation_accuracy is None or not outcome.size_bits:
            return None
        return (
            math.log2(outcome.size_bits)
            + _DOUBLINGS_A_MISSING_STANDARD_ERROR * self.missing_standard_errors(outcome)
            - _DOUBLINGS_A_SPARE_STANDARD_ERROR * self.spare_standard_errors(outcome)
        )

    @staticmethod
    def score_at(size: float, missing: float) -> float:
        """Return the score of a network of some bits, or parameters, so many errors short."""
        return math.log2(size) + _DOUBLINGS_A_STANDARD_ERROR * missing

    @staticmethod
    def allowed_standard_errors(size: float, score: float) -> float:
        """Return how far a network of some size may fall short for a score, or 0: the inverse."""
        return max(0.0, (score - math.log2(size)) / _DOUBLINGS_A_STANDARD_ERROR)
