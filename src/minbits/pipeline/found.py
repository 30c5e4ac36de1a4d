"""The smallest verified file for a data set, from the ledger and from published cards."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from minbits.capacity.label_code import labels_given_network_bits
from minbits.capacity.sufficient import FoundNetwork
from minbits.codec.file_format import read_network
from minbits.codec.inference import predict_logits
from minbits.errors import MinbitsError, NetworkError, OutputError
from minbits.ledger.location import LedgerTarget, ledger_exists
from minbits.ledger.store import read_ledger
from minbits.records import DataSet

DEFAULT_RECORDS = Path("records")


def find_network(
    data: DataSet,
    accuracy: float,
    ledger: LedgerTarget | None,
    records: Path | None,
    with_residual: bool = False,
) -> FoundNetwork | None:
    """Return the smallest verified file that reaches an accuracy on the test set, or None.

    Args:
        data: the data set, known by its digest.
        accuracy: in (0, 1].
        ledger: its file, or the URL of its database; left out where it does not exist or is None.
        records: a folder of cards; left out where it does not exist or is None.
        with_residual: also run the file on the training examples and code their labels.

    Raises:
        LedgerError: if the ledger cannot be read.
        OutputError: if a card is not valid.
    """
    found: list[tuple[FoundNetwork, Path]] = []
    if ledger is not None and ledger_exists(ledger):
        found += _from_ledger(data, accuracy, ledger)
    if records is not None and records.is_dir():
        found += _from_cards(data, accuracy, records)
    if not found:
        return None
    best, path = min(found, key=lambda item: item[0].size_bits)
    if not with_residual:
        return best
    try:
        residual = residual_label_bits(path, data)
    except MinbitsError:
        return best  # the record stands, though its file is not here or does not fit
    return dataclasses.replace(best, residual_bits=residual)


def best_known(data: DataSet, ledger: LedgerTarget | None, records: Path | None) -> float | None:
    """Return the largest test accuracy of any verified file, or None where there is none."""
    accuracies = []
    if records is not None and records.is_dir():
        accuracies += [float(card["test_accuracy"]) for card, _ in _cards(data, records)]
    if ledger is not None and ledger_exists(ledger):
        with_ledger = read_ledger(ledger)
        try:
            accuracies += with_ledger.test_accuracies(data.digest)
        finally:
            with_ledger.close()
    return max(accuracies, default=None)


def _from_ledger(
    data: DataSet, accuracy: float, target: LedgerTarget
) -> list[tuple[FoundNetwork, Path]]:
    ledger = read_ledger(target)
    try:
        claim = ledger.best_claim(data.digest, accuracy)
    finally:
        ledger.close()
    if claim is None:
        return []
    seen = claim.verification
    place = f"claim {claim.claim_id} of the ledger"
    return [(FoundNetwork(seen.size_bits, seen.test_accuracy, place), Path(seen.path))]


def _cards(data: DataSet, folder: Path) -> list[tuple[dict[str, Any], Path]]:
    cards = []
    for path in sorted(folder.glob("*.json")):
        try:
            card = json.loads(path.read_text(encoding="utf-8"))
            if card.get("data_digest") == data.digest:
                cards.append((card, path))
        except (OSError, ValueError, AttributeError) as error:
            raise OutputError(
                str(path), "no card of a network file", "JSON", "Move it out of the folder."
            ) from error
    return cards


def _from_cards(data: DataSet, accuracy: float, folder: Path) -> list[tuple[FoundNetwork, Path]]:
    return [
        (
            FoundNetwork(
                int(card["size_bits"]), float(card["test_accuracy"]), f"{path.stem} of {folder}"
            ),
            path.with_suffix(".mbn"),
        )
        for card, path in _cards(data, folder)
        if card["correct"] >= accuracy * card["n_test"] - 1e-9
    ]


def residual_label_bits(path: Path, data: DataSet) -> float:
    """Return the code length of the training labels given a file's network.

    Raises:
        NetworkFileError: if the file is not valid.
        NetworkError: if the network does not fit the data.
    """
    logits = predict_logits(read_network(path), data.train_inputs)
    if logits.shape[1] != data.class_count:
        raise NetworkError(
            str(path), f"{logits.shape[1]} logits", f"{data.class_count}", "Use its own data set."
        )
    return labels_given_network_bits(logits, data.train_labels)
