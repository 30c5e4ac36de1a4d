"""What a search knows, what it proposes, and who decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from minbits.search.space import Candidate
from minbits.search.tasks import Milestone
from minbits.types import TrialConfig, TrialStatus


def reaches(correct: int, examples: int, accuracy: float) -> bool:
    """Return whether ``correct`` of ``examples`` is at least ``accuracy``, safe from rounding."""
    return correct >= accuracy * examples - 1e-9


@dataclass(frozen=True)
class Outcome:
    """What is known of a trial that ended, in this run or an earlier one.

    Attributes:
        candidate: key of the candidate.
        config: what was really run.
        status: how it ended.
        seconds: what it took.
        correct: right answers on validation, None without a file.
        examples: validation examples, None without a file.
        size_bits: of its file, None without one.
        sha256: of its file, None without one.
        is_past: whether an earlier run, or another process, made it.
        milestones: validation accuracies where the first phase could have been stopped.
        training_correct: right answers on examples that it was trained on, None where not known.
        training_examples: how many those are.
    """

    candidate: str
    config: TrialConfig
    status: TrialStatus
    seconds: float
    correct: int | None = None
    examples: int | None = None
    size_bits: int | None = None
    sha256: str | None = None
    is_past: bool = False
    milestones: tuple[float, ...] = ()
    training_correct: int | None = None
    training_examples: int | None = None

    @property
    def accuracy(self) -> float | None:
        """The validation accuracy, None without a file."""
        if self.correct is None or not self.examples:
            return None
        return self.correct / self.examples

    def reaches(self, accuracy: float) -> bool:
        """Return whether its file reaches an accuracy on validation."""
        if self.correct is None or self.examples is None:
            return False
        return reaches(self.correct, self.examples, accuracy)


@dataclass(frozen=True)
class Start:
    """A network file to start from, moved a little.

    Attributes:
        sha256: of the file.
        content: the file.
        move: what is done to it (`minbits.search.move_names`).
    """

    sha256: str
    content: bytes = field(repr=False)
    move: str


@dataclass(frozen=True)
class Proposal:
    """A trial to run next.

    Attributes:
        candidate: what is trained, and how.
        seconds: time that it should plan for; None: all that is left; infinity: it knows that time
            is plenty, and need not plan.
        start: the network file that it starts from; None: random weights.
        milestones: where its first phase is stopped for lack of promise.
    """

    candidate: Candidate
    seconds: float | None = None
    start: Start | None = None
    milestones: tuple[Milestone, ...] = ()


class Strategy(Protocol):
    """Decides what to try next. One thread asks and tells."""

    def propose(self, seconds_left: float) -> Proposal | None:
        """Return what to try next, None where nothing is worth the time that is left."""
        ...

    def tell(self, outcome: Outcome) -> None:
        """Learn how a trial ended: one of this run that was proposed, or one of the past."""
        ...
