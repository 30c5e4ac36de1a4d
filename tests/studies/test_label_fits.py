from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch.nn import functional

from minbits.data import load
from minbits.errors import ArgumentError
from minbits.memorisation.seeded_networks import SeededShape, initial_weights
from minbits.networks.grammar import parse_architecture
from minbits.networks.parameters import parameter_layout
from minbits.studies.label_fits import (
    LabelFitPlan,
    drawn_labels,
    label_fit_parameters,
    measure,
)
from minbits.studies.protocol import StudyTask
from minbits.training.loop import StoppedError
from minbits.types import DataSet
from minbits.workers.work import WorkerContext


@pytest.fixture(scope="module")
def digits() -> DataSet:
    return load("digits")


PLAN = LabelFitPlan(40, 0.5, 30, 0.02, "cross-entropy")


def fitted(plan: LabelFitPlan, width: int, seeds: tuple[int, ...], data: DataSet) -> list[dict]:  # type: ignore[type-arg]
    rows = measure(StudyTask(plan.settings(width), seeds), data, WorkerContext())
    assert [row.seed for row in rows] == list(seeds)
    return [dict(row.result) for row in rows]


def test_so_many_labels_are_drawn_and_the_rest_are_real(digits: DataSet) -> None:
    chosen, labels = drawn_labels(digits, 400, 0.5, 3)
    assert len(set(chosen.tolist())) == 400
    real = digits.train_labels[chosen]
    assert np.array_equal(labels[200:], real[200:])
    # One in ten is right by chance: binomial limits of one in a million.
    assert 3 <= (labels[:200] == real[:200]).sum() <= 45
    assert np.array_equal(drawn_labels(digits, 400, 0.0, 3)[1], real)
    assert not np.array_equal(drawn_labels(digits, 400, 0.5, 4)[0], chosen)
    with pytest.raises(ArgumentError, match=r"at most 1438"):
        drawn_labels(digits, 2000, 0.5, 3)


def test_parameters_are_those_of_the_layout(digits: DataSet) -> None:
    architecture = parse_architecture("linear 7 relu; linear 10", digits.input_shape, 4)
    layout = parameter_layout(architecture, normalised=False)
    assert label_fit_parameters(digits, 7) == layout.size


@pytest.mark.parametrize("loss", ["cross-entropy", "squared"])
def test_it_trains_as_a_plain_loop_does(digits: DataSet, loss: str) -> None:
    plan = dataclasses.replace(PLAN, loss=loss)  # type: ignore[arg-type]
    one, two = fitted(plan, 6, (1, 2), digits)
    assert one["train_loss"] != two["train_loss"]
    chosen, labels = drawn_labels(digits, 40, 0.5, 2)
    middle = digits.train_inputs.reshape(-1, 64).mean(0, dtype=np.float64)
    scaled = [
        torch.from_numpy((part.reshape(-1, 64) - middle) / 16).float()
        for part in (digits.train_inputs[chosen], digits.test_inputs)
    ]
    wanted = torch.from_numpy(labels)
    first, last = (
        matrix.detach()[0].requires_grad_()
        for matrix in initial_weights(
            SeededShape(64, (6,), 10), 1, torch.Generator().manual_seed(2)
        )
    )

    def told(inputs: torch.Tensor) -> torch.Tensor:
        return (inputs @ first[:-1] + first[-1]).relu() @ last[:-1] + last[-1]

    def loss_of(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        if loss == "cross-entropy":
            return functional.cross_entropy(logits, labels)
        return ((logits - functional.one_hot(labels, 10)) ** 2).sum() / len(labels)

    optimizer = torch.optim.Adam([first, last], 0.02)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: max(0.01, 0.5 * (1 + np.cos(np.pi * step / 30)))
    )
    for _ in range(30):
        optimizer.zero_grad()
        loss_of(told(scaled[0]), wanted).backward()
        optimizer.step()
        schedule.step()
    assert two["train_loss"] == pytest.approx(float(loss_of(told(scaled[0]), wanted)), rel=1e-3)
    tests = torch.from_numpy(digits.test_labels.astype(np.int64))
    assert two["test_loss"] == pytest.approx(float(loss_of(told(scaled[1]), tests)), rel=1e-3)
    right = int((told(scaled[1]).argmax(1) == tests).sum())
    assert abs(two["test_correct"] - right) <= 1
    assert (two["train_examples"], two["test_examples"]) == (40, 359)


def test_the_step_of_the_fit_is_the_first_with_all_right(digits: DataSet) -> None:
    long = dataclasses.replace(PLAN, steps=200)
    wide, narrow = fitted(long, 64, (0,), digits)[0], fitted(long, 1, (0,), digits)[0]
    assert wide["fit_step"] % 10 == 0
    assert 0 < wide["fit_step"] < 200
    assert wide["train_correct"] == 40
    assert wide["fit_cpu_seconds"] > 0
    assert narrow["train_correct"] < 40
    assert narrow["fit_step"] is narrow["fit_cpu_seconds"] is None


def test_it_stops_when_it_is_asked_to(digits: DataSet) -> None:
    stopped = WorkerContext(should_stop=lambda: True)
    with pytest.raises(StoppedError):
        measure(StudyTask(PLAN.settings(2), (0,)), digits, stopped)
