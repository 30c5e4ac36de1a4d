"""From ledger and records to facts: nothing is trained, searched or measured here."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from minbits.capacity.bounds import CapacityLine, capacity_table
from minbits.capacity.network_shape import architecture_shape
from minbits.checked_json import JsonError
from minbits.codec.file_format import SizePart, decode_with_parts
from minbits.errors import ArgumentError, MinbitsError
from minbits.evaluation.accuracy import reaches
from minbits.intervals import anytime_lower_limit, wilson_interval
from minbits.ledger.queries import LedgerReader
from minbits.ledger.rows import Row
from minbits.plain_text import suggested
from minbits.reports.blocks import command_line
from minbits.reports.cards import Card
from minbits.reports.facts import (
    ClaimFacts,
    CodeFacts,
    DataFacts,
    LadderFacts,
    MadeBy,
    TrialCounts,
)
from minbits.reports.measured_rows import (
    codes_of,
    counts_of,
    figures_of,
    ladder_of,
    made_by,
    shortest,
    studies_of,
    tell_of_bad_row,
)
from minbits.studies.kept import CODELENGTH, ENTROPY
from minbits.types import Quantity
from minbits.units import bytes_to_bits

MAX_CAPACITY_EXAMPLES = 10**6
_MIN_DIGITS = 8  # of a digest that names a data set


@dataclass
class _Rows:
    """Rows of one data set."""

    name: str
    claims: list[Row] = field(default_factory=list)
    trials: list[Row] = field(default_factory=list)
    measurements: list[Row] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)


def gather(
    ledger: LedgerReader | None, cards: Sequence[Card], wanted: Sequence[str] = ()
) -> tuple[DataFacts, ...]:
    """Return what is known of each data set, by name.

    Args:
        ledger: its rows; None where there is none.
        cards: of published files.
        wanted: names of data sets, or the first eight or more digits of their digests; none stands
            for all.

    Raises:
        ArgumentError: if one of these is not there.
        LedgerError: if the ledger cannot be read.
    """
    by_digest = _grouped(ledger, cards)
    chosen = _chosen(by_digest, wanted)
    names = Counter(rows.name for rows in by_digest.values())
    facts = []
    for digest in chosen:
        rows = by_digest[digest]
        title = rows.name if names[rows.name] == 1 else f"{rows.name} ({digest[:_MIN_DIGITS]})"
        facts.append(_data_facts(digest, title, rows, ledger))
    return tuple(sorted(facts, key=lambda item: (item.name, item.digest)))


def _grouped(ledger: LedgerReader | None, cards: Iterable[Card]) -> dict[str, _Rows]:
    found: dict[str, _Rows] = {}
    if ledger is not None:
        with ledger.snapshot() as rows_of:
            for table in ("claims", "trials", "measurements"):
                for row in rows_of(table):
                    of_data = found.setdefault(row["data_digest"], _Rows(row["data_name"]))
                    getattr(of_data, table).append(row)
    for card in cards:
        claim = card.claim
        found.setdefault(claim.data_digest, _Rows(claim.data_name)).cards.append(card)
    return found


def _chosen(found: dict[str, _Rows], wanted: Sequence[str]) -> list[str]:
    chosen: dict[str, None] = {}
    for name in wanted:
        own = [
            digest
            for digest, rows in found.items()
            if rows.name == name or (len(name) >= _MIN_DIGITS and digest.startswith(name))
        ]
        if not own:
            known = sorted({rows.name for rows in found.values()})
            raise ArgumentError(
                "DATA", f"'{name}'", f"one of {', '.join(known)}" if known else "a known data set",
                suggested(name, known, "Names are as `minbits ledger list trials` shows them."),
            )  # fmt: skip
        chosen.update(dict.fromkeys(own))
    return list(chosen) if wanted else list(found)


def _data_facts(digest: str, title: str, rows: _Rows, ledger: LedgerReader | None) -> DataFacts:
    claims, passed_over, contents = _claims(rows, ledger)
    figures = _Figures()
    figures.read(rows.measurements)
    facts = DataFacts(
        name=rows.name,
        digest=digest,
        title=title,
        origin=figures.origin,
        training_examples=figures.training_examples,
        input_shape=figures.input_shape,
        claims=tuple(sorted(claims, key=lambda item: (item.size_bits, item.sha256))),
        passed_over=tuple(passed_over),
        trials=_counts(rows.trials),
        figures=figures.figures,
        figures_made=figures.made,
        ladder=figures.ladder,
        codes=shortest(figures.codes),
        studies=studies_of(rows.measurements),
    )
    if facts.headline is None:
        return facts
    parts, capacity = _of_file(contents[facts.headline[0].sha256], facts.training_examples)
    return dataclasses.replace(facts, parts=parts, capacity=capacity)


class _Figures:
    """What the rows of measurements say of the data itself; later rows win."""

    def __init__(self) -> None:
        self.origin = ""
        self.training_examples: int | None = None
        self.input_shape: tuple[int, ...] | None = None
        self.figures: tuple[Quantity, ...] = ()
        self.made: MadeBy | None = None
        self.ladder: LadderFacts | None = None
        self.codes: list[CodeFacts] = []

    def read(self, rows: Sequence[Row]) -> None:
        for row in rows:
            try:
                if row["study"] == ENTROPY:
                    self._entropies(row)
                elif row["study"] == CODELENGTH:
                    self.codes += codes_of(row)
            except JsonError as error:
                tell_of_bad_row(row, error)

    def _entropies(self, row: Row) -> None:
        self.origin, self.training_examples, self.input_shape = counts_of(row)
        figures, ladder = figures_of(row), ladder_of(row)
        # A run without a ladder says less than an earlier one with it.
        if ladder is not None or self.ladder is None:
            self.figures, self.made = figures, made_by(row)
            self.ladder = ladder


def _counts(trials: Sequence[Row]) -> TrialCounts:
    by_status: dict[str, int] = {}
    for row in trials:
        by_status[row["status"]] = by_status.get(row["status"], 0) + 1
    energies = [row["energy_joules"] for row in trials if row["energy_joules"] is not None]
    seconds = sum(row["seconds"] for row in trials)
    return TrialCounts(by_status, seconds, sum(energies) if energies else None)


def _claims(
    rows: _Rows, ledger: LedgerReader | None
) -> tuple[list[ClaimFacts], list[str], dict[str, bytes]]:
    """Return the sound claims, the others in words, and the files of the sound ones."""
    of_cards = {card.claim.sha256 for card in rows.cards}
    looks = max(
        1,
        len({row["artifact_sha256"] for row in rows.claims} | of_cards),
        *(card.claim.looks for card in rows.cards),
    )
    found: dict[tuple[str, float], ClaimFacts] = {}
    passed_over, contents = [], {}
    for row in rows.claims:
        assert ledger is not None
        problem = ledger.objection(row)
        if problem is not None:
            passed_over.append(f"claim {row['id']} of {row['size_bits']:,} bits: {problem}")
            continue
        key = (row["artifact_sha256"], row["target_accuracy"])
        found[key] = _claim_of_row(row, rows, looks, ledger)
        contents[row["artifact_sha256"]] = ledger.artifacts.read(row["artifact_sha256"])
    for card in rows.cards:
        key = (card.claim.sha256, card.claim.target_accuracy)
        if key not in found:
            found[key] = _claim_of_card(card, looks)
            contents.setdefault(card.claim.sha256, card.content)
    return list(found.values()), passed_over, contents


def _claim_of_row(row: Row, rows: _Rows, looks: int, ledger: LedgerReader) -> ClaimFacts:
    sha256, target = row["artifact_sha256"], row["target_accuracy"]
    own = [trial for trial in rows.trials if trial["artifact_sha256"] == sha256]
    made = own[0] if own else row
    candidate = own[0]["candidate"] if own else ""
    same = [
        trial
        for trial in rows.trials
        if own and trial["candidate"] == candidate and trial["status"] != "interrupted"
    ]
    counts = [
        (trial["validation_correct"], trial["validation_examples"])
        for trial in own
        if trial["validation_examples"]
    ]
    return ClaimFacts(
        target_accuracy=target,
        size_bits=row["size_bits"],
        sha256=sha256,
        correct=row["correct"],
        n_test=row["n_test"],
        wilson=(row["wilson_low"], row["wilson_high"]),
        lower_limit=anytime_lower_limit(row["correct"], row["n_test"], looks),
        looks=looks,
        validation=max(counts, key=lambda pair: pair[0] / pair[1], default=None),
        candidate=candidate,
        seeds=len(same),
        seeds_passed=sum(_passed(trial, target) for trial in same),
        seed=own[0]["seed"] if own else None,
        made=made_by(made),
        place=f"claim {row['id']} of the ledger",
        rerun=_verify(str(ledger.artifacts.path(sha256)), rows.name),
    )


def _passed(trial: Row, accuracy: float) -> bool:
    correct, examples = trial["validation_correct"], trial["validation_examples"]
    return bool(examples) and reaches(correct, examples, accuracy)


def _claim_of_card(card: Card, looks: int) -> ClaimFacts:
    claim = card.claim
    ends = wilson_interval(claim.correct, claim.n_test)
    return ClaimFacts(
        target_accuracy=claim.target_accuracy,
        size_bits=claim.size_bits,
        sha256=claim.sha256,
        correct=claim.correct,
        n_test=claim.n_test,
        wilson=(ends.low, ends.high),
        lower_limit=anytime_lower_limit(claim.correct, claim.n_test, looks),
        looks=looks,
        validation=claim.validation,
        candidate=card.candidate,
        seeds=card.seeds,
        seeds_passed=card.seeds_passed,
        seed=card.seed,
        made=card.made,
        place=str(card.path),
        rerun=_verify(str(card.path.with_suffix(".mbn")), claim.data_name),
    )


def _verify(path: str, data_name: str) -> str:
    return command_line("verify", path, data=data_name)


def _of_file(
    content: bytes, examples: int | None
) -> tuple[tuple[SizePart, ...], tuple[CapacityLine, ...]]:
    """Return the parts of a file, and the formulas of capacity for its architecture."""
    network, parts = decode_with_parts(content)
    try:
        shape = architecture_shape(network.architecture, "the smallest file")
        most = min(examples or 1, MAX_CAPACITY_EXAMPLES)
        lines = capacity_table(shape, most, total_stored_bits=bytes_to_bits(len(content)))
    except MinbitsError:
        # An architecture that the formulas do not cover, such as layers from outside the package.
        return tuple(parts), ()
    return tuple(parts), tuple(line for line in lines if examples or not _counts_examples(line))


def _counts_examples(line: CapacityLine) -> bool:
    return line.key == "counting_capacity"
