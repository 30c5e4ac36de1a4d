"""Counting capacity of networks of threshold units: log2 of how many functions they have."""

from __future__ import annotations

from itertools import pairwise

from minbits.capacity.cover import log2_dichotomies
from minbits.capacity.network_shape import NetworkShape


def baldi_vershynin_capacity(widths: tuple[int, ...]) -> int:
    """Return ``sum_k min(n_1 … n_k) n_k n_{k+1}`` of layer widths, the input first.

    The logarithm of the number of Boolean functions that a fully connected network of threshold
    units computes on all binary inputs lies within constant factors of it (Baldi & Vershynin 2019,
    "The capacity of feedforward neural networks"); those factors are not given.
    """
    narrowest = widths[0]
    total = 0
    for before, units in pairwise(widths):
        narrowest = min(narrowest, before)
        total += narrowest * before * units
    return total


def counting_bound_bits(shape: NetworkShape, examples: int) -> float:
    """Return an upper bound of log2 of the labellings of N examples by units that are thresholds.

    On the examples each unit realises at most T(N, K) dichotomies of what enters it, whatever that
    is (Cover 1965), and the units' choices multiply. In a convolution a row sees N times its
    positions points.

    Raises:
        ArgumentError: if N times the positions lies outside ``1 .. 10 ** 9``.
    """
    return sum(
        layer.rows * log2_dichotomies(examples * layer.positions, layer.fan_in + layer.bias)
        for layer in shape.layers
    )
