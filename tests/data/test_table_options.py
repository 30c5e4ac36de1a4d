"""Options of tables, and the formats that they come in."""

from __future__ import annotations

import functools
import gzip
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from minbits.data import excel_file, json_lines, load, text_lines
from minbits.data.limits import check_ratio
from minbits.errors import ArgumentError, DataError
from tests.data.test_csv_file import GOOD, whole, write

openpyxl = pytest.importorskip("openpyxl")


def test_columns_and_rows_are_left_out(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD + "9,Rome,1,maybe\n")
    with pytest.raises(DataError, match=r"t\.csv, label column 'label': got class 'maybe'"):
        load(path)
    data = load(path, drop=["city", "height"], drop_rare=True)
    assert data.table is not None
    assert [column.name for column in data.table.columns] == ["age"]
    assert data.class_names == ("no", "yes")
    assert [remark.text for remark in data.remarks] == ["1 rows of rare classes are left out."]
    with pytest.raises(DataError, match="row 2: got rows of rare classes, and no others"):
        load(path, drop_missing=True, drop_rare=True)
    data = load(write(tmp_path, GOOD + "9,Rome,1,no\n8,Oslo,1,yes\n"), drop_missing=True)
    assert len(whole(data)) == 6
    assert not np.isnan(whole(data)).any()
    assert [remark.text[:8] for remark in data.remarks] == ["2 rows i"]
    path = write(tmp_path, GOOD + "9,Rome,1,maybe\n")
    with pytest.raises(DataError, match="no column 'town'"):
        load(path, drop=["town"])
    with pytest.raises(DataError, match="no label column 'label'"):
        load(path, label="label", drop=["label"])


def test_rare_classes_of_a_test_set_go_with_those_of_training(tmp_path: Path) -> None:
    write(tmp_path, "a,label\n1,x\n2,x\n3,y\n4,y\n5,z\n", "Train.csv")
    write(tmp_path, "a,label\n1,x\n3,y\n5,z\n5,w\n", "TEST.csv")
    with pytest.raises(DataError, match="never trained on"):
        load(tmp_path)
    data = load(tmp_path, drop_rare=True)
    assert (len(data.train_labels), len(data.test_labels)) == (4, 2)


def test_a_folder_without_test_set_and_one_without_labels(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "train.csv")
    assert load(tmp_path).digest == load(tmp_path / "train.csv").digest
    write(tmp_path, "age,city,height\n1,Rome,2\n", "test.csv")
    with pytest.raises(DataError, match=r"test\.csv, row 1: .* training file alone"):
        load(tmp_path)


def test_rows_are_counted_in_their_own_file(tmp_path: Path) -> None:
    path = write(tmp_path, "a,label\n\n1,x\n\n2,\n3,y\n")
    with pytest.raises(DataError, match=r"t\.csv, row 5, column 'label': got no label"):
        load(path)
    write(tmp_path, GOOD, "train.csv")
    write(tmp_path, "age,city,height,label\n1,Rome,2,no\n1,Rome,2,\n", "test.csv")
    with pytest.raises(DataError, match=r"test\.csv, row 3, column 'label': got no label"):
        load(tmp_path)
    write(tmp_path, "age,label\n1,1\n2,0\n\n1,0.5\n", "t.csv")
    with pytest.raises(DataError, match=r"row 5, column 'label': got the label 0\.5"):
        load(tmp_path / "t.csv")


def test_a_table_of_pixels_becomes_images(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (30, 6))
    rows = [",".join(map(str, [i % 3, *row])) for i, row in enumerate(pixels.tolist())]
    path = write(tmp_path, "\n".join(rows) + "\n")
    data = load(path, shape="2x3", label="column 1")
    assert (data.input_shape, data.train_inputs.dtype, data.input_exponent) == ((1, 2, 3), "u1", 8)
    images = np.concatenate([data.train_inputs, data.test_inputs]).reshape(30, 6)
    assert sorted(images.tolist()) == sorted(pixels.tolist())
    assert load(path, shape=(3, 1, 2), label="column 1").input_shape == (3, 1, 2)
    with pytest.raises(ArgumentError, match="`shape`: got 1x3x3; expected a shape of the 6"):
        load(path, shape="3x3", label="column 1")
    with pytest.raises(DataError, match="column 'city': got text"):
        load(write(tmp_path, GOOD), shape="1x3", drop_missing=True)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-32"]
)
def test_text_of_any_encoding(tmp_path: Path, encoding: str) -> None:
    text = GOOD.replace("Rome", "Köln")
    plain = load(write(tmp_path, text, "plain.csv"))
    for name, raw in (
        ("t.csv", text.encode(encoding)),
        ("z.csv.gz", gzip.compress(text.encode(encoding))),
    ):
        assert load(write(tmp_path, raw, name), encoding=encoding).digest == plain.digest
    if encoding in ("latin-1", "utf-16"):
        with pytest.raises(DataError, match=r"not UTF-8.*`encoding`, such as latin-1"):
            load(tmp_path / "t.csv")


def test_an_encoding_that_is_none(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    for name in ("latin9x", "base64", "", "a\0b", "undefined"):
        with pytest.raises(ArgumentError, match="`encoding`"):
            load(path, encoding=name)
    with pytest.raises(DataError, match="not utf-16"):
        load(write(tmp_path, b"\xd8\x00\x00A"), encoding="utf-16-be")


def test_options_that_mean_nothing_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    for option in ({"resize": "3x3"}, {"colour": "grey"}, {"background": "white"}):
        with pytest.raises(ArgumentError, match="no such option here"):
            load(path, **option)
    with pytest.raises(ArgumentError, match="`drop`: got 'x' for iris"):
        load("iris", drop=["x"])
    with pytest.raises(ArgumentError, match="`decimal`"):
        load(path, decimal=";")


def good_rows() -> tuple[list[str], list[list[object]]]:
    header, *lines = GOOD.strip().split("\n")

    def value(text: str) -> object:
        if text in ("", "?"):
            return None
        number = text.replace(".", "", 1)
        return float(text) if "." in text else int(text) if number.isdigit() else text

    return header.split(","), [[value(cell) for cell in line.split(",")] for line in lines]


def test_other_formats_hold_the_same_table(tmp_path: Path) -> None:
    plain = load(write(tmp_path, GOOD))
    names, rows = good_rows()
    write(tmp_path, GOOD.replace(",", "\t"), "a.tsv")
    write(tmp_path, gzip.compress(GOOD.encode()), "b.csv.gz")
    lines = [
        json.dumps({k: v for k, v in zip(names, row, strict=True) if v is not None}) for row in rows
    ]
    write(tmp_path, "\n".join(lines), "c.jsonl")
    kinds = ["numeric", "{Oslo,Rome}", "real", "{yes,no}"]
    head = "% made for a test\n@relation 'x y'\n"
    head += "".join(f"@attribute {n} {k}\n" for n, k in zip(names, kinds, strict=True)) + "@data\n"
    cells = [",".join("?" if v is None else str(v) for v in row) for row in rows]
    write(tmp_path, head + "\n".join(cells) + "\n", "d.arff")
    book = openpyxl.Workbook()
    for row in (names, *rows):
        book.active.append(row)
    book.save(tmp_path / "e.xlsx")
    for name in ("a.tsv", "b.csv.gz", "c.jsonl", "d.arff", "e.xlsx"):
        data = load(tmp_path / name)
        assert data.digest == plain.digest, name
        assert data.name == name[0]
        assert data.origin == f"file {name}, label column 'label'"


def test_a_workbook_of_several_sheets_blank_rows_and_dates(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["n", "when", "label"])
    for index in range(8):
        book.active.append([])
        book.active.append([index, np.datetime64("2020-01-01").item(), "xy"[index % 2]])
    book.active.append([1, None, None])
    book.create_sheet("more")
    path = tmp_path / "t.xlsx"
    book.save(path)
    with pytest.raises(DataError, match=r"row 18, column 'label': got no label"):
        load(path)
    data = load(path, drop_missing=True)
    assert data.table is not None
    assert data.table.columns[1].categories == ("2020-01-01",)
    assert [remark.key for remark in data.remarks] == ["sheet", "rows_left_out"]


SMALL = functools.partial(check_ratio, allowed_bytes=2**16)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_zipped_bomb_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.setattr(text_lines, "check_ratio", SMALL)
    text = "a,b,label\n" + ("1," + "0" * 10_000 + ",x\n") * 100
    path = write(tmp_path, gzip.compress(text.encode(encoding)), "t.csv.gz")
    with pytest.raises(DataError, match="unpack to"):
        load(path, encoding=encoding)
    path.write_bytes(gzip.compress(GOOD.encode(encoding))[:-9])
    with pytest.raises(DataError, match="broken gzip"):
        load(path, encoding=encoding)


def test_rows_that_are_longer_than_their_lines_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_lines, "check_ratio", SMALL)
    wide = {f"c{i}": i for i in range(500)} | {"label": 1}
    path = write(tmp_path, json.dumps(wide) + "\n" + "{}\n" * 5000, "t.jsonl")
    with pytest.raises(DataError, match="unpack to"):
        load(path)


def test_a_workbook_that_unpacks_to_far_more_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(excel_file, "check_ratio", SMALL)
    book = openpyxl.Workbook()
    book.active.append(["n", *[None] * 15_000, "label"])
    for index in range(2, 300):
        book.active.cell(index, 1, index)
    path = tmp_path / "t.xlsx"
    book.save(path)
    with pytest.raises(DataError, match="unpack to"):
        load(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/x.bin", bytes(10_000_000))
    with pytest.raises(DataError, match="unpack to 10,"):
        load(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"t\.xlsx: got an unreadable file"):
        load(path)
