from __future__ import annotations

import re
from pathlib import Path

import pytest

from minbits.claims.card import DECODER_BITS, CardFacts, card
from minbits.data import load
from minbits.data.companion import companion_bytes, companion_of
from minbits.data.encoding import encoding_bits
from minbits.files import sha256_hex
from minbits.types import DataSet, TrainingRecipe, TrialConfig, TrialOutcome, Verification

TRIED = TrialOutcome(
    TrialConfig("linear 3", TrainingRecipe(1, 1), 0), "done", 1.0, validation_correct=9,
    validation_examples=10, size_bits=400,
)  # fmt: skip

TRIAL = {
    "validation_correct": 11,
    "validation_examples": 12,
    "candidate": "a",
    "config": "{}",
    "seconds": 1.0,
    "created_at": "2026-01-01",
    "code_version": "1",
    "libraries": "{}",
    "machine": "{}",
}


def facts(data: DataSet) -> CardFacts:
    found = Verification("f.mbn", "0" * 64, 50, 400, 30, 29, 0.967, 0.83, 0.99, 3.0)
    companion = companion_of(data, "0" * 64, 1.0, 12)
    return CardFacts(data, 0.95, found, TRIAL, [TRIED], 3, 0.8, 1, companion)


def test_the_card_of_a_table_says_what_its_file_leaves_out() -> None:
    data = load("iris")
    assert data.table is not None
    plain = card(facts(data))
    assert plain["table_encoding_bits"] == encoding_bits(data.table.columns) > 0
    assert "not in size_bits" in plain["table_encoding"]
    assert plain["size_bits"] == 400


def test_the_size_of_the_decoder_is_the_one_that_was_measured() -> None:
    root = Path(__file__).parents[2]
    recorded = (root / "recipes" / "decoder_size.txt").read_text(encoding="utf-8")
    (measured,) = re.findall(r"short local names: [\d,]+ bytes, ([\d,]+) bits", recorded)
    assert pytest.approx(int(measured.replace(",", "")), rel=0.02) == DECODER_BITS
    for page in ("README.md", "docs/format.md"):
        assert f"{DECODER_BITS:,} bits" in (root / page).read_text(encoding="utf-8")


def test_the_card_of_images_has_nothing_to_add(tiny: DataSet) -> None:
    assert not {key for key in card(facts(tiny)) if key.startswith("table")}


def test_the_card_names_the_companion_and_says_what_is_counted() -> None:
    data = load("iris")
    plain = card(facts(data))
    companion = companion_bytes(companion_of(data, "0" * 64, 1.0, 12))
    assert plain["companion"] == {"file": "f.data.json", "sha256": sha256_hex(companion)}
    names = "setosa versicolor virginica sepal length (cm) sepal width (cm) petal length (cm) "
    names += "petal width (cm) "  # a blank or an end after each
    assert plain["description_bits"] == {"network": 400, "encoding": 34, "names": 8 * len(names)}
