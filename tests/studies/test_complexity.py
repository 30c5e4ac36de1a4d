from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from minbits.jobs.price import price_kinds
from minbits.jobs.price_request import PriceRequest
from minbits.networks.grammar import parse_architecture
from minbits.networks.parameters import parameter_layout
from minbits.studies.complexity import full_hessian, full_loss, measure
from minbits.studies.protocol import StudyTask
from minbits.training.loop import training_data
from minbits.types import DataSet
from minbits.workers.work import WorkerContext

TEXT = "conv 2 k3 relu; avgpool all; linear 2"


def slow_loss(flat: torch.Tensor, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the loss of the network of TEXT, written out."""
    kernel, bias, weights, last = flat.split([18, 2, 4, 2])
    hidden = functional.conv2d(inputs, kernel.reshape(2, 1, 3, 3), bias).relu()
    logits = hidden.mean((2, 3)) @ weights.reshape(2, 2).T + last
    return functional.cross_entropy(logits, labels)


def test_loss_gradient_and_hessian_are_those_of_the_network_written_out(tiny: DataSet) -> None:
    architecture = parse_architecture(TEXT, tiny.input_shape, tiny.input_exponent)
    part = training_data(tiny, np.arange(64))
    values = parameter_layout(architecture, normalised=False).initial(3).astype(np.float64)
    values += np.random.default_rng(0).normal(0, 0.3, len(values))
    inputs, labels = torch.from_numpy(part.inputs), torch.from_numpy(part.labels)
    flat = torch.from_numpy(values.astype(np.float32)).requires_grad_()
    expected = slow_loss(flat, inputs, labels)
    (slope,) = torch.autograd.grad(expected, flat)
    loss, gradient = full_loss(architecture, part.inputs, part.labels)(values)
    assert loss == pytest.approx(float(expected.detach()), rel=1e-4)
    assert gradient == pytest.approx(slope.numpy(), abs=1e-4)

    hessian = torch.autograd.functional.hessian(
        lambda one: slow_loss(one, inputs, labels), flat.detach()
    ).numpy()
    found = full_hessian(architecture, values, part.inputs, part.labels)
    assert found == pytest.approx(hessian, abs=1e-4)
    assert np.array_equal(found, found.T)


def test_the_penalty_is_half_its_share_of_the_squares(tiny: DataSet) -> None:
    architecture = parse_architecture(TEXT, tiny.input_shape, tiny.input_exponent)
    part = training_data(tiny, np.arange(64))
    values = parameter_layout(architecture, normalised=False).initial(3).astype(np.float64)
    loss, gradient = full_loss(architecture, part.inputs, part.labels)(values)
    more, steeper = full_loss(architecture, part.inputs, part.labels, 0.5)(values)
    assert more - loss == pytest.approx(0.25 * (values**2).sum())
    assert steeper - gradient == pytest.approx(0.5 * values)
    plain = full_hessian(architecture, values, part.inputs, part.labels)
    bent = full_hessian(architecture, values, part.inputs, part.labels, 0.5)
    assert bent - plain == pytest.approx(0.5 * np.eye(len(values)))


def test_a_network_is_trained_to_a_file_and_measured(tiny: DataSet) -> None:
    asked = PriceRequest(0.9, architecture=TEXT, scales=(1.0,), strengths=(2.0,), epochs=2)
    kind = price_kinds(tiny, asked)[0]
    chains = {"localisation": 100.0, "burn_in": 20, "steps": 30, "chains": 2}
    settings = {**kind.settings, "descent_steps": 5, "penalty": 1e-3, **chains}
    one, two = measure(StudyTask(settings, (0, 1)), tiny, WorkerContext())
    assert one.result["parameters"] == kind.parameters == 26
    assert one.result["size_bits"] % 8 == 0  # type: ignore[operator]
    assert 0 < one.result["acceptance"] <= 1  # type: ignore[operator]
    assert one.result["train_loss_nats"] < one.result["trained_loss_nats"]  # type: ignore[operator]
    assert one.result["largest_eigenvalue"] > 0  # type: ignore[operator]
    assert one.result["train_loss_nats"] < one.result["penalised_loss_nats"]  # type: ignore[operator]
    assert one.result["learning_coefficient"] != two.result["learning_coefficient"]
    (alone,) = measure(StudyTask(settings, (1,)), tiny, WorkerContext())
    assert alone.result == two.result
