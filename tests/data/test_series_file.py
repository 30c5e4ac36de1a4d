from __future__ import annotations

import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minbits import load
from minbits.data.companion import companion_of
from minbits.data.new_files import read_new_examples
from minbits.errors import ArgumentError, DataError

NEEDS_AEON = pytest.mark.skipif(find_spec("aeon") is None, reason="aeon is not installed")
HEADER = "# A comment\n@problemName p\n@univariate true\n@classLabel true a b\n\n@data\n"


def write(folder: Path, name: str, rows: str, header: str = HEADER) -> Path:
    path = folder / name
    path.write_text(header + rows)
    return path


@settings(max_examples=25, deadline=None)
@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(6, 12), st.integers(1, 3), st.integers(2, 9)),
        elements=st.floats(-1e6, 1e6, width=32),
    )
)
def test_what_is_written_is_read_again(values: np.ndarray) -> None:
    labels = ["a" if index % 2 else "b" for index in range(len(values))]
    rows = "".join(
        ":".join(",".join(map(repr, map(float, series))) for series in example) + f":{label}\n"
        for example, label in zip(values, labels, strict=True)
    )
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), "s_TRAIN.ts", rows)
        write(Path(folder), "s_TEST.ts", rows)
        data = load(Path(folder) / "s_TRAIN.ts")
    assert (data.name, data.class_names) == ("s", ("a", "b"))
    assert data.train_inputs.dtype == np.float32
    np.testing.assert_array_equal(data.train_inputs[:, :, 0], values)
    np.testing.assert_array_equal(data.test_inputs, data.train_inputs)
    assert [data.class_names[label] for label in data.train_labels] == labels


def test_without_a_test_set_a_fifth_is_one(tmp_path: Path) -> None:
    rows = "".join(f"{index},{index + 1},2:{'ab'[index % 2]}\n" for index in range(20))
    data = load(write(tmp_path, "walk.ts", rows))
    assert (data.name, data.input_shape) == ("walk", (1, 1, 3))
    assert (len(data.train_labels), len(data.test_labels)) == (16, 4)


@pytest.mark.parametrize(
    ("header", "rows", "expected"),
    [
        (HEADER, "1,2:a\n1,2,3:b\n", r"row 8: got a series of 3 values; expected 2 values"),
        (HEADER, "1,2:1,2:a\n1,2:b\n", r"row 8: got a series of 2 values; expected 2 x 2 values"),
        (HEADER, "1,2:1,2,3:a\n", "row 7: got dimensions of 2 and of 3 values"),
        (HEADER, "1,?,3:a\n", r"row 7: got '\?' as a value"),
        (HEADER, "1,,3:a\n", "row 7: got '' as a value"),
        (HEADER, "1_0,2:a\n", "row 7: got '1_0' as a value"),
        (HEADER, "1,nan:a\n2,3:b\n", "NaN or infinite"),
        (HEADER, "1,2,3\n", r"row 7: got '1,2,3' at the end; expected values, a colon and the"),
        (HEADER, "1,2:\n", "a colon and the class"),
        (HEADER, "", "no example"),
        (HEADER, "(0,1),(1,2):a\n", r"got '\(0' as a value"),
        ("@data\n", "1,2:a\n", "row 1: got no line @classLabel true before it"),
        ("@targetLabel true\n@data\n", "1,2:0.5\n", "Numbers as targets are not classified"),
        ("@classLabel false\n@data\n", "1,2\n", "no line @classLabel true"),
        ("@timeStamps true\n@classLabel true a\n@data\n", "(0,1):a\n", "row 1: got values with t"),
        ("", "1,2:a\n", "no line @data"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_place(
    tmp_path: Path, header: str, rows: str, expected: str
) -> None:
    with pytest.raises(DataError, match=expected):
        load(write(tmp_path, "bad.ts", rows, header))


def test_a_test_set_of_another_length_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "s_TRAIN.ts", "1,2:a\n3,4:b\n" * 3)
    write(tmp_path, "s_TEST.ts", "1,2,3:a\n")
    with pytest.raises(DataError, match=r"s_TEST\.ts, row 7: got a series of 3 values; expected 2"):
        load(path)


def test_options_of_tables_mean_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "s.ts", "1,2:a\n3,4:b\n" * 3)
    with pytest.raises(ArgumentError, match=r"\.ts file"):
        load(path, label="y")


def test_rare_classes_may_be_left_out(tmp_path: Path) -> None:
    path = write(tmp_path, "s.ts", "1,2:a\n3,4:b\n" * 5 + "5,6:c\n")
    data = load(path, drop_rare=True)
    assert data.class_names == ("a", "b")


def test_new_series_are_predicted_from_a_file(tmp_path: Path) -> None:
    rows = "".join(f"{index},{index + 1},2:{'ab'[index % 2]}\n" for index in range(20))
    data = load(write(tmp_path, "walk.ts", rows))
    companion = companion_of(data, "0" * 64, 1.0, 4)
    found = read_new_examples(companion, write(tmp_path, "new.ts", "5,6,7:b\n8,9,10:a\n"))
    np.testing.assert_array_equal(found.inputs[:, 0, 0], [[5, 6, 7], [8, 9, 10]])
    assert list(found.labels) == ["b", "a"]
    with pytest.raises(DataError, match="shape"):
        read_new_examples(companion, write(tmp_path, "long.ts", "5,6,7,8:b\n"))


@NEEDS_AEON
@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [("GunPoint", (1, 1, 150), 2), ("BasicMotions", (6, 1, 100), 4)],
)
def test_series_of_aeon(name: str, shape: tuple[int, ...], classes: int) -> None:
    data = load(f"aeon:{name}")
    assert (data.name, data.input_shape, data.class_count) == (f"aeon:{name}", shape, classes)
    assert "UCR" in data.origin


@NEEDS_AEON
def test_a_name_of_aeon_is_one_of_its_sets() -> None:
    with pytest.raises(DataError, match="Did you mean 'GunPoint'"):
        load("aeon:GunPiont")
    with pytest.raises(DataError, match="an unknown name"):
        load("aeon:../GunPoint")
    with pytest.raises(DataError, match="Cut or pad"):
        load("aeon:JapaneseVowels")


def test_without_aeon_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minbits.data.packaged.find_spec", lambda name: None)
    with pytest.raises(DataError, match="pip install --no-deps aeon"):
        load("aeon:GunPoint")
