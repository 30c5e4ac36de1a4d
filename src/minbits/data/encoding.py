"""From a table's typed columns to network inputs: one documented code for every column.

A network file holds one power-of-two input scale and nothing fitted to data, so whatever a column
needs beyond that belongs to the data set: a power of two and an integer offset a number column, the
list of categories a categorical one. ``encoding_bits`` says what this side information costs.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import numpy.typing as npt

from minbits.data.large_arrays import allocate
from minbits.errors import DataError
from minbits.types import Column

MAX_CATEGORIES = 256
_MAX_OFFSET_BITS = 20
_CHUNK = 65_536
_FLOAT32_MAX = float(np.finfo(np.float32).max)

FloatArray = npt.NDArray[np.float64]


def _fit_number(column: Column, training: FloatArray) -> Column:
    """Choose exponent and offset so that training values lie within about [-1, 1]."""
    present = training[~np.isnan(training)]
    low, high = (float(present.min()), float(present.max())) if len(present) else (0.0, 0.0)
    half = high / 2 - low / 2
    largest = max(abs(low), abs(high))
    size = math.ceil(math.log2(largest)) if largest else 0
    # What changes by less than a millionth of its size is not blown up: it is mostly rounding.
    exponent = max(math.ceil(math.log2(half)), size - _MAX_OFFSET_BITS) if half > 0 else size
    offset = round(math.ldexp(low / 2 + high / 2, -exponent))
    return dataclasses.replace(column, exponent=exponent, offset=offset)


def fit_encoding(columns: tuple[Column, ...], training: FloatArray) -> tuple[Column, ...]:
    """Return the columns with the encoding that their training values call for.

    Args:
        columns: with names, kinds and categories.
        training: shape ``(examples, columns)``, NaN where missing.
    """
    fitted = []
    for index, column in enumerate(columns):
        values = training[:, index]
        indicator = int(np.isnan(values).any())
        if column.kind == "categorical":
            count = len(column.categories)
            channels = count + indicator if count <= MAX_CATEGORIES else 0
            fitted.append(dataclasses.replace(column, channels=channels))
        else:
            number = _fit_number(column, values)
            fitted.append(dataclasses.replace(number, channels=1 + indicator))
    return tuple(fitted)


def _encode_column(column: Column, values: FloatArray, out: npt.NDArray[np.float32]) -> None:
    """Fill ``out`` of shape ``(examples, column.channels)``, all zeros before."""
    missing = np.isnan(values)
    if column.kind == "categorical":
        rows = np.flatnonzero(~missing)
        out[rows, values[rows].astype(np.int64)] = 1
        plain = len(column.categories)
    else:
        with np.errstate(over="ignore"):  # checked right below
            encoded = np.ldexp(values, -column.exponent) - column.offset
        if (np.abs(encoded[~missing]) > _FLOAT32_MAX).any():
            raise DataError(
                f"column '{column.name}'",
                "a value far beyond those of the training examples",
                "values that float32 holds on the training examples' scale",
                "Correct the value or drop the column.",
            )
        out[:, 0] = np.where(missing, 0, encoded)
        plain = 1
    if column.channels > plain:
        out[:, plain] = missing


def encode(columns: tuple[Column, ...], values: FloatArray) -> npt.NDArray[np.float32]:
    """Return inputs of shape ``(examples, channels)`` for raw table values.

    Args:
        columns: with their fitted encoding.
        values: shape ``(examples, columns)``; a category beyond the known ones and a missing value
            where training had none are all zeros.

    Raises:
        DataError: if a number is beyond float32 on its column's scale.
    """
    channels = sum(column.channels for column in columns)
    out = allocate((len(values), channels), np.float32)
    for start in range(0, len(values), _CHUNK):
        rows = slice(start, start + _CHUNK)
        first = 0
        for index, column in enumerate(columns):
            if column.channels:
                part = out[rows, first : first + column.channels]
                _encode_column(column, np.asarray(values[rows, index]), part)
            first += column.channels
    return out


def encoding_bits(columns: tuple[Column, ...]) -> int:
    """Return what the encoding of the number columns costs, in bits.

    Exponent and offset each as an Elias gamma code of ``2 |v| + (v < 0) + 1`` (Elias 1975), and one
    bit a column for its missing-value channel. Names, kinds and categories describe the data and
    are not counted.
    """

    def gamma_bits(value: int) -> int:
        return 2 * (2 * abs(value) + (value < 0) + 1).bit_length() - 1

    return sum(
        1 + (gamma_bits(column.exponent) + gamma_bits(column.offset))
        if column.kind != "categorical"
        else 1
        for column in columns
    )
