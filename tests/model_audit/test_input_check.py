"""A model that gets other inputs than it expects, or that nobody trained, is noticed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from minbits.data.assemble import assemble
from minbits.jobs.audit import audit_job
from minbits.jobs.audit_request import AuditRequest
from minbits.jobs.compress_request import CompressRequest
from minbits.model_audit.torch_subject import torch_subject
from minbits.model_audit.untrained import untrained_warning
from minbits.types import DataSet


def fitted(inputs: torch.Tensor, labels: np.ndarray, outputs: int = 2) -> nn.Module:
    """Return a small module, trained."""
    torch.manual_seed(0)
    count = inputs[0].numel()
    module = nn.Sequential(nn.Flatten(), nn.Linear(count, 12), nn.Tanh(), nn.Linear(12, outputs))
    wanted = torch.from_numpy(labels)
    optimizer = torch.optim.Adam(module.parameters(), 1e-2)
    for _ in range(150):
        optimizer.zero_grad()
        found = module(inputs)
        if outputs == 1:
            binary = nn.functional.binary_cross_entropy_with_logits
            binary(found[:, 0], wanted.float()).backward()
        else:
            nn.functional.cross_entropy(found, wanted).backward()
        optimizer.step()
    return module.eval()


def scaled(tiny: DataSet, factor: float, mean: float, deviation: float) -> torch.Tensor:
    return (torch.from_numpy(tiny.train_inputs).float() * factor - mean) / deviation


class Sharp(nn.Module):
    """A module that expects pixels from -1 to 1, and fails on others."""

    def __init__(self, base: nn.Module) -> None:
        super().__init__()
        self.base = base

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.base((x > 0.04).float())
        return result


@pytest.fixture(scope="module")
def sharp(tiny: DataSet) -> nn.Module:
    inputs = (scaled(tiny, 1 / 255, 0.5, 0.5) > 0.04).float()
    return Sharp(fitted(inputs, tiny.train_labels)).eval()


def audited(module: nn.Module, data: DataSet, folder: Path, **options: Any) -> Any:
    request = AuditRequest(ledger=folder / "ledger.sqlite", records=folder, **options)
    return audit_job(module, data, request)


def test_an_audit_takes_the_normalisation_that_compress_takes(
    sharp: nn.Module, tiny: DataSet, tmp_path: Path
) -> None:
    options = {"input_scale": 1 / 255, "input_mean": (0.5,), "input_std": (0.5,)}
    right = audited(sharp, tiny, tmp_path, **options)
    assert right.labels.test_correct >= 0.95 * right.labels.test_examples
    assert right.warnings == ()
    assert CompressRequest(0.9, **options).input_mean == (0.5,)


def test_inputs_that_a_model_does_not_expect_are_suspected(
    sharp: nn.Module, tiny: DataSet, tmp_path: Path
) -> None:
    report = audited(sharp, tiny, tmp_path)
    assert len(report.warnings) == 1
    wanted = "`input_scale` 0.00392157 `input_mean` 0.5 `input_std` 0.5 (from -1 to 1); audit it"
    assert wanted in report.warnings[0]


def test_accuracy_near_chance_is_suspected(tiny: DataSet, tmp_path: Path) -> None:
    wrong = np.random.default_rng(0).permutation(tiny.train_labels)
    report = audited(fitted(scaled(tiny, 1 / 255, 0, 1), wrong), tiny, tmp_path)
    assert any("near chance" in warning for warning in report.warnings)


@pytest.mark.parametrize("kind", [torch.float32, torch.float16])
def test_an_untrained_module_is_noticed(kind: torch.dtype) -> None:
    torch.manual_seed(2)
    module = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 2)).to(kind)
    warning = untrained_warning(torch_subject(module, "m", (1, 8, 8)))
    assert warning is not None
    assert "untrained" in warning
    with torch.no_grad():
        module[3].weight *= 1.2
    assert untrained_warning(torch_subject(module, "m", (1, 8, 8))) is None
    with torch.no_grad():
        for value in module.parameters():
            value.zero_()
    assert "zero" in str(untrained_warning(torch_subject(module, "m", (1, 8, 8))))


@pytest.mark.parametrize("ending", ["logit", "probability", "squeezed"])
def test_a_module_of_one_output_tells_two_classes(
    ending: str, tiny: DataSet, tmp_path: Path
) -> None:
    module = fitted(scaled(tiny, 1 / 256, 0, 1), tiny.train_labels, 1)
    if ending == "probability":
        module = nn.Sequential(module, nn.Sigmoid())
    elif ending == "squeezed":
        module = nn.Sequential(module, nn.Flatten(0))
    report = audited(module.eval(), tiny, tmp_path)
    assert report.labels.test_correct >= 0.95 * report.labels.test_examples
    assert report.warnings == ()


@pytest.mark.parametrize("shape", [(4,), (2, 1, 12)])
def test_vectors_and_sequences_are_audited(shape: tuple[int, ...], tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    inputs = generator.standard_normal((300, *shape)).astype(np.float32) * 3 + 5
    labels = (inputs.reshape(300, -1)[:, 0] > 5).astype(np.int64)
    data = assemble("made", (inputs[:200], labels[:200]), (inputs[200:], labels[200:]), "t", "t")
    module = fitted(torch.from_numpy(data.train_inputs).float().flatten(1), data.train_labels)
    module = nn.Sequential(nn.Conv1d(2, 2, 1), module) if len(shape) == 3 else module[1:]
    if len(shape) == 3:
        with torch.no_grad():
            module[0].weight.copy_(torch.eye(2)[:, :, None])
            module[0].bias.zero_()
    report = audited(module, data, tmp_path, input_scale=1.0)
    assert report.labels.test_correct >= 0.9 * report.labels.test_examples
    other = audited(module, data, tmp_path, input_scale=1.0, input_mean=(50.0,))
    assert any("other inputs" in w or "near chance" in w for w in other.warnings)
