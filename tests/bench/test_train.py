from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from minbits.codec.architecture import Architecture, parameter_count
from minbits.errors import NetworkError
from minbits.networks.grammar import parse_layers
from minbits.networks.torch_layers import run_layers
from minbits.training.loop import training_data
from minbits.types import DataSet

sys.path.append(str(Path(__file__).resolve().parents[2] / "bench"))

from speed.cases import CASES, SGEMM_FLOPS, useful_flops
from speed.torch_loop import TorchTraining, build_module
from speed.training import CaseResult, entrants, measure

BENCH = Path(__file__).resolve().parents[2] / "bench"


def network(text: str, shape: tuple[int, int, int] = (1, 8, 8)) -> Architecture:
    return Architecture(shape, 8, parse_layers(text, shape[0]))


def test_useful_operations_by_hand() -> None:
    # 5 x 5 outputs of 3 channels from 9 weights, twice; 10 x 3 weights, three times.
    text = "conv 3 k4; avgpool all; linear 10"
    assert useful_flops(network(text)) == 2 * (2 * 3 * 25 * 16 + 3 * 10 * 3)
    assert useful_flops(network("linear 10")) == 2 * 2 * 640


def test_the_yardstick_computes_the_same_network() -> None:
    text = "conv 4 k3 p1 nobias relu; depthwise k3 s2; maxpool 2; linear 6 relu; linear 3"
    architecture, x = network(text), torch.rand(5, 1, 8, 8)
    module = build_module(architecture)
    assert sum(p.numel() for p in module.parameters()) == parameter_count(architecture)
    weighted = [m for m in module if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    tensors = [(m.weight, m.bias) for m in weighted]
    assert torch.allclose(module(x), run_layers(architecture, tensors, x), atol=1e-6)


def test_the_yardstick_refuses_what_is_no_chain() -> None:
    with pytest.raises(NetworkError, match="a chain of layers"):
        build_module(network("conv 1 k3 p1; add 1; linear 2"))


@pytest.mark.parametrize("sampling", ["grid_sample", "compiled"])
@pytest.mark.parametrize("layout", ["nchw", "channels_last"])
def test_the_yardstick_learns(tiny: DataSet, layout: str, sampling: str) -> None:
    text = "conv 4 k3 p1 relu; maxpool 2; conv 4 k3 relu; avgpool all; linear 2"
    data = training_data(tiny, np.arange(400))
    training = TorchTraining(network(text), data, 50, 0.2, 0, layout, False, sampling)  # type: ignore[arg-type]
    training.run(150)
    module = training._module.eval()
    with torch.no_grad():
        predicted = module(torch.from_numpy(data.inputs)).argmax(1).numpy()
    assert np.mean(predicted == data.labels) > 0.9


def test_ratios_are_to_the_best_layout() -> None:
    seconds = {
        "lanes": 1e-3, "lanes passes": 5e-4, "sgemm": 0.02,
        "eager nchw, system allocator": 9e-3, "eager channels_last, system allocator": 6e-3,
        "compile nchw, tuned allocator": 4e-3,
    }  # fmt: skip
    found = CaseResult("main-job", seconds, 10_000_000).as_json()
    assert found["ratio_vs_torch_eager"] == pytest.approx(6.0)
    assert found["ratio_vs_torch_compile"] is None
    assert found["ratio_vs_torch_compile_tuned_allocator"] == pytest.approx(4.0)
    peak = SGEMM_FLOPS / 0.02
    assert found["fraction_of_sgemm_peak"] == pytest.approx(1e7 / 5e-4 / peak)
    assert found["fraction_of_sgemm_peak_whole_step"] == pytest.approx(1e7 / 1e-3 / peak)


@pytest.mark.parametrize("case", CASES)
def test_every_case_has_both_engines_and_both_allocators(case: str) -> None:
    names = [entrant.name for entrant in entrants(case, compiles=True)]
    assert len(set(names)) == len(names)
    assert {"lanes", "sgemm", "eager nchw, system allocator"} <= set(names)
    assert sum("tuned" in name for name in names) == sum("system" in name for name in names) > 0


def test_a_small_case_is_measured() -> None:
    told: list[str] = []
    (result,) = measure(["connected-64-digits"], 1, False, told.append)
    assert all(seconds > 0 for seconds in result.seconds.values())
    ratio = result.ratio("eager", "system allocator")
    assert ratio is not None
    assert ratio > 1
    assert any("round 1 of 1" in text for text in told)


def test_the_script_names_the_cases_that_it_knows() -> None:
    command = [sys.executable, str(BENCH / "train.py"), "--case", "lenet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "main-job" in done.stderr
