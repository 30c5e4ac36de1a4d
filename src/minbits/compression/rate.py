"""A differentiable estimate of the code length of quantised weights.

The codec writes a level as a zero flag, a sign and a unary magnitude, each flag with an adaptive
probability. The matching prior is a two-sided geometric distribution with its own probability of
zero, whose parameters are fitted afresh at every step to the levels that stand there:

    P(0) = p0,   P(k) = (1 - p0) / 2 * (1 - theta) * theta ** (|k| - 1)  for k != 0.

Its code length is interpolated linearly between integers, so that a weight is drawn to fewer bits
and a step to larger ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class RateTables:
    """Code lengths in bits, one entry a group: of zero, of magnitude one, of each unit beyond."""

    zero_bits: Tensor
    one_bits: Tensor
    unit_bits: Tensor


def fit_rate_tables(levels: Tensor, groups: Tensor, group_count: int) -> RateTables:
    """Fit the prior of every group to the levels in it.

    Args:
        levels: integer-valued floats of shape ``(weights,)``.
        groups: int64 of shape ``(weights,)``, in ``[0, group_count)``.
        group_count: number of groups.
    """
    magnitudes = levels.detach().abs()
    zeros = torch.zeros(group_count, device=levels.device)
    count = zeros.index_add(0, groups, torch.ones_like(magnitudes))
    nonzero = zeros.index_add(0, groups, (magnitudes > 0).to(magnitudes.dtype))
    total = zeros.index_add(0, groups, magnitudes)
    # Half a count is added to each side, as the adaptive models of the codec do.
    p_zero = (count - nonzero + 0.5) / (count + 1)
    theta = (total - nonzero + 0.5) / (total + 1)
    zero_bits = -torch.log2(p_zero)
    one_bits = 1 - torch.log2(1 - p_zero) - torch.log2(1 - theta)
    return RateTables(zero_bits, one_bits, -torch.log2(theta))


def rate_bits(scaled: Tensor, groups: Tensor, tables: RateTables) -> Tensor:
    """Return the code length of each weight in bits, shape ``(weights,)``.

    Args:
        scaled: weights divided by their steps; at integers the result is the prior's code length.
        groups: int64, the group of each weight.
        tables: from `fit_rate_tables`.
    """
    magnitudes = scaled.abs()
    zero, one = tables.zero_bits[groups], tables.one_bits[groups]
    below_one = zero + (one - zero) * magnitudes.clamp(max=1.0)
    return below_one + tables.unit_bits[groups] * (magnitudes - 1).clamp(min=0.0)
