"""The information plane: what each layer says about input and label while a network is trained.

After Shwartz-Ziv & Tishby 2017 (*Opening the Black Box of Deep Neural Networks via Information*),
Saxe et al. 2018 (*On the Information Bottleneck Theory of Deep Learning*) and Lorenzen et al. 2022
(*Information Bottleneck: Exact Analysis of (Quantized) Neural Networks*).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from minbits.information.layer_information import (
    BINNINGS,
    adaptive_bins,
    counted_information,
)
from minbits.studies.plane_network import PlaneNetwork, PlaneTraining, TrainedState, log_spaced
from minbits.studies.protocol import Measured, Study, StudyTask
from minbits.types import DataSet, Plain
from minbits.workers.work import WorkerContext

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]
Series = dict[str, list[list[float]]]
EstimatorName = Literal["binned", "kde", "exact", "probe"]

MAX_EXAMPLES = 4096  # that layers are measured on: all patterns of the problem of twelve bits
SCANNED_BINS = (8, 16, 32, 64, 128, 256, 512, 1024)
# What is measured of the layers, by what the study was asked for.
MEASURES: dict[EstimatorName, tuple[str, ...]] = {
    "binned": (*BINNINGS, "float32"),
    "kde": (*BINNINGS, "float32", "density_low", "density_high"),
    "exact": ("exact",),
    "probe": (*BINNINGS, "float32", "probe"),
}
_DIGITS = 4


@dataclass(frozen=True)
class PlanePlan:
    """What is trained and measured.

    Attributes:
        network: the network.
        estimator: what is measured.
        seeds: trainings.
        epochs: of each of them.
        points: epochs at which layers are measured, about.
        learning_rate: of all steps.
        batch_size: examples a step.
    """

    network: PlaneNetwork
    estimator: EstimatorName
    seeds: int
    epochs: int
    points: int
    learning_rate: float
    batch_size: int

    def settings(self) -> dict[str, Plain]:
        """Return all that a result depends on but the data and the seed."""
        return {
            "sizes": list(self.network.sizes),
            "activation": self.network.activation,
            "bits": self.network.bits,
            "estimator": self.estimator,
            "epochs": self.epochs,
            "points": self.points,
            "learning_rate": self.learning_rate,
            "batch_size": self.batch_size,
            "optimizer": "Adam",
        }


def plane_tasks(plan: PlanePlan, done: set[int]) -> list[StudyTask]:
    """Return one task for each seed that is not measured yet."""
    settings = plan.settings()
    return [StudyTask(settings, (seed,)) for seed in range(plan.seeds) if seed not in done]


@dataclass(frozen=True, eq=False)
class MeasuredExamples:
    """Examples on which layers are measured.

    Attributes:
        inputs: shape ``(examples, inputs)``.
        labels: shape ``(examples,)``.
        training: how many of them, the first ones, are training examples.
    """

    inputs: Float
    labels: Int
    training: int

    @property
    def ceiling_bits(self) -> float:
        """The largest I(X;T) that can be seen: that of an example drawn at random with itself."""
        return float(np.log2(len(self.labels)))


def flat_inputs(data: DataSet, inputs: npt.NDArray[np.generic]) -> Float:
    """Return inputs as networks read them, shape ``(examples, inputs)``."""
    scaled = inputs.astype(np.float32) * np.float32(2.0**-data.input_exponent)
    return np.ascontiguousarray(scaled.reshape(len(inputs), -1))


def measured_examples(data: DataSet) -> MeasuredExamples:
    """Return the examples to measure on: all, or of larger sets the first of both parts.

    Of a large set four of five are training examples.
    """
    train, test = len(data.train_labels), len(data.test_labels)
    if train + test > MAX_EXAMPLES:
        test = min(test, MAX_EXAMPLES // 5)
        train = min(train, MAX_EXAMPLES - test)
    inputs = [data.train_inputs[:train], data.test_inputs[:test]]
    labels = np.concatenate([data.train_labels[:train], data.test_labels[:test]])
    flat = np.concatenate([flat_inputs(data, part) for part in inputs])
    return MeasuredExamples(flat, labels.astype(np.int64), train)


def measure(task: StudyTask, data: DataSet, context: WorkerContext) -> Sequence[Measured]:
    """Train one network a seed and return what its layers say, epoch by epoch.

    Of each measure, ``<measure>_input`` is I(X;T) and ``<measure>_label`` is I(T;Y) in bits, a list
    of layers for each of the ``measured_epochs``.

    Raises:
        FloatingPointError: if a training diverges.
    """
    settings = task.settings
    network = PlaneNetwork(
        tuple(int(str(size)) for size in _listed(settings["sizes"])),
        str(settings["activation"]),
        int(str(settings["bits"])),
    )
    training = PlaneTraining(
        flat_inputs(data, data.train_inputs), data.train_labels.astype(np.int64),
        int(str(settings["batch_size"])), float(str(settings["learning_rate"])),
    )  # fmt: skip
    epochs = log_spaced(int(str(settings["epochs"])), int(str(settings["points"])))
    results = []
    for seed in task.seeds:
        start, busy = time.perf_counter(), time.process_time()
        states = []
        for state in training.states(network, seed, epochs, context.should_stop):
            context.report(state.epoch)
            states.append(state)
        result = _measured_states(network, states, data, str(settings["estimator"]))
        used: dict[str, Plain] = {"processor_seconds": round(time.process_time() - busy, 2)}
        seconds = time.perf_counter() - start
        results.append(Measured(settings, seed, result | used, seconds))
    return results


def _listed(value: Plain) -> Sequence[Plain]:
    assert isinstance(value, Sequence)
    return value


def _measured_states(
    network: PlaneNetwork, states: Sequence[TrainedState], data: DataSet, estimator: str
) -> dict[str, Plain]:
    examples = measured_examples(data)
    series: Series = {}
    largest, last = _no_scan(network), _no_scan(network)
    right: list[list[int]] = []
    for state in states:
        layers = network.layers(state.values, state.ranges, examples.inputs)
        for name, (about_input, about_label) in _measures(layers, examples, estimator).items():
            series.setdefault(f"{name}_input", []).append(_rounded(about_input))
            series.setdefault(f"{name}_label", []).append(_rounded(about_label))
        correct = layers[-1].argmax(axis=1) == examples.labels
        right.append(
            [int(correct[: examples.training].sum()), int(correct[examples.training :].sum())]
        )
        if not network.bits:
            last = _scan(layers, examples.labels)
            largest = np.maximum(largest, last)
    found: dict[str, Plain] = {
        "measured_epochs": [state.epoch for state in states],
        "losses_nats": [None if state.loss is None else round(state.loss, 6) for state in states],
        "correct": right,
        "examples": [examples.training, len(examples.labels) - examples.training],
        **series,
    }
    if network.bits:
        return found
    return found | {
        "scanned_bins": list(SCANNED_BINS),
        "scanned_largest": [_rounded(row) for row in largest.tolist()],
        "scanned_last": [_rounded(row) for row in last.tolist()],
    }


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, _DIGITS) for value in values]


def _no_scan(network: PlaneNetwork) -> npt.NDArray[np.float64]:
    return np.zeros((len(SCANNED_BINS), len(network.sizes) - 1))


def _scan(layers: Sequence[Float], labels: Int) -> npt.NDArray[np.float64]:
    """Return I(X;T) by bins over the range of each layer, shape ``(numbers of bins, layers)``."""
    return np.array(
        [
            [counted_information(adaptive_bins(layer, bins), labels)[0] for layer in layers]
            for bins in SCANNED_BINS
        ]
    )


def _measures(
    layers: Sequence[Float], examples: MeasuredExamples, estimator: str
) -> dict[str, tuple[list[float], list[float]]]:
    """Return of each measure I(X;T) and I(T;Y), layer by layer."""
    labels = examples.labels
    pairs: dict[str, list[tuple[float, float]]] = {}
    if estimator == "exact":
        pairs["exact"] = [counted_information(layer, labels) for layer in layers]
    else:
        for name, discretise in BINNINGS.items():
            pairs[name] = [counted_information(discretise(layer), labels) for layer in layers]
        pairs["float32"] = [counted_information(layer, labels) for layer in layers]
    if estimator == "kde":
        # Compiled code takes a second to load, which the parent of a study does not need.
        from minbits.information.kernel_density import density_bounds

        bounds = [density_bounds(layer, labels) for layer in layers]
        pairs["density_low"] = [(item.input_low, item.label_low) for item in bounds]
        pairs["density_high"] = [(item.input_high, item.label_high) for item in bounds]
    if estimator == "probe":
        from minbits.studies.plane_probe import probe_information

        split = examples.training
        # I(X;T) of real values is infinite; what the examples can show of it is their own number.
        pairs["probe"] = [
            (examples.ceiling_bits, probe_information(layer, labels, split)) for layer in layers
        ]
    return {
        name: ([pair[0] for pair in row], [pair[1] for pair in row]) for name, row in pairs.items()
    }


PLANE = Study(
    "plane",
    measure,
    "Shwartz-Ziv & Tishby 2017; Saxe et al. 2018; Lorenzen et al. 2022",
)
