"""What is in a data set, said before any work: labels, classes, columns, and what is odd."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from minbits.data.column_checks import column_remarks
from minbits.data.inspection import inspect_data
from minbits.data.typed_columns import listed
from minbits.notebook import Cells, Shown
from minbits.plain_text import shortened
from minbits.types import Column, DataSet, Remark

_CLASSES_SHOWN = 20
_LONGEST_NAME = 40
_MANY_CLASSES = 50


@dataclass(frozen=True)
class ClassCount:
    """How many examples a class has."""

    name: str
    train: int
    test: int


@dataclass(frozen=True)
class ColumnSummary:
    """One column of a table.

    Attributes:
        name: of the column.
        kind: what its values are.
        values: the range of numbers, or the number of categories, in words.
        missing: how many values are missing.
        inputs: how many inputs of a network it becomes.
    """

    name: str
    kind: str
    values: str
    missing: int
    inputs: int


@dataclass(frozen=True, repr=False)
class DataSummary(Shown):
    """What is in a data set.

    Attributes:
        data: its name.
        data_digest: its digest.
        origin: where it came from.
        split: how the test set was chosen.
        train_examples: their number.
        test_examples: their number.
        input_shape: channels, height and width of an example.
        label_column: of a table in a file; else None.
        label_reason: why that column was taken.
        classes: their names and counts.
        columns: of a table; empty for other data.
        remarks: what was decided and what is odd, with what to do about it.
    """

    data: str
    data_digest: str
    origin: str
    split: str
    train_examples: int
    test_examples: int
    input_shape: tuple[int, int, int]
    label_column: str | None
    label_reason: str | None
    classes: tuple[ClassCount, ...]
    columns: tuple[ColumnSummary, ...]
    remarks: tuple[Remark, ...]

    def summary(self) -> str:
        """Return the numbers of examples and classes, in one line."""
        return (
            f"{self.data}: {self.train_examples:,} training and {self.test_examples:,} test "
            f"examples, {len(self.classes):,} classes"
        )

    def facts(self) -> Cells:
        """Return the rows of its table: label, classes, inputs, and each remark."""
        rows = [
            ("test set", self.split),
            ("label", self.label_text),
            ("training examples of each class", self.classes_text),
            ("inputs", self.inputs_text),
        ]
        return [*rows, *((remark.key, remark.text) for remark in self.remarks)]

    @property
    def label_text(self) -> str:
        """The label column, and why it was taken."""
        if self.label_column is None:
            return "as the source gives it"
        return f"column '{self.label_column}', {self.label_reason}"

    @property
    def classes_text(self) -> str:
        """The classes with their numbers of training examples."""
        shown = [
            f"{shortened(item.name, _LONGEST_NAME)} {item.train:,}"
            for item in self.classes[:_CLASSES_SHOWN]
        ]
        more = len(self.classes) - _CLASSES_SHOWN
        return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")

    @property
    def inputs_text(self) -> str:
        """The inputs, and the columns that they come from."""
        if not self.columns:
            return " x ".join(map(str, self.input_shape))
        kinds = Counter(column.kind for column in self.columns)
        shown = ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items()))
        inputs = sum(column.inputs for column in self.columns)
        return f"{inputs:,} from {len(self.columns):,} columns ({shown})"


def _values_text(column: Column, low: float, high: float) -> str:
    if column.kind == "categorical":
        return f"{len(column.categories):,} categories"
    return "none" if np.isnan(low) else f"{low:.6g} to {high:.6g}"


def _columns(data: DataSet) -> tuple[ColumnSummary, ...]:
    if data.table is None:
        return ()
    found = []
    for place, column in enumerate(data.table.columns):
        values = data.table.train_values[:, place]
        present = values[~np.isnan(values)]
        ends = (float(present.min()), float(present.max())) if len(present) else (np.nan, np.nan)
        found.append(
            ColumnSummary(
                column.name, column.kind, _values_text(column, *ends), column.missing,
                column.channels,
            )
        )  # fmt: skip
    return tuple(found)


def _label_remarks(data: DataSet) -> tuple[Remark, ...]:
    count = len(data.class_names)
    if count <= _MANY_CLASSES or not all(name.lstrip("-").isdigit() for name in data.class_names):
        return ()
    text = f"{count:,} classes of whole numbers: is this a regression? Bin the values, or name "
    return (Remark("regression", f"{text}another column with `label`."),)


def _rare_remarks(classes: tuple[ClassCount, ...]) -> tuple[Remark, ...]:
    single = [shortened(item.name, _LONGEST_NAME) for item in classes if item.train < 2]
    if not single:
        return ()
    text = (
        f"A search needs two training examples a class at least; these have one: {listed(single)}"
    )
    return (Remark("rare_classes", f"{text}. `drop_rare` leaves them out."),)


def _input_remarks(data: DataSet) -> tuple[Remark, ...]:
    if data.table is None or any(column.channels for column in data.table.columns):
        return ()
    text = "No column is an input of a network: entropies can be computed, but nothing trained."
    return (Remark("no_input", text),)


def summarise(data: DataSet) -> DataSummary:
    """Return what is in a data set."""
    train = np.bincount(data.train_labels, minlength=data.class_count).tolist()
    test = np.bincount(data.test_labels, minlength=data.class_count).tolist()
    classes = tuple(map(ClassCount, data.class_names, train, test))
    return DataSummary(
        data=data.name,
        data_digest=data.digest,
        origin=data.origin,
        split=data.split,
        train_examples=len(data.train_labels),
        test_examples=len(data.test_labels),
        input_shape=data.input_shape,
        label_column=data.label_column,
        label_reason=data.label_reason,
        classes=classes,
        columns=_columns(data),
        remarks=(
            *data.remarks,
            *_label_remarks(data),
            *_input_remarks(data),
            *_rare_remarks(classes),
            *column_remarks(data),
            *inspect_data(data).keyed_remarks(),
        ),
    )


def plain_summary(summary: DataSummary) -> dict[str, Any]:
    """Return a summary as plain data for JSON; the keys are stable."""
    return dataclasses.asdict(summary)
