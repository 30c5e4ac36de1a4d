"""Numbers as people write them are numbers, or the column is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from minbits.data import load, text_rows
from minbits.data.notations import find_notation
from minbits.errors import DataError
from tests.data.test_csv_file import whole, write


@pytest.mark.parametrize(
    ("texts", "values", "name"),
    [
        (["1,234", "5", "12,345,678.5"], [1234, 5, 12345678.5], "thousands separators"),
        (["1 234", "5 678.5"], [1234, 5678.5], "thousands separators"),
        (["1'234", "5"], [1234, 5], "thousands separators"),
        (["1,5", "0,25", "-3"], [1.5, 0.25, -3], "a decimal comma"),
        (["1.234,5", "7,5"], [1234.5, 7.5], "a decimal comma"),
        (["1,234", "0,5"], [1.234, 0.5], "a decimal comma"),
        (["12%", "3.5 %"], [12, 3.5], "'%'"),
        (["12,5 %", "3 %"], [12.5, 3], "a decimal comma and '%'"),
        (["$1,000", "-$2", "$ 3.50"], [1000, -2, 3.5], "thousands separators and '$'"),
        (["5 €", "7,50€"], [5, 7.5], "a decimal comma and '€'"),
        (["0x1f", "0XA"], [31, 10], "hexadecimal digits"),
        (["\u22125 %"], [-5], "'%'"),
    ],
)
def test_a_notation_is_found_where_all_texts_agree(
    texts: list[str], values: list[float], name: str
) -> None:
    found = find_notation(texts)
    assert found is not None
    assert found.name == name
    assert [found.read(text) for text in texts] == values


@pytest.mark.parametrize(
    "texts",
    [
        ["$5", "5"], ["5 %", "$5"], ["12", "x"], ["1,23,456"], ["01.02.2020"], ["%"], ["$"], [""],
        ["0x"], ["$5%"], ["1,2", "1.5"], ["5 kg"], ["2020-01-01"], ["1/2"], ["x1f"], [],
    ],
)  # fmt: skip
def test_other_texts_are_no_numbers(texts: list[str]) -> None:
    assert find_notation(texts) is None


def test_a_named_decimal_comma_decides_what_is_unclear() -> None:
    unclear = ["1,234", "5,678"]
    assert [find_notation(unclear).read(text) for text in unclear] == [1234, 5678]  # type: ignore[union-attr]
    found = find_notation(unclear, ",")
    assert [found.read(text) for text in unclear] == [1.234, 5.678]  # type: ignore[union-attr]
    assert find_notation(["1.234"], ",").read("1.234") == 1234  # type: ignore[union-attr]
    assert find_notation(["1.5"], ",").read("1.5") == 1.5  # type: ignore[union-attr]


def column(folder: Path, cells: list[str], **options: object) -> np.ndarray:
    rows = "a;label\n" + "".join(f"{cell};{'xy'[i % 2]}\n" for i, cell in enumerate(cells))
    return np.sort(whole(load(write(folder, rows), **options))[:, 0])


def test_a_column_in_a_notation_holds_numbers_and_says_so(tmp_path: Path) -> None:
    cells = ["$1,000", "$20", "", "$3", "$4"]
    assert column(tmp_path, cells)[:4].tolist() == [3, 4, 20, 1000]
    data = load(tmp_path / "t.csv")
    assert data.table is not None
    assert data.table.columns[0].kind == "integer"
    (remark,) = data.remarks
    assert remark.columns == ("a",)
    assert "thousands separators and '$': '$1,000' is 1000." in remark.text
    text = load(tmp_path / "t.csv", categorical=["a"])
    assert text.table is not None
    assert text.table.columns[0].kind == "categorical"
    assert text.remarks == ()


def test_plain_numbers_may_come_before_and_between(tmp_path: Path) -> None:
    assert column(tmp_path, ["900", "1,000", "20", "1,100"]).tolist() == [20, 900, 1000, 1100]
    assert column(tmp_path, ["1,000", "900", "20", "1,100"]).tolist() == [20, 900, 1000, 1100]
    assert column(tmp_path, ["1", "1,5", "2", "2,5"]).tolist() == [1, 1.5, 2, 2.5]
    numbers = ["1,5", "2,5", "3", "1.000"]
    assert column(tmp_path, numbers, decimal=",").tolist() == [1.5, 2.5, 3, 1000]


def test_a_notation_that_changes_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for cells in (["1.5", "2", "2,5", "3"], ["7", "$5", "8", "9"]):
        with pytest.raises(DataError, match=r"row \d, column 'a': got .*`categorical` 'a'"):
            column(tmp_path, cells)
    with pytest.raises(DataError, match=r"row 3, column 'a': got '5'; expected text as in row 2"):
        column(tmp_path, ["$5", "5", "6", "7"])
    monkeypatch.setattr(text_rows, "CHUNK_ROWS", 2)
    assert column(tmp_path, ["1", "2", "1,000", "3"]).tolist() == [1, 2, 3, 1000]
    with pytest.raises(DataError, match=r"row 5, column 'a': got '1,5'"):
        column(tmp_path, ["1", "1,000", "2", "1,5"])


def test_labels_keep_their_text(tmp_path: Path) -> None:
    path = write(tmp_path, "a;label\n" + "".join(f"{i};{'12'[i % 2]} %\n" for i in range(8)))
    assert load(path).class_names == ("1 %", "2 %")
