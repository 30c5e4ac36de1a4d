from __future__ import annotations

import dataclasses
import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

import minbits
from minbits.cli.app import app
from minbits.cli.compress import _nothing_found
from minbits.cli.flags import with_flags
from minbits.codec.network import read
from minbits.data.splits import validation_split
from minbits.errors import MinbitsError, NetworkFileError, TargetNotReachedError
from minbits.jobs import rounding_search
from minbits.jobs.compress_module import compress_module, round_module
from minbits.jobs.compress_request import CompressRequest
from minbits.networks.checkpoint import load_module, load_weights, read_tensors
from minbits.types import DataSet
from tests.cli.json_schemas import check_output

MODULE_FILE = """
from torch import nn

def build():
    return nn.Sequential(
        nn.Conv2d(1, 12, 3), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(108, 16), nn.ReLU(), nn.Dropout(), nn.Linear(16, 2),
    )

def odd():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 4), nn.Mish(), nn.Linear(4, 2))

number = 3
"""


@pytest.fixture(scope="session")
def module_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("module") / "mynet.py"
    path.write_text(MODULE_FILE)
    return path


@pytest.fixture(scope="session")
def trained(tiny: DataSet, module_file: Path) -> nn.Module:
    """Return the module, trained by PyTorch alone on bytes over 255, as anybody would."""
    torch.manual_seed(0)
    module = load_module(f"{module_file}:build")
    kept, _ = validation_split(tiny)
    inputs = torch.from_numpy(tiny.train_inputs[kept]).float() / 255
    labels = torch.from_numpy(tiny.train_labels[kept])
    optimizer = torch.optim.Adam(module.parameters(), 3e-3)
    module.train()
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(inputs), labels).backward()
        optimizer.step()
    return module.eval()


def test_a_module_becomes_a_small_verified_file(
    trained: nn.Module, tiny: DataSet, tmp_path: Path
) -> None:
    lines: list[str] = []
    request = CompressRequest(
        0.9, out=tmp_path / "net.mbn", ledger=tmp_path / "ledger.sqlite",
        thinning_epochs=4, quantized_epochs=60, batch_size=32, smallest_parameters=60,
        augmentation=0.0, rate_weights=(0.3,), views=5,
    )  # fmt: skip
    found = compress_module(trained, tiny, request, lines.append).raise_if_missed()
    content = (tmp_path / "net.mbn").read_bytes()
    assert found.size_bits == 8 * len(content) < 32 * 1944 / 8
    assert found.correct >= 0.9 * found.n_test
    network = read(tmp_path / "net.mbn")
    assert (network.predict(tiny.test_inputs) == tiny.test_labels).sum() == found.correct
    card = json.loads((tmp_path / "net.json").read_text())
    assert card["sha256"] == found.sha256
    assert card["claims_against_test_set"] == 1
    assert card["test_time_views"] == 5
    assert card["config"]["architecture"].startswith("views 5; ")
    assert any("thinning" in line for line in lines)
    back = minbits.to_torch(tmp_path / "net.mbn")
    with torch.no_grad():
        predicted = back(torch.from_numpy(tiny.test_inputs)).argmax(1).numpy()
    assert (predicted == tiny.test_labels).sum() == found.correct


def test_rounding_alone_keeps_the_accuracy(
    trained: nn.Module, tiny: DataSet, tmp_path: Path
) -> None:
    found = minbits.compress(
        trained, tiny, 0.9, out=tmp_path / "net.mbn", ledger=tmp_path / "ledger.sqlite",
        train=False,
    ).raise_if_missed()  # fmt: skip
    assert found.correct >= 0.9 * found.n_test
    assert found.size_bits < 32 * 1944 / 4


def test_a_target_out_of_reach_is_said(trained: nn.Module, tiny: DataSet, tmp_path: Path) -> None:
    worse = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    nn.init.zeros_(worse[1].weight)
    report = minbits.compress(
        worse, tiny, 1.0, out=tmp_path / "net.mbn", ledger=tmp_path / "ledger.sqlite",
        train=False,
    )  # fmt: skip
    with pytest.raises(TargetNotReachedError, match="validation"):
        report.raise_if_missed()
    assert not (tmp_path / "net.mbn").exists()


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "minbits", "compress", *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    check_output(("compress", *arguments), done.stdout)
    return done


def test_the_command_rounds_without_any_data(
    trained: nn.Module, module_file: Path, tmp_path: Path
) -> None:
    torch.save({"state_dict": trained.state_dict()}, tmp_path / "weights.pt")
    done = command(
        f"{module_file}:build", "--checkpoint", str(tmp_path / "weights.pt"), "--no-data",
        "--input-shape", "1,8,8", "--out", str(tmp_path / "net.mbn"), "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["size_bits"] == 8 * (tmp_path / "net.mbn").stat().st_size


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{file}:odd", "--no-data", "--input-shape", "1,8,8"], "module, 2: got Mish; expected"),
        (["{file}:absent", "--no-data", "--input-shape", "1,8,8"], "absent"),
        (["{file}:number", "--no-data", "--input-shape", "1,8,8"], "callable"),
        (["{file}", "--no-data", "--input-shape", "1,8,8"], "no module and name"),
        (["{file}:build", "--no-data"], "--input: got nothing"),
    ],
)
def test_bad_input_is_refused_with_exit_code_2(
    arguments: list[str], words: str, module_file: Path
) -> None:
    given = [argument.format(file=module_file) for argument in arguments]
    with pytest.raises(MinbitsError) as caught:
        CliRunner().invoke(app, ["compress", *given], catch_exceptions=False)
    assert caught.value.exit_code == 2
    assert words in with_flags(str(caught.value))


def test_the_command_prints_one_message_and_no_traceback(module_file: Path) -> None:
    done = command(f"{module_file}:odd", "--no-data", "--input-shape", "1,8,8")
    assert done.returncode == 2
    assert "module, 2: got Mish; expected" in done.stderr
    assert "Traceback" not in done.stderr


class Hostile:
    def __init__(self, place: str) -> None:
        self.place = place

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, (f"open({self.place!r}, 'w').close()",))


@pytest.mark.parametrize("plain", [False, True])
def test_a_pickle_that_wants_to_run_code_is_refused(tmp_path: Path, plain: bool) -> None:
    path, trace = tmp_path / "weights.pt", tmp_path / "was-run"
    if plain:
        path.write_bytes(pickle.dumps(Hostile(str(trace))))
    else:
        torch.save({"weight": Hostile(str(trace))}, path)
    with pytest.raises(NetworkFileError, match="run code"):
        read_tensors(path)
    assert not trace.exists()


def test_checkpoints_of_both_kinds_are_read(trained: nn.Module, tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    state = {name: value for name, value in trained.state_dict().items() if value.ndim}
    safetensors.save_file(state, tmp_path / "weights.safetensors")
    torch.save(trained.state_dict(), tmp_path / "weights.pt")
    for name in ("weights.safetensors", "weights.pt"):
        found = read_tensors(tmp_path / name)
        assert all(torch.equal(found[key], state[key]) for key in state)
    with pytest.raises(minbits.errors.NetworkError):
        load_weights(nn.Linear(2, 2), tmp_path / "weights.pt")
    (tmp_path / "weights.safetensors").write_bytes(b"nonsense")
    with pytest.raises(NetworkFileError):
        read_tensors(tmp_path / "weights.safetensors")


def request_to_round(folder: Path, **options: object) -> CompressRequest:
    return CompressRequest(
        0.9, out=folder / "net.mbn", ledger=folder / "ledger.sqlite", train=False,
        **options,  # type: ignore[arg-type]
    )  # fmt: skip


def test_rounding_without_data_hardly_changes_logits(
    trained: nn.Module, module_file: Path, tiny: DataSet, tmp_path: Path
) -> None:
    torch.save(trained.state_dict(), tmp_path / "w.pt")
    request = request_to_round(tmp_path, weights=tmp_path / "w.pt", input=(1, 8, 8))
    facts = round_module(f"{module_file}:build", request, None)
    assert facts["logit_change"] <= 2**-5
    assert facts["size_bits"] < 32 * 1944 / 3
    with torch.no_grad():
        own = trained(torch.from_numpy(tiny.test_inputs).float() / 255).argmax(1).numpy()
    found = read(tmp_path / "net.mbn").predict(tiny.test_inputs)
    assert (found == own).mean() >= 0.99
    coarse = round_module(f"{module_file}:build", dataclasses.replace(request, force=True), 0.5)
    assert coarse["error"] == 0.5
    assert coarse["logit_change"] > facts["logit_change"]


def test_rounding_keeps_to_its_minutes_and_shows_progress(
    trained: nn.Module, tiny: DataSet, tmp_path: Path
) -> None:
    lines: list[str] = []
    request = request_to_round(tmp_path, minutes=1e-4)
    report = compress_module(trained, tiny, request, lines.append)
    told = [line for line in lines if line.startswith("rounding 1:")]
    assert len(told) == 1
    assert "validation" in told[0]
    # Of one trial there is one answer: its file, or what it reached.
    assert (report.best is None) == (report.tried_accuracy is not None or bool(report.nearest))


def test_an_interrupted_rounding_leaves_its_best_file(
    trained: nn.Module, tiny: DataSet, tmp_path: Path
) -> None:
    lines: list[str] = []

    def say(text: str) -> None:
        lines.append(text)
        if text.startswith("rounding") and "bits" in text.partition(";")[2]:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rounding_search, "_SECONDS_BETWEEN_LINES", 0.0)
        report = compress_module(trained, tiny, request_to_round(tmp_path), say)
    assert report.interrupted
    assert report.best is not None
    assert report.best.size_bits == 8 * (tmp_path / "net.mbn").stat().st_size
    assert "rounding" in lines[-3] + lines[-2] + lines[-1] or len(report.trials) == 1


def test_a_rounding_that_reaches_nothing_says_what_it_tried(
    trained: nn.Module, tiny: DataSet, tmp_path: Path
) -> None:
    worse = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    report = compress_module(worse, tiny, request_to_round(tmp_path, minutes=0.01))
    assert report.best is None
    assert report.tried_accuracy is not None
    text = _nothing_found(report)
    assert "No rounding had reached 90 %" in text
    assert f"{100 * report.tried_accuracy:.2f} %" in text
