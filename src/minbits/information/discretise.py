"""From a data set to integer symbols: binary pixels, grey values, columns at a stated step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from minbits.data.splits import VALIDATION_FRACTION, VALIDATION_SEED
from minbits.data.tables import table_of
from minbits.errors import ArgumentError
from minbits.information.symbols import SymbolSet
from minbits.types import Column, DataSet, Table

Binarise = Literal["threshold", "static", "stochastic", "none"]
BINARISATIONS: tuple[Binarise, ...] = get_args(Binarise)

BINARISATION_SEED = 0
MAX_SYMBOLS = 1 << 16
# A real column is quantised at about this part of its standard deviation.
_STEPS_A_DEVIATION = 16
_GREY_LEVELS = 256

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Discretisation:
    """How examples become symbols.

    Attributes:
        binarise: of grey images: ``threshold`` (on where greater than ``threshold``), ``static``
            (each pixel drawn once with its grey value as probability), ``stochastic`` (drawn anew
            whenever a model passes over the training images; test images are drawn once) or
            ``none`` (grey values as they are).
        threshold: a pixel is on where its raw value is greater.
        step: of real columns; None takes a power of two of about a sixteenth of the standard
            deviation, column by column.
    """

    binarise: Binarise = "threshold"
    threshold: float = 0.0
    step: float | None = None

    def __post_init__(self) -> None:
        if self.binarise not in BINARISATIONS:
            raise ArgumentError(
                "`binarise`", f"'{self.binarise}'", ", ".join(BINARISATIONS), "Choose one."
            )
        if not math.isfinite(self.threshold):
            raise ArgumentError(
                "`threshold`", str(self.threshold), "a finite number", "Give a grey value."
            )
        if self.step is not None and not (math.isfinite(self.step) and self.step > 0):
            raise ArgumentError(
                "`step`", str(self.step), "a positive number", "Give the resolution of the data."
            )


def can_binarise(data: DataSet) -> bool:
    """Return whether inputs are non-negative integers, so that a threshold makes sense."""
    inputs = data.train_inputs
    if inputs.dtype == np.uint8:
        return True
    return bool((inputs >= 0).all() and (inputs == np.floor(inputs)).all())


def _holdout(examples: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Split off a tenth for validation by a fixed seed; labels play no part in H(X)."""
    if examples < 2:
        raise ArgumentError(
            "entropy ladder", f"{examples} training example", "at least 2", "Give more examples."
        )
    order = np.random.Generator(np.random.PCG64(VALIDATION_SEED)).permutation(examples)
    held = max(1, round(VALIDATION_FRACTION * examples))
    return np.sort(order[held:]), np.sort(order[:held])


def _split(
    train: npt.NDArray[np.int32], test: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    kept, held = _holdout(len(train))
    return train[kept], train[held], test


def _flat(inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return inputs.reshape(len(inputs), -1)


def _binary_images(data: DataSet, how: Discretisation) -> SymbolSet:
    train, test = _flat(data.train_inputs), _flat(data.test_inputs)
    variables = train.shape[1]
    grey = None
    if how.binarise == "threshold":
        ones = [(part > how.threshold).astype(np.int32) for part in (train, test)]
        what = f"pixels binarised at > {how.threshold:g}"
    else:
        # The largest value that the type or the data can show is certainly on.
        white = 255.0 if data.train_inputs.dtype == np.uint8 else float(max(train.max(), 1))
        generator = np.random.Generator(np.random.PCG64(BINARISATION_SEED))
        chances = [np.minimum(part.astype(np.float32) / white, 1) for part in (train, test)]
        ones = [
            (generator.random(part.shape, np.float32) < part).astype(np.int32) for part in chances
        ]
        what = f"pixels drawn by grey value / {white:g} ({how.binarise}, seed {BINARISATION_SEED})"
        if how.binarise == "stochastic":
            kept, held = _holdout(len(train))
            grey = np.concatenate([chances[0][kept], chances[0][held]])
    return SymbolSet(
        *_split(ones[0], ones[1]),
        sizes=np.full(variables, 2, np.int64),
        image_shape=data.input_shape,
        ordered=np.ones(variables, np.bool_),
        what=what,
        grey=grey,
    )


def _grey_images(data: DataSet) -> SymbolSet:
    if can_binarise(data):
        parts = [
            np.asarray(_flat(part), np.int32) for part in (data.train_inputs, data.test_inputs)
        ]
        top = max(int(part.max(initial=0)) for part in parts)
        what = "grey values as they are"
    else:
        reals = [_flat(part).astype(np.float64) for part in (data.train_inputs, data.test_inputs)]
        low = min(float(part.min()) for part in reals)
        high = max(float(part.max()) for part in reals)
        step = 2.0 ** math.ceil(math.log2((high - low) / (_GREY_LEVELS - 1))) if high > low else 1.0
        parts = [np.floor((part - low) / step).astype(np.int32) for part in reals]
        top = max(int(part.max()) for part in parts)
        what = f"pixel values at a step of {step:g}"
    if top >= MAX_SYMBOLS:
        raise ArgumentError(
            "entropy ladder", f"grey values up to {top}", f"below {MAX_SYMBOLS}", "Rescale them."
        )
    variables = parts[0].shape[1]
    return SymbolSet(
        *_split(parts[0], parts[1]),
        sizes=np.full(variables, top + 1, np.int64),
        image_shape=data.input_shape,
        ordered=np.ones(variables, np.bool_),
        what=what,
    )


def column_step(column: Column, values: FloatArray, asked: float | None) -> float:
    """Return the step at which a number column is quantised.

    Args:
        column: its description.
        values: of all examples, NaN where missing.
        asked: a step for real columns, or None.

    Raises:
        ArgumentError: if the step asked for leaves more than 65,536 symbols.
    """
    present = values[~np.isnan(values)]
    if len(present) == 0:
        return 1.0
    spread = float(present.max() - present.min())
    if column.kind == "integer":
        # An alphabet of millions is no table: such a column takes a coarser step, and says so.
        return float(2 ** max(0, math.ceil(math.log2(max(1.0, (spread + 1) / (MAX_SYMBOLS / 2))))))
    deviation = float(present.std())
    if asked is None:
        finest = spread / (MAX_SYMBOLS / 2)
        wanted = max(deviation / _STEPS_A_DEVIATION, finest)
        return 2.0 ** math.floor(math.log2(wanted)) if wanted > 0 else 1.0
    if spread / asked >= MAX_SYMBOLS - 2:
        raise ArgumentError(
            "`step`",
            f"{asked:g} for column '{column.name}', which spans {spread:g}",
            f"a step above {spread / MAX_SYMBOLS:g}",
            "Give a coarser step.",
        )
    return asked


def _column_symbols(
    column: Column, train: FloatArray, test: FloatArray, asked: float | None
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], int, float]:
    """Return the symbols of both parts, how many there are, and the step."""
    values = np.concatenate([train, test])
    missing = np.isnan(values)
    if column.kind == "categorical":
        step, low, known = 1.0, 0.0, len(column.categories)
    else:
        step = column_step(column, values, asked)
        low = float(np.floor(values[~missing].min() / step)) if not missing.all() else 0.0
        known = 0
    codes = np.where(missing, 0, np.floor(np.where(missing, 0, values) / step) - low)
    size = max(known, int(codes.max(initial=0)) + 1)
    if missing.any():
        codes[missing] = size
        size += 1
    symbols = codes.astype(np.int32)
    return symbols[: len(train)], symbols[len(train) :], size, step


def _table_symbols(table: Table, how: Discretisation) -> SymbolSet:
    trains, tests, sizes, steps = [], [], [], []
    for index, column in enumerate(table.columns):
        train, test, size, step = _column_symbols(
            column, table.train_values[:, index], table.test_values[:, index], how.step
        )
        trains.append(train)
        tests.append(test)
        sizes.append(size)
        if column.kind == "real" or step != 1:
            steps.append(f"{column.name} at {step:g}")
    what = f"{len(sizes)} columns"
    if steps:
        shown = ", ".join(steps[:4]) + (f", and {len(steps) - 4} more" if len(steps) > 4 else "")
        what += f", quantised at a step: {shown}"
    return SymbolSet(
        *_split(np.stack(trains, axis=1), np.stack(tests, axis=1)),
        sizes=np.array(sizes, np.int64),
        image_shape=None,
        ordered=np.array([column.kind != "categorical" for column in table.columns]),
        what=what,
    )


def discretise(data: DataSet, how: Discretisation) -> SymbolSet:
    """Return the symbols of a data set's examples.

    Images of grey values are binarised unless told otherwise; tables keep their categories and
    integers, and real columns are quantised at a stated step.

    Raises:
        ArgumentError: if the data set is too small to split, or a step does not fit it.
    """
    table = table_of(data)
    if table is not None:
        return _table_symbols(table, how)
    if how.binarise != "none" and can_binarise(data):
        return _binary_images(data, how)
    return _grey_images(data)
