"""The batched path against the lanes engine, and what its weights of few bits are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from minbits.errors import ArgumentError
from minbits.jobs.trainability import trainability_job
from minbits.jobs.trainability_request import TrainabilityRequest
from minbits.networks.grammar import parse_architecture
from minbits.networks.parameters import parameter_layout
from minbits.studies.protocol import StudyTask
from minbits.studies.trainability import TrainabilityPlan, measure, train_seeds
from minbits.types import DataSet
from minbits.workers.work import WorkerContext

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def task(bits: int = 32, device: str = "cpu", depth: int = 2) -> StudyTask:
    plan = TrainabilityPlan((6,), depth, 3, 3, 0.05, 64, bits, device)
    return StudyTask(plan.settings(6, 2), (0, 1, 5))


def trained_in_pytorch(task: StudyTask, data: DataSet, device: str) -> np.ndarray:
    # Where nothing is rounded, the study takes lanes on the CPU: the setting asks for the other.
    settings = {**task.settings, "device": device}
    values, _ = train_seeds(StudyTask(settings, task.seeds), data, WorkerContext())
    return values


@pytest.mark.parametrize("device", ["cpu:0", pytest.param("cuda", marks=needs_cuda)])
@pytest.mark.parametrize("depth", [1, 2])
def test_it_trains_as_lanes_do(tiny: DataSet, device: str, depth: int) -> None:
    lanes, _ = train_seeds(task(depth=depth), tiny, WorkerContext())
    batched = trained_in_pytorch(task(depth=depth), tiny, device)
    assert batched == pytest.approx(lanes, abs=2e-4)
    assert np.abs(lanes - lanes[0]).max() > 0.1


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_weights_are_stored_in_so_many_bits(tiny: DataSet, bits: int) -> None:
    values, _ = train_seeds(task(bits, depth=1), tiny, WorkerContext())
    architecture = parse_architecture("linear 6 relu; linear 2", tiny.input_shape, 0)
    layout = parameter_layout(architecture, normalised=False)
    for row in values:
        for weights, bias in layout.tensors(row):
            assert bias is not None
            levels = np.unique(np.concatenate([weights.ravel(), bias]).round(5))
            assert 2 <= len(levels) <= 2**bits
    (one, *_) = measure(task(bits, depth=1), tiny, WorkerContext())
    assert isinstance(one.result["test_loss_nats"], float)


def test_rows_of_plain_trainings_keep_their_names_and_others_have_their_own() -> None:
    assert not {"weight_bits", "device"} & set(task().settings)
    assert task(4).settings["weight_bits"] == 4
    assert task(device="cuda").settings["device"] == "cuda"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_refused(tmp_path: Path, tiny: DataSet) -> None:
    usual = {"ledger": tmp_path / "ledger.sqlite", "seeds": 2, "epochs": 1, "workers": 1}
    with pytest.raises(ArgumentError, match="a GPU that PyTorch can use"):
        trainability_job(tiny, TrainabilityRequest((2, 4), device="cuda", **usual))
    found = trainability_job(tiny, TrainabilityRequest((2, 4), device="auto", **usual))
    assert found.done == 4
