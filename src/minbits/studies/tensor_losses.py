"""Losses that networks are trained with, of tensors."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from minbits.studies.losses import Loss


def tensor_losses(logits: Tensor, labels: Tensor, loss: Loss) -> Tensor:
    """Return the loss of every example, shape ``(...)``; see `minbits.studies.losses`.

    Args:
        logits: shape ``(..., classes)``, of two classes or more.
        labels: shape ``(...)``.
        loss: which one.
    """
    classes = logits.shape[-1]
    if loss == "cross-entropy":
        flat = functional.cross_entropy(
            logits.reshape(-1, classes), labels.reshape(-1), reduction="none"
        )
        return flat.reshape(labels.shape)
    wanted = functional.one_hot(labels, classes)
    if loss == "squared":
        return (logits - wanted).square().sum(-1)
    own = (logits * wanted).sum(-1)
    others = logits.masked_fill(wanted.bool(), float("-inf")).amax(-1)
    return (1 + others - own).relu()
