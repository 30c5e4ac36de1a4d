"""What a network file gets right of the examples that a search may look at."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import class_count
from minbits.codec.file_format import decode_network
from minbits.codec.inference import predict
from minbits.codec.quantized_network import QuantizedNetwork
from minbits.codec.run_cost import check_cost
from minbits.data.splits import validation_split
from minbits.errors import DataError
from minbits.types import DataSet, TrialOutcome

# More would cost large sets seconds, and tell hardly more.
MAX_TRAINING_EXAMPLES = 6000


@dataclass(frozen=True)
class Counts:
    """How many of some examples are right."""

    correct: int
    examples: int

    def of_training(self, outcome: TrialOutcome) -> TrialOutcome:
        """Return a trial's outcome with these counts of examples that it was trained on."""
        return dataclasses.replace(
            outcome, training_correct=self.correct, training_examples=self.examples
        )


@dataclass(frozen=True)
class Evaluation:
    """What a file gets right of validation examples, and of some that it was trained on."""

    validation: Counts
    training: Counts

    def counted(self, outcome: TrialOutcome) -> TrialOutcome:
        """Return a trial's outcome with these counts."""
        counted = dataclasses.replace(
            outcome,
            validation_correct=self.validation.correct,
            validation_examples=self.validation.examples,
        )
        return self.training.of_training(counted)


def training_sample(kept: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return at most `MAX_TRAINING_EXAMPLES` of the examples trained on, evenly spaced."""
    return kept[:: -(-len(kept) // MAX_TRAINING_EXAMPLES)]


def check_runnable(content: bytes, data: DataSet) -> None:
    """Refuse a file that cannot be run on a data set, or that takes very long an example.

    What comes from elsewhere, as by ``minbits ledger import``, may ask for hours of work.

    Raises:
        NetworkFileError: if it is not a network file.
        DataError: if it does not fit the data set.
        CostError: if `MAX_TRAINING_EXAMPLES` take too long.
    """
    architecture = decode_network(content).architecture
    if math.prod(architecture.input_shape) != math.prod(data.input_shape):
        raise DataError(
            "network file", f"inputs of shape {architecture.input_shape}",
            f"{data.input_shape}, as {data.name} has", "Use it with its own data set.",
        )  # fmt: skip
    if class_count(architecture) != data.class_count:
        raise DataError(
            "network file", f"{class_count(architecture)} logits",
            f"{data.class_count}, one a class of {data.name}", "Use it with its own data set.",
        )  # fmt: skip
    check_cost(architecture, MAX_TRAINING_EXAMPLES)


def evaluate(content: bytes, data: DataSet, allow_slow: bool = False) -> Evaluation:
    """Decode a file and run it with NumPy.

    Args:
        content: of the file.
        data: the data set.
        allow_slow: whether to run it however long it takes.

    Raises:
        NetworkFileError: if it is not a network file.
        CostError: if it would take too long.
    """
    network = decode_network(content)
    kept, held_out = validation_split(data)
    return Evaluation(
        _counts(network, data, held_out, allow_slow),
        _counts(network, data, training_sample(kept), allow_slow),
    )


def evaluate_on_validation(content: bytes, data: DataSet, allow_slow: bool = False) -> Counts:
    """Return what a file gets right of the validation examples.

    Raises:
        NetworkFileError: if it is not a network file.
        CostError: as `judge`.
    """
    return _counts(decode_network(content), data, validation_split(data)[1], allow_slow)


def evaluate_on_training(content: bytes, data: DataSet, allow_slow: bool = False) -> Counts:
    """Return what a file gets right of some of the examples that it was trained on.

    Raises:
        NetworkFileError: if it is not a network file.
        CostError: as `judge`.
    """
    chosen = training_sample(validation_split(data)[0])
    return _counts(decode_network(content), data, chosen, allow_slow)


def _counts(
    network: QuantizedNetwork, data: DataSet, chosen: npt.NDArray[np.int64], allow_slow: bool
) -> Counts:
    predicted = predict(network, data.train_inputs[chosen], allow_slow=allow_slow)
    return Counts(int(np.count_nonzero(predicted == data.train_labels[chosen])), len(chosen))
