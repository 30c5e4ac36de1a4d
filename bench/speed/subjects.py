"""What the benchmark times: each subject is a function that takes some training steps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minbits.networks.parameters import parameter_layout
from minbits.training.context import TrainingContext
from minbits.training.distortion import NO_DISTORTIONS
from minbits.training.engine import ObjectiveSettings
from minbits.training.float_phase import FloatTraining, loop_settings
from minbits.training.lanes.engine import LanesEngine
from minbits.training.loop import Draw, TrainingData, run_epochs
from minbits.training.many import train_many
from speed.cases import CASES, MAX_STEPS, SGEMM_SIZE, Case
from speed.torch_loop import Layout, Sampling, TorchTraining

Steps = Callable[[int], None]


def _part(data: TrainingData, count: int) -> TrainingData:
    """Return ``count`` examples, from the start over again where there are too few."""
    indices = np.arange(count) % len(data.labels)
    return TrainingData(np.ascontiguousarray(data.inputs[indices]), data.labels[indices])


def _lanes(case: Case) -> Steps:
    if case.networks > 1:
        return _many(case)
    architecture, data = case.training()
    data = _part(data, max(len(data.labels), MAX_STEPS * case.batch_size))
    recipe = case.recipe()
    training = FloatTraining(architecture, TrainingContext(recipe, 0, data, data, LanesEngine()))

    def run(steps: int) -> None:
        part = data.part(steps * case.batch_size)
        run_epochs(part, loop_settings(recipe), 0, training.step, lambda epoch: None, lambda: False)

    return run


def _many(case: Case) -> Steps:
    architecture, data = case.training()

    def run(steps: int) -> None:
        part = _part(data, steps * case.batch_size)
        seeds = range(case.networks)
        train_many(architecture, case.recipe(), seeds, part, lambda e, v: None, lambda: False)

    return run


def _lanes_passes(case: Case) -> Steps:
    """Forward and backward pass alone, without augmentation and optimizer."""
    architecture, data = case.training()
    layout = parameter_layout(architecture, normalised=True)
    objective = LanesEngine().objective(layout, data, ObjectiveSettings(case.batch_size))
    values = layout.initial(0)
    gradient, draw = np.zeros_like(values), Draw(np.arange(case.batch_size), NO_DISTORTIONS)

    def run(steps: int) -> None:
        for _ in range(steps):
            objective.loss_and_gradient(values, draw, gradient)

    return run


def _torch(case: Case, layout: Layout, compiles: bool, sampling: Sampling) -> Steps:
    architecture, data = case.training()
    trainings = [
        TorchTraining(
            architecture, data, case.batch_size, case.augmentation, seed, layout, compiles, sampling
        )
        for seed in range(case.networks)
    ]

    def run(steps: int) -> None:
        for training in trainings:
            training.run(steps)

    return run


def _sgemm(case: Case) -> Steps:
    generator = np.random.default_rng(0)
    a, b = generator.standard_normal((2, SGEMM_SIZE, SGEMM_SIZE), np.float32)
    out = np.empty_like(a)

    def run(steps: int) -> None:
        for _ in range(steps):
            np.matmul(a, b, out=out)

    return run


SUBJECTS: dict[str, Callable[[Case], Steps]] = {
    "lanes": _lanes,
    "lanes passes": _lanes_passes,
    "sgemm": _sgemm,
    "eager nchw": lambda case: _torch(case, "nchw", False, "compiled"),
    "eager channels_last": lambda case: _torch(case, "channels_last", False, "compiled"),
    "eager nchw, grid_sample": lambda case: _torch(case, "nchw", False, "grid_sample"),
    "compile nchw": lambda case: _torch(case, "nchw", True, "compiled"),
    "compile channels_last": lambda case: _torch(case, "channels_last", True, "compiled"),
}


def make_subject(case: str, subject: str) -> Steps:
    """Return the function that takes steps of a subject on a case."""
    return SUBJECTS[subject](CASES[case])
