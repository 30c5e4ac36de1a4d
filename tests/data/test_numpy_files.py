from __future__ import annotations

import contextlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from minbits.data import from_arrays, from_dataset, idx, large_arrays, load
from minbits.errors import ArgumentError, DataError
from tests.conftest import idx_bytes, stripes


def folder_of(path: Path) -> Path:
    for suffix, (images, labels) in {"train": stripes(80, 0), "test": stripes(40, 1)}.items():
        np.save(path / f"x_{suffix}.npy", images)
        np.save(path / f"y_{suffix}.npy", labels)
    return path


def test_arrays_in_a_folder_stay_on_disk(tmp_path: Path) -> None:
    data = load(folder_of(tmp_path))
    assert isinstance(data.train_inputs, np.memmap)
    assert np.array_equal(data.train_inputs[:, 0], stripes(80, 0)[0])
    assert data.digest == from_arrays(*stripes(80, 0), test=stripes(40, 1)).digest


def test_a_folder_of_two_arrays_is_split(tmp_path: Path) -> None:
    images, labels = stripes(80, 0)
    np.save(tmp_path / "x.npy", images)
    np.save(tmp_path / "y.npy", labels)
    data = load(tmp_path)
    assert len(data.test_labels) == 16
    assert data.digest == from_arrays(images, labels).digest
    (tmp_path / "y.npy").unlink()
    with pytest.raises(DataError, match=r"y\.npy"):
        load(tmp_path)


def test_a_matrix_is_a_table(tmp_path: Path) -> None:
    path = tmp_path / "m.npy"
    np.save(path, np.column_stack([np.linspace(0, 1, 20), np.arange(20), np.arange(20) % 2]))
    data = load(path)
    assert data.table is not None
    assert [column.kind for column in data.table.columns] == ["real", "integer"]
    with pytest.raises(DataError, match=r"row 2, column 'column 1': got the label"):
        load(path, label="column 1")


def test_named_fields_are_columns(tmp_path: Path) -> None:
    path = tmp_path / "s.npy"
    rows = [(i / 2, "red" if i % 3 else "blue", i % 2) for i in range(20)]
    np.save(path, np.array(rows, [("a", "f4"), ("colour", "U5"), ("y", "i8")]))
    data = load(path)
    assert data.table is not None
    assert [column.kind for column in data.table.columns] == ["real", "categorical"]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 4, 5)), "an array of shape"),
        (np.zeros((8, 2), complex), "complex128"),
        (np.array([[1.0, 0], [np.inf, 1], [0, 1], [1, 0]]), r"row 2, column 'column 1'"),
        (np.array([[1.0, 0], [2, np.nan], [0, 1], [1, 0]]), r"row 2, column 'column 2'"),
    ],
)
def test_a_bad_matrix_is_refused(tmp_path: Path, array: np.ndarray, message: str) -> None:
    np.save(tmp_path / "m.npy", array)
    with pytest.raises(DataError, match=message):
        load(tmp_path / "m.npy")


@pytest.mark.parametrize("keep", [0, 5, 60, -8])
def test_a_truncated_npy_is_named(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "m.npy"
    np.save(path, np.arange(40.0).reshape(20, 2))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match=r"m\.npy"):
        load(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_truncated_npz_is_named(tmp_path: Path, share: float, save: object) -> None:
    path = tmp_path / "d.npz"
    images, labels = stripes(60, 0)
    save(path, x=images, y=labels)  # type: ignore[operator]
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"d\.npz"):
        load(path)


@pytest.mark.parametrize("place", range(60, 3000, 97))
def test_a_damaged_npz_gives_data_or_one_error(tmp_path: Path, place: int) -> None:
    path = tmp_path / "d.npz"
    images, labels = stripes(60, 0)
    np.savez_compressed(path, x=images, y=labels)
    content = bytearray(path.read_bytes())
    content[place] ^= 0x55
    path.write_bytes(bytes(content))
    with contextlib.suppress(DataError):
        load(path)


def test_an_npz_that_unpacks_to_far_more_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (2**27, 1)}
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("x.npy", "w") as member:
            member.write(header.getvalue())
            for _ in range(2**27 // 2**20):
                member.write(bytes(2**20))
        archive.writestr("y.npy", b"")
    assert path.stat().st_size < 2**18
    with pytest.raises(DataError, match=r"array x: got .* unpack to"):
        load(path)


def test_a_header_that_promises_more_than_there_is(tmp_path: Path) -> None:
    path = tmp_path / "liar.npz"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (2**40, 3)}
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", header.getvalue() + bytes(100))
    with pytest.raises(DataError, match=r"array x: got 100 bytes"):
        load(path)


def test_a_gzip_that_unpacks_to_far_more_is_refused(idx_folder: Path) -> None:
    import gzip

    path = idx_folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(bytes(2**27)))
    with pytest.raises(DataError, match="unpack to"):
        load(idx_folder)


def test_idx_files_larger_than_memory_stay_on_disk(
    idx_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = load(idx_folder)
    path = idx_folder / "train-images-idx3-ubyte.gz"
    path.unlink()
    path.with_suffix("").write_bytes(idx_bytes(stripes(400, 0)[0]))
    monkeypatch.setattr(idx, "IN_MEMORY_BYTES", 100)
    large = load(idx_folder)
    assert isinstance(large.train_inputs, np.memmap)
    assert large.digest == plain.digest
    path.with_suffix("").write_bytes(idx_bytes(stripes(400, 0)[0])[:-1])
    with pytest.raises(DataError, match="bytes"):
        load(idx_folder)


def test_a_pytorch_dataset(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from torch.utils.data import TensorDataset

    images, labels = stripes(60, 0)
    tensors = TensorDataset(torch.from_numpy(images), torch.from_numpy(labels))
    expected = from_arrays(images, labels).digest
    assert from_dataset(tensors).digest == expected
    monkeypatch.setattr(large_arrays, "IN_MEMORY_BYTES", 100)
    data = from_dataset(tensors)
    assert data.digest == expected
    assert isinstance(data.train_inputs, np.memmap)


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        ([], "no examples"),
        ([3], "example 0.*pair"),
        ([(np.zeros(2), 0), (np.zeros(3), 1)], "example 1"),
        ([("text", 0)], "example 0"),
    ],
)
def test_a_dataset_of_odd_examples_is_refused(examples: list[object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        from_dataset(examples)


def test_options_that_mean_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="`label`"):
        load("iris", label="species")
    with pytest.raises(ArgumentError, match="`resize`"):
        load("mnist", resize=(14, 14))
    with pytest.raises(ArgumentError, match="28x28"):
        load("mnist", resize="28")


@pytest.mark.parametrize(
    "names",
    [
        ("x", "y"), ("X", "Y"), ("images", "labels"), ("data", "target"), ("features", "targets"),
        ("arr_0", "arr_1"), ("X_train", "y_train"), ("train_images", "train_labels"),
    ],
)  # fmt: skip
def test_pairs_of_arrays_by_the_names_that_people_use(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    images, labels = stripes(80, 0)
    path = tmp_path / "t.npz"
    np.savez(path, **dict(zip(names, (images, labels), strict=True)))
    assert load(path).digest == from_arrays(images, labels).digest
    path.unlink()
    for name, array in zip(names, (images, labels), strict=True):
        np.save(tmp_path / f"{name}.npy", array)
    assert load(tmp_path).digest == from_arrays(images, labels).digest


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("trainX", "trainY", "testX", "testY"), ("arr_0", "arr_1", "arr_2", "arr_3"),
        ("arr_0", "arr_2", "arr_1", "arr_3"), ("x_train", "y_train", "x_val", "y_val"),
    ],
)  # fmt: skip
def test_splits_of_arrays(tmp_path: Path, names: tuple[str, ...]) -> None:
    (images, labels), test = stripes(80, 0), stripes(40, 1)
    arrays = dict(zip(names, (images, labels[:, None], *test), strict=True))
    if "arr_0" not in names:
        arrays["class_names"] = np.array(["a"], object)  # which is not read
    np.savez(tmp_path / "t.npz", **arrays)
    data = load(tmp_path / "t.npz")
    assert data.digest == from_arrays(images, labels, test=test).digest
    assert bool(data.remarks) == ("x_val" in names)


def test_validation_arrays_are_for_training_where_there_is_a_test_set(tmp_path: Path) -> None:
    parts = {part: stripes(40, seed) for seed, part in enumerate(("train", "val", "test"))}
    arrays = {
        f"{part}_{role}": pair[i]
        for part, pair in parts.items()
        for i, role in enumerate(("images", "labels"))
    }
    np.savez(tmp_path / "t.npz", **arrays)
    data = load(tmp_path / "t.npz")
    assert (len(data.train_labels), len(data.test_labels)) == (80, 40)
    assert data.remarks[0].text.startswith("'val_images' and 'val_labels' are for training")
    np.savez(tmp_path / "t.npz", **(arrays | {"val_labels": np.zeros((40, 2))}))
    with pytest.raises(DataError, match=r"labels of shape \(40, 2\)"):
        load(tmp_path / "t.npz")


def test_arrays_that_say_nothing_are_listed(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", faces=np.zeros((4, 2)), names=np.zeros(4))
    with pytest.raises(DataError, match="got arrays faces, names; expected x and y"):
        load(tmp_path / "t.npz")
    np.savez(tmp_path / "t.npz", x=np.zeros((4, 2)), images=np.zeros((4, 2)), y=np.zeros(4))
    with pytest.raises(DataError, match="'images' and 'x', both for the inputs"):
        load(tmp_path / "t.npz")


def test_flat_arrays_get_a_shape_and_labels_of_one_column(tmp_path: Path) -> None:
    images, labels = stripes(80, 0)
    count, height, width = images.shape
    one_each = np.eye(int(labels.max()) + 1)[labels]
    np.savez(tmp_path / "t.npz", x=images.reshape(count, -1), y=one_each)
    data = load(tmp_path / "t.npz", shape=f"{height}x{width}")
    assert data.digest == from_arrays(images, labels).digest
    with pytest.raises(ArgumentError, match="`shape`: got 1x3x5"):
        load(tmp_path / "t.npz", shape="3x5")


def test_rare_classes_of_arrays_are_left_out(tmp_path: Path) -> None:
    images, labels = stripes(80, 0)
    labels[0] = 99
    np.savez(tmp_path / "t.npz", x=images, y=labels)
    with pytest.raises(DataError, match=r"t\.npz: got class '99' with a single example"):
        load(tmp_path / "t.npz")
    data = load(tmp_path / "t.npz", drop_rare=True)
    assert data.digest == from_arrays(images[1:], labels[1:]).digest
    assert data.remarks[0].text == "1 examples of rare classes are left out."
