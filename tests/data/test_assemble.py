from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from minbits.data import load
from minbits.data.assemble import assemble
from minbits.data.tables import RawTable, assemble_table, number_columns
from minbits.errors import DataError
from tests.conftest import stripes


def save(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)
    return path


def test_npz_with_x_and_y_gets_a_fixed_test_set(tmp_path: Path) -> None:
    images, labels = stripes(300, 0)
    path = save(tmp_path / "s.npz", x=images, y=labels)
    first, second = load(path), load(path)
    assert first.digest == second.digest
    assert len(first.test_labels) == round(0.2 * (labels == 0).sum()) + round(
        0.2 * (labels == 1).sum()
    )
    assert len(first.train_labels) + len(first.test_labels) == 300


def test_npz_with_four_arrays_and_text_labels(tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).normal(size=(40, 5)), np.array(["yes", "no"] * 20)
    path = save(tmp_path / "t.npz", x_train=x, y_train=y, x_test=x[:6], y_test=y[:6])
    data = load(path)
    assert data.class_names == ("no", "yes")
    assert data.train_labels[:2].tolist() == [1, 0]
    assert data.input_shape == (5, 1, 1)
    assert data.train_inputs.dtype == np.float32
    assert np.abs(data.train_inputs).max() * 2.0**-data.input_exponent <= 1


def test_channels_last_colour_images_are_turned() -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 9, 7, 3)).astype(np.uint8)
    data = assemble("c", (images, np.arange(20) % 2), None, "test", "test")
    assert data.input_shape == (3, 9, 7)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.full((10, 4), np.nan), np.arange(10) % 2, "40 inputs that are NaN"),
        (np.full((10, 4), np.inf), np.arange(10) % 2, "NaN or infinite"),
        (np.full((10, 4), 1e300), np.arange(10) % 2, "beyond float32"),
        (np.zeros((10, 4)), np.zeros(10), "one class only"),
        (np.zeros((10, 4)), np.arange(9) % 2, "10 inputs and 9 labels"),
        (np.zeros((10, 4)), np.zeros((10, 2)), "labels of shape"),
        (np.zeros((10, 4)), np.array([np.nan, 1.0] * 5), "labels that are NaN"),
        (np.zeros(10), np.arange(10) % 2, "inputs of shape"),
        (np.zeros((10, 4), complex), np.arange(10) % 2, "complex128"),
        (np.zeros((0, 4)), np.zeros(0), "no examples"),
        (np.zeros((10, 0), np.uint8), np.arange(10) % 2, "examples of shape"),
        (np.zeros((10, 0, 5)), np.arange(10) % 2, "examples of shape"),
        (np.zeros((3, 4)), np.array([0, 0, 1]), "single example"),
    ],
)
def test_bad_arrays_are_refused(tmp_path: Path, x: np.ndarray, y: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load(save(tmp_path / "bad.npz", x=x, y=y))


def test_test_labels_never_trained_on() -> None:
    x = np.zeros((6, 2))
    with pytest.raises(DataError, match="never trained on"):
        assemble("n", (x, np.array([0, 1] * 3)), (x, np.array([0, 1, 7] * 2)), "here", "test")


def test_test_inputs_of_another_shape() -> None:
    y = np.array([0, 1] * 3)
    with pytest.raises(DataError, match="as in training"):
        assemble("n", (np.zeros((6, 2)), y), (np.zeros((6, 3)), y), "here", "test")


def test_pickled_arrays_are_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "pickle.npz"
    np.savez(path, x=np.array([{"a": 1}] * 4, dtype=object), y=np.arange(4))
    with pytest.raises(DataError, match="plain arrays"):
        load(path)


@pytest.mark.parametrize("content", [b"", b"PK\3\4 not really", b"something else"])
def test_a_broken_npz_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"broken\.npz"):
        load(path)


def test_an_npz_without_the_arrays_is_told_which(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="got arrays a, b"):
        load(save(tmp_path / "other.npz", a=np.zeros(3), b=np.zeros(3)))


def test_the_digest_depends_on_every_array() -> None:
    x, y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
    digests = {
        assemble("d", pair, test, "here", "test").digest
        for pair, test in [
            ((x, y), (x, y)),
            ((x + 1, y), (x, y)),
            ((x, 1 - y), (x, y)),
            ((x, y), (x + 1, y)),
            ((x, y), (x, 1 - y)),
        ]
    }
    assert len(digests) == 5


def test_the_rows_of_training_examples_are_known() -> None:
    """What is cleaned in a file is found by its row, although a fifth went to the test set."""
    values = np.arange(60, dtype=np.float64).reshape(30, 2)
    labels = np.arange(30) % 3
    plain = assemble("rows", (values.astype(np.float32), labels), None, "here", "made here")
    columns = number_columns(["a", "b"], values)
    typed = assemble_table("rows", columns, RawTable(values, labels), None, "here", "made here")
    for data in (plain, typed):
        assert data.train_rows is not None
        assert (labels[data.train_rows] == data.train_labels).all()
    assert (plain.train_inputs[:, 0, 0, 0] == 2 * plain.train_rows).all()
    assert (typed.table.train_values[:, 0] == 2 * typed.train_rows).all()
    given = assemble("rows", (values, labels), (values, labels), "here", "made here")
    assert given.train_rows is None
