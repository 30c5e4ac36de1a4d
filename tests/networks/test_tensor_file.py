"""Checkpoints that would run code, fill the memory or are no plain tensors: one error each."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from minbits.errors import NetworkFileError
from minbits.model_audit.checkpoint_subject import read_checkpoint
from minbits.networks.checkpoint import read_tensors

READERS = [read_tensors, read_checkpoint]


def check_refusal(path: Path, message: str) -> None:
    for read in READERS:
        with pytest.raises(NetworkFileError, match=message):
            read(path)


def save(path: Path, content: Any, is_new: bool = True) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=is_new)
    return path


@pytest.mark.parametrize("is_new", [True, False])
def test_plain_tensors_are_read(tmp_path: Path, is_new: bool) -> None:
    tensor = torch.arange(6.0).reshape(2, 3)
    content = {"a.weight": tensor, "a.bias": tensor[0], "tied": tensor}
    path = save(tmp_path / "c.pt", {"state_dict": content}, is_new)
    for read in READERS:
        found = read(path)
        assert list(found) == list(content)
        assert all(torch.equal(found[name], content[name]) for name in content)


def unusual() -> dict[str, Tensor]:
    matrix = torch.eye(3)
    with torch.sparse.check_sparse_tensor_invariants():
        return {
            "sparse": matrix.to_sparse(),
            "complex": matrix.to(torch.complex64),
            "meta": matrix.to("meta"),
            "quantised": torch.quantize_per_tensor(matrix, 0.1, 0, torch.qint8),
        }


@pytest.mark.parametrize("kind", ["sparse", "complex", "meta", "quantised"])
@pytest.mark.filterwarnings("ignore")
def test_tensors_that_are_no_plain_arrays_are_named(tmp_path: Path, kind: str) -> None:
    path = save(tmp_path / "c.pt", {"good": torch.eye(2), "a.weight": unusual()[kind]})
    check_refusal(path, f"{kind}.*tensor 'a.weight'; expected dense")


@pytest.mark.parametrize("is_new", [True, False])
def test_one_number_that_stands_for_millions_is_refused(tmp_path: Path, is_new: bool) -> None:
    path = save(tmp_path / "c.pt", {"a.weight": torch.zeros(1).expand(10**6, 10**6)}, is_new)
    assert path.stat().st_size < 3000
    check_refusal(path, "bytes that unpack to 4,000,000,000,000")
    part = torch.zeros(1).expand(10**7)
    path = save(tmp_path / "d.pt", {str(index): part for index in range(9)}, is_new)
    check_refusal(path, "bytes that unpack to 360,000,000")


def test_a_packed_pickle_that_unpacks_to_far_more_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("c/data.pkl", bytes(2**27))
    check_refusal(path, "bytes that unpack to 134,217,728")


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"nonsense", b"\x80\x02.", b"PK" * 900])
@pytest.mark.parametrize("name", ["c.pt", "c.safetensors"])
def test_other_bytes_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    check_refusal(tmp_path / name, "; expected ")


@pytest.mark.parametrize("name", ["c.pt", "c.safetensors"])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    check_refusal(tmp_path / name, "No such file")
    (tmp_path / name).mkdir()
    check_refusal(tmp_path / name, "Is a directory")
    (tmp_path / name).rmdir()
    os.mkfifo(tmp_path / name)
    check_refusal(tmp_path / name, "a pipe and no regular file")


@pytest.mark.parametrize("content", [[1, 2], torch.eye(2), 7])
def test_what_has_no_names_is_refused(tmp_path: Path, content: Any) -> None:
    check_refusal(save(tmp_path / "c.pt", content), "expected a state dictionary")


def test_other_things_among_tensors(tmp_path: Path) -> None:
    path = save(tmp_path / "c.pt", {"w": torch.eye(2), "epoch": 3})
    assert list(read_checkpoint(path)) == ["w"]
    assert list(read_tensors(path)) == ["w"]
    path = save(tmp_path / "c.pt", {"epoch": 3, "rate": 0.1})
    with pytest.raises(NetworkFileError, match=r"no tensors by name .its keys: 'epoch', 'rate'"):
        read_tensors(path)
