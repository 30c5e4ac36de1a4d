"""A published file comes into a ledger with what its card says, and only if that is true."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from minbits.claims.ledger_verification import verify_ledger
from minbits.claims.published_file import adopt_file, read_card
from minbits.codec.architecture import Architecture
from minbits.codec.file_format import encode_network
from minbits.data import load
from minbits.data.companion import companion_path
from minbits.data.splits import validation_split
from minbits.errors import DataError, LedgerError
from minbits.evaluation.evaluate import evaluate
from minbits.layers.linear import Linear
from minbits.ledger.store import Ledger
from tests.strategies import random_network

RECORD = Path(__file__).parents[2] / "records" / "digits-95.mbn"
Change = Callable[..., Path]


@pytest.fixture
def published(tmp_path: Path) -> Change:
    """Return what copies the record, with some of its card's values changed."""

    def copy(**changes: object) -> Path:
        path = tmp_path / "published.mbn"
        shutil.copy(RECORD, path)
        card = json.loads(RECORD.with_suffix(".json").read_text())
        path.with_suffix(".json").write_text(json.dumps({**card, **changes}))
        return path

    return copy


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    store = Ledger(tmp_path / "ledger.sqlite")
    yield store
    store.close()


def counts_today() -> dict[str, int]:
    found = evaluate(RECORD.read_bytes(), load("digits")).validation
    return {"correct": found.correct, "examples": found.examples}


def test_a_search_finds_the_trial_and_the_claim(published: Change, ledger: Ledger) -> None:
    data, path = load("digits"), published(validation=counts_today())
    card = read_card(path)
    adopted = adopt_file(path, card, data, ledger)
    assert (adopted.trial_is_new, adopted.claim_is_new) == (True, True)

    (row,) = ledger.rows("trials")
    plain = json.loads(path.with_suffix(".json").read_text())
    for column in ("candidate", "code_version", "created_at", "size_bits", "data_digest"):
        assert row[column] == plain[column]
    for column in ("libraries", "machine"):
        assert json.loads(row[column]) == plain[column]
    assert json.loads(row["config"])["recipe"].items() >= plain["config"]["recipe"].items()
    assert ledger.artifacts.read(row["artifact_sha256"]) == path.read_bytes()
    (outcome,) = ledger.trial_outcomes(data.digest)
    assert outcome.validation_examples == len(validation_split(data)[1])
    best = ledger.best_claim(data.digest, 0.95)
    assert best is not None
    assert best.verification.correct == plain["correct"]
    assert verify_ledger(ledger).is_good

    again = adopt_file(path, card, data, ledger)
    assert (again.trial_is_new, again.claim_is_new) == (False, False)
    assert (ledger.row_count("trials"), ledger.row_count("claims")) == (1, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"correct": 1}, "1 of 359 test examples right; expected 3"),
        (
            {"validation": {**counts_today(), "correct": 1}},
            f"1 of {counts_today()['examples']} validation examples right",
        ),
        ({"data_digest": "0" * 64}, "a data set with SHA-256 000"),
    ],
)
def test_what_a_card_says_is_checked(
    published: Change, ledger: Ledger, changes: dict[str, object], message: str
) -> None:
    path = published(**changes)
    with pytest.raises(DataError, match=message):
        adopt_file(path, read_card(path), load("digits"), ledger)
    assert (ledger.row_count("trials"), ledger.row_count("claims")) == (0, 0)


def test_a_file_that_changes_meanwhile_is_refused(published: Change, ledger: Ledger) -> None:
    path = published()
    card = read_card(path)
    other = random_network(Architecture((1, 8, 8), 8, (Linear(10),)), 1)
    path.write_bytes(encode_network(other))
    with pytest.raises(DataError, match="as it had a moment ago"):
        adopt_file(path, card, load("digits"), ledger)
    assert (ledger.row_count("trials"), ledger.row_count("claims")) == (0, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sha256": "0" * 64}, "expected 0000"),
        ({"config": {}}, "no key 'config.recipe'"),
        ({"config": {"recipe": {"float_epochs": "many"}}}, "lacks a value"),
        ({"validation": None}, "validation. that is nothing"),
        ({"training_seconds": "long"}, "a text as 'training_seconds', where a number stands"),
        ({"training_seconds": float("inf")}, "out of range as 'training_seconds'"),
        ({"n_test": 2**70}, "out of range as 'n_test'"),
        ({"correct": 10**6}, "as 'correct'"),
        ({"n_test": 0, "correct": 0}, "0 of 0"),
        ({"sha256": "../../etc/passwd"}, "a text as 'sha256', where a SHA-256 stands"),
        ({"created_at": "\ud800"}, "not UTF-8"),
        ({"candidate": "nul \0"}, "zero characters"),
        ({"libraries": [1]}, "libraries. that is a list"),
    ],
)
def test_a_card_must_be_the_file_s(
    published: Change, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(LedgerError, match=message):
        read_card(published(**changes))


def test_a_card_that_is_missing_or_no_json(published: Change) -> None:
    path = published()
    path.with_suffix(".json").write_text("no card")
    with pytest.raises(LedgerError, match="Expecting value"):
        read_card(path)
    path.with_suffix(".json").unlink()
    with pytest.raises(LedgerError, match="No such file"):
        read_card(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "nested too deep"),
        ('{"correct": ' + "9" * 5000 + "}", "digits"),
        ("[1, 2]", "a card that is a list"),
        ("{}", "no key"),
    ],
)
def test_a_hostile_card_is_refused(published: Change, text: str, message: str) -> None:
    path = published()
    path.with_suffix(".json").write_text(text)
    with pytest.raises(LedgerError, match=message):
        read_card(path)


def test_a_card_that_is_a_pipe_is_not_waited_for(published: Change) -> None:
    path = published()
    path.with_suffix(".json").unlink()
    os.mkfifo(path.with_suffix(".json"))
    with pytest.raises(LedgerError, match="a pipe and no regular file"):
        read_card(path)


def test_a_companion_that_the_card_does_not_name_is_refused(published: Change) -> None:
    path = published()
    read_card(path)  # a file may come without its companion
    place = companion_path(path)
    shutil.copy(companion_path(RECORD), place)
    read_card(path)
    place.write_text(place.read_text().replace('"data": "digits"', '"data": "others"'))
    with pytest.raises(DataError, match="got a companion with SHA-256"):
        read_card(path)
