"""What a network file gets right of the examples that a search may look at."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.codec.file_format import decode_network
from minbits.codec.inference import predict, predict_logits
from minbits.codec.quantized_network import QuantizedNetwork
from minbits.data.splits import validation_split
from minbits.errors import DataError
from minbits.records import DataSet, TrialResult

# More would cost large sets seconds, and tell hardly more.
MOST_TRAINING_EXAMPLES = 6000


@dataclass(frozen=True)
class Counts:
    """How many of some examples are right."""

    correct: int
    examples: int


@dataclass(frozen=True)
class Judgement:
    """What a file gets right of validation examples, and of some that it was trained on."""

    validation: Counts
    training: Counts

    def counted(self, result: TrialResult) -> TrialResult:
        """Return a trial's result with these counts."""
        return dataclasses.replace(
            result,
            validation_correct=self.validation.correct,
            validation_examples=self.validation.examples,
            training_correct=self.training.correct,
            training_examples=self.training.examples,
        )


def training_sample(kept: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return at most `MOST_TRAINING_EXAMPLES` of the examples trained on, evenly spaced."""
    return kept[:: -(-len(kept) // MOST_TRAINING_EXAMPLES)]


def judge(content: bytes, data: DataSet) -> Judgement:
    """Decode a file and run it with NumPy.

    Raises:
        NetworkFileError: if it is not a network file.
    """
    network = decode_network(content)
    kept, held_out = validation_split(data)
    return Judgement(
        _counts(network, data, held_out), _counts(network, data, training_sample(kept))
    )


def judge_validation(content: bytes, data: DataSet) -> Counts:
    """Return what a file gets right of the validation examples.

    Raises:
        NetworkFileError: if it is not a network file.
    """
    return _counts(decode_network(content), data, validation_split(data)[1])


def judge_training(content: bytes, data: DataSet) -> Counts:
    """Return what a file gets right of some of the examples that it was trained on.

    Raises:
        NetworkFileError: if it is not a network file.
    """
    return _counts(decode_network(content), data, training_sample(validation_split(data)[0]))


def check_fit(content: bytes, data: DataSet) -> None:
    """Check that a file is a network that can be run on a data set, on one example of it.

    Raises:
        NetworkFileError: if it is not a network file.
        DataError: if its inputs or its classes are not those of the data.
    """
    logits = predict_logits(decode_network(content), data.train_inputs[:1])
    if logits.shape[1] != data.class_count:
        raise DataError(
            "network",
            f"{logits.shape[1]} logits",
            f"{data.class_count}, one a class of {data.name}",
            "Run it on its own data set.",
        )


def _counts(network: QuantizedNetwork, data: DataSet, chosen: npt.NDArray[np.int64]) -> Counts:
    predicted = predict(network, data.train_inputs[chosen])
    return Counts(int(np.count_nonzero(predicted == data.train_labels[chosen])), len(chosen))
