from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from minbits.claims.verification import verify_file
from minbits.codec import run, run_cost
from minbits.codec.architecture import Architecture
from minbits.codec.file_format import encode_network
from minbits.codec.inference import predict
from minbits.codec.run_cost import RunCost
from minbits.errors import CostError, DataError, NetworkFileError
from minbits.files import sha256_hex
from minbits.layers.linear import Linear
from minbits.types import DataSet
from tests.strategies import SLOW, random_network, slow_network


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


def test_the_cost_is_told_before_it_is_spent(tmp_path: Path, tiny: DataSet) -> None:
    told: list[RunCost] = []
    path = network_file(tmp_path, 2)
    verify_file(path, tiny, on_cost=told.append)
    assert told == [run_cost.run_cost(Architecture((1, 8, 8), 8, (Linear(2),)), 200)]
    path.write_bytes(encode_network(slow_network()))
    with pytest.raises(CostError):
        verify_file(path, tiny, on_cost=told.append)
    assert told[1] == run_cost.run_cost(SLOW, 200)


def test_a_fresh_process_refuses_what_takes_minutes(
    tmp_path: Path, tiny: DataSet, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "slow.mbn"
    path.write_bytes(encode_network(slow_network()))
    assert path.stat().st_size < 200
    with pytest.raises(CostError, match=r"slow\.mbn.* × 200 examples, about .*`allow_slow=True`"):
        verify_file(path, tiny)
    assert "× 200 examples, about" in caplog.text


def test_the_decoder_runs_what_is_allowed(
    tmp_path: Path, tiny: DataSet, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    inputs, predictions = tmp_path / "inputs.npy", tmp_path / "predictions.npy"
    np.save(inputs, tiny.test_inputs)
    arguments = [str(network_file(tmp_path, 2)), str(inputs), str(predictions)]
    monkeypatch.setattr(run_cost, "MAX_SECONDS", 0.0)
    assert run.main(arguments) == 2
    assert '"error": "CostError"' in capsys.readouterr().out
    assert not predictions.exists()
    assert run.main([*arguments, run.ALLOW_SLOW]) == 0
    assert len(np.load(predictions)) == 200


def test_a_decoder_that_says_nothing_is_told(tmp_path: Path, tiny: DataSet) -> None:
    path = network_file(tmp_path, 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("minbits.claims.verification.TIMEOUT_SECONDS", 0.01)
        with pytest.raises(NetworkFileError, match="no answer in 0"):
            verify_file(path, tiny)
        patch.setattr(
            "minbits.claims.verification.python_command",
            lambda *arguments: [
                sys.executable,
                "-c",
                "print('not JSON'); raise SystemExit('gone')",
            ],
        )
        patch.setattr("minbits.claims.verification.TIMEOUT_SECONDS", 60.0)
        with pytest.raises(NetworkFileError, match="got gone"):
            verify_file(path, tiny)
