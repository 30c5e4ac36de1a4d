"""The local learning coefficient: how fast the volume of good networks grows around one network.

Lau et al. 2023 (*The Local Learning Coefficient: A Singularity-Aware Complexity Measure*) estimate
it as ``n b (E[L] - L(w))`` with ``b = 1 / log n``, which is Watanabe's WBIC restricted to the
neighbourhood of ``w``. The mean is over a posterior ``exp(-n b L(v) - g/2 |v - w|^2)``. They draw
from it by stochastic gradients; here all examples are used, and each step is accepted or refused
as Metropolis and Hastings do (Roberts & Tweedie 1996), so that the length of a step changes how
fast the chain moves and not what it draws from. The same holds for the directions of the steps:
given the Hessian, they are long where the loss is flat and short where it is steep.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.errors import ArgumentError

Values = npt.NDArray[np.float64]
LossAndGradient = Callable[[Values], tuple[float, Values]]

_BEST_ACCEPTANCE = 0.574  # of such steps in many dimensions (Roberts & Rosenthal 1998)
_ADAPTATION = 0.05


@dataclass(frozen=True)
class ChainSettings:
    """How the posterior is drawn from.

    Attributes:
        localisation: g, the precision of the normal distribution that keeps to the network.
        burn_in: steps that are left out; the length of a step is found meanwhile.
        steps: that are kept.
        chains: independent ones, two or more.
    """

    localisation: float = 100.0
    burn_in: int = 300
    steps: int = 700
    chains: int = 2


@dataclass(frozen=True)
class LearningCoefficient:
    """An estimate of the local learning coefficient.

    Attributes:
        value: the estimate; of a regular model with d parameters it is d / 2.
        standard_error: of the mean over chains.
        acceptance: share of the steps that were accepted.
        mean_loss: over the posterior, nats an example.
        loss: of the network itself, likewise. A posterior with a lower one shows that the network
            is no local minimum.
    """

    value: float
    standard_error: float
    acceptance: float
    mean_loss: float
    loss: float


def local_learning_coefficient(
    loss_and_gradient: LossAndGradient,
    values: Values,
    examples: int,
    settings: ChainSettings,
    seed: int,
    after_step: Callable[[], None] = lambda: None,
    eigen: tuple[Values, Values] | None = None,
) -> LearningCoefficient:
    """Estimate the local learning coefficient of a network at a local minimum.

    Args:
        loss_and_gradient: the mean loss of all examples in nats, and its gradient, at some values.
        values: parameters of the network, ``(parameters,)``.
        examples: n, 2 or more.
        settings: how the posterior is drawn from.
        seed: of the chains.
        after_step: called after every step; what it raises ends the estimate.
        eigen: eigenvalues of the Hessian of the loss at ``values``, and eigenvectors as columns.
            Chains then mix about as fast as if all directions were equally steep; what they draw
            from stays the same.

    Raises:
        ArgumentError: with fewer than two examples or two chains.
    """
    if examples < 2 or settings.chains < 2:
        raise ArgumentError(
            "local_learning_coefficient", f"{examples} examples, {settings.chains} chains",
            "2 or more of each", "Give more.",
        )  # fmt: skip
    scale = examples / math.log(examples)
    loss, _ = loss_and_gradient(values)
    # A first guess without a Hessian: the stiffest direction is rarely softer than this.
    directions: Values = np.eye(len(values)) / math.sqrt(settings.localisation + scale)
    if eigen is not None:
        directions = _directions(*eigen, scale, settings.localisation)
    means, accepted = [], 0.0
    for chain in range(settings.chains):
        generator = np.random.default_rng([seed, chain])
        mean, share = _mean_loss(
            loss_and_gradient, values, scale, settings, directions, generator, after_step
        )
        means.append(mean)
        accepted += share / settings.chains
    found = scale * (np.array(means) - loss)
    error = float(found.std(ddof=1)) / math.sqrt(settings.chains)
    return LearningCoefficient(float(found.mean()), error, accepted, float(np.mean(means)), loss)


def quadratic_coefficient(curvatures: Values, examples: int, localisation: float) -> float:
    """Return what `local_learning_coefficient` is where the loss is a quadratic form.

    Each direction of curvature h counts ``n b h / (n b h + g) / 2``. Those of negative curvature
    count nothing.

    Args:
        curvatures: eigenvalues of the Hessian.
        examples: n, 2 or more.
        localisation: g.
    """
    stiffness = examples / math.log(examples) * np.maximum(curvatures, 0.0)
    return float(0.5 * (stiffness / (stiffness + localisation)).sum())


def _directions(curvatures: Values, vectors: Values, scale: float, localisation: float) -> Values:
    """Return vectors, as columns, along which a quadratic posterior is equally steep."""
    return np.asarray(vectors / np.sqrt(scale * np.maximum(curvatures, 0.0) + localisation))


def _mean_loss(
    loss_and_gradient: LossAndGradient,
    centre: Values,
    scale: float,
    settings: ChainSettings,
    directions: Values,
    generator: np.random.Generator,
    after_step: Callable[[], None],
) -> tuple[float, float]:
    """Return the mean loss along one chain, and the share of accepted steps."""
    pull = settings.localisation

    def at(place: Values) -> tuple[float, float, Values]:
        """Return the loss, the energy and its gradient, at some steps along the directions."""
        apart = directions @ place
        loss, gradient = loss_and_gradient(centre + apart)
        energy = scale * loss + 0.5 * pull * float(apart @ apart)
        return loss, energy, directions.T @ (scale * gradient + pull * apart)

    place = np.zeros_like(centre)
    loss, energy, slope = at(place)
    length = 1.0 / len(centre) ** (1 / 3)
    total, accepted = 0.0, 0
    for step in range(settings.burn_in + settings.steps):
        noise = generator.normal(size=len(place))
        move = -0.5 * length * slope + math.sqrt(length) * noise
        new = place + move
        new_loss, new_energy, new_slope = at(new)
        back = -move + 0.5 * length * new_slope
        log_ratio = energy - new_energy + 0.5 * (float(noise @ noise) - float(back @ back) / length)
        chance = math.exp(min(0.0, log_ratio)) if math.isfinite(log_ratio) else 0.0
        is_accepted = generator.random() < chance
        if is_accepted:
            place, loss, energy, slope = new, new_loss, new_energy, new_slope
        if step < settings.burn_in:
            rate = max(_ADAPTATION, 1 / (step + 1) ** 0.5)
            length *= math.exp(rate * (chance - _BEST_ACCEPTANCE))
        else:
            total += loss
            accepted += is_accepted
        after_step()
    return total / settings.steps, accepted / settings.steps
