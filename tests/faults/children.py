"""What forked processes are told to do otherwise than ``minbits`` does it."""

from __future__ import annotations

import datetime
import functools
import os
import random
import time
from collections.abc import Sequence

import minbits.jobs.size
import minbits.jobs.size_search
import minbits.ledger.rows
from minbits.ledger.store import Ledger, TrialEntry
from tests.faults.quick import quick_trial

JUMP_SECONDS = 10 * 365 * 86_400


def run_quick_trials() -> None:
    """Let searches of this process run trials of milliseconds, and draw nothing."""
    settings = minbits.jobs.size_search.SearchSettings
    minbits.jobs.size_search.SearchSettings = functools.partial(settings, runner=quick_trial)  # type: ignore[misc,assignment]
    minbits.jobs.size.draw_diagram = lambda numbers: {}


def tell_commits() -> None:
    """Let this process say which rows are in the ledger, once it has been told so."""
    append_trials = Ledger.append_trials

    def append_and_tell(self: Ledger, entries: Sequence[TrialEntry]) -> list[int]:
        numbers = append_trials(self, entries)
        os.write(1, f"committed {' '.join(map(str, numbers))}\n".encode())
        return numbers

    Ledger.append_trials = append_and_tell  # type: ignore[method-assign]


def tell_fits() -> None:
    """Let this process say when scikit-learn's network begins to learn."""
    from sklearn.neural_network import MLPClassifier

    fit = MLPClassifier._fit

    def tell_and_fit(self: MLPClassifier, *arguments: object, **options: object) -> object:
        os.write(1, b"fitting\n")
        return fit(self, *arguments, **options)

    MLPClassifier._fit = tell_and_fit


def let_clock_jump() -> None:
    """Let the time of day of this process jump by up to ten years, back and forth, all the time."""
    generator = random.Random(0)
    true_time = time.time

    def jumping_time() -> float:
        return true_time() + generator.uniform(-JUMP_SECONDS, JUMP_SECONDS)

    class JumpingDatetime(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]
            return datetime.datetime.fromtimestamp(jumping_time(), tz)

    time.time = jumping_time
    minbits.ledger.rows.datetime = JumpingDatetime  # type: ignore[misc]
