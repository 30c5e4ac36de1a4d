"""Which column holds the labels is told, or asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from minbits.data import load
from minbits.errors import DataError
from tests.data.test_csv_file import write

ROWS = 24
TEXT = [f"k{i % 3}" for i in range(ROWS)]
FEW = [str(2007 + i % 3) for i in range(ROWS)]
TWO = [str(i % 2) for i in range(ROWS)]
MANY = [str(i * 7) for i in range(ROWS)]
REAL = [f"{i}.5" for i in range(ROWS)]
CONSTANT = ["0"] * ROWS


def table(folder: Path, header: bool = True, **columns: list[str]) -> Path:
    rows = [",".join(columns)] if header else []
    rows += [",".join(row) for row in zip(*columns.values(), strict=True)]
    return write(folder, "\n".join(rows) + "\n")


@pytest.mark.parametrize(
    ("columns", "label", "reason"),
    [
        ({"Class": TEXT, "n": MANY, "year": FEW}, "Class", "by its name"),
        ({"species": TEXT, "n": MANY, "year": FEW}, "species", "by its name"),
        ({"Class Label": TEXT, "n": MANY, "m": MANY}, "Class Label", "by its name"),
        ({"x": REAL, "y": REAL, "class": TEXT}, "class", "by its name"),
        ({"y": REAL, "target": TWO, "x": REAL}, "target", "by its name"),
        ({"n": MANY, "kind": TEXT}, "kind", "the last column, which holds text"),
        ({"n": MANY, "grade": FEW}, "grade", "the last column, which holds few whole numbers"),
        ({"sex": TEXT, "n": MANY, "ill": TWO}, "ill", "the last column, which holds few whole"),
    ],
)
def test_the_label_is_taken_by_a_rule_that_is_told(
    tmp_path: Path, columns: dict[str, list[str]], label: str, reason: str
) -> None:
    data = load(table(tmp_path, **columns))
    assert data.label_column == label
    assert data.label_reason is not None
    assert data.label_reason.startswith(reason)
    named = load(tmp_path / "t.csv", label=label)
    assert named.digest == data.digest
    assert named.label_reason == "as named"


@pytest.mark.parametrize(
    "columns",
    [
        {"kind": TEXT, "year": FEW}, {"kind": TEXT, "Freq": TWO}, {"a": FEW, "price": MANY},
        {"a": FEW, "price": REAL}, {"letter": TEXT, "box": FEW},
        {"a": FEW, "b": CONSTANT}, {"name": [f"n{i}" for i in range(ROWS)], "n": MANY},
    ],
)  # fmt: skip
def test_an_unclear_label_is_asked_for(tmp_path: Path, columns: dict[str, list[str]]) -> None:
    names = list(columns)
    path = table(tmp_path, **columns)
    with pytest.raises(DataError, match=f"the last is '{names[1]}'.*the first '{names[0]}'"):
        load(path)


def test_without_a_header_the_first_column_may_be_the_label(tmp_path: Path) -> None:
    path = table(tmp_path, False, digit=FEW, a=MANY, b=MANY, last=CONSTANT)
    data = load(path)
    assert (data.label_column, data.class_names) == ("column 1", ("2007", "2008", "2009"))
    assert [remark.key for remark in data.remarks] == ["header"]
    assert load(path, drop=["column 4"], label="column 1").input_shape == (2, 1, 1)


def test_a_label_that_is_misspelt_is_shown(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Did you mean 'Species'"):
        load(table(tmp_path, Species=TEXT, n=MANY), label="species")


@pytest.mark.parametrize(
    ("first", "second", "is_header"),
    [
        ("5.1,3.5,setosa", "4.9,3.0,setosa", False), ("0,1,2,label", "5,6,7,x", True),
        ("country,2019,2020,kind", "Fr,1,2,x", True), ("8,307,ford", "8,350,ford", False),
        ("a,b,kind", "1,2,x", True), ("7,red,x", "8,blue,y", False), ("q1,5,kind", "3,4,y", True),
        ("$5,a", "$6,b", False), ("n,y,y,x", "y,y,n,z", False),
    ],
)  # fmt: skip
def test_a_first_row_of_data_is_no_header(
    tmp_path: Path, first: str, second: str, is_header: bool
) -> None:
    path = write(tmp_path, f"{first}\n" + f"{second}\n" * 6 + f"{second}z\n" * 6)
    data = load(path, drop_rare=True)
    told = load(path, drop_rare=True, header=is_header)
    assert told.digest == data.digest
    assert data.table is not None
    name = first.split(",", maxsplit=1)[0] if is_header else "column 1"
    assert data.table.columns[0].name == name
    says = [remark.text for remark in data.remarks if remark.key == "header"]
    assert bool(says) == (not is_header or any(cell.isdigit() for cell in first.split(",")))
    assert not [remark for remark in told.remarks if remark.key == "header"]
