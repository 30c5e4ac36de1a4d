"""The accuracy to aim at where nobody names one: what simple classifiers reach, nearly."""

from __future__ import annotations

from dataclasses import dataclass

from minbits.information.classifiers import held_out_accuracies
from minbits.records import DataSet

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
    # A per mille is as fine as a target need be; downwards, so that the margin is never less.
    accuracy = max(int((best - MARGIN) * 1000) / 1000, 0.001)
    considered = ", ".join(f"{item} {100 * value:.1f} %" for item, value in found.items())
    reason = (
        f"half a point below the best classifier on held-out training examples, {name} with "
        f"{100 * best:.1f} % (considered: {considered})"
    )
    return Target(accuracy, reason)
