"""The surface of the training loss between and around the ends of two trainings.

A straight line between two minima usually leads over a barrier; a curve that is trained to avoid it
often leads over none (Garipov et al. 2018; Draxler et al. 2018). Around one of the minima the loss
is taken on a plane of two random directions with filter normalisation (Li et al. 2018).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from minbits.networks.grammar import parse_architecture
from minbits.networks.parameters import ParameterLayout, parameter_layout
from minbits.studies.hessian import edges, exact_hessian, plain_layers, spectrum
from minbits.studies.losses import mean_loss_and_hits
from minbits.studies.protocol import Measured, Study, StudyTask
from minbits.studies.trainability import train_seeds
from minbits.types import DataSet, Plain
from minbits.workers.work import WorkerContext

if TYPE_CHECKING:
    from minbits.training.loop import TrainingData

Float = npt.NDArray[np.float32]
Loss = Callable[[Float], float]

_PATH_POINTS = 21
_SLICE_POINTS = 15
_SLICE_REACH = 1.0
_SLICE_EXAMPLES = 2_000
# Of networks whose whole spectrum is computed; it takes the cube of their number.
_MAX_PARAMETERS = 3_000
# The streams of random numbers of a pair, apart from those of its trainings.
_CURVE_STREAM, _SLICE_STREAM = 1, 2


def bend(start: Float, control: Float, end: Float, place: float) -> Float:
    """Return the point of a quadratic Bézier curve at ``place`` in [0, 1]."""
    here, there = np.float32(1 - place), np.float32(place)
    return np.asarray(here**2 * start + 2 * here * there * control + there**2 * end, np.float32)


def slice_directions(layout: ParameterLayout, values: Float, seed: int) -> tuple[Float, Float]:
    """Return two random directions, each unit's weights as long as the network's own.

    Biases do not move. The two are independent, and nearly orthogonal where there are many weights.
    """
    generator = np.random.default_rng((seed, _SLICE_STREAM))
    found = []
    for _ in range(2):
        direction = np.zeros_like(values)
        for slot in layout.slots:
            part = slice(slot.weights_at, slot.weights_at + slot.outputs * slot.taps)
            own = values[part].reshape(slot.outputs, -1)
            drawn = generator.standard_normal(own.shape, np.float32)
            drawn *= np.linalg.norm(own, axis=1, keepdims=True) / np.linalg.norm(
                drawn, axis=1, keepdims=True
            )
            direction[part] = drawn.ravel()
        found.append(direction)
    return found[0], found[1]


def measure(task: StudyTask, data: DataSet, context: WorkerContext) -> Sequence[Measured]:
    """Train two networks a seed, ``2 seed`` and ``2 seed + 1``; measure between and around them.

    ``line`` and ``curve`` are training losses at even places of the two paths; ``least`` and
    ``largest`` are eigenvalues of the Hessian at the first end, ``negative`` counts those below
    zero, in small networks; ``plane`` holds losses of the first examples around it. Settings are
    those of a study of trainability, of depth 1.

    Raises:
        FloatingPointError: if a training diverges.
        StoppedError: if asked to stop.
    """
    return [_measure_pair(task, seed, data, context) for seed in task.seeds]


def _measure_pair(task: StudyTask, seed: int, data: DataSet, context: WorkerContext) -> Measured:
    # In the worker alone: compiled code takes a second to load, which the parent does not need.
    from minbits.training.lanes.engine import LanesEngine

    start = time.perf_counter()
    architecture = parse_architecture(
        str(task.settings["architecture"]), data.input_shape, data.input_exponent
    )
    layout, engine = parameter_layout(architecture, normalised=False), LanesEngine()
    pair = StudyTask(task.settings, (2 * seed, 2 * seed + 1))
    (one, two), train = train_seeds(pair, data, context)

    def loss_on(examples: int) -> Loss:
        part = train.part(examples)
        return lambda values: mean_loss_and_hits(
            engine.logits(architecture, values, part.inputs), part.labels
        )[0]

    whole, few = loss_on(len(train.labels)), loss_on(_SLICE_EXAMPLES)
    control = _trained_control(task, seed, layout, (one, two), train, context)
    places = np.linspace(0, 1, _PATH_POINTS)
    middle = (one + two) / np.float32(2)  # with it, the curve is the straight line
    across, down = slice_directions(layout, one, seed)
    steps = np.linspace(-_SLICE_REACH, _SLICE_REACH, _SLICE_POINTS, dtype=np.float32)
    problem = (
        plain_layers(layout, one),
        train.inputs.reshape(len(train.labels), -1).astype(np.float64),
        train.labels,
    )
    least, largest = edges(*problem)
    is_small = layout.size <= _MAX_PARAMETERS
    result: dict[str, Plain] = {
        "line": [whole(bend(one, middle, two, place)) for place in places],
        "curve": [whole(bend(one, control, two, place)) for place in places],
        "least": least,
        "largest": largest,
        "negative": spectrum(*exact_hessian(*problem)).negative if is_small else None,
        "plane": [[few(one + a * across + b * down) for a in steps] for b in steps],
    }
    return Measured(task.settings, seed, result, time.perf_counter() - start)


def _trained_control(
    task: StudyTask,
    seed: int,
    layout: ParameterLayout,
    ends: tuple[Float, Float],
    train: TrainingData,
    context: WorkerContext,
) -> Float:
    """Return the middle point of a Bézier curve whose mean loss is small, trained as ends were."""
    from minbits.training.engine import ObjectiveSettings
    from minbits.training.lanes.engine import LanesEngine
    from minbits.training.loop import Draw, LoopSettings, run_epochs
    from minbits.training.optimizers import Momentum
    from minbits.training.schedule import cosine

    batch = int(str(task.settings["batch_size"]))
    objective = LanesEngine().objective(layout, train, ObjectiveSettings(batch))
    control = (ends[0] + ends[1]) / np.float32(2)
    gradient = np.zeros_like(control)
    optimizer = Momentum(np.ones_like(control), 0.0)
    generator = np.random.default_rng((seed, _CURVE_STREAM))

    def step(draw: Draw, rate: float, progress: float) -> float:
        place = generator.uniform()
        loss = objective.loss_and_gradient(bend(ends[0], control, ends[1], place), draw, gradient)
        gradient[:] *= np.float32(2 * place * (1 - place))
        optimizer.step(control, gradient, rate)
        return loss

    settings = LoopSettings(
        int(str(task.settings["epochs"])), batch, cosine(float(str(task.settings["learning_rate"])))
    )
    run_epochs(train, settings, seed, step, lambda epoch: None, context.should_stop)
    return control


SURFACE = Study(
    "surface", measure, "Garipov et al. 2018, Loss Surfaces, Mode Connectivity, and Fast Ensembling"
)
