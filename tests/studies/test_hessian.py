"""The closed form of the Hessian against automatic differentiation, and what its index can be."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from minbits.studies.hessian import edges, exact_hessian, hessian_product, most_negative, spectrum

INPUTS, HIDDEN, CLASSES, EXAMPLES = 4, 5, 3, 40


def problem(seed: int) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    layers = [
        (generator.normal(size=(HIDDEN, INPUTS)), generator.normal(size=HIDDEN)),
        (generator.normal(size=(CLASSES, HIDDEN)), generator.normal(size=CLASSES)),
    ]
    return (
        layers,
        generator.normal(size=(EXAMPLES, INPUTS)),
        generator.integers(0, CLASSES, EXAMPLES),
    )


def test_the_closed_form_is_what_automatic_differentiation_gives() -> None:
    layers, inputs, labels = problem(0)
    x, y = torch.from_numpy(inputs), torch.from_numpy(labels)
    joined = [np.column_stack(layer) for layer in layers]
    first = joined[0].size

    def loss(values: torch.Tensor) -> torch.Tensor:
        one = values[:first].reshape(HIDDEN, INPUTS + 1)
        two = values[first:].reshape(CLASSES, HIDDEN + 1)
        hidden = functional.relu(x @ one[:, :-1].T + one[:, -1])
        return functional.cross_entropy(hidden @ two[:, :-1].T + two[:, -1], y)

    values = torch.from_numpy(np.concatenate([part.ravel() for part in joined]))
    hessian, gradient = exact_hessian(layers, inputs, labels)
    assert hessian == pytest.approx(torch.func.hessian(loss)(values).numpy(), abs=1e-12)
    assert gradient == pytest.approx(torch.func.grad(loss)(values).numpy(), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_no_network_has_more_negative_eigenvalues_than_can_be(seed: int) -> None:
    found = spectrum(*exact_hessian(*problem(seed)))
    assert 0 < found.negative <= most_negative(HIDDEN, CLASSES) < found.parameters
    assert found.least < 0 < found.largest


def test_a_spectrum_tells_zero_from_negative() -> None:
    found = spectrum(np.diag([-2.0, -1e-4, -1e-14, 0.0, 3.0]), np.array([3.0, 4.0]))
    assert (found.negative, found.clearly_negative, found.parameters) == (2, 1, 5)
    assert (found.least, found.largest, found.gradient_norm) == (-2.0, 3.0, 5.0)
    assert found.trace == pytest.approx(0.9999)


@pytest.mark.parametrize("seed", range(2))
def test_products_and_edges_are_those_of_the_matrix(seed: int) -> None:
    layers, inputs, labels = problem(seed)
    hessian, _ = exact_hessian(layers, inputs, labels)
    vector = np.random.default_rng(seed).normal(size=len(hessian))
    product = hessian_product(layers, inputs, labels)(vector)
    assert product == pytest.approx(hessian @ vector, abs=1e-10)
    values = np.linalg.eigvalsh(hessian)
    assert edges(layers, inputs, labels) == pytest.approx((values[0], values[-1]), rel=1e-2)
