"""Data files at the command line: every bad one is one message and exit code 2."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from minbits.cli.app import main
from tests.data.test_csv_file import BAD, GOOD
from tests.data.test_image_folder import pictures, png_bomb


def run_here(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Run the command line in this process and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["minbits", *map(str, arguments)])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def check_refusal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], path: Path
) -> None:
    for command in ("entropy", "size"):
        assert run_here(monkeypatch, command, path) == 2
        said = capsys.readouterr()
        assert said.err.startswith("minbits: ")
        assert "; expected" in said.err
        assert "Traceback" not in said.err
        assert said.out == ""


@pytest.mark.parametrize("content", [b[1] for b in BAD], ids=[b[0] for b in BAD])
def test_a_bad_csv_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: str | bytes,
) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    check_refusal(monkeypatch, capsys, path)


def test_bad_archives_and_images_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.npz"
    np.savez(path, x=np.zeros((9, 2)), y=np.arange(9) % 2)
    path.write_bytes(path.read_bytes()[:-30])
    check_refusal(monkeypatch, capsys, path)
    folder = tmp_path / "pictures"
    pictures(folder)
    (folder / "cat" / "0.png").write_bytes(png_bomb(10_000))
    check_refusal(monkeypatch, capsys, folder)
    (folder / "cat" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    check_refusal(monkeypatch, capsys, folder)


def test_iris_from_end_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_here(monkeypatch, "entropy", "iris", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    figures = {figure["key"]: figure for figure in found["figures"]}
    assert figures["label_entropy"]["value"] == pytest.approx(np.log2(3))
    information = figures["mutual_information_classifier"]
    assert (information["of"], information["kind"]) == ("X and Y", "lower bound")
    assert 1 < information["value"] < np.log2(3)
    assert "test examples" in information["warning"]
    remaining = figures["conditional_label_entropy"]
    assert remaining["value"] + information["value"] == pytest.approx(np.log2(3), abs=0.05)
    assert figures["conditional_label_entropy_total"]["scope"] == "data set"
    assert [column["kind"] for column in found["columns"]] == ["real"] * 4
    assert found["features"]["names"][2] == "petal length (cm)"
    assert found["report"]["split"].startswith("a fifth of each class")
    assert (tmp_path / found["features_chart"]).read_bytes().startswith(b"\x89PNG")


def test_a_table_is_named_by_its_label_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "people.csv"
    path.write_text(GOOD.replace("label", "answer") + GOOD.split("\n", 1)[1] * 20)
    chosen = ("--label", "answer", "--categorical", "height")
    assert run_here(monkeypatch, "entropy", path, *chosen) == 0
    said = capsys.readouterr().out
    assert "conditional_label_entropy" in said
    assert "repeat the inputs of an earlier one" in " ".join(said.split())
    assert "not an entropy" in said
    assert run_here(monkeypatch, "entropy", path, "--label", "none") == 2
    assert "age, city, height, answer" in capsys.readouterr().err
    assert run_here(monkeypatch, "entropy", path, "--resize", "2x2") == 2
