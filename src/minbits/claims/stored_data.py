"""A data set as a companion reads it: with the encoding and the classes of the companion."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from minbits.data.companion import Companion
from minbits.data.stored_encoding import Cells, TableCells, encode_rows, known_labels
from minbits.errors import DataError
from minbits.types import DataSet, Table


def as_stored(data: DataSet, companion: Companion) -> tuple[DataSet, tuple[str, ...]]:
    """Return a data set whose test examples are encoded by a companion, and what was handled.

    Columns and classes are found by their names. Nothing is fitted to the data set.

    Raises:
        DataError: if a column is missing, or a class is none of the network's.
    """
    changed: dict[str, object] = {
        "test_labels": _labels(data, companion), "class_names": companion.class_names,
    }  # fmt: skip
    remarks: tuple[str, ...] = ()
    if data.table is not None and companion.columns is not None:
        found = encode_rows(companion, _test_rows(data, data.table))
        changed["test_inputs"], remarks = found.inputs, found.remarks
    return dataclasses.replace(data, **changed), remarks  # type: ignore[arg-type]


def _test_rows(data: DataSet, table: Table) -> TableCells:
    """Return the test rows of a table as they stood in its source."""
    cells: list[Cells] = []
    for index, column in enumerate(table.columns):
        values = table.test_values[:, index]
        if column.kind != "categorical":
            cells.append(values)
            continue
        texts = np.array([*column.categories, ""], object)
        cells.append(texts[np.where(np.isnan(values), -1, values).astype(np.int64)])
    names = [column.name for column in table.columns]
    rows = range(1, len(table.test_values) + 1)
    return TableCells(f"test set of {data.name}", names, cells, rows)


def _labels(data: DataSet, companion: Companion) -> npt.NDArray[np.int64]:
    """Return the test labels as numbers of the network's classes."""
    numbers = {name: number for number, name in enumerate(companion.class_names)}
    known = known_labels(data.class_names, companion.class_names)
    codes = np.array([numbers.get(name or "", -1) for name in known], np.int64)
    labels = codes[data.test_labels]
    if (labels < 0).any():
        name = data.class_names[int(data.test_labels[int(np.argmax(labels < 0))])]
        raise DataError(
            data.name, f"the class '{name}'",
            f"the classes of the network, {', '.join(companion.class_names[:12])}",
            "Use a data set with the same classes.",
        )  # fmt: skip
    return labels
