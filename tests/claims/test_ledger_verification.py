"""Claims are run again: those of golden ledgers hold, and whatever does not hold is told."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from minbits.claims.ledger_verification import verify_ledger
from minbits.claims.verification import verify_file
from minbits.data import load
from minbits.ledger.migrate import known_versions
from minbits.ledger.provenance import Provenance
from minbits.ledger.store import Ledger
from minbits.types import DataSet, TrainingRecipe, TrialConfig, TrialOutcome, Verification

GOLDEN = Path(__file__).parent.parent / "golden" / "ledgers"
# Of the claims on iris and digits.
CORRECT = {
    "0001": [27, 335],
    "0002": [27, 335],
    "0003": [26, 346],
    "0004": [26, 345],
    "0005": [26, 341],
}
PROVENANCE = Provenance("0+test", {"numpy": "2"}, {"cores": 2})


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Return a ledger of the first version with one claim each on iris and digits."""
    shutil.copytree(GOLDEN / "0001", tmp_path / "golden")
    store = Ledger(tmp_path / "golden" / "ledger.sqlite")
    yield store
    store.close()


def append_trial_of(ledger: Ledger, data: DataSet, verified: Verification) -> None:
    """Append a trial that gave a file: what no trial gave cannot be claimed."""
    result = TrialOutcome(
        TrialConfig("linear 3", TrainingRecipe(1, 1), 0), "done", 1.0,
        network_file=ledger.artifacts.read(verified.sha256),
        validation_correct=1, validation_examples=1,
    )  # fmt: skip
    ledger.append_trial(data, 0.5, result.of_candidate("own"), PROVENANCE)


@pytest.mark.parametrize("version", known_versions())
def test_the_claims_of_golden_ledgers_hold(version: str, tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / version, tmp_path / "golden")
    store = Ledger(tmp_path / "golden" / "ledger.sqlite")
    before = store.row_count("verifications")
    found = verify_ledger(store)
    assert [entry.outcome for entry in found.entries] == ["confirmed", "confirmed"]
    assert found.is_good
    assert (found.artifacts, found.damaged, found.altered) == (5, {}, ())
    rows = store.rows("verifications")[before:]
    assert [row["correct"] for row in rows] == CORRECT[version]
    assert [row["claim_uid"] for row in rows] == [row["uid"] for row in store.rows("claims")]
    assert all(row["seconds"] > 0 for row in rows)
    store.close()


def test_damaged_and_missing_files_are_told(ledger: Ledger) -> None:
    iris, digits = (ledger.artifacts.path(row["artifact_sha256"]) for row in ledger.rows("claims"))
    content = iris.read_bytes()
    iris.write_bytes(content[:30] + bytes([content[30] ^ 4]) + content[31:])
    digits.unlink()
    found = verify_ledger(ledger)
    assert [entry.outcome for entry in found.entries] == ["damaged", "missing"]
    assert not found.is_good
    assert sorted(found.damaged) == sorted([iris.stem, digits.stem])
    assert [row["outcome"] for row in ledger.rows("verifications")] == ["damaged", "missing"]
    assert ledger.best_claim(load("iris").digest, 0.9) is None

    iris.write_bytes(content)
    assert [entry.outcome for entry in verify_ledger(ledger).entries] == ["confirmed", "missing"]
    assert ledger.best_claim(load("iris").digest, 0.9) is not None


def test_a_claim_that_does_not_hold_is_contradicted(ledger: Ledger) -> None:
    data = load("iris")
    claim = ledger.best_claim(data.digest, 0.9)
    assert claim is not None
    better = dataclasses.replace(claim.verification, correct=30, test_accuracy=1.0)
    ledger.append_claim(data, 0.99, better, PROVENANCE)
    assert ledger.best_claim(data.digest, 0.99) is not None
    found = verify_ledger(ledger)
    assert [entry.outcome for entry in found.entries] == ["confirmed", "confirmed", "differs"]
    assert found.entries[2].problem == "27 correct; claimed were 30"
    assert not found.is_good
    assert ledger.best_claim(data.digest, 0.99) is None
    assert ledger.best_claim(data.digest, 0.9) is not None


def test_a_data_set_that_is_not_at_hand_is_told_and_can_be_given(
    ledger: Ledger, tmp_path: Path
) -> None:
    rows = ["a,b,y", *(f"{i % 7},{i % 3},{'pq'[i % 2]}" for i in range(60))]
    (tmp_path / "mine.csv").write_text("\n".join(rows))
    data = load(tmp_path / "mine.csv", label="y")
    iris = load("iris")
    other_iris = dataclasses.replace(data, name="iris", digest="e" * 64)
    digest = ledger.rows("claims")[0]["artifact_sha256"]
    verified = verify_file(ledger.artifacts.path(digest), iris)
    elsewhere = dataclasses.replace(iris, name="my flowers", digest="f" * 64)
    for claimed_on in (data, other_iris, elsewhere):
        append_trial_of(ledger, claimed_on, verified)
        ledger.append_claim(claimed_on, 0.5, verified, PROVENANCE)
    found = verify_ledger(ledger)
    assert [entry.outcome for entry in found.entries][2:] == ["no data", "no data", "no data"]
    assert "no built-in data set is called 'mine'" in str(found.entries[2].problem)
    assert "built-in data set 'iris' has another digest" in str(found.entries[3].problem)
    assert found.is_good
    given = verify_ledger(ledger, [elsewhere])
    assert [entry.outcome for entry in given.entries][2:] == ["no data", "no data", "confirmed"]


def test_a_file_that_cannot_be_run_is_told(ledger: Ledger, tmp_path: Path) -> None:
    digits = load("digits")
    iris_file = ledger.rows("claims")[0]["artifact_sha256"]
    verified = verify_file(ledger.artifacts.path(iris_file), load("iris"))
    append_trial_of(ledger, digits, verified)
    ledger.append_claim(digits, 0.9, verified, PROVENANCE)
    found = verify_ledger(ledger)
    assert found.entries[2].outcome == "failed"
    assert "input" in str(found.entries[2].problem)


def test_altered_rows_are_told(ledger: Ledger) -> None:
    with ledger.database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER trials_no_update")
        connection.exec_driver_sql(
            "UPDATE trials SET config = replace(config, '\"seed\": 2', '\"seed\": 3') WHERE id = 5"
        )
    found = verify_ledger(ledger)
    assert found.altered == ("trials 5",)
    assert not found.is_good
