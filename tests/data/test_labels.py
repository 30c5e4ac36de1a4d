"""Labels that differ never become one class: they are told apart, or refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minbits.data import from_arrays, from_dataset, load
from minbits.data.labels import as_labels, class_codes
from minbits.errors import DataError

END = 2**53
NEIGHBOURS = [END, END + 1, END + 2]


def many(labels: list[object], times: int = 4) -> list[object]:
    return labels * times


def names_of(labels: object) -> tuple[str, ...]:
    values = as_labels(labels)  # type: ignore[arg-type]
    return from_arrays(np.arange(2.0 * len(values)).reshape(-1, 2), labels).class_names  # type: ignore[arg-type]


INTEGERS = st.integers(-(2**70), 2**70)


@given(st.lists(INTEGERS, min_size=2, max_size=12, unique=True), st.data())
def test_whole_numbers_of_any_size_are_their_own_classes(
    values: list[int], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(values))
    names, codes, test = class_codes(as_labels(values), as_labels(order), "here")
    assert names == tuple(str(value) for value in sorted(values))
    assert [names[code] for code in codes] == [str(value) for value in values]
    assert test is not None
    assert [names[code] for code in test] == [str(value) for value in order]


@given(st.lists(st.one_of(INTEGERS, st.floats(allow_nan=False, allow_infinity=False)), min_size=2))
def test_numbers_of_both_kinds_are_told_apart_or_refused(values: list[float]) -> None:
    try:
        names, codes, _ = class_codes(as_labels(values), None, "here")
    except DataError:
        return
    # Python compares whole numbers with floats exactly.
    for first, one in zip(values, codes, strict=True):
        for second, other in zip(values, codes, strict=True):
            assert (first == second) == (one == other)
    assert len(names) == len(set(values))


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, object])
def test_neighbours_beyond_2_to_53_are_three_classes(dtype: type) -> None:
    assert names_of(np.array(many(NEIGHBOURS), dtype)) == tuple(map(str, NEIGHBOURS))


@pytest.mark.parametrize(
    "labels",
    [
        np.array(many(NEIGHBOURS), np.float64),
        np.array(many([2**24, 2**24 + 1, 3]), np.float32),
        np.array(many([2048, 2049, 3]), np.float16),
        np.array(many([1e300, -1e300])),
        many([END, END + 1, 0.5]),
        many([float(END), 1.0]),
    ],
)
def test_floats_that_do_not_tell_whole_numbers_apart_are_refused(labels: object) -> None:
    with pytest.raises(DataError, match="whole numbers are not told apart"):
        names_of(labels)


def test_a_list_of_large_and_negative_numbers_is_exact() -> None:
    assert names_of(many([2**63, -1])) == ("-1", str(2**63))
    assert names_of(many([2**63, 2**63 + 1])) == (str(2**63), str(2**63 + 1))
    assert names_of(many([2**64, 2**64 + 1])) == (str(2**64), str(2**64 + 1))


def test_signed_and_unsigned_labels_are_compared_exactly() -> None:
    x = np.zeros((4, 2))
    train = np.array([END, END + 1] * 2, np.uint64)
    data = from_arrays(x, train, (x, train.astype(np.int64)[::-1]))
    assert data.test_labels.tolist() == [1, 0, 1, 0]
    with pytest.raises(DataError, match="never trained on"):
        from_arrays(x, train, (x, np.array([END + 2] * 4, np.int64)))


def test_text_and_numbers_are_not_mixed_up() -> None:
    x = np.zeros((6, 2))
    with pytest.raises(DataError, match="labels of type <U"):
        from_arrays(x, [2, 10, 3] * 2, (x, ["2", "10", "3"] * 2))
    with pytest.raises(DataError, match="int and str"):
        from_arrays(x, [2, "2", 3] * 2)
    for kind in (complex, "M8[s]", "V3"):
        with pytest.raises(DataError, match="labels of type"):
            from_arrays(x, np.arange(6).astype(np.uint8).astype(kind))


def test_zero_characters_at_the_end_do_not_vanish() -> None:
    with pytest.raises(DataError, match="zero character"):
        names_of(many(["a", "a\0"]))


def test_bytes_are_text() -> None:
    assert names_of(np.array(many([b"cat", b"dog"]))) == ("cat", "dog")
    with pytest.raises(DataError, match="not UTF-8"):
        names_of(np.array(many([b"cat", b"\xff"])))


def test_a_dataset_gives_whole_numbers_as_they_are() -> None:
    examples = [(np.zeros(2), label) for label in many([2**63, -1])]
    assert from_dataset(examples).class_names == ("-1", str(2**63))


def test_npz_npy_and_idx_tell_labels_apart(tmp_path: Path) -> None:
    labels = np.array(many(NEIGHBOURS), np.int64)
    x = np.zeros((len(labels), 2), np.uint8)
    np.savez(tmp_path / "a.npz", x=x, y=labels)
    assert load(tmp_path / "a.npz").class_names == tuple(map(str, NEIGHBOURS))
    np.savez(tmp_path / "b.npz", x=x, y=labels.astype(np.float64))
    with pytest.raises(DataError, match="not told apart"):
        load(tmp_path / "b.npz")
    fields = np.array([(i, label) for i, label in enumerate(labels)], [("a", "i8"), ("y", "i8")])
    for name, array in [("f", fields), ("m", np.column_stack([labels, labels]))]:
        path = tmp_path / f"{name}.npy"
        np.save(path, array)
        last = "y" if name == "f" else "column 2"
        with pytest.raises(DataError, match=f"row 1, column '{last}'.*`categorical` '{last}'"):
            load(path)
        assert load(path, categorical=[last]).class_names == tuple(map(str, NEIGHBOURS))
    folder = tmp_path / "idx"
    folder.mkdir()
    floats = np.array(NEIGHBOURS, ">f8")
    for stem in ("train", "t10k"):
        (folder / f"{stem}-images-idx3-ubyte").write_bytes(
            b"\0\0\x08\3" + b"".join(n.to_bytes(4, "big") for n in (3, 1, 2)) + bytes(6)
        )
        (folder / f"{stem}-labels-idx1-ubyte").write_bytes(
            b"\0\0\x0e\1" + (3).to_bytes(4, "big") + floats.tobytes()
        )
    with pytest.raises(DataError, match="not told apart"):
        load(folder)


@pytest.mark.parametrize(
    ("labels", "row"),
    [
        (NEIGHBOURS, 2),
        ([7, 8, -END], 4),
        (["1e300", "2e300"], 2),
        (["9" * 5000, "1"], None),
        (["1", "1.00000000000000000001"], 3),
        (["0", "1e-400"], 3),
        (["18446744073709551616", "3"], 2),
    ],
)
def test_csv_labels_that_float64_rounds_are_refused(
    tmp_path: Path, labels: list[object], row: int | None
) -> None:
    path = tmp_path / "t.csv"
    cells = many(labels)
    path.write_text("a,id\n" + "".join(f"{i},{label}\n" for i, label in enumerate(cells)))
    message = "infinite" if row is None else f"row {row}, column 'id': got the label .*categorical"
    with pytest.raises(DataError, match=message):
        load(path)
    exact = load(path, categorical=["id"])
    assert set(exact.class_names) == {str(label) for label in labels}


def test_whole_numbers_below_are_labels_as_before(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    cells = many([END - 1, -(END - 1), 1])
    path.write_text("a,id\n" + "".join(f"{i},{label}\n" for i, label in enumerate(cells)))
    assert load(path).class_names == (str(-(END - 1)), "1", str(END - 1))
    path.write_text(
        "a,id\n"
        + "".join(f"{i},{label}.000000000000000000\n" for i in range(6) for label in (1, 2))
    )
    assert load(path).class_names == ("1", "2")


def test_parquet_labels_are_exact_or_refused(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "t.parquet"
    fraction = Decimal("1.00000000000000000001")
    columns = {
        "int64": pyarrow.array(many(NEIGHBOURS), pyarrow.int64()),
        "uint64": pyarrow.array(many([2**64 - 1, 2**64 - 2]), pyarrow.uint64()),
        "decimal": pyarrow.array(many([Decimal(n) for n in NEIGHBOURS]), pyarrow.decimal128(20)),
        "fraction": pyarrow.array(many([Decimal(1), fraction]), pyarrow.decimal128(30, 20)),
        "dictionary": pyarrow.array(many(NEIGHBOURS), pyarrow.int64()).dictionary_encode(),
    }
    for name, column in columns.items():
        table = pyarrow.table({"a": np.arange(len(column)), "id": column})
        parquet.write_table(table, path)
        with pytest.raises(DataError, match=r"row \d, column 'id': got the label"):
            load(path)
        kept = set(map(str, column.to_pylist()))
        assert set(load(path, categorical=["id"]).class_names) == kept, name
        # An input column whose categories are such numbers keeps all of them apart, too.
        table = pyarrow.table({"id": column, "label": [i % 2 for i in range(len(column))]})
        parquet.write_table(table, path)
        found = load(path, categorical=["id"]).table
        assert found is not None
        assert set(found.columns[0].categories) == kept, name
    floats = pyarrow.array(many([float(END), float(END + 2)]), pyarrow.float64())
    parquet.write_table(pyarrow.table({"a": np.arange(8), "id": floats}), path)
    with pytest.raises(DataError, match="row 1, column 'id': got the label"):
        load(path)


def test_large_categories_of_an_array_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "m.npy"
    ids = np.array(many(NEIGHBOURS), np.uint64)
    np.save(path, np.column_stack([ids, np.arange(len(ids), dtype=np.uint64) % 2]))
    table = load(path, categorical=["column 1"]).table
    assert table is not None
    assert table.columns[0].categories == tuple(map(str, NEIGHBOURS))
