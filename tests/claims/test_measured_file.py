"""What was measured, as a file: it comes back as it was, and nothing of another one is believed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from minbits.claims.measured_file import is_measured, measured_bytes, read_measured
from minbits.errors import OutputError
from tests.studies.diagram_points import point

MEASURED = point("planted:12,2", {"label_code_bits": 100.5, "input_numbers": 48.0}, 240).measured


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "x.measured.json"
    path.write_bytes(measured_bytes(MEASURED))
    assert read_measured(path) == MEASURED
    assert is_measured(json.loads(path.read_text()))


def changed(change: Any) -> str:
    plain = json.loads(measured_bytes(MEASURED))
    change(plain)
    return json.dumps(plain)


@pytest.mark.parametrize(
    "change",
    [
        lambda plain: plain.pop("data_digest"),
        lambda plain: plain.update(data_digest="no digest"),
        lambda plain: plain.update(format="minbits measured 2"),
        lambda plain: plain.update(trials=-1),
        lambda plain: plain["figures"].update(target_accuracy=0),
        lambda plain: plain["figures"].update(target_accuracy=1.5),
        lambda plain: plain["figures"]["x"]["label_code_bits"].update(value=-1),
        lambda plain: plain["figures"]["x"]["label_code_bits"].update(value="1"),
        lambda plain: plain["figures"]["x"].update(label_code_bits=3),
        lambda plain: plain["figures"].update(true_bits=1.5),
        lambda plain: plain["figures"].update(usual=[1]),
        lambda plain: plain.update(searches=[{}]),
    ],
)
def test_a_file_that_does_not_hold_what_it_should_is_refused(tmp_path: Path, change: Any) -> None:
    path = tmp_path / "x.measured.json"
    path.write_text(changed(change))
    with pytest.raises(OutputError, match=r"x\.measured\.json"):
        read_measured(path)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"value": NaN}', "\0"])
def test_what_is_no_such_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.measured.json"
    path.write_text(text)
    with pytest.raises(OutputError):
        read_measured(path)


def test_a_measure_of_a_later_version_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.measured.json"
    path.write_text(changed(lambda plain: plain["figures"]["x"].update(later={"value": 1})))
    assert read_measured(path) == MEASURED
