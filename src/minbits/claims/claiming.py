"""Putting files to the test: one rule for every job that claims one.

Validation chooses, the test set is run once for the file that was chosen, and once more if that
misses. What the ledger says of a file is believed only after its bytes were run again.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from minbits.claims.selection import (
    SECOND_CLAIM_MARGIN,
    choose_claim,
    choose_second_claim,
    digest_of,
    most_credible,
    nearest_to_target,
    safe_files,
)
from minbits.claims.verification import verify_file
from minbits.errors import LedgerError, MinbitsError
from minbits.evaluation.accuracy import passes, reaches
from minbits.evaluation.evaluate import check_runnable, evaluate_on_training, evaluate_on_validation
from minbits.evaluation.goal import Goal
from minbits.files import scratch_folder, sha256_hex
from minbits.intervals import anytime_lower_limit
from minbits.ledger.provenance import Provenance
from minbits.ledger.rows import Row, VerificationEntry, VerificationOutcome
from minbits.ledger.store import Claim, Ledger
from minbits.types import DataSet, ShownFile, TrialOutcome, Verification

_ANY_SIZE = float("inf")
MAX_LOOKS = 2  # of one run at the test set, for one target


@dataclass(frozen=True)
class Scope:
    """Which files of the ledger a job may claim.

    Attributes:
        candidates: keys of candidates; None stands for all.
        files: digests of files; None stands for all.
    """

    candidates: Collection[str] | None = None
    files: Collection[str] | None = None


@dataclass(frozen=True)
class ClaimOutcome:
    """What putting files to the test came to.

    Attributes:
        best: the smallest file that passed validation and test, ever; None where there is none.
        missed: the last file of this run that missed the target on the test set.
        nearest: where there is no best: the file nearest to the target, with what it has.
        looks: how many different files were run on this test set, in this ledger.
        shown: a smaller file than the best that reached the target on the test set alone.
        smaller_not_taken: why smaller files that passed validation were not taken, and how many.
    """

    best: Claim | None
    missed: Verification | None
    nearest: Claim | None
    looks: int
    shown: ShownFile | None
    smaller_not_taken: dict[str, int]

    @property
    def written(self) -> Claim | None:
        """The file that a job leaves: the best one, or the one nearest to the target."""
        return self.best or self.nearest

    @property
    def lower_limit(self) -> float | None:
        """One-sided lower limit of the written file's true accuracy; None without a file."""
        if self.written is None:
            return None
        found = self.written.verification
        return anytime_lower_limit(found.correct, found.n_test, max(1, self.looks))


class Claimant:
    """Chooses files, puts them to the test and records what came of it, good or bad.

    Args:
        data: the data set.
        goal: the target, and what the search has learned of the gap between training and
            validation accuracy.
        ledger: where files, claims and verifications are.
        provenance: of the claims.
        scope: called before every choice.
        say: called with lines of progress.
        allow_slow: whether to run files however long they take; else those are passed over.
    """

    def __init__(
        self,
        data: DataSet,
        goal: Goal,
        ledger: Ledger,
        provenance: Provenance,
        scope: Callable[[], Scope],
        say: Callable[[str], None],
        allow_slow: bool = False,
    ) -> None:
        self.data = data
        self.goal = goal
        self.ledger = ledger
        self.provenance = provenance
        self.scope = scope
        self.say = say
        self.allow_slow = allow_slow
        self._looks = 0
        self._missed: Verification | None = None
        self._confirmed: set[int] = set()
        self._told: set[str] = set()

    # --- what is known

    def best(self) -> Claim | None:
        """Return the smallest file that passed validation and test, run again here, or None.

        A claim whose file answers otherwise than its row says gets a verification that contradicts
        it, and the next one is looked at.
        """
        while True:
            scope = self.scope()
            claim = self.ledger.best_claim(
                self.data.digest, self.goal.accuracy, scope.files, scope.candidates
            )
            if claim is None or self.is_confirmed(claim):
                return claim

    def is_confirmed(self, claim: Claim) -> bool:
        """Whether a claimed file, run again, does what its rows say; that is found out once."""
        if claim.claim_id in self._confirmed:
            return True
        start = time.perf_counter()
        row = self.ledger.find("claims", str(claim.claim_id))[0]
        outcome: VerificationOutcome = "confirmed"
        found: Verification | None = None
        try:
            content = self._runnable(claim.verification.sha256)
            found = verify_bytes(content, self.data, allow_slow=True)
            problem = difference(row, found) or self.validation_problem(content)
        except MinbitsError as error:
            outcome, problem = "failed", str(error)
        if problem is None:
            self._confirmed.add(claim.claim_id)
            return True
        outcome = "failed" if outcome == "failed" else "differs"
        seconds = time.perf_counter() - start
        self.ledger.append_verification(
            VerificationEntry(row, outcome, problem, seconds, self.provenance, found)
        )
        self.say(f"claim {claim.claim_id} of the ledger is passed over: {problem}")
        return False

    def _runnable(self, sha256: str) -> bytes:
        """Return a file of the ledger, which may come from elsewhere.

        Raises:
            MinbitsError: if it is missing, damaged, cannot be run, or takes very long an example.
        """
        content = self.ledger.artifacts.read(sha256)
        if not self.allow_slow:
            check_runnable(content, self.data)
        return content

    def validation_problem(self, content: bytes) -> str | None:
        """Return why a file did not pass validation at the target as its rows say, or None.

        Rows of another version's split are left as they are: its examples are not those of today.
        """
        counts = evaluate_on_validation(content, self.data, allow_slow=True)
        if reaches(counts.correct, counts.examples, self.goal.accuracy):
            return None
        passed = {
            trial.validation_examples
            for trial in self.ledger.trials_of_file(self.data.digest, sha256_hex(content))
            if passes(trial, self.goal.accuracy)
        }
        if passed != {counts.examples}:
            return None
        return f"{counts.correct:,} of {counts.examples:,} validation examples right"

    # --- choosing

    def files_to_claim(self, smaller_than_bits: float) -> list[TrialOutcome]:
        """Return the files that passed validation and were never put to the test."""
        return self._untested(self.goal.accuracy, smaller_than_bits)

    def _untested(self, accuracy: float, smaller_than_bits: float) -> list[TrialOutcome]:
        scope = self.scope()
        files = self.ledger.files_to_claim(
            self.data.digest, accuracy, smaller_than_bits, scope.candidates
        )
        return [file for file in files if scope.files is None or file.sha256 in scope.files]

    def choose(self, smaller_than_bits: float) -> TrialOutcome | None:
        """Return the file to claim first, a whole one, or None.

        Files are passed over that are rejected for what they get right of training examples: they
        passed validation by chance. Where nothing was found before and every file is rejected, the
        most credible one is taken: on small sets the evidence against a file is as weak as that for
        it.
        """
        validated = self.files_to_claim(smaller_than_bits)
        rejected: list[TrialOutcome] = []
        while True:
            chosen = choose_claim(validated, self.goal.accuracy, smaller_than_bits)
            if chosen is None:
                break
            evaluated = self.evaluated(chosen)
            if evaluated is not None and self.goal.rejection_reason(evaluated) is None:
                return chosen
            rejected += [] if evaluated is None else [evaluated]
            validated = [item for item in validated if item.sha256 != chosen.sha256]
        return most_credible(rejected) if smaller_than_bits == _ANY_SIZE else None

    def choose_second(self, smaller_than_bits: float) -> TrialOutcome | None:
        """Return the file to claim after one that missed, a whole one, or None."""
        needed = self.goal.training_accuracy_needed(SECOND_CLAIM_MARGIN)
        accepted: list[TrialOutcome] = []
        rejected: list[TrialOutcome] = []
        # An evaluation takes up to a second a file, and a ledger may have thousands.
        for item in safe_files(self.files_to_claim(smaller_than_bits), self.goal.accuracy):
            evaluated = self.evaluated(item)
            if evaluated is None:
                continue
            if self.goal.rejection_reason(evaluated) is not None:
                rejected.append(evaluated)
                continue
            accepted.append(evaluated)
            if (evaluated.training_accuracy or 0.0) >= needed:
                break
        found = choose_second_claim(accepted, self.goal.accuracy, smaller_than_bits, needed)
        if found is None and smaller_than_bits == _ANY_SIZE:
            return most_credible(rejected)
        return found

    def evaluated(self, item: TrialOutcome) -> TrialOutcome | None:
        """Return a file with what it gets right of its training examples; None if it cannot be run.

        It may be damaged; or it was imported, and its bytes are no network for this data. The user
        is told once where a file is passed over.
        """
        try:
            content = self._runnable(digest_of(item))
        except LedgerError as error:
            self._tell(item, f"it cannot be read: {error.got}, see `minbits ledger verify`")
            return None
        except MinbitsError as error:
            self._tell(item, f"it cannot be run: {error}")
            return None
        if item.training_accuracy is None:  # a row of an older version
            counts = evaluate_on_training(content, self.data, allow_slow=True)
            item = counts.of_training(item)
        if (reason := self.goal.rejection_reason(item)) is not None:
            self._tell(item, reason)
        return item

    def _tell(self, item: TrialOutcome, problem: str) -> None:
        if digest_of(item) not in self._told:
            self._told.add(digest_of(item))
            self.say(f"passing over a file of {item.size_bits:,} bits: {problem}")

    # --- the test set

    def claim_early(self, outcome: TrialOutcome) -> None:
        """Put the first file of a search to the test that passes validation by a standard error.

        That is the first of the two looks of a run, or none: where a file is known, where this run
        looked before, or where the file is not safe or seems lucky.
        """
        if self._looks or not safe_files([outcome], self.goal.accuracy):
            return
        if self.best() is not None:
            return
        chosen = self.evaluated(outcome)
        if chosen is None or self.goal.rejection_reason(chosen) is not None:
            return
        found = self.put_to_the_test(chosen)
        size = f"{found.size_bits:,} bits, {100 * found.test_accuracy:.2f} % on the test set"
        if reaches(found.correct, found.n_test, self.goal.accuracy):
            self.say(f"first verified file: {size}; the search goes on, for one more look at most")
        else:
            self._missed = found
            self.say(f"a first file missed: {size}; the search goes on, for one more look at most")

    def claim(self) -> ClaimOutcome:
        """Put a file to the test, and a second one if it misses; return what is known then.

        After an early look there is one more. Where nothing reaches the target, the answer is the
        file nearest to it, with the accuracy that it has (`nearest`).
        """
        rules = [self.choose, self.choose_second]
        if self._looks:
            rules = [self.choose_second if self._missed else self.choose]
        for choose in rules:
            best = self.best()
            chosen = choose(best.verification.size_bits if best else _ANY_SIZE)
            if chosen is None:
                break
            found = self.put_to_the_test(chosen)
            if reaches(found.correct, found.n_test, self.goal.accuracy):
                break
            self._missed = found
        return self.outcome(self._missed)

    def put_to_the_test(self, chosen: TrialOutcome) -> Verification:
        """Run a file on the test set in a fresh process, and append the claim, good or bad."""
        self.say("verifying in a fresh process, with NumPy alone")
        content = self.ledger.artifacts.read(digest_of(chosen))
        path = self.ledger.artifacts.path(digest_of(chosen))
        found = verify_bytes(content, self.data, allow_slow=True)
        found = dataclasses.replace(found, path=str(path))
        number = self.ledger.append_claim(self.data, self.goal.accuracy, found, self.provenance)
        self._confirmed.add(number)
        self._looks += 1
        return found

    def outcome(self, missed: Verification | None) -> ClaimOutcome:
        """Return what is known of this data set at this target, after one more look if need be."""
        best = self.best()
        return self.known(best, missed, self.nearest() if best is None else None)

    def known(
        self, best: Claim | None, missed: Verification | None = None, nearest: Claim | None = None
    ) -> ClaimOutcome:
        """Return what is known of this data set at this target, without a look at the test set."""
        digest, accuracy = self.data.digest, self.goal.accuracy
        bound = best.verification.size_bits if best else _ANY_SIZE
        return ClaimOutcome(
            best,
            missed,
            nearest,
            self.ledger.look_count(digest),
            self.ledger.smallest_shown(digest, accuracy, bound),
            self.smaller_not_taken(bound) if best else {},
        )

    def nearest(self) -> Claim | None:
        """Return the file nearest to the target, with its result on the test set; None without any.

        That is the one with most right on validation. If it was never run on the test set, it is
        run now; but a run that has had its two looks takes the nearest of the files that were.
        """
        scope = self.scope()
        claimed = [
            item
            for item in self.ledger.claimed_files(self.data.digest, scope.candidates)
            if scope.files is None or item.sha256 in scope.files
        ]
        tested = {item.sha256 for item in claimed}
        untested = self._untested(0.0, _ANY_SIZE) if self._looks < MAX_LOOKS else []
        candidates = claimed + untested
        while (chosen := nearest_to_target(candidates)) is not None:
            candidates = [item for item in candidates if item.sha256 != chosen.sha256]
            if chosen.sha256 not in tested and self.evaluated(chosen) is not None:
                self.put_to_the_test(chosen)
            claim = self.ledger.claim_of_file(self.data.digest, digest_of(chosen))
            if claim is not None and self.is_confirmed(claim):
                return claim
        return None

    def _why_untested(self, item: TrialOutcome) -> str:
        if item.training_accuracy is not None and self.goal.rejection_reason(item) is not None:
            return "seem lucky on validation"
        if not safe_files([item], self.goal.accuracy):
            return "lack the margin of one standard error on validation"
        return "were not put to the test yet"

    def smaller_not_taken(self, bound: float) -> dict[str, int]:
        """Return how many smaller files passed validation and why they are not the best one."""
        scope = self.scope()
        counts: dict[str, int] = {}
        untested = self.files_to_claim(bound)
        for item in untested:
            reason = self._why_untested(item)
            counts[reason] = counts.get(reason, 0) + 1
        missed = {
            item.sha256
            for item in self.ledger.claimed_files(self.data.digest, scope.candidates)
            if (item.size_bits or 0) < bound
            and passes(item, self.goal.accuracy)
            and (scope.files is None or item.sha256 in scope.files)
        }
        if missed:
            counts["missed on the test set"] = len(missed)
        return counts


def verify_bytes(content: bytes, data: DataSet, allow_slow: bool = False) -> Verification:
    """Run the bytes of a network file on the test set, in a fresh process.

    A copy of the bytes is run: the file that they came from cannot change in between.

    Raises:
        NetworkFileError: if they are no network file, or its process fails.
        DataError: if the network does not fit the data set.
        CostError: if it would take too long, unless ``allow_slow``.
    """
    with scratch_folder("minbits-verify-") as folder:
        path = folder / "network.mbn"
        path.write_bytes(content)
        return verify_file(path, data, allow_slow)


def difference(claim: Row, found: Verification) -> str | None:
    """Return in words how a new run differs from what was claimed, or None."""
    for name, what in (("n_test", "test examples"), ("correct", "correct"), ("size_bits", "bits")):
        new = getattr(found, name)
        if new != claim[name]:
            return f"{new:,} {what}; claimed were {claim[name]:,}"
    return None
