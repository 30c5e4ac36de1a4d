"""What is said of a data set before any work: what is odd is named, with what to do."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import minbits
from minbits.data import from_arrays, load
from minbits.data.summary import plain_summary, summarise
from minbits.errors import ArgumentError
from tests.data.test_csv_file import write

ROWS = 60
LABELS = ["ab"[i // 30] for i in range(ROWS)]


def remarks(folder: Path, **columns: list[object]) -> dict[str, list[tuple[str, ...]]]:
    """Return the columns of each kind of remark; noise and labels are added."""
    noise = np.random.default_rng(0).normal(size=ROWS).round(3).tolist()
    held = columns | {"noise": noise, "label": LABELS}
    rows = [";".join(held), *(";".join(map(str, row)) for row in zip(*held.values(), strict=True))]
    found: dict[str, list[tuple[str, ...]]] = {}
    for remark in summarise(load(write(folder, "\n".join(rows) + "\n"))).remarks:
        found.setdefault(remark.key, []).append(remark.columns)
    return found


def test_nothing_odd_is_nothing_said(tmp_path: Path) -> None:
    shuffled = np.random.default_rng(1).permutation(ROWS) % 9
    assert remarks(tmp_path, n=shuffled.tolist(), t=[f"k{i % 4}" for i in shuffled]) == {}


@pytest.mark.parametrize(
    ("key", "cells"),
    [
        ("id", list(range(ROWS))), ("id", [(i * 7919) % 10007 for i in range(ROWS)]),
        ("id", [f"name {i}" for i in range(ROWS)]),
        ("date", [f"2020-01-{i % 28 + 1:02d}" for i in range(ROWS)]),
        ("date", [f"{i % 28 + 1}/{i % 12 + 1}/2020 10:3{i % 10}" for i in range(ROWS)]),
        ("date", [f"{i % 28 + 1} March 2020" for i in range(ROWS)]),
        ("free_text", [f"the text of row {i} is long" for i in range(ROWS)]),
        ("numbers_as_text", [*(f"${i}" for i in range(ROWS - 1)), "call"]),
        ("numbers_as_text", [f"{i} %" if i % 2 else f"${i}" for i in range(ROWS)]),
        ("determines_label", ["yes" if label == "a" else "no" for label in LABELS]),
        ("determines_label", [0.5 + i // 30 + i % 7 / 10 for i in range(ROWS)]),
        ("determines_label", [3 + 5 * (i // 30) + 10 * (i % 2) for i in range(ROWS)]),
        ("constant", [5] * ROWS), ("notation", [f"{i % 7},5" for i in range(ROWS)]),
    ],
)  # fmt: skip
def test_an_odd_column_is_named(tmp_path: Path, key: str, cells: list[object]) -> None:
    found = remarks(tmp_path, odd=cells)
    assert found[key] == [("odd",)]
    assert set(found) <= {key, "constant"}  # categories of the test set alone never change


def test_a_column_of_too_many_categories_is_named(tmp_path: Path) -> None:
    rows = "".join(f"k{i % 300},{i % 9},{'xy'[i % 2]}\n" for i in range(900))
    summary = summarise(load(write(tmp_path, f"a,n,label\n{rows}")))
    (remark,) = [remark for remark in summary.remarks if remark.key == "too_many_categories"]
    assert remark.columns == ("a",)
    assert "300 different texts" in remark.text
    assert [column.inputs for column in summary.columns] == [0, 1]


def test_names_that_are_values_are_perhaps_data(tmp_path: Path) -> None:
    rows = "".join(f"{'pq'[i % 2]},{'rs'[i % 3 % 2]},{'xy'[i % 2]}\n" for i in range(12))
    (first, *_) = summarise(load(write(tmp_path, f"p,r,x\n{rows}"))).remarks
    assert (first.key, first.columns) == ("header", ("p", "r"))
    assert "`header=False`" in first.text


def test_many_whole_numbers_are_perhaps_a_regression(tmp_path: Path) -> None:
    rows = "".join(f"{i % 7},{1000 + i % 60}\n" for i in range(240))
    path = write(tmp_path, f"a,label\n{rows}")
    assert (
        "60 classes of whole numbers: is this a regression?"
        in summarise(load(path)).remarks[0].text
    )
    path.write_text("a,label\n" + "".join(f"{i % 7},{i}\n" for i in range(11_602)))
    with pytest.raises(
        minbits.MinbitsError, match=r"'label': got 11,602 classes of whole.*regression"
    ):
        load(path)


def test_the_summary_of_a_table(tmp_path: Path) -> None:
    path = write(
        tmp_path, "n,t,label\n" + "".join(f"{i % 9},k{i % 2},{'xyy'[i % 3]}\n" for i in range(30))
    )
    found = minbits.describe(path)
    assert found.summary() == "t: 24 training and 6 test examples, 2 classes"
    assert found.label_text == "column 'label', by its name"
    assert found.classes_text == "x 8, y 16"
    assert found.inputs_text == "3 from 2 columns (1 categorical, 1 integer)"
    assert [(c.name, c.kind, c.values) for c in found.columns] == [
        ("n", "integer", "0 to 8"), ("t", "categorical", "2 categories"),
    ]  # fmt: skip
    assert minbits.describe(load(path)) == found
    assert json.loads(json.dumps(plain_summary(found)))["classes"][1] == {
        "name": "y", "train": 16, "test": 4,
    }  # fmt: skip
    assert minbits.describe(path, drop=["t"]).inputs_text == "1 from 1 columns (1 integer)"
    with pytest.raises(ArgumentError, match="`drop`"):
        minbits.describe(load(path), drop=["t"])


def test_the_summary_of_images() -> None:
    data = from_arrays(np.zeros((20, 4, 4)), np.arange(20) % 2)
    found = summarise(data)
    assert (found.inputs_text, found.columns) == ("1 x 4 x 4", ())
    assert found.label_text == "as the source gives it"
    assert "leakage" in {remark.key for remark in found.remarks}
