"""One trial: train, quantise, write, decode, validate."""

from __future__ import annotations

import dataclasses
import functools
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import Architecture, class_count
from minbits.codec.file_format import decode_network, encode_network
from minbits.compression.quantized_phase import train_quantized
from minbits.compression.symmetries import remove_symmetries
from minbits.data.splits import validation_split
from minbits.energy import EnergyMeter
from minbits.errors import NetworkError
from minbits.evaluation.evaluate import evaluate
from minbits.networks.grammar import format_architecture
from minbits.networks.zoo import architecture_for
from minbits.search.moves.moved import moved_start
from minbits.search.planning import (
    EpochSeconds,
    measure_epoch_seconds,
    plan_epochs,
    plan_second_phase,
)
from minbits.search.precompile import is_precompiled, precompile
from minbits.search.tasks import TrialTask
from minbits.training.choice import choose_engine
from minbits.training.context import EpochReport, TrainingContext
from minbits.training.engine import Engine
from minbits.training.float_phase import train_float
from minbits.training.loop import StoppedError, TrainingData, batch_of, training_data
from minbits.types import DataSet, Progress, TrainingRecipe, TrialConfig, TrialOutcome, TrialStatus
from minbits.workers.work import WorkerContext


class StoppedEarlyError(Exception):
    """The first phase fell behind a milestone."""


@functools.lru_cache(maxsize=1)
def _examples(data: DataSet) -> tuple[TrainingData, TrainingData]:
    """Return the examples to train on and to validate on; scaling them takes as long as an epoch.

    Cached by the data set's identity: a worker runs many trials on one.
    """
    kept, held_out = validation_split(data)
    return training_data(data, kept), training_data(data, held_out)


@dataclass(frozen=True, eq=False)
class _Start:
    """Where the second phase starts; steps are None where they follow from the weights."""

    architecture: Architecture
    values: npt.NDArray[np.float32]
    step_indices: npt.NDArray[np.float32] | None
    engine: Engine


@dataclass
class _Trial:
    """A trial under way; ``config`` becomes what was really done, epochs fitted to the time."""

    task: TrialTask
    data: DataSet
    worker: WorkerContext
    deadline: float
    config: TrialConfig
    milestones: list[float] = field(default_factory=list)
    epoch_seconds: EpochSeconds | None = None

    def __post_init__(self) -> None:
        self.examples, self.validation = _examples(self.data)
        self.wanted = self.config.recipe

    def report(self, stage: str, epoch: int, epochs: int, *facts: float) -> None:
        self.worker.report(Progress(self.task.number, stage, epoch, epochs, *facts))

    def report_float(self, found: EpochReport) -> None:
        epoch, accuracy = found.epoch, found.validation_accuracy
        epochs = self.config.recipe.float_epochs
        self.report("training", epoch, epochs, accuracy)
        for milestone in self.task.milestones[len(self.milestones) :]:
            if epoch < math.ceil(milestone.part * epochs):
                break
            self.milestones.append(accuracy)
            if accuracy < milestone.least_accuracy:
                raise StoppedEarlyError(
                    f"{100 * accuracy:.2f} % on validation after epoch {epoch} of {epochs}, where "
                    f"{100 * milestone.least_accuracy:.2f} % was asked for"
                )

    def report_quantized(self, found: EpochReport) -> None:
        epochs, bits = self.config.recipe.quantized_epochs, found.size_bits or 0.0
        self.report("quantising", found.epoch, epochs, found.validation_accuracy, bits)

    def context(self, recipe: TrainingRecipe, engine: Engine, **more: Any) -> TrainingContext:
        return TrainingContext(
            recipe, self.config.seed, self.examples, self.validation, engine,
            should_stop=self.worker.should_stop, clock=self.worker.clock, **more,
        )  # fmt: skip

    def use(self, **changes: Any) -> None:
        self.config = dataclasses.replace(self.config, **changes)

    def seconds_left(self) -> float:
        return self.deadline - self.worker.clock()

    def engine_for(self, architecture: Architecture) -> Engine:
        batch = batch_of(self.examples, self.wanted.batch_size)
        engine = choose_engine(self.task.config.engine, architecture, self.wanted, batch)
        self.use(engine=engine.name)
        if engine.name == "lanes":
            self._precompile()
        return engine

    def plan(self, architecture: Architecture, engine: Engine) -> None:
        """Fit the epochs of all phases to the time."""
        if not math.isfinite(self.deadline):
            return
        self.report("planning", 0, 0)
        self.epoch_seconds = measure_epoch_seconds(architecture, self.context(self.wanted, engine))
        self.use(recipe=plan_epochs(self.wanted, self.epoch_seconds, self.seconds_left()))

    def random_start(self) -> _Start:
        """Train the first phase from random weights."""
        architecture = architecture_for(self.config.architecture, self.data)
        _check_classes(architecture, self.data)
        engine = self.engine_for(architecture)
        self.plan(architecture, engine)
        start = self.worker.clock()
        context = self.context(self.config.recipe, engine, report=self.report_float)
        values = train_float(architecture, context)
        if self.epoch_seconds is not None:
            spent = self.worker.clock() - start
            most, left = self.wanted.quantized_epochs, self.seconds_left()
            planned = self.config.recipe
            self.use(recipe=plan_second_phase(planned, most, self.epoch_seconds, spent, left))
        return _Start(architecture, values, None, engine)

    def moved_start(self, content: bytes) -> _Start:
        """Start from a file."""
        before = decode_network(content).architecture
        _check_fit(before, self.data)
        tools = self.context(self.wanted, self.engine_for(before))
        start = moved_start(content, self.config.move or "continue", tools)
        engine = self.engine_for(start.architecture)
        self.use(architecture=format_architecture(start.architecture))
        self.plan(start.architecture, engine)
        return _Start(start.architecture, start.values, start.step_indices, engine)

    def train(self) -> bytes:
        """Train within the time and return the network file."""
        content = self.task.parent_file
        start = self.random_start() if content is None else self.moved_start(content)
        context = self.context(self.config.recipe, start.engine, report=self.report_quantized)
        quantized = train_quantized(start.architecture, start.values, context, start.step_indices)
        return encode_network(remove_symmetries(quantized))

    def _precompile(self) -> None:
        """Compile once a machine; later processes load what is cached, later trials nothing."""
        if not is_precompiled():
            self.report("compiling", 0, 0)
            precompile()


def _check_classes(architecture: Architecture, data: DataSet) -> None:
    if class_count(architecture) != data.class_count:
        raise NetworkError(
            "architecture",
            f"{class_count(architecture)} logits",
            f"{data.class_count}, one a class of {data.name}",
            "Change the last layer.",
        )


def _check_fit(architecture: Architecture, data: DataSet) -> None:
    _check_classes(architecture, data)
    got = (architecture.input_shape, architecture.input_exponent)
    expected = (data.input_shape, data.input_exponent)
    if got != expected:
        raise NetworkError(
            "parent file", f"inputs of shape and exponent {got}", str(expected),
            "Start from a file that was made for this data set.",
        )  # fmt: skip


def run_trial(
    config: TrialConfig,
    data: DataSet,
    number: int,
    worker: WorkerContext,
    seconds: float = math.inf,
) -> TrialOutcome:
    """Run one trial from random weights, see `run_task`."""
    return run_task(TrialTask(config, number, seconds), data, worker)


def run_task(task: TrialTask, data: DataSet, worker: WorkerContext) -> TrialOutcome:
    """Run one trial and return what came of it; a trial that fails has an outcome too.

    The validation accuracy is that of the file: decoded from its bytes and run with NumPy. The
    outcome's configuration has the epochs that were really run: with it and without a time limit,
    the same machine gives the same file.

    Args:
        task: architecture, recipe and seed, the time to plan for, and what it starts from; the
            recipe's epochs are the most that are spent.
        data: the data set; its test set is not looked at.
        worker: for progress, for stopping, and the clock.
    """
    with EnergyMeter() as meter:
        outcome = _measured(task, data, worker)
    return dataclasses.replace(outcome, energy_joules=meter.joules)


def _measured(task: TrialTask, data: DataSet, worker: WorkerContext) -> TrialOutcome:
    start = worker.clock()
    config = task.config
    milestones: tuple[float, ...] = ()

    def ended(status: TrialStatus, error: str | None = None, **facts: Any) -> TrialOutcome:
        seconds = worker.clock() - start
        return TrialOutcome(config, status, seconds, error, milestones=milestones, **facts)

    try:
        trial = _Trial(task, data, worker, start + task.seconds, config)
        try:
            network_file = trial.train()
        finally:
            config, milestones = trial.config, tuple(trial.milestones)
        found = evaluate(network_file, data, allow_slow=True)
    except StoppedEarlyError as error:
        return ended("stopped", str(error))
    except (StoppedError, KeyboardInterrupt):
        # The latter is how Ray cancels what runs; our own workers ignore it.
        return ended("interrupted")
    except Exception as error:  # noqa: BLE001 - whatever went wrong becomes a failed row
        return ended("failed", f"{type(error).__name__}: {error}")
    return found.counted(ended("done", network_file=network_file))
