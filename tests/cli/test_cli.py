from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from minbits.codec.architecture import Architecture
from minbits.codec.file_format import decode_network, encode_network
from minbits.layers.linear import Linear
from minbits.layers.pooling import Pooling
from tests.cli.here import Here
from tests.cli.json_schemas import check_output
from tests.codec.streams import edge_architecture, edge_file, edge_network
from tests.strategies import random_network, slow_network

COMMANDS = ["entropy", "size", "verify", "inspect", "ledger", "doctor"]


def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run ``minbits`` in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "minbits", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
    )
    check_output(arguments, done.stdout)
    return done


@pytest.fixture
def network_file(tmp_path: Path) -> Path:
    path = tmp_path / "n.mbn"
    network = random_network(Architecture((1, 8, 8), 8, (Linear(2),)), 1)
    path.write_bytes(encode_network(network))
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(here: Here, command: str) -> None:
    done = here(command, "--help")
    assert done.returncode == 0
    assert f"Example: minbits {command}" in done.stdout


def test_entropy_as_json_and_heat_map(idx_folder: Path, tmp_path: Path) -> None:
    done = run(
        "entropy",
        idx_folder,
        "--threshold",
        "100",
        "--minutes",
        "0.1",
        "--json",
        "--pictures",
        "charts",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    keys = {"key", "value", "unit", "of", "scope", "kind", "method", "low", "high", "warning"}
    assert all(set(figure) == keys | {"bound"} for figure in found["figures"])
    for figure in found["figures"]:
        assert (figure["bound"] is not None) == figure["kind"].endswith("bound")
    assert found["threshold"] == 100
    assert {figure["scope"] for figure in found["figures"]} == {"example", "data set"}
    rungs = {rung["key"]: rung for rung in found["ladder"]["rungs"]}
    assert rungs["chow_liu_tree"]["example_bits"] < rungs["independent"]["example_bits"]
    assert (tmp_path / found["ladder_chart"]).read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / found["heat_map"]).read_bytes().startswith(b"\x89PNG")


def test_entropy_as_text_says_what_each_figure_is(
    here: Here, idx_folder: Path, tmp_path: Path
) -> None:
    done = here("entropy", idx_folder, "--heat-map", "map.png", "--minutes", "0.1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "not an entropy" in done.stdout
    assert re.search(r" X +example +upper bound", done.stdout)
    assert "whole set" in done.stdout
    assert "190.79 on MNIST" in done.stdout
    assert (tmp_path / "map.png").exists()


def test_verify_prints_the_documented_keys(network_file: Path, idx_folder: Path) -> None:
    done = run("verify", network_file, "--data", idx_folder, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found) == {
        "bytes", "size_bits", "n_test", "correct", "test_accuracy", "wilson_low", "wilson_high",
        "sha256", "data", "data_digest", "made_for", "made_for_digests", "made_for_source",
        "is_own_data", "encoding_fitted_anew", "counted_as_look", "encoded_by_companion",
    }  # fmt: skip
    assert found["counted_as_look"] is False
    assert (found["made_for"], found["is_own_data"]) == (None, None)
    assert found["size_bits"] == 8 * found["bytes"] == 8 * network_file.stat().st_size
    assert run("verify", network_file, "--data", idx_folder, "--accuracy", "1").returncode == 1


def test_inspect_accounts_for_every_bit(network_file: Path) -> None:
    found = json.loads(run("inspect", network_file, "--json").stdout)
    assert sum(part["size_bits"] for part in found["parts"]) == pytest.approx(found["size_bits"])
    text = run("inspect", network_file).stdout
    assert "layer 0 linear: weights" in text


def test_inspect_accounts_for_every_bit_of_a_file_that_is_not_the_shortest(here: Here) -> None:
    golden = Path(__file__).parent.parent / "golden" / "self-test.mbn"
    assert len(encode_network(decode_network(golden.read_bytes()))) < golden.stat().st_size
    done = here("inspect", golden, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["size_bits"] == 8 * golden.stat().st_size
    assert sum(part["size_bits"] for part in found["parts"]) == pytest.approx(found["size_bits"])
    assert found["overhead_bits"] > 0
    assert found["seconds_for_10000_examples"] > 0


def test_a_file_that_takes_minutes_is_refused_with_its_cost(
    here: Here, idx_folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "slow.mbn"
    path.write_bytes(encode_network(slow_network()))
    done = here("verify", path, "--data", idx_folder)
    assert done.returncode == 2
    assert "× 200 examples, about" in done.stderr.splitlines()[0]
    assert "--allow-slow" in done.stderr.splitlines()[-1]
    done = here("inspect", path)
    assert done.returncode == 0
    assert "multiply_accumulates: " in done.stdout


def test_inspect_takes_every_valid_file(here: Here, tmp_path: Path) -> None:
    path, random = tmp_path / "edge.mbn", np.random.default_rng(1)
    pool = Architecture((3, 2, 2), 8, (Pooling("max", 0),))  # a classifier without a weight
    edges = [edge_architecture(random, 300, (1, 3)) for _ in range(8)]
    for architecture in (pool, *edges):
        path.write_bytes(edge_file(random, edge_network(random, architecture)))
        done = here("inspect", path, "--json")
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert (found["bits_per_parameter"] is None) == (found["parameters"] == 0)
        done = here("inspect", path)
        assert done.returncode == 0, done.stderr
        assert ("weight levels" in done.stdout) == (found["parameters"] > 0)


def test_a_device_is_not_read(here: Here) -> None:
    for command in (("inspect", "/dev/zero"), ("verify", "/dev/zero", "--data", "digits")):
        done = here(*command)
        assert done.returncode == 2
        assert "a device and no regular file" in done.stderr


def test_doctor_passes_here(tmp_path: Path) -> None:
    done = run("doctor", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["codec_self_test"] == "passed"
    assert found["ledger"].endswith("ledger.sqlite")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["entropy", "no-such-set"], "data set 'no-such-set': got an unknown name"),
        (["entropy", "digits", "--threshold", "nan"], "--threshold"),
        (["entropy", "digits", "--binarise", "maybe"], "--binarise"),
        (["entropy", "digits", "--minutes", "-1"], "--minutes"),
        (["entropy", "iris", "--step", "0"], "--step"),
        (["size", "digits", "--accuracy", "1.5"], "--accuracy: got 1.5"),
        (["size", "digits", "--accuracy", "0"], "--accuracy: got 0.0"),
        (["size", "digits", "--out", "/proc/none/x.mbn"], "/proc/none/x.mbn"),
        (["size", "digits", "--ledger", "/proc/none/l.sqlite"], "ledger /proc/none/l.sqlite"),
        (["size", "digits", "--network", "none"], "pytorch-example"),
        (["inspect", "/no/such/file.mbn"], "/no/such/file.mbn"),
        (["verify", "/no/such/file.mbn", "--data", "digits"], "/no/such/file.mbn"),
        (["entropy", "digits", "--heat-map", "/proc/none/map.png"], "/proc/none/map.png"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(
    here: Here, arguments: list[str], message: str, tmp_path: Path
) -> None:
    done = here(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert message in done.stderr
    assert "; expected" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_process_ends_with_the_exit_code(tmp_path: Path) -> None:
    done = run("size", "no-such-set", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("minbits: data set 'no-such-set': got an unknown name")
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.full((9, 4), np.nan), "y": np.arange(9) % 2}, "NaN"),
        ({"x": np.zeros((9, 4)), "y": np.zeros(9)}, "one class only"),
        ({"x": np.zeros((9, 4)), "y": np.zeros(8)}, "9 inputs and 8 labels"),
    ],
)
def test_bad_data_is_one_message_and_exit_code_2(
    here: Here, tmp_path: Path, arrays: dict[str, np.ndarray], message: str
) -> None:
    np.savez(tmp_path / "bad.npz", **arrays)
    for command in (["entropy"], ["size", "--ledger", tmp_path / "l.sqlite"]):
        done = here(*command, tmp_path / "bad.npz", cwd=tmp_path)
        assert done.returncode == 2
        assert message in done.stderr
        assert "Traceback" not in done.stderr


def test_a_missing_or_truncated_idx_file_is_one_message(here: Here, idx_folder: Path) -> None:
    path = idx_folder / "train-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes()[:-3])
    truncated = here("entropy", idx_folder)
    path.unlink()
    missing = here("size", idx_folder)
    for done, message in ((truncated, "405 bytes; expected 408 bytes"), (missing, path.name)):
        assert done.returncode == 2
        assert message in done.stderr
        assert "Traceback" not in done.stderr


def test_the_version_is_printed() -> None:
    assert run("--version").stdout.startswith("minbits 0.")
