"""Every record that is published is verified anew."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from minbits.data import load
from minbits.pipeline.verification import verify_file

RECORDS = Path(__file__).parent.parent / "records"


FILES = sorted([*RECORDS.glob("*.mbn"), *RECORDS.glob("curve/*.mbn")])


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
