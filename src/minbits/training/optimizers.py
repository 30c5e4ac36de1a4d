"""Optimizers of one flat vector of parameters, compiled: a call costs microseconds."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from minbits.compilation import compiled
from minbits.types import TrainingRecipe

Float = npt.NDArray[np.float32]

BETAS = (0.9, 0.999)
EPSILON = 1e-8
MOMENTUM = 0.9
# Moments of weights without a gradient shrink to numbers so small that processors take a hundred
# times as long for them. Those below this one change no weight.
SMALLEST_MOMENT = 1e-30


@compiled()
def _flushed(moment: np.float32) -> np.float32:
    return moment if abs(moment) > np.float32(SMALLEST_MOMENT) else np.float32(0)


@compiled(fastmath={"contract"})
def adamw_step(
    values: Float, gradient: Float, first: Float, second: Float, factors: Float, rate: np.float32,
    decay: float, step: int,
) -> None:  # fmt: skip
    """Update ``values`` in place by AdamW (Loshchilov & Hutter 2019).

    Args:
        values: parameters.
        gradient: of the loss.
        first, second: running moments of the gradient, updated.
        factors: of the learning rate, one a parameter.
        rate: learning rate.
        decay: decoupled weight decay.
        step: number of this step, from 1 on.
    """
    beta_1, beta_2 = np.float32(BETAS[0]), np.float32(BETAS[1])
    # Differences are taken before rounding: 1 - 0.999 in single precision is off by 1e-5.
    rest_1, rest_2 = np.float32(1 - BETAS[0]), np.float32(1 - BETAS[1])
    correction_1 = np.float32(1 / (1 - BETAS[0] ** step))
    correction_2 = np.float32(1 / (1 - BETAS[1] ** step))
    epsilon, shrink = np.float32(EPSILON), np.float32(decay)
    for i in range(len(values)):
        g = gradient[i]
        first[i] = _flushed(beta_1 * first[i] + rest_1 * g)
        second[i] = _flushed(beta_2 * second[i] + rest_2 * g * g)
        direction = first[i] * correction_1 / (np.sqrt(second[i] * correction_2) + epsilon)
        values[i] -= factors[i] * rate * (direction + shrink * values[i])


@compiled(fastmath={"contract"})
def momentum_step(
    values: Float, gradient: Float, velocity: Float, factors: Float, rate: np.float32,
    decay: float, momentum: float,
) -> None:  # fmt: skip
    """Update ``values`` in place by gradient descent with Nesterov's momentum.

    As PyTorch's SGD, weight decay is added to the gradient.
    """
    keep, shrink = np.float32(momentum), np.float32(decay)
    for i in range(len(values)):
        g = gradient[i] + shrink * values[i]
        velocity[i] = _flushed(keep * velocity[i] + g)
        values[i] -= factors[i] * rate * (g + keep * velocity[i])


@compiled()
def update(
    is_adamw: bool, values: Float, gradient: Float, first: Float, second: Float, factors: Float,
    rate: np.float32, decay: float, step: int,
) -> None:  # fmt: skip
    """Take one step of either optimizer; that with momentum uses no second moments."""
    if is_adamw:
        adamw_step(values, gradient, first, second, factors, rate, decay, step)
    else:
        momentum_step(values, gradient, first, factors, rate, decay, MOMENTUM)


class Optimizer(Protocol):
    """Updates parameters in place."""

    def step(self, values: Float, gradient: Float, rate: float) -> None:
        """Take one step at a learning rate."""
        ...


class AdamW:
    """AdamW with a factor on the learning rate of each parameter.

    Args:
        factors: of the learning rate, one a parameter.
        decay: decoupled weight decay.
    """

    def __init__(self, factors: Float, decay: float) -> None:
        self._factors, self._decay = factors, decay
        self._first, self._second = np.zeros_like(factors), np.zeros_like(factors)
        self._count = 0

    def step(self, values: Float, gradient: Float, rate: float) -> None:
        """Take one step at a learning rate."""
        self._count += 1
        adamw_step(
            values, gradient, self._first, self._second, self._factors, np.float32(rate),
            self._decay, self._count,
        )  # fmt: skip


class Momentum:
    """Stochastic gradient descent with Nesterov's momentum; arguments as `AdamW`."""

    def __init__(self, factors: Float, decay: float, momentum: float = MOMENTUM) -> None:
        self._factors, self._decay, self._momentum = factors, decay, momentum
        self._velocity = np.zeros_like(factors)

    def step(self, values: Float, gradient: Float, rate: float) -> None:
        """Take one step at a learning rate."""
        momentum_step(
            values, gradient, self._velocity, self._factors, np.float32(rate), self._decay,
            self._momentum,
        )  # fmt: skip


def make_optimizer(recipe: TrainingRecipe, factors: Float, decay: float) -> Optimizer:
    """Return the optimizer that a recipe names."""
    if recipe.optimizer == "sgd":
        return Momentum(factors, decay)
    return AdamW(factors, decay)
