"""The smallest verified file for a data set, from the ledger and from published cards."""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minbits.checked_json import Fields, JsonError, read_json
from minbits.claims.card_file import CardClaim, card_claim, no_card
from minbits.claims.claiming import verify_bytes
from minbits.claims.measured_file import is_measured
from minbits.codec.architecture import class_count
from minbits.codec.file_format import decode_network, read_bytes
from minbits.codec.inference import predict_logits
from minbits.data.companion import is_companion
from minbits.errors import CostError, MinbitsError, NetworkError
from minbits.evaluation.accuracy import accuracy_reaches, reaches
from minbits.evaluation.evaluate import evaluate_on_validation
from minbits.evaluation.known_network import FoundNetwork
from minbits.files import sha256_hex
from minbits.label_codes.given_logits import labels_given_network_bits
from minbits.ledger.front import front
from minbits.ledger.location import LedgerTarget, ledger_exists
from minbits.ledger.queries import LedgerReader
from minbits.ledger.rows import Row
from minbits.ledger.store import read_ledger
from minbits.types import DataSet

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Found:
    """A file that ledger or card speak well of.

    ``validation_examples`` are the sizes of the splits that it was validated on: another version's
    split has other examples, which cannot be checked here.
    """

    path: Path
    place: str
    sha256: str
    validation_examples: frozenset[int]


def find_network(
    data: DataSet,
    accuracy: float,
    ledger: LedgerTarget | None,
    records: Path | None,
    with_residual: bool = False,
    allow_slow: bool = False,
) -> FoundNetwork | None:
    """Return the smallest file that reaches an accuracy on validation and on the test set, or None.

    Ledger and cards say where to look. Size and counts come from the bytes: every file is run
    again before it is believed, and passed over with a warning if it does otherwise.

    Args:
        data: the data set, known by its digest.
        accuracy: in (0, 1].
        ledger: its file, or the URL of its database; left out where it does not exist or is None.
        records: a folder of cards; left out where it does not exist or is None.
        with_residual: also run the file on the training examples and code their labels.
        allow_slow: whether to run files however long they take; else those are passed over.

    Raises:
        LedgerError: if the ledger cannot be read.
        OutputError: if a card is not valid.
    """
    found: list[_Found] = []
    if ledger is not None and ledger_exists(ledger):
        found += _from_ledger(data, accuracy, ledger)
    if records is not None and records.is_dir():
        found += _from_cards(data, accuracy, records)
    for item in sorted(found, key=lambda item: item.path.stat().st_size):
        try:
            checked = _checked(item, data, accuracy, with_residual, allow_slow)
        except MinbitsError as error:
            _log.warning("%s is passed over: %s", item.place, error)
        else:
            return dataclasses.replace(checked, looks=_known_looks(data, ledger, records))
    return None


def _known_looks(data: DataSet, ledger: LedgerTarget | None, records: Path | None) -> int:
    """Return how many different files are known to have been run on the test set, 1 at least.

    Cards count looks of ledgers that need not be here.
    """
    cards = [] if records is None or not records.is_dir() else _cards(data, records)
    files = {card.sha256 for card, _ in cards}
    counted = [card.looks for card, _ in cards]
    if ledger is not None and ledger_exists(ledger):
        with read_ledger(ledger) as reader:
            claims = reader.rows("claims")
        files |= {row["artifact_sha256"] for row in claims if row["data_digest"] == data.digest}
    return max(1, len(files), *counted)


def _checked(
    item: _Found, data: DataSet, accuracy: float, with_residual: bool, allow_slow: bool
) -> FoundNetwork:
    content = read_bytes(item.path)
    if sha256_hex(content) != item.sha256:
        raise NetworkError(
            str(item.path), "other bytes", f"SHA-256 {item.sha256}", "Get the file again."
        )
    test = verify_bytes(content, data, allow_slow)
    validation = evaluate_on_validation(content, data, allow_slow)
    counts = [("test", test.correct, test.n_test)]
    if item.validation_examples == {validation.examples}:
        counts.append(("validation", validation.correct, validation.examples))
    for what, correct, examples in counts:
        if not reaches(correct, examples, accuracy):
            raise NetworkError(
                str(item.path), f"{correct:,} of {examples:,} {what} examples right",
                f"{100 * accuracy:g} %, as was claimed", "Do not trust what claims it.",
            )  # fmt: skip
    residual = _residual(item, content, data, allow_slow) if with_residual else None
    return FoundNetwork(
        test.size_bits, test.test_accuracy, item.place, residual, test.correct, test.n_test
    )


def _residual(item: _Found, content: bytes, data: DataSet, allow_slow: bool) -> float | None:
    try:
        return residual_label_bits(content, data, allow_slow)
    except CostError as error:
        _log.warning("%s: the training labels given it are left out: %s", item.place, error)
        return None


def best_known(data: DataSet, ledger: LedgerTarget | None, records: Path | None) -> float | None:
    """Return the largest accuracy at which a file was claimed, or None where there is none.

    That is the smaller one of a file's accuracies on validation and on the test set.
    """
    accuracies = []
    if records is not None and records.is_dir():
        accuracies += [_claimable(card) for card, _ in _cards(data, records)]
    if ledger is not None and ledger_exists(ledger):
        with read_ledger(ledger) as reader:
            rows = front(reader, None, None, data.digest)
        accuracies += [row["claimable_accuracy"] for row in rows]
    return max(accuracies, default=None)


def _from_ledger(data: DataSet, accuracy: float, target: LedgerTarget) -> list[_Found]:
    with read_ledger(target) as ledger:
        return [
            _found_row(ledger, row)
            for row in front(ledger, None, None, data.digest)
            if accuracy_reaches(row["claimable_accuracy"], accuracy)
        ]


def _found_row(ledger: LedgerReader, row: Row) -> _Found:
    sha256 = row["artifact_sha256"]
    trials = ledger.trials_of_file(row["data_digest"], sha256)
    examples = frozenset(trial.validation_examples or 0 for trial in trials)
    path = ledger.artifacts.path(sha256)
    return _Found(path, f"claim {row['id']} of the ledger", sha256, examples)


def _cards(data: DataSet, folder: Path) -> list[tuple[CardClaim, Path]]:
    cards = []
    for path in sorted(folder.glob("*.json")):
        try:
            plain = read_json(path)
            if is_companion(plain) or is_measured(plain):
                continue  # it belongs to the card beside it, or to the data set
            # The cards of other data sets are not looked at.
            if Fields(plain).plain.get("data_digest") == data.digest:
                cards.append((card_claim(plain), path))
        except (OSError, JsonError) as error:
            raise no_card(path, error) from error
    return cards


def published_files(data: DataSet, folder: Path) -> list[tuple[Path, float]]:
    """Return the files of a data set that have a card, with their accuracies on validation.

    Args:
        data: the data set, known by its digest.
        folder: of cards; those in its folders are taken, too.

    Raises:
        OutputError: if a card is not valid.
    """
    if not folder.is_dir():
        return []
    places = [folder, *(place for place in sorted(folder.iterdir()) if place.is_dir())]
    found = []
    for card, path in [pair for place in places for pair in _cards(data, place)]:
        correct, examples = card.validation
        if path.with_suffix(".mbn").is_file():
            found.append((path.with_suffix(".mbn"), correct / examples))
    return found


def _claimable(card: CardClaim) -> float:
    """Return the largest accuracy that a card's file has on validation and on the test set."""
    correct, examples = card.validation
    return min(card.correct / card.n_test, correct / examples)


def _from_cards(data: DataSet, accuracy: float, folder: Path) -> list[_Found]:
    found = []
    for card, path in _cards(data, folder):
        file = path.with_suffix(".mbn")
        if not accuracy_reaches(_claimable(card), accuracy):
            continue
        if not file.is_file():
            _log.warning("%s is passed over: its network file is not beside it", path)
            continue
        examples = frozenset({card.validation[1]})
        found.append(_Found(file, f"{path.stem} of {folder}", card.sha256, examples))
    return found


def residual_label_bits(content: bytes, data: DataSet, allow_slow: bool = False) -> float:
    """Return the code length of the training labels given a file's network.

    Raises:
        NetworkFileError: if the file is not valid.
        NetworkError: if the network does not fit the data, or its logits overflow.
        CostError: if it would take too long, unless ``allow_slow``.
    """
    network = decode_network(content)
    classes = class_count(network.architecture)
    if classes != data.class_count:
        raise NetworkError(
            "network file", f"{classes} logits", f"{data.class_count}", "Use its own data set."
        )
    logits = predict_logits(network, data.train_inputs, allow_slow=allow_slow)
    if not np.isfinite(logits).all():
        raise NetworkError(
            "network file", "logits that are not finite", "finite ones", "Use another network."
        )
    return labels_given_network_bits(logits, data.train_labels)
