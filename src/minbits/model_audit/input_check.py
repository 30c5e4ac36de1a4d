"""Whether a model gets its inputs as it expects them, judged by what it gets right."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.errors import MinbitsError
from minbits.model_audit.quantised_search import correct_labels
from minbits.model_audit.subject import Runner
from minbits.networks.input_convention import BYTE_FACTOR, InputConvention
from minbits.types import DataSet

# Each usual normalisation is tried on so many held-out training examples.
EXAMPLES = 300
_DEVIATIONS = 3.0
_MIN_GAIN = 0.02
# What separates chance from a classifier: a part of what the largest class alone leaves wrong.
_NEAR_CHANCE = 0.1
_LISTED_CHANNELS = 4

_MNIST = (0.1307,), (0.3081,)
_FASHION = (0.2860,), (0.3530,)
_CIFAR10 = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
_IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class UsualInputs:
    """What many models are trained on."""

    name: str
    convention: InputConvention


def usual_inputs(data: DataSet) -> tuple[UsualInputs, ...]:
    """Return the usual normalisations of a data set: of its kind, and by its own statistics."""
    is_bytes = data.train_inputs.dtype == np.uint8
    factor = BYTE_FACTOR if is_bytes else 1.0
    found = [UsualInputs("raw values", InputConvention())]
    if data.input_exponent:
        scaled = InputConvention(2.0**-data.input_exponent)
        found.append(UsualInputs("values up to 1", scaled))
    if is_bytes:
        found.append(UsualInputs("bytes over 255", InputConvention(factor)))
        found.append(UsualInputs("from -1 to 1", InputConvention(factor, (0.5,), (0.5,))))
        known = {1: (("MNIST", _MNIST), ("Fashion-MNIST", _FASHION)),
                 3: (("CIFAR-10", _CIFAR10), ("ImageNet", _IMAGENET))}  # fmt: skip
        found += [
            UsualInputs(f"as usual for {name}", InputConvention(factor, *statistics))
            for name, statistics in known.get(data.input_shape[0], ())
        ]
    own = _own_statistics(data.train_inputs, factor)
    found.append(UsualInputs("by the mean and deviation of the training examples", own))
    return tuple(found)


def _own_statistics(inputs: npt.NDArray[Any], factor: float) -> InputConvention:
    some = np.asarray(inputs[:10_000], np.float64) * factor
    axes = (0, *range(2, some.ndim))
    mean, deviation = some.mean(axes), some.std(axes)
    deviation = np.where(deviation > 0, deviation, 1.0)
    rounded = [tuple(float(f"{value:.4g}") for value in part) for part in (mean, deviation)]
    return InputConvention(factor, *rounded)


def _shown(usual: UsualInputs) -> str:
    if len(usual.convention.mean) > _LISTED_CHANNELS:
        return f"column by column {usual.name}"
    return f"{usual.convention.options()} ({usual.name})"


def input_warning(
    runner: Runner, data: DataSet, inputs: npt.NDArray[Any], labels: npt.NDArray[np.int64]
) -> str | None:
    """Return why the inputs may be wrong for the model, or the model for the data; else None.

    Args:
        runner: the model under the convention in use.
        data: what it classifies.
        inputs: held-out training examples.
        labels: theirs.
    """
    inputs, labels = inputs[:EXAMPLES], labels[:EXAMPLES]
    count = len(labels)
    given = correct_labels(runner.logits(inputs), labels)
    best, best_correct = None, given
    for usual in usual_inputs(data):
        correct = _correct(runner.under(usual.convention), inputs, labels)
        if correct > best_correct:
            best, best_correct = usual, correct
    part = given / count
    gain = max(_MIN_GAIN * count, _DEVIATIONS * math.sqrt(count * part * (1 - part)))
    if best is not None and best_correct - given > gain and count - best_correct < (
        count - given
    ) / 2:  # fmt: skip
        return (
            f"the model seems to expect other inputs: {given} of {count} held-out training "
            f"examples are right as it is run here, {best_correct} with {_shown(best)}; audit it "
            "again with these"
        )
    chance = float(np.bincount(data.train_labels).max() / len(data.train_labels))
    if part <= chance + _NEAR_CHANCE * (1 - chance):
        return (
            f"accuracy near chance: {given} of {count} held-out training examples are right, and "
            f"the largest class alone makes {100 * chance:.1f} %; no usual normalisation does much "
            "better. Is the model trained, for this data set, with its classes in this order?"
        )
    return None


def _correct(runner: Runner, inputs: npt.NDArray[Any], labels: npt.NDArray[np.int64]) -> int:
    try:
        return correct_labels(runner.logits(inputs), labels)
    except MinbitsError:  # a model that cannot be run on such values was not made for them
        return 0
