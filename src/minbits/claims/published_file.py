"""Taking a published network file and its card into a ledger, so that searches start from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minbits.checked_json import Fields, JsonError, read_json
from minbits.claims.card_file import card_claim, card_config, card_path
from minbits.claims.verification import verify_file
from minbits.codec.file_format import read_bytes
from minbits.data.companion import companion_beside
from minbits.data.splits import validation_split
from minbits.errors import DataError, LedgerError
from minbits.evaluation.evaluate import evaluate
from minbits.files import sha256_hex
from minbits.ledger.provenance import Provenance, current_provenance
from minbits.ledger.rows import UID_DIGITS
from minbits.ledger.store import Ledger, TrialEntry
from minbits.types import DataSet, TrialOutcome, Verification


@dataclass(frozen=True)
class Adopted:
    """What came of taking a file into a ledger.

    Attributes:
        trial_is_new: whether the ledger had no trial that gave this file.
        claim_is_new: whether the ledger had no claim of this file.
        verification: what a fresh process counted on the test set.
    """

    trial_is_new: bool
    claim_is_new: bool
    verification: Verification


@dataclass(frozen=True)
class PublishedCard:
    """What a card says of the file beside it (docs/card.md), as far as a ledger keeps it."""

    path: Path
    data_name: str
    data_digest: str
    created_at: str
    sha256: str
    n_test: int
    correct: int
    target_accuracy: float
    outcome: TrialOutcome
    provenance: Provenance


def read_card(path: Path) -> PublishedCard:
    """Read the card beside a network file.

    Args:
        path: of the network file, such as ``mnist-99.mbn``; the card is ``mnist-99.json``.

    Raises:
        NetworkFileError: if the file cannot be read.
        LedgerError: if there is no card, it is none, or it is of another file.
        DataError: if the companion beside the file is damaged, or not the one that the card names.
    """
    place = card_path(path)
    content = read_bytes(path)
    sha256 = sha256_hex(content)
    try:
        card = _card(place, read_json(place), content)
    except (OSError, JsonError) as error:
        raise LedgerError(
            str(place), getattr(error, "strerror", None) or str(error),
            "the card that `minbits size` wrote beside the file (docs/card.md)",
            "Get the card that belongs to the file.",
        ) from error  # fmt: skip
    if card.sha256 != sha256:
        raise LedgerError(
            str(path), f"a file with SHA-256 {sha256}", f"{card.sha256}, as on its card",
            "Get both again: one of them is damaged, or they belong to different files.",
        )  # fmt: skip
    companion_beside(path, sha256)
    return card


def _card(path: Path, plain: Any, content: bytes) -> PublishedCard:
    claim, card = card_claim(plain), Fields(plain)
    correct, examples = claim.validation
    return PublishedCard(
        path=path,
        data_name=claim.data_name,
        data_digest=claim.data_digest,
        created_at=card.text("created_at"),
        sha256=claim.sha256,
        n_test=claim.n_test,
        correct=claim.correct,
        target_accuracy=claim.target_accuracy,
        outcome=TrialOutcome(
            config=card_config(card.part("config").plain),
            status="done",
            seconds=card.number("training_seconds"),
            network_file=content,
            validation_correct=correct,
            validation_examples=examples,
            candidate=card.text("candidate"),
        ),
        provenance=Provenance(
            card.text("code_version"), card.part("libraries").plain, card.part("machine").plain
        ),
    )


def adopt_file(
    path: Path, card: PublishedCard, data: DataSet, ledger: Ledger, allow_slow: bool = False
) -> Adopted:
    """Append the trial that a card tells of, and a claim of its file, unless they are there.

    The trial's row says what the card says: code, libraries, machine and seconds are those that
    made the file. The claim is of here and now: a fresh process decodes the file and runs the test
    set. Nothing is appended if it counts otherwise than the card, on validation or on test.

    Args:
        path: of the network file.
        card: what `read_card` read beside it.
        data: the data set of the card.
        ledger: to append to.
        allow_slow: whether to run the file however long it takes.

    Raises:
        CostError: if it would take too long.
        DataError: if the data set is another one, or the file does otherwise than its card says.
        NetworkFileError: if the file is none.
        LedgerError: if the ledger cannot be used.
    """
    if data.digest != card.data_digest:
        raise DataError(
            str(card.path), f"a data set with SHA-256 {card.data_digest}",
            f"{data.digest}, as {data.name} has", "Give the file's own data set with `data`.",
        )  # fmt: skip
    found, outcome = verify_file(path, data, allow_slow), card.outcome
    content = outcome.network_file
    assert content is not None
    if found.sha256 != card.sha256:
        raise DataError(
            str(path), f"a file with SHA-256 {found.sha256}",
            f"{card.sha256}, as it had a moment ago",
            "Try again when nothing writes to it.",
        )  # fmt: skip
    _compare(card, "test examples", (found.correct, found.n_test), (card.correct, card.n_test))
    claimed = (outcome.validation_correct, outcome.validation_examples)
    # Another version's split: its examples are not those of today.
    if len(validation_split(data)[1]) == claimed[1]:
        counts = evaluate(content, data, allow_slow)
        found_there = (counts.validation.correct, counts.validation.examples)
        _compare(card, "validation examples", found_there, claimed)
        outcome = counts.counted(outcome)
    trial_is_new = ledger.trial_of_file(data.digest, found.sha256) is None
    if trial_is_new:
        entry = TrialEntry(
            data, card.target_accuracy, outcome, card.provenance,
            uid=sha256_hex(f"{card.sha256} {card.created_at}".encode())[:UID_DIGITS],
            created_at=card.created_at,
        )  # fmt: skip
        ledger.append_trials([entry])
    claim_is_new = not ledger.is_claimed(data.digest, found.sha256)
    if claim_is_new:
        ledger.append_claim(data, card.target_accuracy, found, current_provenance("cpu", 1))
    return Adopted(trial_is_new, claim_is_new, found)


def _compare(
    card: PublishedCard,
    examples: str,
    found: tuple[int, int],
    claimed: tuple[int | None, int | None],
) -> None:
    if found != claimed:
        raise DataError(
            str(card.path), f"{claimed[0]} of {claimed[1]} {examples} right",
            f"{found[0]} of {found[1]}, as the decoded file does",
            "Do not trust this card, or ask whoever wrote it.",
        )  # fmt: skip
