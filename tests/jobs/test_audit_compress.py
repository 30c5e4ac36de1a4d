from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from minbits.cli.app import app
from minbits.cli.flags import with_flags
from minbits.codec.network import read
from minbits.data.splits import validation_split
from minbits.errors import ArgumentError
from minbits.evaluation.known_network import FoundNetwork
from minbits.jobs import audit as pipeline_audit
from minbits.jobs.audit import audit_job, compress_audited, compress_target
from minbits.jobs.audit_request import AuditRequest
from minbits.jobs.compress_request import CompressReport
from minbits.model_audit.report import CompressTarget
from minbits.types import DataSet


@pytest.fixture(scope="module")
def trained(tiny: DataSet) -> nn.Module:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 12), nn.ReLU(), nn.Linear(12, 2))
    inputs = torch.from_numpy(tiny.train_inputs).float() * 2.0**-tiny.input_exponent
    labels = torch.from_numpy(tiny.train_labels)
    optimizer = torch.optim.Adam(module.parameters(), 3e-3)
    for _ in range(150):
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(inputs), labels).backward()
        optimizer.step()
    return module.eval()


def asked(folder: Path, **options: Any) -> AuditRequest:
    return AuditRequest(ledger=folder / "ledger.sqlite", records=folder, **options)


def test_the_audit_puts_the_compressed_file_beside_the_model(
    trained: nn.Module, tiny: DataSet, tmp_path: Path
) -> None:
    report = audit_job(trained, tiny, asked(tmp_path))
    assert report.compressed is None
    assert report.sufficient is None
    lines: list[str] = []
    request = asked(tmp_path, compress=tmp_path / "net.mbn", accuracy=0.85, minutes=0.3)
    found = compress_audited(trained, report, tiny, request, lines.append)
    assert found.compressed is not None, lines
    assert found.compressed.looks == 1
    assert found.compressed.accuracy_lower_limit is not None
    assert found.compress_target == CompressTarget(0.85, "asked for")
    assert found.compressed.size_bits == 8 * (tmp_path / "net.mbn").stat().st_size
    assert found.sufficient == found.compressed
    predicted = read(tmp_path / "net.mbn").predict(tiny.test_inputs)
    right = int((predicted == tiny.test_labels).sum())
    assert found.compressed.test_accuracy == right / len(tiny.test_labels) >= 0.85
    assert f"{found.compressed.size_bits:,} bits" in found.verdict


def test_without_an_accuracy_the_target_comes_from_held_out_examples(
    trained: nn.Module, tiny: DataSet, tmp_path: Path
) -> None:
    """Test labels that are all wrong change what is reported, and not what is aimed at."""
    report = audit_job(trained, tiny, asked(tmp_path))
    assert report.labels is not None
    _, held_out = validation_split(tiny)
    inputs = torch.from_numpy(tiny.train_inputs[held_out]).float() * 2.0**-tiny.input_exponent
    with torch.no_grad():
        right = int((trained(inputs).argmax(1).numpy() == tiny.train_labels[held_out]).sum())
    assert (report.labels.held_out_correct, report.labels.held_out_examples) == (right, 80)
    upside_down = dataclasses.replace(tiny, test_labels=1 - tiny.test_labels)
    other = audit_job(trained, upside_down, asked(tmp_path))
    assert other.labels is not None
    assert other.labels.test_correct == 200 - report.labels.test_correct
    for labels in (report.labels, other.labels):
        target = compress_target(labels, None)
        assert target.accuracy == right / 80
        assert f"{right} of 80 held-out" in target.source
    assert compress_target(report.labels, 0.6) == CompressTarget(0.6, "asked for")
    lines: list[str] = []
    request = asked(tmp_path, compress=tmp_path / "net.mbn", minutes=0.05)
    found = compress_audited(trained, report, tiny, request, lines.append)
    assert found.compress_target == compress_target(report.labels, None)
    assert "held-out" in lines[0]


def test_the_audits_own_looks_are_told(trained: nn.Module, tiny: DataSet, tmp_path: Path) -> None:
    labels = audit_job(trained, tiny, asked(tmp_path)).labels
    assert labels is not None
    assert labels.test_looks == (1 if labels.test_correct_quantised is None else 2)
    assert "no ledger counts" in labels.test_looks_note
    assert not (tmp_path / "ledger.sqlite").exists()


def test_an_interrupt_ends_the_compression_and_the_audit(
    trained: nn.Module, tiny: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = audit_job(trained, tiny, asked(tmp_path))

    def stopped(*arguments: object) -> CompressReport:
        return CompressReport("stripes", 0.9, 0, 0.0, interrupted=True)

    monkeypatch.setattr(pipeline_audit, "compress_job", stopped)
    with pytest.raises(KeyboardInterrupt):
        compress_audited(
            trained, report, tiny, asked(tmp_path, compress=tmp_path / "n.mbn", accuracy=0.9)
        )


def test_a_smaller_known_network_stays_the_one_that_counts(
    trained: nn.Module, tiny: DataSet, tmp_path: Path
) -> None:
    report = audit_job(trained, tiny, asked(tmp_path))
    small, large = FoundNetwork(100, 0.99, "known"), FoundNetwork(200, 0.99, "made")
    assert report.beside(small).with_compressed(large).sufficient == small
    assert report.beside(large).with_compressed(small).sufficient == small
    assert report.with_compressed(large).sufficient == large


def test_compressing_without_data_is_refused(trained: nn.Module, tmp_path: Path) -> None:
    request = asked(tmp_path, input=(1, 8, 8), compress=tmp_path / "net.mbn")
    report = audit_job(trained, None, asked(tmp_path, input=(1, 8, 8)))
    with pytest.raises(ArgumentError, match="`data`"):
        compress_audited(trained, report, None, request)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="`data`"):
        audit_job(trained, None, request)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.b:c", "--compress", "out.mbn"], "--data"),
        (["net.onnx", "--data", "digits", "--compress", "out.mbn"], "MODULE:CALLABLE"),
        (["a.b:c", "--data", "digits", "--compress", "o.mbn", "--minutes", "0"], "--minutes"),
    ],
)
def test_the_command_refuses_before_it_audits(arguments: list[str], words: str) -> None:
    done = CliRunner().invoke(app, ["audit", *arguments])
    assert isinstance(done.exception, ArgumentError)
    assert done.exception.exit_code == 2
    assert words in with_flags(str(done.exception))
