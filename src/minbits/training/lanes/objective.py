"""The lanes engine as a loss that PyTorch's optimizers can minimise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from minbits.training.lanes.linear_maps import Float
from minbits.training.lanes.network import LanesNetwork, LayerParameters

# Weights, scale and shift of a layer; None where it has none.
LayerTriple = tuple[Tensor, Tensor | None, Tensor | None]


def _flat(tensor: Tensor | None) -> Float | None:
    if tensor is None:
        return None
    return np.ascontiguousarray(tensor.detach().numpy()).ravel()


class _CrossEntropy(torch.autograd.Function):
    """Runs forward and backward pass at once, and hands out the gradients when asked."""

    @staticmethod
    def forward(
        context: Any,
        network: LanesNetwork,
        images: Tensor,
        labels: Tensor,
        presence: tuple[tuple[bool, bool], ...],
        *tensors: Tensor,
    ) -> Tensor:
        stored = iter(tensors)
        parameters: list[LayerParameters] = []
        for has_scale, has_shift in presence:
            weights = _flat(next(stored))
            assert weights is not None
            scale = _flat(next(stored)) if has_scale else None
            shift = _flat(next(stored)) if has_shift else None
            parameters.append(LayerParameters(weights, scale, shift))
        loss, gradients = network.loss_and_gradients(
            parameters, np.ascontiguousarray(images.numpy()), labels.numpy()
        )
        flat: list[Float] = []
        for gradient in gradients:
            flat += [
                part
                for part in (gradient.weights, gradient.scale, gradient.shift)
                if part is not None
            ]
        context.gradients = [
            torch.from_numpy(part).view(tensor.shape)
            for part, tensor in zip(flat, tensors, strict=True)
        ]
        return torch.tensor(loss, dtype=torch.float32)

    @staticmethod
    def backward(context: Any, *outputs: Tensor) -> tuple[Tensor | None, ...]:
        return (None, None, None, None, *(outputs[0] * part for part in context.gradients))


def lanes_cross_entropy(
    network: LanesNetwork, layers: Sequence[LayerTriple], images: Tensor, labels: Tensor
) -> Tensor:
    """Return the mean cross-entropy of a batch in nats, differentiable in every layer's tensors.

    Args:
        network: plan and buffers; its batch size is that of ``images``.
        layers: weights, scale and shift of every layer that has weights, in order, on the CPU.
        images: float32 of shape ``(batch, channels, rows, columns)``, scaled.
        labels: int64 of shape ``(batch,)``.
    """
    presence = tuple((scale is not None, shift is not None) for _, scale, shift in layers)
    tensors = [tensor for layer in layers for tensor in layer if tensor is not None]
    loss: Tensor = _CrossEntropy.apply(  # type: ignore[no-untyped-call]
        network, images, labels, presence, *tensors
    )
    return loss
