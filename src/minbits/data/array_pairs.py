"""From arrays of inputs and labels to a data set, in the shapes that people keep them in."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.data.array_names import ArrayLayout
from minbits.data.assemble import Pair, assemble
from minbits.data.large_arrays import allocate, take
from minbits.data.options import LoadOptions, check_inputs_fit
from minbits.data.rare_classes import common_rows
from minbits.errors import DataError
from minbits.types import DataSet, Remark

_CHUNK = 4096


@dataclass(frozen=True)
class ArraySource:
    """Where arrays come from.

    Attributes:
        name: of the data set.
        where: the place in an error.
        origin: of the data, in words.
        channels_first: whether inputs of four axes are known to have the channels first.
    """

    name: str
    where: str
    origin: str
    channels_first: bool = False


def layout_data_set(
    source: ArraySource,
    arrays: Mapping[str, npt.NDArray[Any]],
    layout: ArrayLayout,
    options: LoadOptions,
) -> DataSet:
    """Return the data set of named arrays.

    Validation examples become the test set where there is none. Else they are for training, since
    every search draws validation examples of its own.

    Raises:
        DataError: if the arrays do not fit together.
        ArgumentError: if the inputs do not fill the shape that the user named.
    """
    remarks = []
    pairs = [
        None if names is None else (arrays[names[0]], single_labels(arrays[names[1]]))
        for names in (layout.train, layout.test, layout.validation)
    ]
    train, test, validation = pairs
    assert train is not None
    if validation is not None and layout.validation is not None:
        shown = f"'{layout.validation[0]}' and '{layout.validation[1]}'"
        if test is None:
            test = validation
            remarks.append(Remark("validation", f"{shown} are the test set."))
        else:
            train = _joined(train, validation, source.where)
            text = f"{shown} are for training, too: a search draws validation examples of its own."
            remarks.append(Remark("validation", text))
    found = pair_data_set(source, train, test, options)
    return dataclasses.replace(found, remarks=(*remarks, *found.remarks))


def pair_data_set(
    source: ArraySource, train: Pair, test: Pair | None, options: LoadOptions
) -> DataSet:
    """Return the data set of inputs and labels, after what the user asked for them.

    Raises:
        DataError: if they do not fit together.
        ArgumentError: if the inputs do not fill the shape that the user named.
    """
    remarks = []
    if options.drop_rare:
        before = len(train[1]) + (0 if test is None else len(test[1]))
        train, test = _common(train, test, source.where)
        count = before - len(train[1]) - (0 if test is None else len(test[1]))
        if count:
            text = f"{count:,} examples of rare classes are left out."
            remarks.append(Remark("rows_left_out", text))
    if options.image_shape is not None:
        train = _shaped(train, options.image_shape, source.where)
        test = None if test is None else _shaped(test, options.image_shape, source.where)
    found = assemble(
        source.name, train, test, where=source.where, origin=source.origin,
        channels_first=source.channels_first,
    )  # fmt: skip
    return dataclasses.replace(found, remarks=tuple(remarks))


def single_labels(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return labels of shape ``(examples, 1)``, or one 0/1 column a class, as one label each."""
    if labels.ndim != 2:
        return labels
    if labels.shape[1] == 1:
        return labels[:, 0]
    if labels.dtype.kind in "buif" and len(labels) and labels.shape[1] > 1:
        is_one = labels == 1
        if (is_one | (labels == 0)).all() and (is_one.sum(axis=1) == 1).all():
            return np.asarray(is_one.argmax(axis=1))
    return labels


def as_inputs(inputs: npt.ArrayLike, where: str) -> npt.NDArray[Any]:
    """Return inputs as an array.

    Raises:
        DataError: if the examples differ in shape.
    """
    try:
        return np.asarray(inputs)
    except ValueError as error:
        raise DataError(
            where, f"inputs that make no array ({error})", "examples of one shape",
            "Bring them to one shape.",
        ) from error  # fmt: skip


def _joined(first: Pair, second: Pair, where: str) -> Pair:
    if first[0].shape[1:] != second[0].shape[1:] or first[0].dtype != second[0].dtype:
        raise DataError(
            where, f"validation examples of shape {second[0].shape[1:]} of {second[0].dtype}",
            f"{first[0].shape[1:]} of {first[0].dtype}, as in training", "Match the arrays.",
        )  # fmt: skip
    if first[1].ndim != 1 or second[1].ndim != 1:
        shape = (first if first[1].ndim != 1 else second)[1].shape
        raise DataError(where, f"labels of shape {shape}", "one label an example", "Reshape them.")
    inputs = allocate((len(first[0]) + len(second[0]), *first[0].shape[1:]), first[0].dtype)
    start = 0
    for part in (first[0], second[0]):
        for place in range(0, len(part), _CHUNK):
            piece = part[place : place + _CHUNK]
            inputs[start + place : start + place + len(piece)] = piece
        start += len(part)
    return inputs, np.concatenate([first[1], second[1]])


def _common(train: Pair, test: Pair | None, where: str) -> tuple[Pair, Pair | None]:
    parts = [train[1]] if test is None else [train[1], test[1]]
    if any(part.ndim != 1 or part.dtype.kind not in "biufUS" for part in parts):
        return train, test  # which is refused as it is
    labels = np.concatenate(parts)
    end = len(train[1])
    common = common_rows(labels, np.ones(len(labels), bool), end, test is not None)
    if not common[:end].any():
        raise DataError(
            where, "rare classes alone", "classes of three examples and more", "Add examples."
        )
    if common.all():
        return train, test
    return _some(train, common[:end]), None if test is None else _some(test, common[end:])


def _some(pair: Pair, kept: npt.NDArray[np.bool_]) -> Pair:
    return take(pair[0], np.flatnonzero(kept)), pair[1][kept]


def _shaped(pair: Pair, shape: tuple[int, int, int], where: str) -> Pair:
    inputs = pair[0]
    check_inputs_fit(where, int(np.prod(inputs.shape[1:])), shape)
    return inputs.reshape(len(inputs), *shape), pair[1]
