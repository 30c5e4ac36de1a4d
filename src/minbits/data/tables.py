"""From raw table values and labels to a `DataSet` whose inputs encode the columns."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.data.assemble import (
    TEST_FRACTION,
    TEST_SPLIT_SEED,
    assemble,
    split_description,
)
from minbits.data.encoding import encode, fit_encoding
from minbits.data.large_arrays import take
from minbits.data.limits import check_channel_count
from minbits.data.rare_classes import check_no_single
from minbits.data.splits import stratified_holdout
from minbits.errors import DataError
from minbits.types import Column, DataSet, Table

FloatArray = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class RawTable:
    """Typed values of one file, before a split and an encoding.

    Attributes:
        values: shape ``(examples, columns)``, float64; category codes, NaN where missing.
        labels: shape ``(examples,)``, integers or text.
    """

    values: FloatArray
    labels: npt.NDArray[Any]


def number_columns(names: list[str], values: FloatArray) -> tuple[Column, ...]:
    """Return a description of columns of numbers: integer where every present value is whole."""
    columns = []
    for index, name in enumerate(names):
        present = values[:, index][~np.isnan(values[:, index])]
        whole = bool((present == np.floor(present)).all())
        columns.append(Column(name, "integer" if whole else "real"))
    return tuple(columns)


def assemble_table(
    name: str,
    columns: tuple[Column, ...],
    train: RawTable,
    test: RawTable | None,
    where: str,
    origin: str,
) -> DataSet:
    """Return a checked data set with typed columns; scales are fitted to training values alone.

    Args:
        name: the data set's name.
        columns: names, kinds and categories, one a column of the values.
        train: values and labels.
        test: the same; None splits off a fifth of ``train``, as `assemble` does.
        where: what to call the source in an error.
        origin: where the data came from.

    Raises:
        DataError: as `assemble` does, or if there is no column but the label or there are too many
            categories.
    """
    if not columns:
        raise DataError(where, "no column but the label", "at least one more", "Add a column.")
    split, train_rows = split_description(test is not None), None
    if test is None:
        classes, codes = np.unique(train.labels, return_inverse=True)
        if len(codes) == 0:
            raise DataError(where, "no examples", "at least one", "Check the file.")
        check_no_single(codes, [str(name) for name in classes], where)
        codes = codes.astype(np.int64)
        train_rows, held_out = stratified_holdout(codes, TEST_FRACTION, TEST_SPLIT_SEED)
        test = RawTable(take(train.values, held_out), train.labels[held_out])
        train = RawTable(take(train.values, train_rows), train.labels[train_rows])
    fitted = []
    for index, column in enumerate(fit_encoding(columns, train.values)):
        missing = np.isnan(train.values[:, index]).sum() + np.isnan(test.values[:, index]).sum()
        fitted.append(dataclasses.replace(column, missing=int(missing)))
    encoded = tuple(fitted)
    check_channel_count(where, sum(column.channels for column in encoded))
    data = assemble(
        name,
        (_inputs(encoded, train.values), train.labels),
        (_inputs(encoded, test.values), test.labels),
        where,
        origin,
        table=Table(encoded, train.values, test.values),
    )
    return dataclasses.replace(data, split=split, train_rows=train_rows)


def _inputs(columns: tuple[Column, ...], values: FloatArray) -> npt.NDArray[np.float32]:
    """Return the encoded columns; where none is encoded, one input that never changes."""
    if any(column.channels for column in columns):
        return encode(columns, values)
    return np.zeros((len(values), 1), np.float32)


def table_of(data: DataSet) -> Table | None:
    """Return a data set's table; one of number columns where its inputs are plain vectors.

    None where the inputs are images.
    """
    if data.table is not None:
        return data.table
    channels, height, width = data.input_shape
    if height * width != 1:
        return None
    train = data.train_inputs.reshape(-1, channels).astype(np.float64)
    test = data.test_inputs.reshape(-1, channels).astype(np.float64)
    names = [f"input {index + 1}" for index in range(channels)]
    return Table(number_columns(names, train), train, test)


def plain_columns(data: DataSet) -> list[dict[str, Any]] | None:
    """Return the columns with their encoding as JSON holds them; None where there is no table."""
    if data.table is None:
        return None
    plain = [dataclasses.asdict(column) for column in data.table.columns]
    for column in plain:
        if not column["notation"]:
            del column["notation"]
    return plain
