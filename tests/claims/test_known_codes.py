"""The shortest real code of the labels that a ledger knows is on the card and in the picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import minbits
from minbits.charts.diagram import LABEL_CODE, diagram_data
from minbits.claims.known_codes import shortest_label_code
from minbits.data import load
from minbits.information.entropy_table import entropy_table
from minbits.ledger.store import MeasurementEntry, open_ledger
from minbits.studies.kept import CODELENGTH, KnownLabelCode
from tests.reports.examples import PROVENANCE


def row(result: Any) -> MeasurementEntry:
    return MeasurementEntry(load("iris"), CODELENGTH, {}, 0, result, 1.0, PROVENANCE)


def codes(*lengths: tuple[str, int | None]) -> dict[str, Any]:
    return {
        "codes": [
            {"code": name, "size_bits": bits, "method": "as it does"} for name, bits in lengths
        ]
    }


def test_the_shortest_file_counts_and_no_computed_length(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    digest = load("iris").digest
    with open_ledger(tmp_path / "l.sqlite") as ledger:
        assert shortest_label_code(ledger, digest) is None
        ledger.append_measurements([row(codes(("uniform", 240), ("two-part", 176)))])
        ledger.append_measurements([row(codes(("variational", None), ("prequential", 88)))])
        ledger.append_measurements([row({"codes": [{"code": 1, "size_bits": 3}]})])
        found = shortest_label_code(ledger, digest)
        assert shortest_label_code(ledger, load("wine").digest) is None
    assert found == KnownLabelCode("prequential", 88, "as it does")
    # The damaged row is told of, and loses nothing.
    assert "passed over" in caplog.text


def test_need_size_and_diagram_take_it(tmp_path: Path) -> None:
    place = tmp_path / "l.sqlite"
    report = minbits.codelength("iris", "empirical", ledger=place)
    with open_ledger(place) as ledger:
        ledger.append_measurements([row(codes(("prequential", 88)))])
    del report
    known = minbits.need("iris", 0.9, measure=False, ledger=place).label_code
    assert known is not None
    assert known.size_bits == 88
    minbits.size(
        "iris", 0.5, minutes=0.05, trials=2, workers=1, ledger=place, out=tmp_path / "i.mbn",
    )  # fmt: skip
    card = json.loads((tmp_path / "i.json").read_text())
    assert card["label_code"] == {"code": "prequential", "size_bits": 88, "method": "as it does"}
    table = entropy_table(load("iris"))
    numbers = diagram_data(table, 0.9, 100, label_code=known)
    assert (numbers.chosen.key, numbers.chosen.bits) == (LABEL_CODE, 88.0)
    assert "prequential" in numbers.chosen.name
    assert diagram_data(table, 0.9, 100).chosen.key == "label_entropy_total"
