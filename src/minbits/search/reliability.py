"""The chance that a candidate reaches the target, over seeds, and what a success costs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from minbits.evaluation.accuracy import passes
from minbits.intervals import wilson_interval
from minbits.types import TrialOutcome

# The lower end of the evidence for a chance: one-sided 95 %, the low end of a 90 % interval.
_EVIDENCE = 0.9


@dataclass(frozen=True)
class Reliability:
    """What the trials of one candidate say.

    Attributes:
        candidate: its key.
        tries: trials that ended, failed and stopped ones among them.
        successes: those whose file reached the target on validation.
        low: lower end of the 95 % Wilson interval of the chance of success.
        high: its upper end.
        mean_seconds: of a try.
        smallest_bits: of the files that reached the target: the best of so many tries.
        is_moved: whether each try started from another network's file: then the chance is one given
            that file, and the seconds are those of the last step alone.
    """

    candidate: str
    tries: int
    successes: int
    low: float
    high: float
    mean_seconds: float
    smallest_bits: int | None
    is_moved: bool

    @property
    def expected_seconds(self) -> float | None:
        """Expected training seconds to one success; None where none was seen."""
        return self.mean_seconds * self.tries / self.successes if self.successes else None

    def is_shown(self, chance: float) -> bool:
        """Whether the evidence is enough that the chance of success is at least ``chance``."""
        return wilson_interval(self.successes, self.tries, _EVIDENCE).low >= chance

    def is_refuted(self, chance: float) -> bool:
        """Whether the evidence is enough that it is less."""
        return wilson_interval(self.successes, self.tries, _EVIDENCE).high < chance


def plain_reliability(item: Reliability) -> dict[str, Any]:
    """Return a candidate's reliability as plain data; the keys are stable (docs/search.md)."""
    return {
        "candidate": item.candidate,
        "tries": item.tries,
        "successes": item.successes,
        "wilson_95": [item.low, item.high],
        "mean_seconds": item.mean_seconds,
        "expected_seconds_to_one_success": item.expected_seconds,
        "best_of_tries_bits": item.smallest_bits,
        "given_a_parent_file": item.is_moved,
    }


@dataclass
class _Count:
    tries: int = 0
    successes: int = 0
    seconds: float = 0.0
    smallest_bits: int | None = None
    is_moved: bool = False


class ReliabilityTable:
    """Counts tries and successes of every candidate; memory grows with candidates, not trials.

    Args:
        accuracy: target on validation.
    """

    def __init__(self, accuracy: float) -> None:
        self._accuracy = accuracy
        self._counts: dict[str, _Count] = {}

    def add(self, outcome: TrialOutcome) -> None:
        """Count a trial; interrupted ones say nothing."""
        if outcome.status == "interrupted":
            return
        count = self._counts.setdefault(outcome.candidate, _Count())
        count.tries += 1
        count.seconds += outcome.seconds
        count.is_moved = outcome.config.parent is not None
        if passes(outcome, self._accuracy):
            count.successes += 1
            bits = outcome.size_bits or 0
            count.smallest_bits = min(bits, count.smallest_bits or bits)

    def of(self, candidate: str) -> Reliability | None:
        """Return what is known of a candidate, None where it was never tried."""
        count = self._counts.get(candidate)
        if count is None:
            return None
        interval = wilson_interval(count.successes, count.tries)
        return Reliability(
            candidate, count.tries, count.successes, interval.low, interval.high,
            count.seconds / count.tries, count.smallest_bits, count.is_moved,
        )  # fmt: skip

    def surviving(self, most: int) -> tuple[Reliability, ...]:
        """Return the candidates that reached the target, those with the smallest files first."""
        alive = sorted(
            (count.smallest_bits, key)
            for key, count in self._counts.items()
            if count.smallest_bits is not None
        )
        found = [self.of(key) for _, key in alive[:most]]
        return tuple(item for item in found if item is not None)

    def shown(self, chance: float) -> frozenset[str]:
        """Return the candidates whose chance of success is shown to be at least ``chance``."""
        items = ((key, self.of(key)) for key in self._counts)
        return frozenset(key for key, item in items if item is not None and item.is_shown(chance))


def reliability_table(outcomes: Iterable[TrialOutcome], accuracy: float) -> ReliabilityTable:
    """Return the table of some trials."""
    table = ReliabilityTable(accuracy)
    for outcome in outcomes:
        table.add(outcome)
    return table
