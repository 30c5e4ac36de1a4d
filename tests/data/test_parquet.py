from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from minbits.data import load
from minbits.errors import DataError

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def write(path: Path, **columns: object) -> Path:
    table = pyarrow.table(columns)
    parquet.write_table(table, path, row_group_size=7)
    return path


def test_the_schema_gives_the_types(tmp_path: Path) -> None:
    path = write(
        tmp_path / "t.parquet",
        age=[31, None, *range(18)],
        height=np.linspace(1, 2, 20),
        city=["Rome", None, "7", "Oslo"] * 5,
        member=[True, False] * 10,
        shade=pyarrow.array(["dark", "light"] * 10).dictionary_encode(),
        label=["x", "y"] * 10,
    )
    data = load(path)
    assert data.table is not None
    kinds = [(column.name, column.kind, column.missing) for column in data.table.columns]
    assert kinds == [
        ("age", "integer", 1),
        ("height", "real", 0),
        ("city", "categorical", 5),
        ("member", "categorical", 0),
        ("shade", "categorical", 0),
    ]
    assert data.table.columns[2].categories == ("7", "Oslo", "Rome")
    assert data.class_names == ("x", "y")


def test_csv_and_parquet_of_one_table_are_one_data_set(tmp_path: Path) -> None:
    a, b = list(range(20)), ["p", "q", "r", "s"] * 5
    path = write(tmp_path / "t.parquet", a=a, b=b, label=[0, 1] * 10)
    rows = "a,b,label\n" + "".join(f"{i},{j},{i % 2}\n" for i, j in zip(a, b, strict=True))
    other = tmp_path / "t.csv"
    other.write_text(rows)
    assert load(path).digest == load(other).digest


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [[1], [2]], "label": [0, 1]}, "column 'a': got the type list"),
        ({"a": [1.0, float("inf")], "label": [0, 1]}, "row 2, column 'a': got an infinite"),
        ({"a": [1.0, 2.0], "label": [0, None]}, "row 2, column 'label': got no label"),
        ({"a": [1.0, 2.0], "label": [0.5, 1]}, "row 1, column 'label': got the label 0.5"),
        ({"a": np.zeros(0), "label": np.zeros(0)}, "no rows"),
    ],
)
def test_a_bad_table_is_named(tmp_path: Path, columns: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load(write(tmp_path / "bad.parquet", **columns))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_file_is_named(tmp_path: Path, share: float) -> None:
    path = write(tmp_path / "t.parquet", a=list(range(40)), label=[0, 1] * 20)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"t\.parquet"):
        load(path)


def test_without_pyarrow_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "t.parquet", a=[1, 2], label=[0, 1])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r"minbits\[parquet\]"):
        load(path)
