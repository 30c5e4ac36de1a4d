"""What the main job found."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from minbits.errors import TargetNotReachedError
from minbits.information.entropy_table import EntropyTable
from minbits.jobs.found_text import found_text
from minbits.jobs.size_plan import SizePlan
from minbits.notebook import Cells, Shown
from minbits.search.reliability import Reliability, plain_reliability
from minbits.types import ShownFile, Verification, plain_quantity

# Candidates whose reliability is reported.
MAX_RELIABILITIES = 20


@dataclass(frozen=True, repr=False)
class SizeReport(Shown):
    """What the main job found.

    Attributes:
        request: what was asked, with what was taken where nobody named it.
        data_name: the data set.
        table: its entropies.
        best: the smallest verified file so far that reaches the accuracy, written to
            ``request.out``; None where there is none.
        nearest: the file nearest to the target, written in its place; None where there is a best.
        missed: a file of this run that was put to the test and missed the target.
        shown: a smaller file that reached the accuracy on the test set, but not on validation: it
            cannot be claimed.
        smaller_not_taken: why smaller files that passed validation were not taken, and how many.
        lower_limit: one-sided lower limit of the written file's true accuracy after
            ``claim_count`` looks; None where no file was written.
        improved: whether this run made what was found so far smaller.
        trials: trials of this run.
        failed: how many of them failed.
        stopped: how many of them were stopped early since they fall behind the others.
        reached: how many of them reached the target on validation.
        best_validation: the largest validation accuracy of this run.
        claim_count: how many different files were run on the test set for a claim, ever.
        interrupted: whether the run was cut short from the keyboard.
        outputs: files written, by role.
        table_encoding_bits: what the encoding of a table's columns would cost; the file does not
            hold it. None where the data is no table.
        reliability: of candidates that reached the target on validation, ever, those with the
            smallest files first.
        best_reliability: of the candidate that ``best`` is a file of.
    """

    request: SizePlan
    data_name: str
    table: EntropyTable
    best: Verification | None
    nearest: Verification | None
    missed: Verification | None
    shown: ShownFile | None
    smaller_not_taken: dict[str, int]
    lower_limit: float | None
    improved: bool
    trials: int
    failed: int
    stopped: int
    reached: int
    best_validation: float | None
    claim_count: int
    interrupted: bool
    outputs: dict[str, str]
    table_encoding_bits: int | None = None
    reliability: tuple[Reliability, ...] = ()
    best_reliability: Reliability | None = None

    def summary(self) -> str:
        """Return what was found, in one line."""
        return found_text(self.data_name, self.request.accuracy, self.best, self.nearest)

    def facts(self) -> Cells:
        """Return the rows of its table: the file, the trials, and what was written."""
        found = self.best or self.nearest
        rows = [("trials", f"{self.trials:,}"), ("looks at the test set", f"{self.claim_count:,}")]
        if found is not None:
            rows += [("correct", f"{found.correct:,} of {found.n_test:,}")]
            rows += [("size", f"{found.bytes:,} bytes")]
        return [*rows, *self.outputs.items()]

    def picture_path(self) -> str | None:
        """Return the diagram, as it was written."""
        return self.outputs.get("diagram png")

    def raise_if_missed(self) -> Verification:
        """Return what the verification of the best file found.

        Raises:
            TargetNotReachedError: if no verified file reaches the accuracy.
        """
        if self.best is not None:
            return self.best
        found = self.best_validation
        raise TargetNotReachedError(
            f"size of {self.data_name}",
            "no network" if found is None else f"{found:.4f} on validation at best",
            f"a verified network of accuracy {self.request.accuracy}",
            "Allow more `minutes`, or try another `seed`.",
        )


def plain_report(report: SizeReport) -> dict[str, Any]:
    """Return the report as plain data for JSON, its figures by key."""
    plain: dict[str, Any] = {
        "data": report.data_name,
        "accuracy": report.request.accuracy,
        "accuracy_reason": report.request.accuracy_reason,
        "reached_target": report.best is not None,
        "improved": report.improved,
        "interrupted": report.interrupted,
        "trials": report.trials,
        "failed": report.failed,
        "stopped_early": report.stopped,
        "reached_on_validation": report.reached,
        "best_validation_accuracy": report.best_validation,
        "claims_against_test_set": report.claim_count,
        "lower_limit": report.lower_limit,
        "true_accuracy_may_be_below_target": None
        if report.lower_limit is None
        else report.lower_limit < report.request.accuracy,
        "shown_but_not_claimed": None if report.shown is None else dataclasses.asdict(report.shown),
        "smaller_files_not_taken": report.smaller_not_taken,
        "outputs": report.outputs,
        "table_encoding_bits": report.table_encoding_bits,
        "entropy": [plain_quantity(figure) for figure in report.table.figures],
    }
    plain["reliability"] = [plain_reliability(item) for item in report.reliability]
    best = report.best_reliability
    plain["best_reliability"] = None if best is None else plain_reliability(best)
    for name, verification in (
        ("verification", report.best),
        ("nearest", report.nearest),
        ("missed", report.missed),
    ):
        plain[name] = None if verification is None else dataclasses.asdict(verification)
    return plain
