"""Compression and audit take the same models by the same options, and refuse the same ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

import minbits
from minbits.errors import ArgumentError, MinbitsError, NetworkError, NetworkFileError
from minbits.networks.checkpoint import open_module
from minbits.networks.model_options import ModelOptions
from tests.cli.here import Here

MODULE = """
from torch import nn

def build():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
"""
LAYERS = "linear 2"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_net.py").write_text(MODULE)
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    torch.save(module.state_dict(), tmp_path / "net.pt")
    torch.save(nn.Linear(3, 2).state_dict(), tmp_path / "other.pt")
    return tmp_path


@pytest.mark.parametrize("shape", ["1x8x8", "1,8,8"])
@pytest.mark.parametrize("named", ["--input", "--input-shape"])
@pytest.mark.parametrize(
    "model",
    [
        ["own_net.py:build", "--weights", "net.pt"],
        ["own_net.py:build", "--checkpoint", "net.pt"],
        ["own_net:build"],
        ["net.pt", "--layers", LAYERS],
    ],
    ids=str,
)
def test_both_commands_take_a_model_by_the_same_options(
    here: Here, folder: Path, model: list[str], named: str, shape: str
) -> None:
    options = [*model, named, shape, "--json"]
    done = here("compress", *options, "--no-data", "--out", "made.mbn", "--force")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["parameters"] == 130
    done = here("audit", *options)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["parameters"] == 130
    assert found["capacity"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["own_net.py:none"], "none"),
        (["own_net.py:build", "--weights", "other.pt"], "the tensors of the module"),
        (["own_net.py:build", "--weights", "absent.pt"], "absent.pt"),
        (["net.pt", "--layers", "linear 3"], "--layers"),
        (["own_net.py:build", "--input", "7x"], "whole numbers, such as 1x28x28"),
    ],
    ids=str,
)
def test_both_commands_refuse_a_model_in_the_same_words(
    here: Here, folder: Path, options: list[str], message: str
) -> None:
    given = options if "--input" in options else [*options, "--input", "1x8x8"]
    said = []
    for command in (("compress", "--no-data"), ("audit",)):
        done = here(*command, *given)
        assert done.returncode == 2
        assert message in done.stderr
        said.append(done.stderr)
    assert said[0] == said[1]


def test_a_module_itself_has_its_own_weights(folder: Path) -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    assert open_module(module, ModelOptions(), None) is module
    with pytest.raises(ArgumentError, match="`weights`"):
        open_module(module, ModelOptions(weights="net.pt"), None)
    with pytest.raises(ArgumentError, match="`input`: got nothing"):
        open_module("net.pt", ModelOptions(layers=LAYERS), None)


def test_the_library_takes_them_too(folder: Path) -> None:
    report = minbits.audit("net.pt", layers=LAYERS, input=(1, 8, 8), figure="layers.png")
    assert (report.name, report.parameters) == ("net.pt", 130)
    assert (folder / "layers.png").read_bytes().startswith(b"\x89PNG")
    named = minbits.audit(nn.Linear(4, 3), input=(4,), name="mine")
    assert (named.name, named.parameters) == ("mine", 15)
    errors: list[type[MinbitsError]] = [NetworkError, NetworkFileError]
    for weights, error in zip(("other.pt", "own_net.py"), errors, strict=True):
        with pytest.raises(error):
            minbits.audit("own_net.py:build", weights=weights, input=(1, 8, 8))
