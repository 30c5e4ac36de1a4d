"""Compiled optimizers beside PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minbits.training.optimizers import AdamW, Momentum, Optimizer, make_optimizer
from minbits.types import TrainingRecipe


def assert_same_path(
    rule: Optimizer, theirs: torch.optim.Optimizer, ours: np.ndarray, seed: int
) -> None:
    """Step both, with changing gradients and rates; parameter groups are single values."""
    generator = np.random.default_rng(seed)
    tensors = [group["params"][0] for group in theirs.param_groups]
    factors = [group["lr"] for group in theirs.param_groups]
    for step in range(20):
        gradient = generator.normal(0, 10.0 ** generator.integers(-4, 3), len(ours))
        gradient = gradient.astype(np.float32)
        rate = 0.05 * (1 + step % 3)
        for group, tensor, factor, part in zip(
            theirs.param_groups, tensors, factors, gradient, strict=True
        ):
            group["lr"] = rate * factor
            tensor.grad = torch.full_like(tensor, float(part))
        theirs.step()
        rule.step(ours, gradient, rate)
    expected = np.array([float(tensor.detach()) for tensor in tensors])
    assert np.allclose(ours, expected, rtol=1e-4, atol=1e-5)


def start(seed: int, size: int = 7) -> tuple[np.ndarray, np.ndarray, list[dict[str, object]]]:
    generator = np.random.default_rng(seed)
    values = generator.normal(size=size).astype(np.float32)
    factors = generator.uniform(0.5, 5, size).astype(np.float32)
    groups = [
        {"params": [torch.nn.Parameter(torch.tensor(float(value)))], "lr": float(factor)}
        for value, factor in zip(values, factors, strict=True)
    ]
    return values, factors, groups


@settings(max_examples=20)
@given(st.integers(0, 1000), st.sampled_from([0.0, 1e-2]))
def test_adamw(seed: int, decay: float) -> None:
    values, factors, groups = start(seed)
    theirs = torch.optim.AdamW(groups, weight_decay=decay)
    assert_same_path(AdamW(factors, decay), theirs, values, seed)


@settings(max_examples=20)
@given(st.integers(0, 1000), st.sampled_from([0.0, 1e-2]))
def test_momentum(seed: int, decay: float) -> None:
    values, factors, groups = start(seed)
    theirs = torch.optim.SGD(groups, 0.1, momentum=0.9, nesterov=True, weight_decay=decay)
    assert_same_path(Momentum(factors * 0.01, decay), _scaled(theirs, 0.01), values, seed)


def _scaled(optimizer: torch.optim.Optimizer, factor: float) -> torch.optim.Optimizer:
    for group in optimizer.param_groups:
        group["lr"] *= factor
    return optimizer


def test_a_recipe_names_its_optimizer() -> None:
    factors = np.ones(3, np.float32)
    assert isinstance(make_optimizer(TrainingRecipe(1, 1), factors, 0.0), AdamW)
    sgd = TrainingRecipe(1, 1, optimizer="sgd")
    assert isinstance(make_optimizer(sgd, factors, 0.0), Momentum)


@pytest.mark.parametrize("make", [AdamW, Momentum])
def test_moments_without_a_gradient_end_at_zero(make: type[AdamW] | type[Momentum]) -> None:
    # Weights of dead units: their moments would stay denormal for ever, and slow every step.
    values, steps = np.ones(20, np.float32), 3000
    rule = make(np.ones(20, np.float32), 0.0)
    rule.step(values, np.full(20, 0.5, np.float32), 0.01)
    for _ in range(steps):
        rule.step(values, np.zeros(20, np.float32), 0.01)
    running = [value for value in vars(rule).values() if isinstance(value, np.ndarray)]
    tiny = np.finfo(np.float32).tiny
    for moment in running:
        assert not ((moment != 0) & (np.abs(moment) < tiny)).any()
    # The geometric series of a momentum of 0.9, summed as if nothing were flushed.
    if make is Momentum:
        assert values == pytest.approx(1 - 0.01 * 0.5 * (1 + 0.9 / (1 - 0.9)), abs=1e-6)


def test_moments_that_are_small_but_count_are_kept() -> None:
    values = np.zeros(4, np.float32)
    rule = Momentum(np.ones(4, np.float32), 0.0)
    rule.step(values, np.full(4, 1e-20, np.float32), 1.0)
    assert (values < 0).all()
    before = values.copy()
    rule.step(values, np.zeros(4, np.float32), 1.0)
    assert (values < before).all()
