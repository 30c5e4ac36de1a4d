from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import minbits.data.builtin
from minbits.data import load
from minbits.data.splits import stratified_holdout, validation_split
from minbits.errors import DataError
from minbits.types import DataSet


def test_mnist_is_whole(mnist: DataSet) -> None:
    assert mnist.train_inputs.shape == (60_000, 1, 28, 28)
    assert mnist.test_inputs.shape == (10_000, 1, 28, 28)
    assert np.bincount(mnist.test_labels).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    assert mnist.input_exponent == 8


def test_a_changed_file_of_the_package_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Path(minbits.data.builtin.__file__).parent
    shutil.copytree(source / "files", tmp_path / "files")
    path = tmp_path / "files" / "mnist" / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    monkeypatch.setattr(minbits.data.builtin.resources, "files", lambda package: tmp_path)
    with pytest.raises(DataError, match="SHA-256"):
        minbits.data.builtin.load_mnist()


@pytest.mark.skipif(
    not minbits.data.builtin.FASHION_MNIST.is_dir(),
    reason="Debian's dataset-fashion-mnist is not installed",
)
def test_fashion_mnist_is_read_where_it_is_installed() -> None:
    data = load("fashion-mnist")
    assert (data.name, data.input_shape, data.class_count) == ("fashion-mnist", (1, 28, 28), 10)
    assert (len(data.train_labels), len(data.test_labels)) == (60_000, 10_000)
    # The same data set by its path.
    assert load(minbits.data.builtin.FASHION_MNIST).digest == data.digest


def test_fashion_mnist_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minbits.data.builtin, "FASHION_MNIST", Path("/nowhere"))
    with pytest.raises(DataError, match="apt-get install dataset-fashion-mnist"):
        load("fashion-mnist")


def test_digits() -> None:
    data = load("digits")
    assert len(data.train_labels) + len(data.test_labels) == 1797
    assert data.input_shape == (1, 8, 8)
    assert data.input_exponent == 4


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(
        DataError, match=r"mnist, fashion-mnist, digits, iris.*a folder of IDX files"
    ):
        load("minst")


def test_a_file_of_unknown_type(tmp_path: Path) -> None:
    path = tmp_path / "data.xyz"
    path.write_text("1")
    with pytest.raises(DataError, match=r"\.xyz"):
        load(path)


def test_the_validation_split_is_fixed_and_stratified(mnist: DataSet) -> None:
    kept, held_out = validation_split(mnist)
    again, _ = validation_split(mnist)
    assert np.array_equal(kept, again)
    assert len(np.intersect1d(kept, held_out)) == 0
    assert len(kept) + len(held_out) == 60_000
    counts = np.bincount(mnist.train_labels)
    assert np.bincount(mnist.train_labels[held_out]).tolist() == [round(0.1 * n) for n in counts]


def test_every_class_stays_on_both_sides() -> None:
    labels = np.array([0] * 50 + [1, 1])
    kept, held_out = stratified_holdout(labels, 0.1, 0)
    assert set(labels[kept]) == set(labels[held_out]) == {0, 1}
