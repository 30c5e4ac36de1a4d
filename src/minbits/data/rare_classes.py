"""Classes of too few examples: they are named in an error, or left out where the user says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.errors import DataError

# One example each to train, to validate and to test.
_MIN_EXAMPLES = 3
_MANY_CLASSES = 100
_NAMES_SHOWN = 5

Mask = npt.NDArray[np.bool_]


def common_rows(labels: npt.NDArray[Any], kept: Mask, end: int, has_test: bool) -> Mask:
    """Return which rows have a label that is not rare.

    Args:
        labels: shape ``(rows,)``, training examples first.
        kept: rows that count.
        end: how many rows are for training.
        has_test: whether the rest is a test set; else a part of the training examples becomes one.
    """
    names, counts = np.unique(labels[:end][kept[:end]], return_counts=True)
    least = _MIN_EXAMPLES - 1 if has_test else _MIN_EXAMPLES
    return np.isin(labels, names[counts >= least])


def check_no_single(labels: npt.NDArray[np.int64], names: Sequence[str], where: str) -> None:
    """Refuse classes with a single example, of which none could be held out, and a single class.

    Args:
        labels: shape ``(examples,)``, numbers of classes.
        names: of the classes.
        where: file and column of the labels.

    Raises:
        DataError: if there is one; it names the classes.
    """
    if len(names) < 2:
        raise DataError(
            where, f"one class only ({names[0]})", "at least two classes", "Check the labels."
        )
    counts = np.bincount(labels, minlength=len(names))
    single = np.flatnonzero(counts == 1)
    if len(single) == 0:
        return
    shown = ", ".join(f"'{names[number]}'" for number in single[:_NAMES_SHOWN])
    many = f" and {len(single) - _NAMES_SHOWN:,} more" if len(single) > _NAMES_SHOWN else ""
    if len(names) > _MANY_CLASSES and all(_is_whole(name) for name in names):
        raise DataError(
            where,
            f"{len(names):,} classes of whole numbers, {len(single):,} of them with a single "
            f"example ({shown}{many})",
            "at least two examples a class",
            "Is this a regression? Bin the values, name another column with `label`, or leave rare "
            "classes out with `drop_rare`.",
        )
    what = f"class {shown} with" if len(single) == 1 else f"classes {shown}{many} with each"
    raise DataError(
        where,
        f"{what} a single example",
        "at least two examples a class",
        "Add examples, or leave rare classes out with `drop_rare`.",
    )


def _is_whole(name: str) -> bool:
    return name.removeprefix("-").isdigit()
