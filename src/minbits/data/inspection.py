"""What is odd about a data set: duplicates, contradictions, leakage, constant inputs, imbalance."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.plain_text import shortened
from minbits.types import DataSet, Remark

_CHUNK = 4096
_IMBALANCE_WORTH_A_LINE = 2.0
_NAMES_SHOWN = 5
_LONGEST_NAME = 60


@dataclass(frozen=True)
class DataReport:
    """Counts of what may mislead an estimate or a test.

    Attributes:
        train_examples: number of training examples.
        test_examples: number of test examples.
        class_counts: training examples of each class.
        train_duplicates: training examples whose inputs an earlier one has too.
        test_duplicates: test examples whose inputs an earlier test example has too.
        contradictions: training examples whose inputs also occur there with another label.
        leaked: test examples whose inputs a training example has too.
        leaked_with_label: those of them whose label it has, too.
        constant_inputs: inputs that never change in training.
        constant_columns: names of table columns that never change, missing values aside.
        missing_values: values that are missing, in training and test examples together.
        split: how the test set was chosen.
    """

    train_examples: int
    test_examples: int
    class_counts: tuple[int, ...]
    train_duplicates: int
    test_duplicates: int
    contradictions: int
    leaked: int
    leaked_with_label: int
    constant_inputs: int
    constant_columns: tuple[str, ...]
    missing_values: int
    split: str

    @property
    def imbalance(self) -> float:
        """The largest class over the smallest."""
        return max(self.class_counts) / min(self.class_counts)

    def remarks(self) -> tuple[str, ...]:
        """Return one plain sentence for each thing worth knowing."""
        return tuple(remark.text for remark in self.keyed_remarks())

    def keyed_remarks(self) -> tuple[Remark, ...]:
        """Return the sentences with what each is about."""
        found = []
        if self.train_duplicates or self.test_duplicates:
            text = (
                f"{self.train_duplicates:,} training and {self.test_duplicates:,} test examples "
                "repeat the inputs of an earlier one."
            )
            found.append(Remark("duplicates", text))
        if self.contradictions:
            text = (
                f"{self.contradictions:,} training examples have inputs that also occur with "
                "another label: no network gets them all right."
            )
            found.append(Remark("contradictions", text))
        if self.leaked:
            text = (
                f"Leakage: {self.leaked:,} of {self.test_examples:,} test examples have inputs "
                f"that are in the training set too, {self.leaked_with_label:,} with the same label."
            )
            found.append(Remark("leakage", text))
        if self.constant_columns:
            text = f"Constant columns: {_listed(self.constant_columns)}."
            found.append(Remark("constant", text, self.constant_columns))
        elif self.constant_inputs:
            text = f"{self.constant_inputs:,} inputs never change in training."
            found.append(Remark("constant", text))
        if self.missing_values:
            found.append(Remark("missing", f"{self.missing_values:,} values are missing."))
        if self.imbalance >= _IMBALANCE_WORTH_A_LINE:
            text = (
                f"Classes are uneven: from {min(self.class_counts):,} to "
                f"{max(self.class_counts):,} training examples."
            )
            found.append(Remark("imbalance", text))
        return tuple(found)


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(shortened(name, _LONGEST_NAME) for name in names[:_NAMES_SHOWN])
    more = len(names) - _NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def row_hashes(inputs: npt.NDArray[Any]) -> npt.NDArray[np.void]:
    """Return a 128-bit BLAKE2b hash of each example, shape ``(examples,)``.

    Two examples that differ share a hash with a probability of about 1e-29 in 100,000.
    """
    hashes = bytearray()
    for start in range(0, len(inputs), _CHUNK):
        part = np.ascontiguousarray(inputs[start : start + _CHUNK])
        if part.dtype.kind == "f":
            part = part + 0.0  # minus zero equals zero
        for row in part.reshape(len(part), -1):
            hashes += hashlib.blake2b(row.data, digest_size=16).digest()
    return np.frombuffer(bytes(hashes), np.dtype("V16"))


def _repeats(groups: npt.NDArray[np.int64]) -> int:
    return len(groups) - len(np.unique(groups))


def _constant(data: DataSet) -> tuple[int, tuple[str, ...]]:
    inputs = data.train_inputs
    changing = np.zeros(inputs.shape[1:], bool)
    for start in range(0, len(inputs), _CHUNK):
        changing |= (inputs[start : start + _CHUNK] != inputs[0]).any(axis=0)
    names = []
    if data.table is not None:
        for index, column in enumerate(data.table.columns):
            values = data.table.train_values[:, index]
            present = values[~np.isnan(values)]
            if len(present) == 0 or (present == present[0]).all():
                names.append(column.name)
    return int((~changing).sum()), tuple(names)


def inspect_data(data: DataSet) -> DataReport:
    """Return what is odd about a data set, by comparing whole examples exactly."""
    train_count = len(data.train_labels)
    train, test = data.train_inputs, data.test_inputs
    if data.table is not None:
        # Encoded inputs may hide a column or round a number; the values are what was recorded.
        train, test = data.table.train_values, data.table.test_values
    hashes = np.concatenate([row_hashes(train), row_hashes(test)])
    # Equal examples get equal numbers; NumPy sorts text faster than opaque bytes.
    _, groups = np.unique(hashes.view("S16"), return_inverse=True)
    train_groups, test_groups = groups[:train_count], groups[train_count:]
    train_pairs = np.unique(train_groups * data.class_count + data.train_labels)
    labels_seen = np.bincount(train_pairs // data.class_count, minlength=groups.max() + 1)
    leaked = np.isin(test_groups, train_groups)
    test_pairs = test_groups * data.class_count + data.test_labels
    constant_inputs, constant_columns = _constant(data)
    columns = data.table.columns if data.table is not None else ()
    return DataReport(
        train_examples=train_count,
        test_examples=len(data.test_labels),
        class_counts=tuple(
            int(n) for n in np.bincount(data.train_labels, minlength=data.class_count)
        ),
        train_duplicates=_repeats(train_groups),
        test_duplicates=_repeats(test_groups),
        contradictions=int((labels_seen[train_groups] > 1).sum()),
        leaked=int(leaked.sum()),
        leaked_with_label=int(np.isin(test_pairs, train_pairs).sum()),
        constant_inputs=constant_inputs,
        constant_columns=constant_columns,
        missing_values=sum(column.missing for column in columns),
        split=data.split,
    )


def plain_report(report: DataReport) -> dict[str, Any]:
    """Return the report as JSON holds it, its remarks included."""
    return {
        **dataclasses.asdict(report),
        "imbalance": round(report.imbalance, 4),
        "remarks": list(report.remarks()),
    }
