"""Data files at the command line: every bad one is one message and exit code 2."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.here import Here
from tests.data.test_csv_file import BAD, GOOD
from tests.data.test_image_folder import pictures, png_bomb


def check_refusal(here: Here, path: Path) -> None:
    for command in ("entropy", "size"):
        done = here(command, path)
        assert done.returncode == 2
        assert done.stderr.startswith("minbits: ")
        assert "; expected" in done.stderr
        assert "Traceback" not in done.stderr
        assert done.stdout == ""


@pytest.mark.parametrize("content", [b[1] for b in BAD], ids=[b[0] for b in BAD])
def test_a_bad_csv_is_refused(
    tmp_path: Path,
    here: Here,
    content: str | bytes,
) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    check_refusal(here, path)


def test_bad_archives_and_images_are_refused(here: Here, tmp_path: Path) -> None:
    path = tmp_path / "bad.npz"
    np.savez(path, x=np.zeros((9, 2)), y=np.arange(9) % 2)
    path.write_bytes(path.read_bytes()[:-30])
    check_refusal(here, path)
    folder = tmp_path / "pictures"
    pictures(folder)
    (folder / "cat" / "0.png").write_bytes(png_bomb(10_000))
    check_refusal(here, folder)
    (folder / "cat" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    check_refusal(here, folder)


def test_iris_from_end_to_end(here: Here, tmp_path: Path) -> None:
    done = here("entropy", "iris", "--json", "--pictures", "charts", cwd=tmp_path)
    assert done.returncode == 0
    found = json.loads(done.stdout)
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


def test_a_table_of_categories_is_no_image(here: Here, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    rows = [
        f"n{generator.integers(0, 300)},{'abc'[generator.integers(0, 3)]},{i % 2}"
        for i in range(1500)
    ]
    (tmp_path / "t.csv").write_text("\n".join(["name,letter,label", *rows]) + "\n")
    done = here("entropy", "t.csv", "--minutes", "0", cwd=tmp_path)
    assert done.returncode == 0
    assert "independent_columns" in done.stdout
    assert "independent_pixels" not in done.stdout
    assert "≤ 1.000" in done.stdout
    assert "≥ 0.000" in done.stdout
    assert "holds at 95 %" in done.stdout
    assert not (tmp_path / "t-heat-map.png").exists()
    found = json.loads(here("entropy", "t.csv", "--minutes", "0", "--json", cwd=tmp_path).stdout)
    assert found["heat_map"] is None
    figures = {figure["key"]: figure for figure in found["figures"]}
    assert "categories (name)" in figures["mutual_information_classifier"]["method"]
    truth = np.log2(300) + np.log2(3)
    assert figures["independent_columns"]["bound"] >= truth
    assert figures["independent_columns"]["bound"] < truth + 0.3
    assert figures["mutual_information_ceiling"]["bound"] <= 1


def test_a_table_is_named_by_its_label_column(here: Here, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(GOOD.replace("label", "answer") + GOOD.split("\n", 1)[1] * 20)
    chosen = ("--label", "answer", "--categorical", "height")
    done = here("entropy", path, *chosen, cwd=tmp_path)
    assert done.returncode == 0
    said = done.stdout
    assert "conditional_label_entropy" in said
    assert "repeat the inputs of an earlier one" in " ".join(said.split())
    assert "not an entropy" in said
    unknown = here("entropy", path, "--label", "none")
    assert unknown.returncode == 2
    assert "age, city, height, answer" in unknown.stderr
    assert here("entropy", path, "--resize", "2x2").returncode == 2
