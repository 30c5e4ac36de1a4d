"""How many epochs fit into the time that a trial has."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import Architecture
from minbits.compression.quantized_phase import train_quantized
from minbits.training.context import TrainingContext
from minbits.training.float_phase import train_float
from minbits.training.loop import TrainingData
from minbits.types import TrainingRecipe

Float = npt.NDArray[np.float32]
Clock = Callable[[], float]

_WARM_UP_STEPS = 8
_TIMED_STEPS = 40
# What the plan leaves free: machines have slower minutes, and a file must be written and decoded.
_USED_PART = 0.93
_FIXED_SECONDS = 3.0


@dataclass(frozen=True)
class EpochSeconds:
    """Measured seconds of one epoch of each phase."""

    float_phase: float
    quantized_phase: float


def _first_steps(data: TrainingData, recipe: TrainingRecipe, steps: int) -> TrainingData:
    return data.part(min(len(data.labels), steps * recipe.batch_size))


def step_seconds(train: Callable[[Callable[[], bool]], object], clock: Clock) -> float:
    """Return the mean time of a step, of those after the first few.

    Args:
        train: takes a function that is asked after every step whether to stop.
        clock: in seconds.
    """
    ticks: list[float] = []

    def tick() -> bool:
        ticks.append(clock())
        return False

    train(tick)
    # What a run costs once, before its first step and after its last, is not among them.
    first = min(_WARM_UP_STEPS, len(ticks) // 2) - 1
    return (ticks[-1] - ticks[first]) / (len(ticks) - 1 - first)


def measure_epoch_seconds(architecture: Architecture, context: TrainingContext) -> EpochSeconds:
    """Time some steps of both phases on a throw-away network and scale up to an epoch.

    Validation after each epoch counts as a third of as many examples' steps: a forward pass.
    """
    steps, batch = _WARM_UP_STEPS + _TIMED_STEPS, context.batch
    part = _first_steps(context.data, context.recipe, steps)
    # Small sets are gone through several times, or there would be too few steps.
    epochs = max(1, -(-steps // (len(part.labels) // batch)))
    few = TrainingContext(
        dataclasses.replace(
            context.recipe, float_epochs=epochs, quantized_epochs=epochs, finishing_epochs=0
        ), 0, part,
        _first_steps(context.validation, context.recipe, 1), context.engine,
    )  # fmt: skip
    values: Float | None = None

    def first_phase(tick: Callable[[], bool]) -> None:
        nonlocal values
        values = train_float(architecture, dataclasses.replace(few, should_stop=tick))

    def second_phase(tick: Callable[[], bool]) -> None:
        assert values is not None
        train_quantized(architecture, values, dataclasses.replace(few, should_stop=tick))

    steps_an_epoch = len(context.data.labels) // batch + len(context.validation.labels) / (
        3 * batch
    )
    return EpochSeconds(
        step_seconds(first_phase, context.clock) * steps_an_epoch,
        step_seconds(second_phase, context.clock) * steps_an_epoch,
    )


def plan_epochs(recipe: TrainingRecipe, epoch: EpochSeconds, seconds_left: float) -> TrainingRecipe:
    """Return the recipe with its epochs cut, all phases alike, to what fits into the time."""
    quantized_epochs = recipe.quantized_epochs + recipe.finishing_epochs
    wanted = recipe.float_epochs * epoch.float_phase + quantized_epochs * epoch.quantized_phase
    usable = max(0.0, seconds_left - _FIXED_SECONDS) * _USED_PART
    part = min(1.0, usable / wanted)
    return dataclasses.replace(
        recipe,
        float_epochs=max(min(1, recipe.float_epochs), int(recipe.float_epochs * part)),
        quantized_epochs=max(1, int(recipe.quantized_epochs * part)),
        finishing_epochs=int(recipe.finishing_epochs * part),
    )


def plan_second_phase(
    planned: TrainingRecipe,
    most_epochs: int,
    epoch: EpochSeconds,
    first_phase_seconds: float,
    seconds_left: float,
) -> TrainingRecipe:
    """Return the recipe with its second phase fitted to the time that the first one left.

    Args:
        planned: the recipe as planned before the first phase.
        most_epochs: most epochs of the second phase, where time is plenty.
        epoch: what was measured before the first phase.
        first_phase_seconds: what the first phase took, which tells how fast the machine now is.
        seconds_left: for the second phase.
    """
    slowdown = first_phase_seconds / (planned.float_epochs * epoch.float_phase)
    usable = max(0.0, seconds_left - _FIXED_SECONDS) * _USED_PART
    fitting = int(usable / (epoch.quantized_phase * slowdown)) - planned.finishing_epochs
    return dataclasses.replace(planned, quantized_epochs=max(1, min(most_epochs, fitting)))
