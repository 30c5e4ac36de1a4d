"""The audit itself: from a subject and perhaps a data set to a report."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.capacity.bounds import CapacityLine, capacity_table
from minbits.capacity.fano import random_labelling_bits
from minbits.capacity.memory_equivalent_capacity import memory_equivalent_capacity_bits
from minbits.data.splits import validation_split
from minbits.errors import ArgumentError, DataError
from minbits.evaluation.known_network import FoundNetwork
from minbits.information.discrete import entropy_bits
from minbits.label_codes.given_logits import labels_given_network_bits
from minbits.model_audit.input_check import input_warning
from minbits.model_audit.limits import MAX_EXAMPLES
from minbits.model_audit.lossless import LosslessSize, lossless_sizes
from minbits.model_audit.matrix_rank import MatrixRank, matrix_rank
from minbits.model_audit.one_logit import OneLogit
from minbits.model_audit.quantised_search import (
    QuantisedSize,
    correct_labels,
    quantise_without_loss,
    unpack,
)
from minbits.model_audit.report import (
    COUNTING,
    AuditReport,
    LabelAudit,
    LayerAudit,
    looks_note,
)
from minbits.model_audit.subject import FloatArray, StoredTensor, Subject, UnitActivity
from minbits.model_audit.untrained import untrained_warning
from minbits.types import DataSet

DEFAULT_EXAMPLES = 60_000


@dataclass(frozen=True)
class _WithData:
    """What only data can tell."""

    quantised: QuantisedSize | None
    note: str
    activity: tuple[UnitActivity, ...]
    labels: LabelAudit
    warning: str | None


@dataclass(frozen=True)
class _Counts:
    """Right answers on held-out training examples and on the test set."""

    held_out_examples: int
    held_out_correct: int
    test_examples: int
    test_correct: int
    test_correct_quantised: int | None


def audit_subject(
    subject: Subject,
    data: DataSet | None = None,
    sufficient: FoundNetwork | None = None,
    most_examples: int = MAX_EXAMPLES,
) -> AuditReport:
    """Audit a model.

    The quantisation step is chosen on the validation split of the training examples; the test set
    is run once for the model as it is and once for the quantised one. No ledger counts these looks.

    Args:
        subject: the model.
        data: what it classifies; None leaves out all that needs examples.
        sufficient: the smallest verified file known for the data set.
        most_examples: of each split, so many are run, drawn by a fixed seed.

    Raises:
        ArgumentError: if there are data and only tensors to audit, or too few examples.
        DataError: if the model has fewer logits than the data set has classes.
    """
    start = time.perf_counter()
    if most_examples < 1:
        raise ArgumentError("`examples`", str(most_examples), "1 or more", "Choose more.")
    lossless = lossless_sizes(subject)
    ranks = {tensor.name: matrix_rank(tensor) for tensor in subject.tensors if tensor.is_parameter}
    examples = DEFAULT_EXAMPLES if data is None else len(data.train_labels)
    capacity: tuple[CapacityLine, ...] = ()
    if subject.shape is not None:
        capacity = capacity_table(
            subject.shape, min(examples, 10**6), _stored_bits(subject), subject.stored_bits
        )
    found = None
    if data is not None and subject.runner is not None:
        found = _with_data(subject, data, lossless[0], most_examples)
    note = "" if found is None else found.note
    if found is None:
        note = "no data" if data is None else "tensors alone cannot be run"
    quantised = None if found is None else found.quantised
    activity = () if found is None else found.activity
    warnings = (untrained_warning(subject), None if found is None else found.warning)
    return AuditReport(
        name=subject.name,
        source=subject.source,
        counting=COUNTING,
        parameters=subject.parameters,
        stored_bits=subject.stored_bits,
        shape_note=subject.shape_note,
        layers=_layers(subject, lossless[0], quantised, ranks, activity),
        lossless=lossless,
        quantised=quantised,
        quantised_note=note,
        capacity=capacity,
        labels=None if found is None else found.labels,
        sufficient=sufficient,
        seconds=time.perf_counter() - start,
        warnings=tuple(filter(None, warnings)),
    )


def _stored_bits(subject: Subject) -> int:
    return max((part.bits_each for part in subject.tensors if part.is_parameter), default=32)


def _layers(
    subject: Subject,
    lossless: LosslessSize,
    quantised: QuantisedSize | None,
    ranks: dict[str, MatrixRank | None],
    activity: tuple[UnitActivity, ...],
) -> tuple[LayerAudit, ...]:
    by_layer: dict[str, list[StoredTensor]] = {}
    for tensor in subject.tensors:
        by_layer.setdefault(tensor.layer, []).append(tensor)
    units = {item.layer: item for item in reversed(activity)}
    result = []
    for name, tensors in by_layer.items():
        matrices = [rank for tensor in tensors if (rank := ranks.get(tensor.name)) is not None]
        largest = max(matrices, key=lambda rank: rank.rows * rank.columns, default=None)
        result.append(
            LayerAudit(
                name=name,
                dimensions=max(tensors, key=lambda tensor: tensor.values).dimensions,
                parameters=sum(tensor.values for tensor in tensors if tensor.is_parameter),
                stored_bits=sum(tensor.stored_bits for tensor in tensors),
                lossless_bits=sum(lossless.tensor_bits[tensor.name] for tensor in tensors),
                quantised_bits=None
                if quantised is None
                else sum(quantised.tensor_bits[tensor.name] for tensor in tensors),
                rank=largest,
                activity=units.get(name),
            )
        )
    return tuple(result)


def _some(count: int, most: int) -> npt.NDArray[np.int64]:
    """Return at most ``most`` of ``count`` indices, the same ones every time."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).permutation(count)[:most])


def _with_data(subject: Subject, data: DataSet, lossless: LosslessSize, most: int) -> _WithData:
    runner = subject.runner
    assert runner is not None
    chosen = _some(len(data.train_labels), most)
    train_labels = data.train_labels[chosen]
    logits = runner.logits(data.train_inputs[chosen])
    if logits.shape[1] == 1 and data.class_count == 2:
        runner = OneLogit.of(runner, logits)
        subject = dataclasses.replace(subject, runner=runner)
        logits = runner.logits(data.train_inputs[chosen])
    if logits.shape[1] < data.class_count:
        raise DataError(
            subject.name,
            f"{logits.shape[1]} logits",
            f"{data.class_count}, one a class of {data.name}",
            "Use the data set that the model was made for.",
        )
    activity = runner.activity(data.train_inputs[chosen])
    _, held_out = validation_split(data)
    held_out = held_out[_some(len(held_out), most)]
    held_inputs, held_labels = data.train_inputs[held_out], data.train_labels[held_out]
    warning = input_warning(runner, data, held_inputs, held_labels)
    found = quantise_without_loss(subject, held_inputs, held_labels)
    if found is None:
        held_correct = correct_labels(runner.logits(held_inputs), held_labels)
    else:
        held_correct = found[0].correct_before
    tested = _some(len(data.test_labels), most)
    test_inputs, test_labels = data.test_inputs[tested], data.test_labels[tested]
    test_correct = correct_labels(runner.logits(test_inputs), test_labels)
    quantised, after, note = None, None, "every step tried gets fewer examples right"
    smallest = lossless.size_bits
    if found is not None:
        quantised, packed = found
        note = ""
        smallest = min(smallest, quantised.size_bits)
        replaced = runner.with_tensors(unpack(subject, packed), test_inputs)
        after = correct_labels(replaced, test_labels)
    counts = _Counts(len(held_out), held_correct, len(tested), test_correct, after)
    labels = _label_audit(subject, data, logits, train_labels, counts, smallest)
    return _WithData(quantised, note, activity, labels, warning)


def _label_audit(
    subject: Subject,
    data: DataSet,
    logits: FloatArray,
    labels: npt.NDArray[np.int64],
    counts: _Counts,
    smallest_bits: int,
) -> LabelAudit:
    entropy = entropy_bits(np.bincount(data.train_labels, minlength=data.class_count))
    residual = labels_given_network_bits(logits, labels)
    correct = correct_labels(logits, labels)
    scale = len(data.train_labels) / len(labels)
    friedland = None
    if subject.shape is not None and subject.shape.is_whole:
        bits = memory_equivalent_capacity_bits(subject.shape)
        friedland = scale * correct * entropy / bits
    looks = 1 if counts.test_correct_quantised is None else 2
    # Somebody who does not look at the model needs N H(Y): it tells nothing, rather than less.
    told = max(0.0, scale * (len(labels) * entropy - residual))
    need = random_labelling_bits(
        len(data.train_labels),
        entropy,
        counts.test_correct / counts.test_examples,
        data.class_count,
    )
    return LabelAudit(
        data_name=data.name,
        examples=len(labels),
        label_entropy_bits=entropy,
        total_bits=entropy * len(data.train_labels),
        residual_bits=residual,
        correct=correct,
        held_out_examples=counts.held_out_examples,
        held_out_correct=counts.held_out_correct,
        test_examples=counts.test_examples,
        test_correct=counts.test_correct,
        test_correct_quantised=counts.test_correct_quantised,
        test_looks=looks,
        test_looks_note=looks_note(looks),
        label_need_bits=need,
        friedland_generalisation=friedland,
        told_bits_per_file_bit=told / smallest_bits,
    )
