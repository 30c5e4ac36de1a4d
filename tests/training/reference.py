"""The loss and gradient of the lanes engine, and PyTorch's, of one batch of a random network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from minbits.codec.architecture import Architecture, class_count
from minbits.networks.parameters import ParameterLayout, parameter_layout
from minbits.training.distortion import random_distortions
from minbits.training.engine import Engine, Objective, ObjectiveSettings
from minbits.training.lanes.engine import LanesEngine
from minbits.training.loop import Draw, TrainingData
from minbits.training.torch_engine import TorchEngine

ENGINES: list[Engine] = [TorchEngine(torch.device("cpu")), LanesEngine()]


@dataclass
class Problem:
    """A network with random parameters, random examples and a batch of them."""

    architecture: Architecture
    normalised: bool
    settings: ObjectiveSettings
    seed: int = 0
    affine: float = 0.0
    elastic: float = 0.0
    layout: ParameterLayout = field(init=False)

    def __post_init__(self) -> None:
        generator = np.random.default_rng(self.seed)
        batch, classes = self.settings.batch_size, class_count(self.architecture)
        shape = self.architecture.input_shape
        self.layout = parameter_layout(self.architecture, self.normalised)
        noise = generator.normal(0, 0.2, self.layout.size)
        self.values = self.layout.initial(self.seed) + noise.astype(np.float32)
        inputs = generator.normal(0, 1, (2 * batch, *shape)).astype(np.float32)
        soft = generator.dirichlet(np.ones(classes), 2 * batch).astype(np.float32)
        self.data = TrainingData(inputs, generator.integers(0, classes, 2 * batch), soft)
        self.draws = [
            Draw(
                generator.permutation(2 * batch)[:batch],
                random_distortions(batch, shape[1:], self.affine, self.elastic, generator),
            )
            for _ in range(2)
        ]

    def objective(self, engine: Engine) -> Objective:
        return engine.objective(self.layout, self.data, self.settings)


def assert_agree(
    problem: Problem, tolerance: float = 1e-4, engines: Sequence[Engine] = ENGINES
) -> None:
    """Two batches one after the other: nothing of the first may show in the second."""
    one, other = (problem.objective(engine) for engine in engines)
    expected, found = np.zeros_like(problem.values), np.full_like(problem.values, np.nan)
    for draw in problem.draws:
        expected_loss = one.loss_and_gradient(problem.values, draw, expected)
        loss = other.loss_and_gradient(problem.values, draw, found)
        assert abs(loss - expected_loss) <= tolerance * max(1.0, abs(expected_loss))
        # Gradients that vanish in exact arithmetic are rounding noise in both: one common scale.
        scale = float(np.abs(expected).max(initial=0.0))
        assert np.abs(found - expected).max(initial=0.0) <= tolerance * scale + 1e-7
        for first, second in ((one.means, other.means), (one.variances, other.variances)):
            assert np.allclose(first, second, rtol=tolerance, atol=tolerance)
