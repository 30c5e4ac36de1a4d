"""Every record that is published is verified anew."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from minbits.claims.best_known import published_files
from minbits.claims.card import companion_facts
from minbits.claims.measured_file import read_measured
from minbits.claims.verification import verify_file
from minbits.codec.file_format import decode_network
from minbits.codec.inference import predict
from minbits.data import load
from minbits.data.companion import companion_beside
from minbits.errors import DataError
from minbits.evaluation.accuracy import reaches
from minbits.evaluation.evaluate import evaluate_on_validation
from minbits.files import sha256_hex
from minbits.intervals import anytime_lower_limit
from minbits.jobs.diagram_set import true_bits
from minbits.ledger.artifacts import problem_of
from minbits.ledger.rows import expected_row_hash
from minbits.ledger.store import read_ledger

RECORDS = Path(__file__).parent.parent / "records"
_ALL = [*sorted(RECORDS.glob("curve/*.mbn")), *sorted(RECORDS.glob("*.mbn"))]
# Some points of the curve are records of their own: each network is run once.
FILES = list({path.read_bytes(): path for path in _ALL}.values())


# Of the diagram over many sets: a folder each, with what was measured.
SETS = sorted(RECORDS.glob("*/*.measured.json"))


def test_there_is_a_record() -> None:
    assert FILES


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_record_is_what_its_card_says(path: Path) -> None:
    card = json.loads(path.with_suffix(".json").read_text())
    data = load(card["data"])
    assert data.digest == card["data_digest"]
    found = verify_file(path, data)
    assert found.sha256 == card["sha256"]
    assert found.size_bits == card["size_bits"]
    assert found.correct == card["correct"]
    assert found.correct >= card["target_accuracy"] * found.n_test


@pytest.mark.parametrize("path", _ALL, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_record_passed_validation_and_its_card_says_what_the_claim_shows(path: Path) -> None:
    card = json.loads(path.with_suffix(".json").read_text())
    validation, target = card["validation"], card["target_accuracy"]
    assert validation["correct"] >= target * validation["examples"] - 1e-9
    looks = card["claims_against_test_set"]
    limit = anytime_lower_limit(card["correct"], card["n_test"], looks)
    assert card["lower_limit"] == pytest.approx(limit, abs=1e-12)
    assert card["true_accuracy_may_be_below_target"] == (limit < target)
    assert card["reached_target"]


@pytest.mark.parametrize("path", _ALL, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_record_has_its_companion_and_the_card_names_it(path: Path) -> None:
    content, card = path.read_bytes(), json.loads(path.with_suffix(".json").read_text())
    companion = companion_beside(path, sha256_hex(content))
    assert companion is not None
    assert companion.data_digest == card["data_digest"]
    assert companion.inverse_temperature > 0
    named = companion_facts(companion, f"{path.stem}.data.json", 8 * len(content))
    assert named.items() <= card.items()


def test_companions_are_not_taken_for_cards() -> None:
    found = {path for path, _ in published_files(load("digits"), RECORDS)}
    assert RECORDS / "digits-95.mbn" in found
    # Others are those of the diagram: every one is a network file, whose card has the same name.
    assert all(path.suffix == ".mbn" and path.with_suffix(".json").is_file() for path in found)
    assert not any(path.name.endswith(".data.json") for path in found)


@pytest.mark.parametrize("path", SETS, ids=lambda path: path.parent.name)
def test_a_set_of_the_diagram_is_what_its_card_says(path: Path) -> None:
    """Small files, run in this process: size, counts and target, and what was measured."""
    measured, place = read_measured(path), path.with_name(path.name.replace(".measured", ""))
    assert measured.figures.x["label_code_bits"].value > 0
    assert measured.trials >= sum(item.trials for item in measured.searches)
    if not place.is_file():
        return  # no file reached the target
    card, content = json.loads(place.read_text()), place.with_suffix(".mbn").read_bytes()
    assert card["data_digest"] == measured.data_digest
    assert card["target_accuracy"] == measured.figures.target_accuracy
    assert (sha256_hex(content), 8 * len(content)) == (card["sha256"], card["size_bits"])
    network = decode_network(content)
    companion = companion_beside(place.with_suffix(".mbn"), card["sha256"])
    assert companion is not None
    assert companion.data_digest == measured.data_digest
    true_bits_now = true_bits(measured.data_name)
    assert measured.figures.true_bits == true_bits_now
    try:
        data = load(measured.data_name)
    except DataError:
        pytest.skip("the package with the data is not installed")
    assert data.digest == measured.data_digest
    correct = int((predict(network, data.test_inputs) == data.test_labels).sum())
    assert (correct, len(data.test_labels)) == (card["correct"], card["n_test"])
    assert reaches(correct, card["n_test"], card["target_accuracy"])
    validation = evaluate_on_validation(content, data)
    assert (validation.correct, validation.examples) == tuple(card["validation"].values())
    assert reaches(validation.correct, validation.examples, card["target_accuracy"])


def test_each_point_of_the_curve_is_the_best_claim_of_the_ledger() -> None:
    reader = read_ledger(RECORDS / "ledger.sqlite")
    try:
        for path in RECORDS.glob("curve/*.mbn"):
            card = json.loads(path.with_suffix(".json").read_text())
            best = reader.best_claim(card["data_digest"], card["target_accuracy"])
            assert best is not None
            assert best.verification.sha256 == card["sha256"], path.name
    finally:
        reader.close()


@pytest.mark.parametrize("name", ["ledger", "ledger-normalised"])
def test_the_ledger_of_the_records_is_whole(name: str) -> None:
    reader = read_ledger(RECORDS / f"{name}.sqlite")
    try:
        assert reader.row_count("trials") > 0
        for artifact in reader.rows("artifacts"):
            assert problem_of(reader.artifacts, artifact["sha256"]) is None
        for table in ("trials", "claims"):
            for row in reader.rows(table):
                assert row["row_hash"] == expected_row_hash(table, row)
        claimed = {row["artifact_sha256"]: row["correct"] for row in reader.rows("claims")}
    finally:
        reader.close()
    of_ledger = {"ledger": "curve/*.mbn", "ledger-normalised": "mnist-*-normalised.mbn"}
    for path in RECORDS.glob(of_ledger[name]):
        card = json.loads(path.with_suffix(".json").read_text())
        assert sha256_hex(path.read_bytes()) == card["sha256"]
        assert claimed[card["sha256"]] == card["correct"]
