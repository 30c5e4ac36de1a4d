"""The quantiser and its rate in PyTorch, slow and written for reading."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from minbits.codec.architecture import Architecture, tensor_shapes
from minbits.codec.quantized_network import STEPS_PER_OCTAVE


def round_straight_through(x: Tensor) -> Tensor:
    """Round, but pass gradients on unchanged."""
    return x + (x.round() - x).detach()


def code_length(scaled: Tensor, levels: Tensor) -> Tensor:
    """The bits of one group of weights under the prior fitted to its levels.

    P(0) = p0, P(k) = (1 - p0) / 2 * (1 - theta) * theta ** (|k| - 1), interpolated linearly. The
    gradient never points away from zero: below one it is at least that of a unit beyond.
    """
    magnitudes = levels.abs()
    count, nonzero, total = len(levels), float((magnitudes > 0).sum()), float(magnitudes.sum())
    p_zero = (count - nonzero + 0.5) / (count + 1)
    theta = (total - nonzero + 0.5) / (total + 1)

    def bits(magnitude: int) -> float:
        if magnitude == 0:
            return -math.log2(p_zero)
        return -math.log2((1 - p_zero) / 2 * (1 - theta) * theta ** (magnitude - 1))

    x = scaled.abs()
    first, unit = bits(1) - bits(0), bits(2) - bits(1)
    pull = max(first, unit) - first
    below_one = bits(0) + first * x + pull * (x - x.detach())
    return torch.where(x < 1, below_one, bits(1) + unit * (x - 1)).sum()


@dataclass
class Rounded:
    """What one forward pass gives, differentiable in latent weights and step indices."""

    values: Tensor
    bits: Tensor


def quantize(architecture: Architecture, latent: Tensor, step_indices: Tensor) -> Rounded:
    """Round every tensor to its own step and estimate the bits, family by family."""
    values: list[Tensor] = []
    families: dict[str, list[tuple[Tensor, Tensor]]] = {}
    at = 0
    steps = iter(torch.exp2(step_indices / STEPS_PER_OCTAVE))
    for shape in tensor_shapes(architecture):
        sizes = [(architecture.layers[shape.layer_index].code_kind, math.prod(shape.weights))]
        if shape.bias is not None:
            sizes.append(("bias", shape.bias))
        for family, size in sizes:
            step = next(steps)
            scaled = latent[at : at + size] / step
            levels = round_straight_through(scaled)
            values.append(levels * step)
            families.setdefault(family, []).append((scaled, levels.detach()))
            at += size
    bits = [
        code_length(torch.cat([one for one, _ in pairs]), torch.cat([two for _, two in pairs]))
        for pairs in families.values()
    ]
    return Rounded(torch.cat(values), torch.stack(bits).sum())
