"""A trial as it is sent to a worker, and how a running one talks to whoever started it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from minbits.types import Progress, TrialConfig


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
        seconds: time to plan for, on the clock of the hooks.
        parent_file: content of the file that training starts from; None: random weights.
        milestones: where the first phase is stopped for lack of promise.
    """

    config: TrialConfig
    number: int
    seconds: float = math.inf
    parent_file: bytes | None = field(default=None, repr=False)
    milestones: tuple[Milestone, ...] = ()


@dataclass(frozen=True)
class TrialHooks:
    """How a running trial talks to whoever started it.

    Attributes:
        report: takes signs of life.
        should_stop: asked after every step.
        clock: seconds that its time is counted in: of the wall, or of the processor.
    """

    report: Callable[[Progress], None] = lambda progress: None
    should_stop: Callable[[], bool] = lambda: False
    clock: Callable[[], float] = time.perf_counter
