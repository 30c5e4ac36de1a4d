"""A trial as it is sent to a worker."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from minbits.types import TrialConfig


@dataclass(frozen=True)
class Milestone:
    """A part of the first phase's epochs, and the validation accuracy that must be reached there.

    Attributes:
        part: in (0, 1).
        least_accuracy: with less the trial is stopped.
    """

    part: float
    least_accuracy: float


@dataclass(frozen=True)
class TrialTask:
    """One trial to run.

    Attributes:
        config: architecture, recipe and seed; the recipe's epochs are the most that are spent.
        number: under which its progress is reported.
        seconds: time to plan for, on the clock of its worker.
        parent_file: content of the file that training starts from; None: random weights.
        milestones: where the first phase is stopped since it falls behind the others.
    """

    config: TrialConfig
    number: int
    seconds: float = math.inf
    parent_file: bytes | None = field(default=None, repr=False)
    milestones: tuple[Milestone, ...] = ()
