"""All weights and biases of a network as one vector that is rounded in every forward pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from minbits.codec.architecture import Architecture, tensor_shapes
from minbits.codec.architecture_code import kind_of
from minbits.codec.quantized_network import (
    STEPS_PER_OCTAVE,
    QuantizedLayer,
    QuantizedNetwork,
    QuantizedTensor,
)
from minbits.compression.rate import fit_rate_tables, rate_bits
from minbits.networks.torch_layers import LayerTensors

SMALLEST_SCALE = 1e-4


@dataclass(frozen=True)
class Quantized:
    """One forward pass of the quantiser: rounded tensors, and the bits they are estimated at."""

    tensors: list[LayerTensors]
    size_bits: Tensor


def _round_straight_through(x: Tensor) -> Tensor:
    """Round, but pass gradients on unchanged (Bengio et al. 2013)."""
    return x + (x.round() - x).detach()


class FakeQuantizer(nn.Module):
    """Latent weights and learned steps, one step a tensor (LSQ, Esser et al. 2020).

    The latent vector is flat so that one rounding serves the whole network: with tensors of a few
    hundred weights, the calls would otherwise cost more than the arithmetic. Steps lie on the
    format's grid of quarter octaves in every forward pass, so that nothing changes when the file
    is written.
    """

    def __init__(
        self,
        architecture: Architecture,
        tensors: Sequence[LayerTensors],
        initial_step_ratio: float,
    ) -> None:
        super().__init__()
        self.architecture = architecture
        self._shapes = tensor_shapes(architecture)
        pieces: list[Tensor] = []
        groups: list[str] = []
        for shape, (weights, bias) in zip(self._shapes, tensors, strict=True):
            pieces.append(weights)
            groups.append(kind_of(architecture.layers[shape.layer_index]))
            if bias is not None:
                pieces.append(bias)
                groups.append("bias")
        device = pieces[0].device
        self._sizes = [piece.numel() for piece in pieces]
        scales = [max(_scale(piece), SMALLEST_SCALE) for piece in pieces]
        steps = [STEPS_PER_OCTAVE * math.log2(initial_step_ratio * scale) for scale in scales]
        self.latent = nn.Parameter(torch.cat([piece.detach().reshape(-1) for piece in pieces]))
        self.step_indices = nn.Parameter(torch.tensor(steps, device=device))
        sizes = torch.tensor(self._sizes, device=device)
        names = sorted(set(groups))
        group_of_piece = torch.tensor([names.index(name) for name in groups], device=device)
        self._group_count = len(names)
        self._pieces = torch.repeat_interleave(torch.arange(len(pieces), device=device), sizes)
        self._groups = group_of_piece[self._pieces]

    def forward(self) -> Quantized:
        """Return the rounded tensors and the differentiable estimate of their code length."""
        steps = torch.exp2(_round_straight_through(self.step_indices) / STEPS_PER_OCTAVE)
        step_of_weight = steps[self._pieces]
        scaled = self.latent / step_of_weight
        levels = _round_straight_through(scaled)
        tables = fit_rate_tables(levels, self._groups, self._group_count)
        size_bits = rate_bits(scaled, self._groups, tables).sum()
        return Quantized(self._as_tensors(levels * step_of_weight), size_bits)

    def _as_tensors(self, flat: Tensor) -> list[LayerTensors]:
        pieces = iter(torch.split(flat, self._sizes))
        result: list[LayerTensors] = []
        for shape in self._shapes:
            weights = next(pieces).view(shape.weights)
            result.append((weights, next(pieces) if shape.bias is not None else None))
        return result

    def export(self) -> QuantizedNetwork:
        """Return the network that a forward pass computes, as integers and steps.

        Raises:
            NetworkError: if a level or a step is out of the format's range.
        """
        with torch.no_grad():
            indices = self.step_indices.round()
            steps = torch.exp2(indices / STEPS_PER_OCTAVE)[self._pieces]
            levels = (self.latent / steps).round().cpu().numpy().astype(np.int32)
        pieces = iter(np.split(levels, np.cumsum(self._sizes)[:-1]))
        step_of_piece = iter(int(index) for index in indices.tolist())
        layers: list[QuantizedLayer] = []
        for shape in self._shapes:
            weights = QuantizedTensor(next(pieces).reshape(shape.weights), next(step_of_piece))
            bias = None
            if shape.bias is not None:
                bias = QuantizedTensor(next(pieces), next(step_of_piece))
            layers.append(QuantizedLayer(weights, bias))
        return QuantizedNetwork(self.architecture, tuple(layers))


def _scale(piece: Tensor) -> float:
    """Return the root mean square of a tensor: defined for one value, unlike a deviation."""
    return float(piece.detach().square().mean().sqrt())
