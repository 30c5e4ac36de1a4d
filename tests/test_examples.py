"""Every example runs as it stands, from another folder, and prints what it says it prints."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
RECORD = ROOT / "records" / "digits-95.mbn"
PRINTED = {
    "compress_a_module": "still correct",
    "entropies_of_a_table": "figures in all",
    "predict_new_rows": "of new rows",
    "run_a_network": "correct: 9",
    "smallest_network": "test examples correct",
    "what_own_data_need": "neurons",
    "where_the_bits_go": "on the test set",
}


def test_there_are_seven_short_ones() -> None:
    assert {path.stem for path in EXAMPLES} == set(PRINTED)
    assert max(len(path.read_text().splitlines()) for path in EXAMPLES) <= 25


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(path: Path, tmp_path: Path) -> None:
    takes_file = "sys.argv" in path.read_text()
    command = [sys.executable, str(path), *([str(RECORD)] if takes_file else [])]
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path)}
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert PRINTED[path.stem] in done.stdout, done.stdout
