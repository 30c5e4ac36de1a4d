from __future__ import annotations

import contextlib
import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from minbits.data import load
from minbits.data.idx import parse_idx
from minbits.errors import DataError
from tests.conftest import idx_bytes, stripes

ARRAYS = arrays(np.uint8, array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=6))


@given(ARRAYS)
def test_arrays_come_back(array: np.ndarray) -> None:
    found = parse_idx(idx_bytes(array), "test")
    assert found.dtype == np.uint8
    assert np.array_equal(found, array)


@given(ARRAYS, st.data())
def test_truncated_or_longer_content_is_refused(array: np.ndarray, data: st.DataObject) -> None:
    content = idx_bytes(array)
    length = data.draw(st.integers(0, len(content) - 1))
    for wrong in (content[:length], content + b"\0"):
        with pytest.raises(DataError):
            parse_idx(wrong, "test")


@given(st.binary(max_size=64))
def test_any_bytes_give_an_array_or_one_error(content: bytes) -> None:
    with contextlib.suppress(DataError):
        parse_idx(content, "test")


def test_big_endian_integers() -> None:
    content = b"\0\0\x0c\x01" + (2).to_bytes(4, "big") + b"\0\0\1\0" + b"\xff\xff\xff\xff"
    assert parse_idx(content, "test").tolist() == [256, -1]


def test_a_folder_is_loaded(idx_folder: Path) -> None:
    data = load(idx_folder)
    images, labels = stripes(400, 0)
    assert data.name == "stripes-idx"
    assert np.array_equal(data.train_inputs[:, 0], images)
    assert np.array_equal(data.train_labels, labels)
    assert data.test_inputs.shape == (200, 1, 8, 8)
    assert data.input_exponent == 8


def test_a_missing_file_is_named(idx_folder: Path) -> None:
    (idx_folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte"):
        load(idx_folder)


def test_a_truncated_gzip_is_named(idx_folder: Path) -> None:
    path = idx_folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="broken gzip"):
        load(idx_folder)


def test_a_truncated_array_is_named(idx_folder: Path) -> None:
    path = idx_folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-1]))
    with pytest.raises(DataError, match=r"25616 bytes for an array of shape \[400, 8, 8\]"):
        load(idx_folder)


def test_labels_and_images_of_different_length(idx_folder: Path) -> None:
    labels = np.zeros(399, np.uint8)
    (idx_folder / "train-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    with pytest.raises(DataError, match="400 inputs and 399 labels"):
        load(idx_folder)
