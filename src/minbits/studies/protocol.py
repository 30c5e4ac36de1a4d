"""What a study is: tasks, and a function that measures one of them in a worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from minbits.types import DataSet, Plain
from minbits.workers.work import WorkerContext


@dataclass(frozen=True)
class StudyTask:
    """Networks that are measured in one call.

    Attributes:
        settings: all that a result depends on but the data and the seed.
        seeds: one a network.
        cost: of one network, in any unit that is the same for all tasks of the study.
    """

    settings: Mapping[str, Plain]
    seeds: tuple[int, ...]
    cost: float = 1.0


@dataclass(frozen=True)
class Measured:
    """What was measured of one network.

    Attributes:
        settings: of its task.
        seed: of the network.
        result: plain values, no NaN and no infinity; ``{"failed": why}`` where it failed.
        seconds: that it took, its share of its task.
    """

    settings: Mapping[str, Plain]
    seed: int
    result: Mapping[str, Plain]
    seconds: float


Measure = Callable[[StudyTask, DataSet, WorkerContext], Sequence[Measured]]


@dataclass(frozen=True)
class Study:
    """A kind of study.

    Attributes:
        key: its name in the ledger: letters, digits and underscores.
        measure: measures a task; a function of a module, so that workers find it. A network's
            result must not depend on the other seeds of its task.
        source: paper whose question it asks.
    """

    key: str
    measure: Measure
    source: str
