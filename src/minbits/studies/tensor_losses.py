"""Losses that networks are trained with, of tensors."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from minbits.memorisation.seeded_networks import label_losses
from minbits.studies.losses import Loss


def tensor_losses(logits: Tensor, labels: Tensor, loss: Loss) -> Tensor:
    """Return the loss of every example, shape ``(seeds, examples)``; see `minbits.studies.losses`.

    Args:
        logits: shape ``(seeds, examples, classes)``, of two classes or more.
        labels: shape ``(seeds, examples)``.
        loss: which one.
    """
    if loss == "cross-entropy":
        return label_losses(logits, labels)
    wanted = functional.one_hot(labels, logits.shape[-1])
    if loss == "squared":
        return (logits - wanted).square().sum(-1)
    own = (logits * wanted).sum(-1)
    others = logits.masked_fill(wanted.bool(), float("-inf")).amax(-1)
    return (1 + others - own).relu()
