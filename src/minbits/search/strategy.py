"""What a search knows, what it proposes, and who decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from minbits.search.space import Candidate
from minbits.search.tasks import Milestone
from minbits.types import TrialOutcome


@dataclass(frozen=True)
class Start:
    """A network file to start from, moved a little.

    Attributes:
        sha256: of the file.
        content: the file.
        move: what is done to it (`minbits.search.moves`).
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
        milestones: where its first phase is stopped since it falls behind the others.
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

    def tell(self, outcome: TrialOutcome) -> None:
        """Learn how a trial ended: one of this run that was proposed, or one of the past."""
        ...
