"""The coarsest rounding of a model that loses no accuracy, as a byte string that decodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.errors import ArgumentError
from minbits.model_audit.quantised_code import (
    QuantisedValues,
    decode_tensors,
    encode_tensors,
    quantise,
)
from minbits.model_audit.subject import FloatArray, Runner, StoredTensor, Subject
from minbits.units import BITS_PER_BYTE, bytes_to_bits

# Steps in standard deviations of a tensor, from coarse to fine, half an octave apart.
STEP_RATIOS = tuple(float(2.0 ** (-k / 2)) for k in range(-3, 17))
# Vectors are few and matter more: their steps are this much finer.
VECTOR_FINENESS = 16.0


@dataclass(frozen=True)
class QuantisedSize:
    """A model quantised without loss on the examples that chose the step, and written.

    Attributes:
        size_bits: 8 times the length of the byte string, which was decoded and run.
        step_ratio: step of every matrix in its standard deviations; None where even the finest
            step lost accuracy.
        tensor_bits: bits of each tensor by name, coded by itself: for the table of layers.
        selection_examples: examples that chose the step.
        correct_before: of them, before quantising.
        correct_after: of them, after; no fewer.
    """

    size_bits: int
    step_ratio: float
    tensor_bits: dict[str, int]
    selection_examples: int
    correct_before: int
    correct_after: int


def _is_quantised(tensor: StoredTensor) -> bool:
    return tensor.is_parameter and tensor.values > 0 and tensor.rounding != "exact"


def _quantised(tensor: StoredTensor, ratio: float) -> QuantisedValues:
    values = tensor.load()
    if tensor.rounding == "levels":
        return quantise(values, 1.0)
    spread = float(values.std()) or float(np.abs(values).max(initial=0.0)) or 1.0
    fineness = 1.0 if len(tensor.dimensions) > 1 else VECTOR_FINENESS
    largest = float(np.abs(values).max(initial=0.0))
    # A few outliers must not ask for millions of levels.
    return quantise(values, max(spread * ratio / fineness, largest / 30_000))


def pack(subject: Subject, ratio: float) -> bytes:
    """Return the model's byte string at a step ratio; buffers are kept as they are."""
    quantised = [_quantised(tensor, ratio) for tensor in subject.tensors if _is_quantised(tensor)]
    exact = [tensor.load_bytes() for tensor in subject.tensors if not _is_quantised(tensor)]
    return encode_tensors(quantised, exact)


def unpack(subject: Subject, packed: bytes) -> dict[str, FloatArray]:
    """Return the quantised tensors of a byte string by name, in their shapes."""
    chosen = [tensor for tensor in subject.tensors if _is_quantised(tensor)]
    kept = [tensor for tensor in subject.tensors if not _is_quantised(tensor)]
    sizes = [tensor.stored_bits // BITS_PER_BYTE for tensor in kept]
    found, _ = decode_tensors(packed, [tensor.values for tensor in chosen], sizes)
    return {
        tensor.name: item.values.reshape(tensor.dimensions)
        for tensor, item in zip(chosen, found, strict=True)
    }


def correct_labels(logits: FloatArray, labels: npt.NDArray[np.int64]) -> int:
    """Return how many labels have the largest logit."""
    return int((logits.argmax(1) == labels).sum())


def _correct_after(
    subject: Subject,
    runner: Runner,
    packed: bytes,
    inputs: npt.NDArray[Any],
    labels: npt.NDArray[np.int64],
) -> int:
    return correct_labels(runner.with_tensors(unpack(subject, packed), inputs), labels)


def quantise_without_loss(
    subject: Subject, inputs: npt.NDArray[Any], labels: npt.NDArray[np.int64]
) -> tuple[QuantisedSize, bytes] | None:
    """Find the coarsest step at which no fewer of these examples are right, by bisection.

    Args:
        subject: a model that can be run.
        inputs: examples to choose by, ``(examples, …)``; not the test set.
        labels: their labels.

    Returns:
        The size and the byte string; None where even the finest step gets fewer right.

    Raises:
        ArgumentError: if the model cannot be run.
    """
    runner = subject.runner
    if runner is None:
        raise ArgumentError(
            "quantise_without_loss", "tensors alone", "a model that runs", "Run it."
        )
    before = correct_labels(runner.logits(inputs), labels)
    best: tuple[float, bytes, int] | None = None
    coarse, fine = 0, len(STEP_RATIOS)
    while coarse < fine:
        middle = (coarse + fine) // 2
        packed = pack(subject, STEP_RATIOS[middle])
        after = _correct_after(subject, runner, packed, inputs, labels)
        if after >= before:
            best, fine = (STEP_RATIOS[middle], packed, after), middle
        else:
            coarse = middle + 1
    if best is None:
        return None
    ratio, packed, after = best
    sizes = {}
    for tensor in subject.tensors:
        if _is_quantised(tensor):
            alone = encode_tensors([_quantised(tensor, ratio)], [])
            sizes[tensor.name] = bytes_to_bits(len(alone))
        else:
            sizes[tensor.name] = tensor.stored_bits
    size = QuantisedSize(bytes_to_bits(len(packed)), ratio, sizes, len(labels), before, after)
    return size, packed
