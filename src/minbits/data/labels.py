"""From the labels of a source to classes, exactly: two labels that differ never become one class.

NumPy compares integers with floats, and int64 with uint64, as float64, which merges whole numbers
from 2^53 on; it drops zero characters at the end of text. Such labels are compared exactly, or
refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.errors import DataError

# From here on, float64 does not tell a whole number from the next one.
FLOAT64_WHOLE_END = 2**53
_LAST_CHARACTER = 0x10FFFF
_INT64 = np.iinfo(np.int64)
_UINT64 = np.iinfo(np.uint64)

Labels = npt.NDArray[Any]


def as_labels(labels: npt.ArrayLike) -> Labels:
    """Return labels as an array; of a list, every label stays the object that it is.

    NumPy would turn a list of large and negative integers into floats.
    """
    if hasattr(labels, "dtype") or hasattr(labels, "__array__"):
        return np.asarray(labels)
    return np.asarray(labels, dtype=object)


def text_labels(texts: Sequence[str], where: str) -> npt.NDArray[np.str_]:
    """Return text as an array.

    Raises:
        DataError: if a text ends in a zero character, which NumPy would drop, or is not Unicode.
    """
    for text in texts:
        if text.endswith("\0"):
            raise DataError(
                where, f"the label {text[-40:]!r}", "text without a zero character at its end",
                "Rename the class.",
            )  # fmt: skip
    return check_characters(np.asarray(texts, np.str_), where)


def check_characters(texts: npt.NDArray[Any], where: str) -> npt.NDArray[np.str_]:
    """Return an array of text, of any shape, whose characters are Unicode; a file may hold others.

    Raises:
        DataError: if there is a number that stands for no character, or half a character.
    """
    numbers = np.ascontiguousarray(texts.astype(texts.dtype.newbyteorder("="))).view(np.uint32)
    if ((numbers > _LAST_CHARACTER) | ((numbers >= 0xD800) & (numbers <= 0xDFFF))).any():
        raise DataError(where, "text that is not Unicode", "Unicode", "Save it anew.")
    return texts


def _refuse_type(where: str, what: str) -> DataError:
    return DataError(
        where, f"labels of type {what}", "whole numbers or text, all of one kind", "Convert them."
    )


def _too_large(where: str, value: object, end: int) -> DataError:
    return DataError(
        where, f"the label {value}",
        f"floats below {end:,} in size, beyond which whole numbers are not told apart",
        "Give the labels as integers or as text.",
    )  # fmt: skip


def _check_floats(labels: Labels, where: str) -> Labels:
    if not np.isfinite(labels).all():
        raise DataError(where, "labels that are NaN or infinite", "finite labels", "Clean them.")
    end = 2 ** (int(np.finfo(labels.dtype).nmant) + 1)
    large = np.flatnonzero(np.abs(labels) >= end)
    if len(large):
        raise _too_large(where, labels[large[0]], end)
    return labels


def _smallest_integers(values: list[int]) -> Labels:
    """Return integers in a type that holds all of them, as objects where none does."""
    low, high = min(values), max(values)
    if _INT64.min <= low and high <= _INT64.max:
        return np.array(values, np.int64)
    if low >= 0 and high <= _UINT64.max:
        return np.array(values, np.uint64)
    return np.array(values, object)


def _from_objects(labels: Labels, where: str) -> Labels:
    # NumPy's and PyTorch's scalars as the Python numbers that they hold.
    values = [value.item() if hasattr(value, "item") else value for value in labels.tolist()]
    if all(isinstance(value, str) for value in values):
        return text_labels(values, where)
    if all(isinstance(value, bool) for value in values):
        return np.array(values, bool)
    if all(isinstance(value, int) for value in values):
        return _smallest_integers(values)
    if all(isinstance(value, int | float) for value in values):
        for value in values:
            if abs(value) >= FLOAT64_WHOLE_END:
                raise _too_large(where, f"{value} among floats", FLOAT64_WHOLE_END)
        return _check_floats(np.array(values, np.float64), where)
    kinds = " and ".join(sorted({type(value).__name__ for value in values}))
    raise _refuse_type(where, kinds)


def exact_labels(labels: Labels, where: str) -> Labels:
    """Return labels in a type that tells all of them apart.

    Args:
        labels: shape ``(examples,)``, not empty.
        where: what to call the source in an error.

    Raises:
        DataError: if they are no whole numbers, finite floats or text, or are floats so large that
            whole numbers are not told apart.
    """
    kind = labels.dtype.kind
    if kind in "biu":
        return labels
    if kind == "U":
        return check_characters(labels, where)
    if kind == "f":
        return _check_floats(labels, where)
    if kind == "O":
        return _from_objects(labels, where)
    if kind == "S":
        try:
            return text_labels([text.decode("utf-8") for text in labels.tolist()], where)
        except UnicodeDecodeError as error:
            raise DataError(
                where, "labels of bytes that are not UTF-8", "text", "Save them as text."
            ) from error
    raise _refuse_type(where, str(labels.dtype))


def _comparable(train: Labels, test: Labels, where: str) -> tuple[Labels, Labels]:
    """Return both in one type in which equal labels, and they alone, are equal."""
    if train.dtype == test.dtype:
        return train, test
    kinds = train.dtype.kind + test.dtype.kind
    if "U" in kinds:
        if kinds == "UU":
            return train, test
        raise DataError(
            f"{where}, test set", f"labels of type {test.dtype}",
            f"{train.dtype}, as in training", "Give both as text, or both as numbers.",
        )  # fmt: skip
    if "f" in kinds:
        # Floats are whole numbers below 2^53 here, or fractions; larger integers equal none.
        return train.astype(object), test.astype(object)
    values = _smallest_integers([int(v) for v in (*train.tolist(), *test.tolist())])
    return values[: len(train)], values[len(train) :]


def class_codes(
    train: Labels, test: Labels | None, where: str
) -> tuple[tuple[str, ...], npt.NDArray[np.int64], npt.NDArray[np.int64] | None]:
    """Return the classes' names in order, and the number of each example's class.

    Args:
        train: shape ``(examples,)``, not empty.
        test: the same of the test set, where there is one.
        where: what to call the source in an error.

    Raises:
        DataError: as `exact_labels`, or if there is one class only, or a label in the test set that
            training does not have.
    """
    train = exact_labels(train, where)
    classes, codes = np.unique(train, return_inverse=True)
    if len(classes) < 2:
        raise DataError(
            where, f"one class only ({classes[0]})", "at least two classes", "Check the labels."
        )
    names = tuple(str(label) for label in classes)
    if test is None:
        return names, codes.astype(np.int64), None
    different, places = np.unique(exact_labels(test, f"{where}, test set"), return_inverse=True)
    known, wanted = (part.tolist() for part in _comparable(classes, different, where))
    numbers_of = {label: number for number, label in enumerate(known)}
    found = [numbers_of.get(label) for label in wanted]
    unknown = [label for label, number in zip(wanted, found, strict=True) if number is None]
    if unknown:
        raise DataError(
            f"{where}, test set",
            f"labels never trained on ({', '.join(map(str, unknown[:5]))})",
            f"labels among the {len(classes)} training classes",
            "Check the labels.",
        )
    return names, codes.astype(np.int64), np.array(found, np.int64)[places]
