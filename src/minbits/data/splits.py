"""Fixed splits: class by class, by a documented seed, so that nobody chooses by the test set."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from minbits.data.rare_classes import check_no_single
from minbits.errors import DataError
from minbits.types import DataSet

VALIDATION_FRACTION = 0.1
# Small sets give up to a fifth: of a hundred examples, one file in five passes by luck.
LARGEST_VALIDATION_FRACTION = 0.2
_ENOUGH_EXAMPLES = 1000
VALIDATION_SEED = 20_180_401  # any fixed number would do; changing it changes every selection

Indices = npt.NDArray[np.int64]


def stratified_holdout(
    labels: npt.NDArray[np.int64], fraction: float, seed: int
) -> tuple[Indices, Indices]:
    """Split examples into kept and held-out indices, each class in the same proportion.

    Within each class, examples are drawn by NumPy's PCG64 generator seeded with ``seed``; a class
    of ``n`` examples gives ``round(fraction * n)``, at least one and at most ``n - 1``.

    Args:
        labels: shape ``(examples,)``.
        fraction: in (0, 1).
        seed: of the generator.

    Returns:
        Two sorted index arrays, kept and held out.

    Raises:
        DataError: if a class has a single example.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    held_out: list[Indices] = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) < 2:
            raise DataError(
                "split",
                f"class {label} with a single example",
                "at least two examples a class",
                "Add examples or drop the class.",
            )
        count = min(max(1, round(fraction * len(members))), len(members) - 1)
        held_out.append(generator.permutation(members)[:count])
    held = np.sort(np.concatenate(held_out))
    kept = np.setdiff1d(np.arange(len(labels), dtype=np.int64), held)
    return kept, held


def validation_fraction(examples: int) -> float:
    """Return the part of the training examples that is held out for validation.

    A tenth; where that is fewer than 1,000 examples, as many as 1,000, up to a fifth.
    """
    return min(LARGEST_VALIDATION_FRACTION, max(VALIDATION_FRACTION, _ENOUGH_EXAMPLES / examples))


def validation_split(data: DataSet) -> tuple[Indices, Indices]:
    """Return the indices of the training examples to train on, and to validate on.

    Raises:
        DataError: if a class has a single training example, or no column of a table is an input.
    """
    where = data.origin
    if data.table is not None and not any(column.channels for column in data.table.columns):
        raise DataError(
            where, "columns with too many categories only", "a column to learn from",
            "Add a column of numbers or of fewer categories.",
        )  # fmt: skip
    check_no_single(data.train_labels, data.class_names, f"training examples of {where}")
    fraction = validation_fraction(len(data.train_labels))
    return stratified_holdout(data.train_labels, fraction, VALIDATION_SEED)
