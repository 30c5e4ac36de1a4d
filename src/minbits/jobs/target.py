"""The accuracy to aim at where nobody names one: what simple classifiers reach, nearly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minbits.data.splits import validation_split
from minbits.evaluation.accuracy import with_margin
from minbits.information.classifiers import held_out_accuracies
from minbits.types import DataSet

# Accuracies that are the usual ones to ask for on a well-known set.
USUAL_TARGETS = {"mnist": 0.99}
MARGIN = 0.005


@dataclass(frozen=True)
class Target:
    """An accuracy, in (0, 1], and why it."""

    accuracy: float
    reason: str


def default_target(data: DataSet) -> Target:
    """Return the accuracy that a search aims at where nobody names one.

    Classifiers are judged on held-out training examples: the test set is not looked at.

    Raises:
        DataError: if the inputs are too many for the classifiers.
    """
    if data.name in USUAL_TARGETS:
        usual = USUAL_TARGETS[data.name]
        return Target(usual, f"{100 * usual:g} % is the usual target on {data.name}")
    found = held_out_accuracies(data)
    name = max(found, key=lambda item: found[item])
    best = found[name]
    examples = len(validation_split(data)[1])
    accuracy = max(resolved_target(best, examples), min(_commonest(data), best))
    considered = ", ".join(f"{item} {100 * value:.1f} %" for item, value in found.items())
    if accuracy > resolved_target(best, examples):
        return Target(accuracy, f"the share of the most common class (considered: {considered})")
    below = (
        "half a point"
        if accuracy + 0.001 > best - MARGIN
        else f"one standard error of {examples:,} validation examples"
    )
    reason = (
        f"{below} below the best classifier on held-out training examples, {name} with "
        f"{100 * best:.1f} % (considered: {considered})"
    )
    return Target(accuracy, reason)


def _commonest(data: DataSet) -> float:
    """Return the share of the most common class, as a per mille: no input is needed for it."""
    counts = np.bincount(data.train_labels)
    return int(1000 * counts.max() / counts.sum()) / 1000


def resolved_target(best: float, validation_examples: int) -> float:
    """Return the target that validation can tell a network of accuracy ``best`` to reach.

    That is half a point below ``best``, or one standard error of the validation examples where that
    is more: a search aims one standard error above its target, which must not ask for more than
    ``best``.

    Args:
        best: an accuracy in [0, 1] that some classifier reached.
        validation_examples: on which files are selected.
    """
    # A per mille is as fine as a target need be; downwards, so that the margin is never less.
    mille = max(int((best - MARGIN) * 1000), 1)
    while mille > 1 and with_margin(mille / 1000, validation_examples) > best + 1e-12:
        mille -= 1
    return mille / 1000
