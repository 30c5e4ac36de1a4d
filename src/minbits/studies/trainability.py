"""How far trainings from many initialisations end apart, against the width of the network.

The protocol is that of Choromanska et al. 2015 (*The Loss Surfaces of Multilayer Networks*): one
network a seed, stochastic gradient descent with a rate that falls to zero, and the losses at the
end. The test set is an object of the study, nothing is chosen by it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from minbits.networks.grammar import parse_architecture
from minbits.networks.parameters import parameter_layout
from minbits.studies.losses import Loss, loss_key, loss_named, mean_loss_and_hits
from minbits.studies.protocol import Measured, Study, StudyTask
from minbits.studies.trainability_statistics import LayerKind
from minbits.types import DataSet, Plain, TrainingRecipe
from minbits.workers.work import WorkerContext

if TYPE_CHECKING:
    from minbits.training.loop import TrainingData

Float = npt.NDArray[np.float32]
Normalisation = Literal["none", "batch", "rms"]

# Networks that are trained in one call: many share the calls of compiled code.
_SEEDS_A_TASK = 25
_SEEDS_A_TASK_ON_A_GPU = 250
_CURVE_POINTS = 10
_CURVE_EXAMPLES = 2_000


@dataclass(frozen=True)
class TrainabilityPlan:
    """What is trained.

    Attributes:
        widths: units of each hidden layer, one network each.
        depth: hidden layers.
        seeds: initialisations of each width.
        epochs: of each training.
        learning_rate: the first one; it falls to zero as a cosine.
        batch_size: examples a step.
        weight_bits: of a stored weight, 1, 2, 4 or 8; 32 for none that are rounded.
        device: that trains, ``cpu`` or ``cuda``.
        kind: of hidden layers, fully connected ones or convolutions of 3 x 3.
        normalisation: ``batch`` between a convolution and its rectifiers, folded into the weights
            at the end; ``rms`` of each example behind each hidden layer; or ``none``.
        loss: that is descended, and measured at the end.
    """

    widths: tuple[int, ...]
    depth: int
    seeds: int
    epochs: int
    learning_rate: float
    batch_size: int
    weight_bits: int = 32
    device: str = "cpu"
    kind: LayerKind = "linear"
    normalisation: Normalisation = "none"
    loss: Loss = "cross-entropy"

    def text(self, width: int, classes: int) -> str:
        """Return the architecture of a width in the grammar."""
        behind = "; rmsnorm" if self.normalisation == "rms" else ""
        if self.kind == "linear":
            hidden = [f"linear {width} relu{behind}"] * self.depth
        else:
            layers = [f"conv {width} k3 p1 relu{behind}"] * self.depth
            hidden = ["; maxpool 2; ".join(layers), "avgpool all"]
        return "; ".join([*hidden, f"linear {classes}"])

    def settings(self, width: int, classes: int) -> dict[str, Plain]:
        """Return all that a result depends on but the data and the seed."""
        return {
            "architecture": self.text(width, classes),
            "width": width,
            "epochs": self.epochs,
            "learning_rate": self.learning_rate,
            "batch_size": self.batch_size,
            "optimizer": "stochastic gradient descent, Nesterov's momentum 0.9",
            "schedule": "cosine to zero",
            # Rows of plain trainings on the CPU are named as they always were.
            **({} if self.weight_bits == 32 else {"weight_bits": self.weight_bits}),
            **({} if self.device == "cpu" else {"device": self.device}),
            **({"batch_normalisation": True} if self.normalisation == "batch" else {}),
            **({} if self.loss == "cross-entropy" else {"loss": self.loss}),
        }


def parameter_count(data: DataSet, plan: TrainabilityPlan, width: int) -> int:
    """Return the weights and biases of a network as it runs, normalisation of batches folded in.

    Raises:
        NetworkError: if the network does not fit the data.
    """
    text = plan.text(width, data.class_count)
    architecture = parse_architecture(text, data.input_shape, data.input_exponent)
    return parameter_layout(architecture, normalised=False).size


def trainability_tasks(
    data: DataSet, plan: TrainabilityPlan, done: Mapping[int, set[int]]
) -> list[StudyTask]:
    """Return the tasks that are left, all widths in turn, the widest first.

    Args:
        data: the data set.
        plan: what is trained.
        done: of each width, the seeds that are measured already.
    """
    tasks = []
    together = _SEEDS_A_TASK if plan.device == "cpu" else _SEEDS_A_TASK_ON_A_GPU
    for start in range(0, plan.seeds, together):
        for width in sorted(plan.widths, reverse=True):
            wanted = range(start, min(start + together, plan.seeds))
            seeds = tuple(seed for seed in wanted if seed not in done.get(width, set()))
            cost = float(parameter_count(data, plan, width))
            if seeds:
                settings = plan.settings(width, data.class_count)
                # A step costs something, however small the network is.
                tasks.append(StudyTask(settings, seeds, cost + 2_000))
    return tasks


def train_seeds(
    task: StudyTask,
    data: DataSet,
    context: WorkerContext,
    after_epoch: Callable[[int, Float], None] = lambda epoch, values: None,
) -> tuple[Float, TrainingData]:
    """Train one network a seed as the settings of a task say.

    Args:
        task: of a study of trainability.
        data: the data set; all training examples are trained on.
        context: of the worker.
        after_epoch: called with the epochs done and the parameters of all networks.

    Returns:
        Plain parameters, ``(networks, parameters)``, and the training examples.

    Raises:
        FloatingPointError: if a training diverges.
        NetworkError: if the network cannot be trained on lanes.
        StoppedError: if asked to stop.
    """
    # In the worker alone: compiled code takes a second to load, which the parent does not need.
    from minbits.training.loop import training_data
    from minbits.training.many import train_many

    settings = task.settings
    architecture = parse_architecture(
        str(settings["architecture"]), data.input_shape, data.input_exponent
    )
    recipe = TrainingRecipe(
        float_epochs=int(str(settings["epochs"])),
        quantized_epochs=0,
        batch_size=int(str(settings["batch_size"])),
        learning_rate=float(str(settings["learning_rate"])),
        weight_decay=0.0,
        augmentation=0.0,
        batch_normalisation=bool(settings.get("batch_normalisation", False)),
        optimizer="sgd",
        schedule="cosine",
    )
    train = training_data(data, np.arange(len(data.train_labels)))

    def report(epoch: int, values: Float) -> None:
        context.report(epoch)
        after_epoch(epoch, values)

    bits, device = int(str(settings.get("weight_bits", 32))), str(settings.get("device", "cpu"))
    loss = loss_named(settings.get("loss"))
    if (bits, device, loss) == (32, "cpu", "cross-entropy"):
        values = train_many(architecture, recipe, task.seeds, train, report, context.should_stop)
        return values, train
    from minbits.studies.batched_training import BatchedSettings, train_batched

    values = train_batched(
        architecture,
        recipe,
        task.seeds,
        train,
        BatchedSettings(bits, device, loss),
        report,
        context.should_stop,
    )
    return values, train


def measure(task: StudyTask, data: DataSet, context: WorkerContext) -> Sequence[Measured]:
    """Train one network a seed and return its losses and right answers at the end.

    ``train_loss_nats`` and ``test_loss_nats`` are mean cross-entropies an example; other losses are
    called ``train_loss`` and ``test_loss``. ``curve`` holds pairs of an epoch and the mean loss of
    the first training examples after it.

    Raises:
        FloatingPointError: if a training diverges.
        NetworkError: if the network cannot be trained on lanes.
        StoppedError: if asked to stop.
    """
    from minbits.training.lanes.engine import LanesEngine
    from minbits.training.loop import TrainingData, training_data

    start = time.perf_counter()
    architecture = parse_architecture(
        str(task.settings["architecture"]), data.input_shape, data.input_exponent
    )
    few = training_data(data, np.arange(min(_CURVE_EXAMPLES, len(data.train_labels))))
    test = TrainingData(
        data.test_inputs.astype(np.float32) * np.float32(2.0**-data.input_exponent),
        data.test_labels,
    )
    engine = LanesEngine()
    loss = loss_named(task.settings.get("loss"))
    epochs = int(str(task.settings["epochs"]))
    points = set(np.unique(np.linspace(1, epochs, _CURVE_POINTS).round().astype(int)).tolist())
    curves: list[list[list[float]]] = [[] for _ in task.seeds]

    def keep(epoch: int, values: Float) -> None:
        if epoch in points:
            for curve, row in zip(curves, values, strict=True):
                logits = engine.logits(architecture, row, few.inputs)
                curve.append([epoch, mean_loss_and_hits(logits, few.labels, loss)[0]])

    values, train = train_seeds(task, data, context, keep)
    results: list[dict[str, Plain]] = []
    for curve, row in zip(curves, values, strict=True):
        result: dict[str, Plain] = {"curve": curve}
        for name, part in (("train", train), ("test", test)):
            found, correct = mean_loss_and_hits(
                engine.logits(architecture, row, part.inputs), part.labels, loss
            )
            result |= {
                loss_key(name, loss): found,
                f"{name}_correct": correct,
                f"{name}_examples": len(part.labels),
            }
        results.append(result)
    seconds = (time.perf_counter() - start) / len(task.seeds)
    return [
        Measured(task.settings, seed, result, seconds)
        for seed, result in zip(task.seeds, results, strict=True)
    ]


TRAINABILITY = Study(
    "trainability",
    measure,
    "Choromanska et al. 2015, The Loss Surfaces of Multilayer Networks",
)
