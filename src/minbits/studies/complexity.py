"""Measures of complexity of one network: bits of its file, curvature, learning coefficient.

Trainings are those of the price of trainability (`minbits.studies.price`). The bits are those of
the file that the second phase ends with. Curvature and learning coefficient are taken near the end
of the first phase, where the second one starts: the file's network has lost the scale of its
logits, which no right answer depends on, and with it the meaning of its loss. They are defined at a
minimum, and the first phase ends near one only, so that the loss is descended from there first. A
network that fits all its examples has no minimum, its loss only falls to zero; a small penalty on
the squares of the weights gives it one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import linalg, optimize

from minbits.codec.architecture import Architecture
from minbits.studies.learning_coefficient import (
    ChainSettings,
    LossAndGradient,
    Values,
    local_learning_coefficient,
    quadratic_coefficient,
)
from minbits.studies.protocol import Measured, Study, StudyTask
from minbits.types import DataSet, Plain, TrainingRecipe, TrialConfig
from minbits.workers.work import WorkerContext

_LANES = 32

Float = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Descent:
    """How the minimum near a network is found.

    Attributes:
        steps: of L-BFGS, at most.
        penalty: on the squares of the parameters; part of the loss that has the minimum.
    """

    steps: int
    penalty: float


def full_loss(
    architecture: Architecture, inputs: Float, labels: Labels, penalty: float = 0.0
) -> LossAndGradient:
    """Return the mean cross-entropy of all examples in nats and its gradient, by plain parameters.

    Args:
        architecture: the network.
        inputs: as its first layer sees them, ``(examples, channels, height, width)``.
        labels: shape ``(examples,)``, a multiple of 32 for the lanes engine.
        penalty: half of it times the sum of the squares of all parameters is added.
    """
    from minbits.networks.parameters import parameter_layout
    from minbits.training.choice import choose_engine
    from minbits.training.distortion import NO_DISTORTIONS
    from minbits.training.engine import ObjectiveSettings
    from minbits.training.loop import Draw, TrainingData

    layout = parameter_layout(architecture, normalised=False)
    engine = choose_engine("auto", architecture, TrainingRecipe(1, 0), len(labels))
    objective = engine.objective(
        layout, TrainingData(inputs, labels), ObjectiveSettings(len(labels))
    )
    draw = Draw(np.arange(len(labels)), NO_DISTORTIONS)

    def loss_and_gradient(values: Values) -> tuple[float, Values]:
        gradient = np.empty(layout.size, np.float32)
        loss = objective.loss_and_gradient(values.astype(np.float32), draw, gradient)
        squares = 0.5 * penalty * float(values @ values)
        return float(loss) + squares, gradient.astype(np.float64) + penalty * values

    return loss_and_gradient


def full_hessian(
    architecture: Architecture, values: Values, inputs: Float, labels: Labels, penalty: float = 0.0
) -> Values:
    """Return the Hessian of the loss of `full_loss`, ``(parameters, parameters)``, symmetric."""
    import torch
    from torch.nn import functional

    from minbits.networks.parameters import parameter_layout
    from minbits.networks.torch_layers import TrainingPass

    layout = parameter_layout(architecture, normalised=False)
    run = TrainingPass(layout, len(labels), 0.0, torch.Generator())
    here = torch.from_numpy(values.astype(np.float32)).requires_grad_()
    logits, _, _ = run.logits(here, torch.from_numpy(inputs))
    loss = functional.cross_entropy(logits, torch.from_numpy(labels))
    (slope,) = torch.autograd.grad(loss, here, create_graph=True)
    found = np.empty((len(values), len(values)))
    for row, one in enumerate(torch.eye(len(values))):
        (line,) = torch.autograd.grad(slope, here, one, retain_graph=True)
        found[row] = line.numpy()
    return np.asarray(0.5 * (found + found.T) + penalty * np.eye(len(values)))


def measure(task: StudyTask, data: DataSet, context: WorkerContext) -> Sequence[Measured]:
    """Train, quantise, write and decode one network a seed, and measure its complexity.

    Settings are those of a training of the price, ``descent_steps``, ``penalty``, and those of the
    chains: ``localisation``, ``burn_in``, ``steps`` and ``chains``. Losses are those of the
    examples that were trained on, but for the last few of them that fill no lanes. The test set is
    not looked at.

    Raises:
        StoppedError: if asked to stop.
    """
    # In the worker alone: compiled code takes a second to load, which the parent does not need.
    import torch

    from minbits.codec.file_format import decode_network
    from minbits.data.splits import validation_split
    from minbits.networks.zoo import architecture_for
    from minbits.search.trial import run_trial
    from minbits.training.choice import choose_engine
    from minbits.training.context import TrainingContext
    from minbits.training.float_phase import train_float
    from minbits.training.loop import StoppedError, batch_of, training_data

    def go_on() -> None:
        if context.should_stop():
            raise StoppedError

    torch.set_num_threads(1)
    fields = dict(task.settings)
    chains = ChainSettings(
        float(str(fields.pop("localisation"))), int(str(fields.pop("burn_in"))),
        int(str(fields.pop("steps"))), int(str(fields.pop("chains"))),
    )  # fmt: skip
    descent = Descent(int(str(fields.pop("descent_steps"))), float(str(fields.pop("penalty"))))
    text = str(fields.pop("architecture"))
    architecture = architecture_for(text, data)
    recipe = TrainingRecipe(**fields)  # type: ignore[arg-type]
    kept, held_out = validation_split(data)
    train, validation = training_data(data, kept), training_data(data, held_out)
    engine = choose_engine("auto", architecture, recipe, batch_of(train, recipe.batch_size))
    whole = len(kept) // _LANES * _LANES
    results = []
    for seed in task.seeds:
        start = time.perf_counter()
        outcome = run_trial(TrialConfig(text, recipe, seed), data, seed, context)
        if outcome.status == "interrupted":
            raise StoppedError
        result: dict[str, Plain] = {"failed": outcome.error or outcome.status}
        if outcome.network_file is not None:
            phase = TrainingContext(
                recipe, seed, train, validation, engine, should_stop=context.should_stop
            )
            values = train_float(architecture, phase).astype(np.float64)
            result = {
                "size_bits": outcome.size_bits,
                "parameters": len(values),
                "nonzero": decode_network(outcome.network_file).nonzero_count,
                "validation_correct": outcome.validation_correct,
                "validation_examples": outcome.validation_examples,
                **complexity_at(
                    architecture, values, (train.inputs[:whole], train.labels[:whole]),
                    descent, chains, seed, go_on,
                ),
            }  # fmt: skip
        results.append(Measured(task.settings, seed, result, time.perf_counter() - start))
    return results


def complexity_at(
    architecture: Architecture,
    values: Values,
    examples: tuple[Float, Labels],
    descent: Descent,
    chains: ChainSettings,
    seed: int,
    after_step: Callable[[], None] = lambda: None,
) -> dict[str, Plain]:
    """Return curvature and learning coefficient at the minimum that a descent from a network finds.

    Args:
        architecture: of the network.
        values: its plain parameters.
        examples: inputs and labels, as `full_loss` takes them.
        descent: how the minimum is found.
        chains: how the posterior is drawn from.
        seed: of the chains.
        after_step: called after every step of a chain.
    """
    loss_and_gradient = full_loss(architecture, *examples, descent.penalty)
    start, trained_loss = values, loss_and_gradient(values)[0]
    options = {"maxiter": descent.steps, "maxfun": 2 * descent.steps, "ftol": 0.0, "gtol": 0.0}
    end = optimize.minimize(loss_and_gradient, start, jac=True, method="L-BFGS-B", options=options)
    values = np.asarray(end.x, np.float64)
    hessian = full_hessian(architecture, values, *examples, descent.penalty)
    curvatures, vectors = linalg.eigh(hessian)
    found = local_learning_coefficient(
        loss_and_gradient, values, len(examples[1]), chains, seed, after_step, (curvatures, vectors)
    )
    return {
        "trained_loss_nats": trained_loss,
        "distance": float(np.linalg.norm(values - start)),
        "train_loss_nats": found.loss - 0.5 * descent.penalty * float(values @ values),
        "penalised_loss_nats": found.loss,
        "gradient_norm": float(np.linalg.norm(end.jac)),
        "least_eigenvalue": float(curvatures[0]),
        "largest_eigenvalue": float(curvatures[-1]),
        "trace": float(curvatures.sum()),
        "quadratic_coefficient": quadratic_coefficient(
            curvatures, len(examples[1]), chains.localisation
        ),
        "learning_coefficient": found.value,
        "standard_error": found.standard_error,
        "acceptance": found.acceptance,
        "posterior_loss_nats": found.mean_loss,
    }


COMPLEXITY = Study(
    "complexity",
    measure,
    "Lau et al. 2023, The Local Learning Coefficient: A Singularity-Aware Complexity Measure",
)
