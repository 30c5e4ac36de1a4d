"""Losses that networks are trained with, of arrays; those of tensors are in `tensor_losses`.

- ``cross-entropy``: minus the logarithm of the label's probability, in nats;
- ``squared``: the squared distance of the logits from 1 at the label and 0 elsewhere;
- ``hinge``: by how much the label's logit fails to exceed every other one by 1 (Crammer & Singer
  2001, *On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines*).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Loss = Literal["cross-entropy", "squared", "hinge"]

LOSSES: tuple[Loss, ...] = ("cross-entropy", "squared", "hinge")
# What the mean of a loss over examples is counted in.
LOSS_UNITS: dict[Loss, str] = {
    "cross-entropy": "nats an example",
    "squared": "squared distance an example",
    "hinge": "missing margin an example",
}


def loss_named(name: object) -> Loss:
    """Return the loss of a name; cross-entropy where there is none.

    Raises:
        KeyError: if there is no such loss.
    """
    found: dict[object, Loss] = {None: "cross-entropy", **{loss: loss for loss in LOSSES}}
    return found[name]


def loss_key(part: str, loss: str) -> str:
    """Return the key of a loss on a part of the data, which names the unit where there is one."""
    return f"{part}_loss_nats" if loss == "cross-entropy" else f"{part}_loss"


def mean_loss_and_hits(
    logits: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], loss: Loss = "cross-entropy"
) -> tuple[float, int]:
    """Return the mean loss of examples and how many labels are right.

    Args:
        logits: shape ``(examples, classes)``.
        labels: shape ``(examples,)``.
        loss: which one.
    """
    wide, every = logits.astype(np.float64), np.arange(len(labels))
    hits = int((wide.argmax(1) == labels).sum())
    own = wide[every, labels]
    if loss == "cross-entropy":
        top = wide.max(axis=1)
        losses = np.log(np.exp(wide - top[:, None]).sum(axis=1)) - (own - top)
    elif loss == "squared":
        losses = (wide**2).sum(axis=1) - own**2 + (own - 1) ** 2
    else:
        wide[every, labels] = -np.inf
        losses = np.maximum(0.0, 1 + wide.max(axis=1) - own)
    return float(losses.mean()), hits
