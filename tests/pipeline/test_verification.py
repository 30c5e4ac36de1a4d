from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from minbits.codec.architecture import Architecture, Linear
from minbits.codec.file_format import encode_network
from minbits.codec.inference import predict
from minbits.errors import DataError, NetworkFileError
from minbits.files import sha256_hex
from minbits.pipeline.verification import verify_file
from minbits.records import DataSet
from tests.strategies import random_network


def network_file(folder: Path, classes: int, shape: tuple[int, int, int] = (1, 8, 8)) -> Path:
    network = random_network(Architecture(shape, 8, (Linear(classes),)), 1)
    path = folder / "n.mbn"
    path.write_bytes(encode_network(network))
    return path


def test_counts_are_those_of_the_decoder(tmp_path: Path, tiny: DataSet) -> None:
    path = network_file(tmp_path, 2)
    found = verify_file(path, tiny)
    network = random_network(Architecture((1, 8, 8), 8, (Linear(2),)), 1)
    assert found.correct == np.sum(predict(network, tiny.test_inputs) == tiny.test_labels)
    assert found.n_test == 200
    assert found.bytes == path.stat().st_size
    assert found.size_bits == 8 * found.bytes
    assert found.sha256 == sha256_hex(path.read_bytes())
    assert found.wilson_low < found.test_accuracy < found.wilson_high


def test_a_damaged_file_is_named_by_the_fresh_process(tmp_path: Path, tiny: DataSet) -> None:
    path = network_file(tmp_path, 2)
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    with pytest.raises(NetworkFileError, match=r"n\.mbn.*checksum"):
        verify_file(path, tiny)


def test_a_network_for_other_inputs_is_refused(tmp_path: Path, tiny: DataSet) -> None:
    with pytest.raises(DataError, match="inputs"):
        verify_file(network_file(tmp_path, 2, (1, 4, 4)), tiny)


def test_a_network_of_more_classes_is_refused(tmp_path: Path, tiny: DataSet) -> None:
    with pytest.raises(DataError, match="as stripes has"):
        verify_file(network_file(tmp_path, 9), tiny)
