"""One trial: train, quantise, write, decode, validate."""

from __future__ import annotations

import dataclasses
import math
import time
from dataclasses import dataclass

import numpy as np

from minbits.codec.architecture import Architecture, class_count
from minbits.codec.file_format import decode_network, encode_network
from minbits.codec.inference import predict
from minbits.compression.quantized_phase import train_quantized
from minbits.compression.symmetries import remove_symmetries
from minbits.data.splits import validation_split
from minbits.energy import EnergyMeter
from minbits.errors import NetworkError
from minbits.networks.zoo import architecture_for
from minbits.records import DataSet, Progress, TrainingRecipe, TrialConfig, TrialResult
from minbits.search.planning import measure_epoch_seconds, plan_epochs, plan_second_phase
from minbits.search.tasks import TrialHooks
from minbits.search.warm_up import is_warm, warm_up
from minbits.training.choice import choose_engine
from minbits.training.float_phase import train_float
from minbits.training.loop import StoppedError, batch_of, training_data


@dataclass
class _Trial:
    """A trial under way; ``config`` becomes what was really done, epochs fitted to the time."""

    config: TrialConfig
    data: DataSet
    number: int
    hooks: TrialHooks
    deadline: float

    def report_float(self, epoch: int, accuracy: float) -> None:
        epochs = self.config.recipe.float_epochs
        self.hooks.report(Progress(self.number, "training", epoch, epochs, accuracy))

    def report_quantized(self, epoch: int, accuracy: float, size_bits: float) -> None:
        epochs = self.config.recipe.quantized_epochs
        self.hooks.report(Progress(self.number, "quantising", epoch, epochs, accuracy, size_bits))

    def use(self, recipe: TrainingRecipe) -> None:
        self.config = dataclasses.replace(self.config, recipe=recipe)

    def seconds_left(self) -> float:
        return self.deadline - time.perf_counter()

    def train(self) -> bytes:
        """Train both phases within the time and return the network file."""
        architecture = architecture_for(self.config.architecture, self.data)
        _check_classes(architecture, self.data)
        wanted, seed = self.config.recipe, self.config.seed
        kept, held_out = validation_split(self.data)
        examples = training_data(self.data, kept)
        validation = training_data(self.data, held_out)
        stop = self.hooks.should_stop
        batch = batch_of(examples, wanted.batch_size)
        engine = choose_engine(self.config.engine, architecture, wanted, batch)
        self.config = dataclasses.replace(self.config, engine=engine.name)
        epoch = None
        if engine.name == "lanes":
            self._warm_up()
        if math.isfinite(self.deadline):
            self.hooks.report(Progress(self.number, "planning", 0, 0))
            epoch = measure_epoch_seconds(architecture, wanted, examples, validation, engine)
            self.use(plan_epochs(wanted, epoch, self.seconds_left()))
        start = time.perf_counter()
        values = train_float(
            architecture,
            self.config.recipe,
            seed,
            examples,
            validation,
            self.report_float,
            stop,
            engine,
        )
        if epoch is not None:
            spent = time.perf_counter() - start
            most, left = wanted.quantized_epochs, self.seconds_left()
            self.use(plan_second_phase(self.config.recipe, most, epoch, spent, left))
        quantized = train_quantized(
            architecture,
            values,
            self.config.recipe,
            seed,
            examples,
            validation,
            self.report_quantized,
            stop,
            engine,
        )
        return encode_network(remove_symmetries(quantized))

    def _warm_up(self) -> None:
        """Compile once a machine; later processes load what is cached, later trials nothing."""
        if not is_warm():
            self.hooks.report(Progress(self.number, "compiling", 0, 0))
            warm_up()


def _check_classes(architecture: Architecture, data: DataSet) -> None:
    if class_count(architecture) != data.class_count:
        raise NetworkError(
            "architecture",
            f"{class_count(architecture)} logits",
            f"{data.class_count}, one a class of {data.name}",
            "Change the last layer.",
        )


def run_trial(
    config: TrialConfig,
    data: DataSet,
    number: int,
    hooks: TrialHooks,
    seconds: float = math.inf,
) -> TrialResult:
    """Run one trial and return its result; a trial that fails is a result too.

    The validation accuracy is that of the file: decoded from its bytes and run with NumPy. The
    result's configuration has the epochs that were really run: with it and without a time limit,
    the same machine gives the same file.

    Args:
        config: architecture, recipe and seed; the recipe's epochs are the most that are spent.
        data: the data set; its test set is not looked at.
        number: under which progress is reported.
        hooks: for progress and for stopping.
        seconds: wall-clock time to plan for.
    """
    with EnergyMeter() as meter:
        result = _measured(config, data, number, hooks, seconds)
    return dataclasses.replace(result, energy_joules=meter.joules)


def _measured(
    config: TrialConfig, data: DataSet, number: int, hooks: TrialHooks, seconds: float
) -> TrialResult:
    start = time.perf_counter()
    trial = _Trial(config, data, number, hooks, start + seconds)
    try:
        network_file = trial.train()
        _, held_out = validation_split(data)
        predicted = predict(decode_network(network_file), data.train_inputs[held_out])
        correct = int(np.count_nonzero(predicted == data.train_labels[held_out]))
    except StoppedError:
        return TrialResult(trial.config, "interrupted", time.perf_counter() - start)
    except KeyboardInterrupt:  # how Ray cancels what runs; our own workers ignore it
        return TrialResult(trial.config, "interrupted", time.perf_counter() - start)
    except Exception as error:  # noqa: BLE001 - whatever went wrong becomes a failed row
        reason = f"{type(error).__name__}: {error}"
        return TrialResult(trial.config, "failed", time.perf_counter() - start, error=reason)
    return TrialResult(
        trial.config,
        "done",
        time.perf_counter() - start,
        network_file=network_file,
        validation_correct=correct,
        validation_examples=len(held_out),
    )
