"""Compiled optimizers beside PyTorch's."""

from __future__ import annotations

import numpy as np
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
