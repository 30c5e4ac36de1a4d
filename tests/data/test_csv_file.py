"""CSV: types, defaults, and every bad file named by row and column."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minbits.data import csv_file, large_arrays, load, text_rows
from minbits.errors import DataError

GOOD = """age,city,height,label
31,Rome,1.75,yes
?,Oslo,1.5,no
55,,1.25,yes
18,Rome,2,no
40,Oslo,1.5,yes
23,Rome,1.75,no
"""


def write(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def whole(data: object) -> np.ndarray:
    table = data.table  # type: ignore[attr-defined]
    return np.concatenate([table.train_values, table.test_values])


def test_columns_are_typed(tmp_path: Path) -> None:
    data = load(write(tmp_path, GOOD))
    assert data.table is not None
    age, city, height = data.table.columns
    assert (age.name, age.kind, age.missing) == ("age", "integer", 1)
    assert (city.kind, city.categories, city.missing) == ("categorical", ("Oslo", "Rome"), 1)
    assert (height.kind, height.missing) == ("real", 0)
    assert data.class_names == ("no", "yes")
    assert data.origin == "file t.csv, label column 'label'"
    ages = whole(data)[:, 0]
    assert np.array_equal(np.sort(ages[~np.isnan(ages)]), [18, 23, 31, 40, 55])
    assert data.split.startswith("a fifth of each class")
    assert data.digest == load(write(tmp_path, GOOD, "u.csv")).digest


def test_the_label_column_can_be_any(tmp_path: Path) -> None:
    rows = "a,class,b\n" + "".join(f"{i % 3},{'xy'[i % 2]},{i}\n" for i in range(12))
    path = write(tmp_path, rows)
    assert load(path).class_names == ("x", "y")
    assert load(path, label="a").class_names == ("0", "1", "2")
    with pytest.raises(DataError, match=r"no label column 'q'.*expected a, class, b"):
        load(path, label="q")
    last = write(tmp_path, rows.replace("class", "kind"), "last.csv")
    with pytest.raises(DataError, match=r"plainly the label: the last is 'b' with 12 different"):
        load(last)
    with pytest.raises(
        DataError, match=r"last\.csv, label column 'b': got classes '0', '1'.*single example"
    ):
        load(last, label="b")


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_byte_order_marks_and_blank_lines(tmp_path: Path, delimiter: str) -> None:
    content = b"\xef\xbb\xbf" + GOOD.replace(",", delimiter).replace("\n", "\r\n\r\n").encode()
    plain = load(write(tmp_path, GOOD, "plain.csv"))
    assert load(write(tmp_path, content)).digest == plain.digest


def test_a_file_without_header_gets_numbered_columns(tmp_path: Path) -> None:
    path = write(tmp_path, "".join(f"{i},{i * 0.5},{i % 2}\n" for i in range(10)))
    data = load(path)
    assert data.table is not None
    assert [column.name for column in data.table.columns] == ["column 1", "column 2"]
    assert len(whole(data)) == 10


def test_numbers_can_be_declared_categories(tmp_path: Path) -> None:
    path = write(tmp_path, "zip,label\n" + "".join(f"{i % 3},{i % 2}\n" for i in range(30)))
    data = load(path, categorical=["zip"])
    assert data.table is not None
    assert data.table.columns[0].categories == ("0", "1", "2")
    assert data.input_shape == (3, 1, 1)
    with pytest.raises(DataError, match="no column 'zap'"):
        load(path, categorical=["zap"])


def test_quoted_text_may_hold_anything(tmp_path: Path) -> None:
    rows = 'note,label\n"a, b",x\n"line\nbreak",y\n"say ""hi""",x\n"a, b",y\n'
    data = load(write(tmp_path, rows))
    assert data.table is not None
    assert set(data.table.columns[0].categories) == {"a, b", "line\nbreak", 'say "hi"'}


def test_a_folder_gives_the_split(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "train.csv")
    write(tmp_path, "age,city,height,label\n99,Bern,1.5,no\n", "test.csv")
    data = load(tmp_path)
    assert (len(data.train_labels), len(data.test_labels)) == (6, 1)
    assert data.table is not None
    assert data.table.columns[1].categories == ("Bern", "Oslo", "Rome")
    assert data.split == "as given"
    write(tmp_path, "age,town,height,label\n99,Bern,1.5,no\n", "test.csv")
    with pytest.raises(DataError, match=r"test\.csv, row 1"):
        load(tmp_path)


BAD: list[tuple[str, str | bytes, str]] = [
    ("ragged, short", "a,b,label\n1,2,x\n3,y\n", r"row 3, column 'label': got a row that ends"),
    ("ragged, long", "a,label\n1,x\n2,y,9\n", r"row 3, column 3: got a value too many, '9'"),
    ("text among numbers", "a,b,label\n1,2,x\n3,tall,y\n", r"row 3, column 'b': got 'tall'.*row 2"),
    ("numbers among text", "a,label\nred,x\nblue,y\n7,x\n", r"row 4, column 'a': got '7'.*text"),
    ("infinite", "a,label\n1,x\ninf,y\n", r"row 3, column 'a': got an infinite number"),
    ("empty", "", "an empty file"),
    ("blank", "\n\n", "an empty file"),
    ("header alone", "a,label\n", "no rows below the header"),
    ("no input column", "label\nx\ny\n", "no column but the label"),
    ("two names", "a,a,label\n1,2,x\n", r"row 1, column 2: got a second column named 'a'"),
    ("label missing", "a,label\n1,x\n2,\n3,y\n", r"row 3, column 'label': got no label"),
    ("label a fraction", "a,label\n1,1\n2,1.5\n3,0\n", r"row 3, column 'label': got the label 1.5"),
    ("one class", "a,label\n1,x\n2,x\n3,x\n", "one class only"),
    (
        "Latin-1",
        b"a,label\n1,x\n2,caf\xe9\n",
        r"row 3, column 2: got the byte 0xe9",
    ),
    ("UTF-16", "a,label\n1,x\n".encode("utf-16"), r"row 1, column 1: got the byte 0xff"),
    ("open quote", 'a,label\n1,x\n2,"y\n', r"row 3, column 2: got unexpected end of data"),
    ("binary", bytes(range(256)), r"row 2.*not UTF-8"),
]


@pytest.mark.parametrize(("content", "message"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_a_bad_file_is_named_by_row_and_column(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        load(write(tmp_path, content))


def test_rows_are_counted_across_blank_lines_and_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_rows, "CHUNK_ROWS", 3)
    rows = "a,label\n" + "1,x\n2,y\n" * 5 + "\n\n1,x\nbad,y\n"
    with pytest.raises(DataError, match="row 15, column 'a'"):
        load(write(tmp_path, rows))


class EndlessField:
    """A file whose second row holds a field of 10 GB; fails the test if far too much is read."""

    def __init__(self) -> None:
        self.given = 0
        self.head = b"a,b,label\n1,2,x\n3,"

    def readline(self, limit: int) -> bytes:
        if self.head:
            line, _, self.head = self.head.partition(b"\n")
            if self.head:
                return line + b"\n"
            self.given += limit
            return line + b"x" * (limit - len(line))
        self.given += limit
        assert self.given < 2**28, "the field is read on and on"
        return b"x" * limit

    def tell(self) -> int:
        return 0

    def seek(self, place: int) -> None:
        self.head = b"a,b,label\n1,2,x\n3,"


@pytest.mark.parametrize("quote", [b"", b'"'])
def test_a_field_of_ten_gigabytes_ends_early(quote: bytes) -> None:
    file = EndlessField()
    file.seek = lambda place: setattr(file, "head", b"a,b,label\n1,2,x\n3," + quote)  # type: ignore[method-assign]
    with pytest.raises(DataError, match=r"row 3, column 2: got a field or line beyond"):
        list(csv_file._rows(file, "big.csv"))  # type: ignore[arg-type]


def test_a_quote_that_never_closes_ends_at_the_field_limit(tmp_path: Path) -> None:
    content = 'a,b,label\n1,2,x\n3,"open\n' + "4,5,y\n" * 100_000
    with pytest.raises(DataError, match=r"row 3, column 2: got a field or line beyond"):
        load(write(tmp_path, content))


def test_a_long_field_on_one_line_names_its_column(tmp_path: Path) -> None:
    content = "a,b,label\n1,2,x\n3," + "z" * 200_000 + ",y\n"
    with pytest.raises(DataError, match=r"row 3, column 2: got a field or line beyond"):
        load(write(tmp_path, content))


def test_tables_larger_than_memory_lie_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "a,c,label\n" + "".join(f"{i % 17},{'pq'[i % 2]},{i % 3}\n" for i in range(5000))
    path = write(tmp_path, rows)
    plain = load(path)
    monkeypatch.setattr(large_arrays, "IN_MEMORY_BYTES", 10_000)
    monkeypatch.setattr(text_rows, "CHUNK_ROWS", 700)
    large = load(path)
    assert isinstance(large.train_inputs, np.memmap)
    assert large.table is not None
    assert isinstance(large.table.train_values, np.memmap)
    assert large.digest == plain.digest


CELLS = st.one_of(
    st.integers(-(10**9), 10**9).map(str),
    st.floats(-1e30, 1e30).map(repr),
    st.sampled_from(["", "?", "NA"]),
)


@given(st.lists(CELLS, min_size=8, max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_every_number_is_read_as_python_reads_it(tmp_path: Path, cells: list[str]) -> None:
    rows = "a,label\n" + "".join(f"{cell},{i % 2}\n" for i, cell in enumerate(cells))
    values = whole(load(write(tmp_path, rows)))[:, 0]
    expected = sorted(float(cell) for cell in cells if cell not in {"", "?", "NA"})
    assert sorted(values[~np.isnan(values)]) == expected
    assert np.isnan(values).sum() == len(cells) - len(expected)


@given(st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_any_bytes_give_a_data_set_or_one_error(tmp_path: Path, content: bytes) -> None:
    with contextlib.suppress(DataError):
        load(write(tmp_path, content))
