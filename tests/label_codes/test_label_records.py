"""The published files of two-part codes give MNIST's labels back, each in a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

RECORDS = sorted((Path(__file__).parents[2] / "records" / "labels").glob("*two-part*.mbl"))


def test_there_are_records() -> None:
    assert RECORDS


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_published_file_of_labels_decodes_to_the_labels(path: Path, tmp_path: Path) -> None:
    # A folder without any file of a network: the file and the images are all that there is.
    command = ["codelength", "decode", str(path), "--data", "mnist", "--check", "--json"]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "minbits", *command],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["labels"], report["size_bits"]) == (60_000, 8 * path.stat().st_size)
    assert report["agree"] is True
