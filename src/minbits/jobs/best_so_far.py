"""The best file so far that passes validation, on disk at every moment of a search."""

from __future__ import annotations

from pathlib import Path

from minbits.claims.outputs import so_far_path
from minbits.errors import OutputError
from minbits.evaluation.evaluate import evaluate_on_validation
from minbits.evaluation.goal import Goal
from minbits.files import write_atomically
from minbits.types import DataSet, TrialOutcome


class BestSoFar:
    """Keeps the smallest file that a search accepts beside the output.

    It passed validation alone: the test set speaks at the end of the search.

    Args:
        out: where the verified file will go.
        data: on whose training examples the written file is run again.
        goal: what it must reach.

    Attributes:
        path: of the file.
        size_bits: what the next one must be smaller than.
    """

    def __init__(self, out: Path, data: DataSet, goal: Goal) -> None:
        self.path = so_far_path(out)
        self.size_bits = float("inf")
        self._best: TrialOutcome | None = None
        self._data = data
        self._goal = goal

    def offer(self, outcome: TrialOutcome) -> bool:
        """Write a trial's file if it is the best so far, and return whether it is.

        One that is no longer accepted, since the goal has learned, gives way to any that is.

        Raises:
            OutputError: if it cannot be written, or reads back as another network.
        """
        content = outcome.network_file
        if content is None or outcome.size_bits is None or not self._goal.is_met(outcome):
            return False
        is_accepted = self._best is None or self._goal.is_met(self._best)
        if is_accepted and outcome.size_bits >= self.size_bits:
            return False
        write_atomically(self.path, content)
        found = evaluate_on_validation(self.path.read_bytes(), self._data, allow_slow=True)
        if found.correct != outcome.validation_correct:
            raise OutputError(
                str(self.path), f"{found.correct} correct on validation after reading it back",
                f"{outcome.validation_correct}, as its trial counted", "Check the disk.",
            )  # fmt: skip
        self.size_bits, self._best = outcome.size_bits, outcome.without_file()
        return True

    def remove(self) -> None:
        """Remove the file, once the verified one is in its place."""
        self.path.unlink(missing_ok=True)
