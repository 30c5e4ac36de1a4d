"""How many epochs fit into the time that a trial has."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass

from minbits.codec.architecture import Architecture
from minbits.compression.quantized_phase import train_quantized
from minbits.records import TrainingRecipe
from minbits.training.engine import Engine
from minbits.training.float_phase import train_float
from minbits.training.loop import TrainingData

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


def measure_epoch_seconds(
    architecture: Architecture,
    recipe: TrainingRecipe,
    data: TrainingData,
    held_out: TrainingData,
    engine: Engine,
    clock: Callable[[], float] = time.perf_counter,
) -> EpochSeconds:
    """Time some steps of both phases on throw-away networks and scale up to an epoch.

    The cost of validation after each epoch is measured on its real size.
    """
    seconds: list[float] = []
    for steps in (_WARM_UP_STEPS, _TIMED_STEPS):
        part = _first_steps(data, recipe, steps)
        few = _first_steps(held_out, recipe, 1)
        # Small sets are gone through several times, or what a run costs once would count.
        epochs = max(1, steps * recipe.batch_size // len(part.labels))
        several = dataclasses.replace(recipe, float_epochs=epochs, quantized_epochs=epochs)
        start = clock()
        values = train_float(
            architecture,
            several,
            0,
            part,
            few,
            lambda epoch, accuracy: None,
            lambda: False,
            engine,
        )
        middle = clock()
        train_quantized(
            architecture,
            values,
            several,
            0,
            part,
            few,
            lambda epoch, accuracy, size_bits: None,
            lambda: False,
            engine,
        )
        seconds = [middle - start, clock() - middle]
    # A forward pass takes about a third of a step.
    timed = epochs * (len(part.labels) + len(few.labels) / 3)
    scale = (len(data.labels) + len(held_out.labels) / 3) / timed
    return EpochSeconds(seconds[0] * scale, seconds[1] * scale)


def plan_epochs(recipe: TrainingRecipe, epoch: EpochSeconds, seconds_left: float) -> TrainingRecipe:
    """Return the recipe with its epochs cut, both phases alike, to what fits into the time."""
    wanted = (
        recipe.float_epochs * epoch.float_phase + recipe.quantized_epochs * epoch.quantized_phase
    )
    usable = max(0.0, seconds_left - _FIXED_SECONDS) * _USED_PART
    part = min(1.0, usable / wanted)
    return dataclasses.replace(
        recipe,
        float_epochs=max(min(1, recipe.float_epochs), int(recipe.float_epochs * part)),
        quantized_epochs=max(1, int(recipe.quantized_epochs * part)),
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
    fitting = int(usable / (epoch.quantized_phase * slowdown))
    return dataclasses.replace(planned, quantized_epochs=max(1, min(most_epochs, fitting)))
