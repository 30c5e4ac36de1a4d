"""What a page is made from: frozen records of what ledger and records hold of each data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from minbits.capacity.bounds import CapacityLine
from minbits.codec.file_format import SizePart
from minbits.evaluation.accuracy import accuracy_reaches, reaches
from minbits.types import Quantity

# The accuracy of the question; a set that has a file at it is headed by this one.
QUESTION_ACCURACY = 0.99


@dataclass(frozen=True)
class MadeBy:
    """What made a row.

    Attributes:
        code_version: of minbits, with the digest of its sources.
        libraries: version by name.
        machine: facts about the machine.
        created_at: UTC, ISO 8601; empty where it is not known.
        seconds: that it took; None where that is not known.
    """

    code_version: str
    libraries: Mapping[str, Any]
    machine: Mapping[str, Any]
    created_at: str
    seconds: float | None

    @property
    def hardware(self) -> str:
        """The machine in one line."""
        units = {
            "processor": "",
            "cores": " cores",
            "system": "",
            "device": "",
            "workers": " workers",
        }
        return ", ".join(
            f"{self.machine[name]}{unit if self.machine[name] != 1 else unit.removesuffix('s')}"
            for name, unit in units.items()
            if name in self.machine
        )


@dataclass(frozen=True)
class ClaimFacts:
    """A file that was run on the test set, and all that belongs to the claim.

    Attributes:
        target_accuracy: that it was chosen for, in (0, 1].
        size_bits: of the file.
        sha256: of the file.
        correct: right answers on the test set.
        n_test: test examples.
        wilson: 95 % interval of the accuracy, of a single look.
        lower_limit: one-sided lower limit of the true accuracy after ``looks`` looks.
        looks: different files that are known to have been run on this test set.
        validation: right answers on validation, and of how many examples; None where no trial of
            the ledger gave the file.
        candidate: what was trained and how; empty where it is not known.
        seeds: of the candidate that were tried, interrupted ones left out.
        seeds_passed: how many of these reached the target on validation.
        seed: of this file; None where it is not known.
        made: what made it.
        place: where it stands.
        rerun: the command that runs it on the test set again.
    """

    target_accuracy: float
    size_bits: int
    sha256: str
    correct: int
    n_test: int
    wilson: tuple[float, float]
    lower_limit: float
    looks: int
    validation: tuple[int, int] | None
    candidate: str
    seeds: int
    seeds_passed: int
    seed: int | None
    made: MadeBy
    place: str
    rerun: str

    @property
    def test_accuracy(self) -> float:
        """The accuracy on the test set."""
        return self.correct / self.n_test

    @property
    def claimable_accuracy(self) -> float | None:
        """The smaller one of its accuracies on validation and test; None without validation."""
        if self.validation is None:
            return None
        return min(self.test_accuracy, self.validation[0] / self.validation[1])

    @property
    def reached(self) -> bool:
        """Whether it passed validation and test at its target."""
        at = self.claimable_accuracy
        return (
            at is not None
            and accuracy_reaches(at, self.target_accuracy)
            and reaches(self.correct, self.n_test, self.target_accuracy)
        )


@dataclass(frozen=True)
class RungFacts:
    """A rung of the ladder of H(X): bits of one example, its interval, and the model's share."""

    title: str
    example_bits: float
    interval_bits: tuple[float, float] | None
    model_bits: float
    method: str
    warning: str | None


@dataclass(frozen=True)
class LadderFacts:
    """A ladder of H(X).

    Attributes:
        of: what an example's symbols are.
        rungs: in the order of climbing.
        bound_bits: what all rungs together bound the entropy by, at 95 %.
        binarise: how images became symbols.
        made: what made it.
    """

    of: str
    rungs: tuple[RungFacts, ...]
    bound_bits: float
    binarise: str
    made: MadeBy


@dataclass(frozen=True)
class CodeFacts:
    """A code of the training labels.

    Attributes:
        code: its key.
        bits: 8 × the bytes of a file that was decoded; of a code that is no file, its length as
            it was computed.
        is_file: which of the two.
        method: what it is.
        source: where it was published.
        curve: pairs of labels coded and bits so far; empty where it has no blocks.
        seed: of the order of the labels; None where it is not known.
        made: what made it.
    """

    code: str
    bits: float
    is_file: bool
    method: str
    source: str
    curve: tuple[tuple[int, float], ...]
    seed: int | None
    made: MadeBy


@dataclass(frozen=True)
class StudyFacts:
    """Measurements of one study under one choice of settings.

    Attributes:
        study: its key.
        settings: all that a result depends on but data and seed.
        results: by seed, with ``seconds``.
        made: what made the last of them.
    """

    study: str
    settings: Mapping[str, Any]
    results: Mapping[int, Mapping[str, Any]]
    made: MadeBy


@dataclass(frozen=True)
class TrialCounts:
    """The trials of a data set: by status, with the time and the energy that they took."""

    by_status: Mapping[str, int]
    seconds: float
    energy_joules: float | None

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.by_status.values())


@dataclass(frozen=True)
class DataFacts:
    """What is known of one data set.

    Attributes:
        name: of the data set, as it is in the ledger.
        digest: of the data set.
        title: the name; with the start of the digest where another set has the same name.
        origin: where it came from; empty where that is not known.
        training_examples: how many; None where that is not known.
        input_shape: channels, height and width; None where that is not known.
        claims: smallest first; those that must not be relied upon are left out.
        passed_over: claims that must not be relied upon, in words.
        trials: of searches.
        figures: entropies, each with what it says.
        figures_made: what made them; None where there are none.
        ladder: of H(X); None where nobody climbed it.
        codes: the shortest length of each code of the labels, shortest first.
        parts: of the headline's file.
        capacity: formulas for the headline's architecture.
        studies: measurements.
    """

    name: str
    digest: str
    title: str
    origin: str = ""
    training_examples: int | None = None
    input_shape: tuple[int, ...] | None = None
    claims: tuple[ClaimFacts, ...] = ()
    passed_over: tuple[str, ...] = ()
    trials: TrialCounts = field(default_factory=lambda: TrialCounts({}, 0.0, None))
    figures: tuple[Quantity, ...] = ()
    figures_made: MadeBy | None = None
    ladder: LadderFacts | None = None
    codes: tuple[CodeFacts, ...] = ()
    parts: tuple[SizePart, ...] = ()
    capacity: tuple[CapacityLine, ...] = ()
    studies: tuple[StudyFacts, ...] = ()

    @property
    def front(self) -> tuple[ClaimFacts, ...]:
        """The claims that no smaller one beats in the accuracy that can be claimed."""
        kept: list[ClaimFacts] = []
        best = 0.0
        for claim in self.claims:
            at = claim.claimable_accuracy
            if at is not None and at > best:
                kept.append(claim)
                best = at
        return tuple(kept)

    @property
    def shortest_code(self) -> CodeFacts | None:
        """The shortest file of the labels; None where none was written."""
        return next((code for code in self.codes if code.is_file), None)

    @property
    def headline(self) -> tuple[ClaimFacts, float] | None:
        """The file that heads the set, and the accuracy that it is claimed at; None without one.

        It is the smallest one at 99 %, the accuracy of the question. Where no file reaches that, it
        is the smallest one at the highest target that a file passed.
        """
        targets = {claim.target_accuracy for claim in self.claims if claim.reached}
        wanted = {QUESTION_ACCURACY} | targets
        for accuracy in sorted(wanted, key=lambda at: (at != QUESTION_ACCURACY, -at)):
            for claim in self.claims:
                at = claim.claimable_accuracy
                if at is not None and accuracy_reaches(at, accuracy):
                    return claim, accuracy
        return None

    def figure(self, key: str) -> Quantity | None:
        """Return the figure of that key, None where it is not known."""
        return next((item for item in self.figures if item.key == key), None)
