"""The masked network: one pass gives every variable's distribution given the ones before it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional


class _MaskedLinear(nn.Linear):
    """A linear layer without the connections that would let a variable see itself."""

    mask: Tensor

    def __init__(self, mask: Tensor) -> None:
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        """Return the outputs."""
        return functional.linear(values, self.weight * self.mask, self.bias)


class MaskedNetwork(nn.Module):
    """MADE (Germain et al. 2015) on one-hot symbols, in the order of the columns."""

    def __init__(
        self, sizes: npt.NDArray[np.int64], width: int, depth: int, dropout: float
    ) -> None:
        super().__init__()
        variables = len(sizes)
        self.sizes = sizes.tolist()
        owner = torch.from_numpy(np.repeat(np.arange(variables), sizes))
        # A hidden unit of degree g sees variables 0 to g, and serves variables after g.
        degree = torch.arange(width) % max(1, variables - 1)
        layers = [_MaskedLinear((degree[:, None] >= owner[None, :]).float())]
        layers += [
            _MaskedLinear((degree[:, None] >= degree[None, :]).float()) for _ in range(depth - 1)
        ]
        self.layers = nn.ModuleList(layers)
        self.out = _MaskedLinear((owner[:, None] > degree[None, :]).float())
        nn.init.zeros_(self.out.weight)
        self.dropout = dropout
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self._starts = torch.from_numpy(starts)
        self._inputs = len(owner)

    def start_from(self, marginals: npt.NDArray[np.float64]) -> None:
        """Begin with independent variables of these distributions, padded with zeros."""
        with torch.no_grad():
            for index, size in enumerate(self.sizes):
                first = int(self._starts[index])
                logs = np.log(marginals[index, :size])
                self.out.bias[first : first + size] = torch.from_numpy(logs).float()

    def forward(self, symbols: Tensor) -> Tensor:
        """Return the code length in nats of every symbol, shape ``(examples, variables)``."""
        values = torch.zeros(len(symbols), self._inputs)
        values.scatter_(1, symbols + self._starts, 1.0)
        for layer in self.layers:
            values = functional.relu(layer(values))
            values = functional.dropout(values, self.dropout, self.training)
        logits = self.out(values)
        parts = [
            functional.cross_entropy(part, symbols[:, index], reduction="none")
            for index, part in enumerate(logits.split(self.sizes, dim=1))
        ]
        return torch.stack(parts, dim=1)
