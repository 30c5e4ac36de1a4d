"""The network as a channel: noisy weights, noisy and quantised activations."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import special

from minbits.capacity.channels import ChannelCapacity, discrete_capacity, gaussian_capacity
from minbits.capacity.network_shape import NetworkShape
from minbits.errors import ArgumentError


def noisy_weights_bits(parameters: int, weight_deviation: float, noise_deviation: float) -> float:
    """Return what weights can carry from training to use when Gaussian noise is added to each.

    Each weight is one use of a Gaussian channel: ``½ log2(1 + (s / n) ** 2)`` bits, an upper bound
    for weights of mean square ``s ** 2`` (Shannon 1948; for weights, Hinton & van Camp 1993).

    Args:
        parameters: noisy weights, at least 1.
        weight_deviation: s, root mean square of the weights, at least 0.
        noise_deviation: n, standard deviation of the noise, above 0.

    Raises:
        ArgumentError: outside these domains.
    """
    if parameters < 1 or not weight_deviation >= 0 or not noise_deviation > 0:
        raise ArgumentError(
            "noisy_weights_bits",
            f"{parameters} weights, deviation {weight_deviation}, noise {noise_deviation}",
            "parameters >= 1, weight deviation >= 0, noise deviation > 0",
            "Weights without noise carry as many bits as they are stored with.",
        )
    return parameters * gaussian_capacity((weight_deviation / noise_deviation) ** 2)


def quantised_unit_channel(
    levels: npt.NDArray[np.float64], noise_deviation: float, output_levels: int
) -> npt.NDArray[np.float64]:
    """Return the channel matrix of a unit that adds Gaussian noise and rounds to few levels.

    Args:
        levels: activations that enter, shape ``(inputs,)``, each in [0, 1].
        noise_deviation: of the noise before rounding, above 0.
        output_levels: equally spaced in [0, 1], the ends included; 2 or more.

    Returns:
        P(output | input), shape ``(inputs, output_levels)``.

    Raises:
        ArgumentError: outside these domains.
    """
    inside = levels.ndim == 1 and len(levels) > 0 and levels.min() >= 0 and levels.max() <= 1
    if not inside or not noise_deviation > 0 or output_levels < 2:
        raise ArgumentError(
            "quantised_unit_channel",
            f"{levels.shape} levels, noise {noise_deviation}, {output_levels} output levels",
            "levels in [0, 1], noise > 0 and at least 2 output levels",
            "Scale the activations.",
        )
    edges = (np.arange(output_levels - 1) + 0.5) / (output_levels - 1)
    below = special.ndtr((edges[None, :] - levels[:, None]) / noise_deviation)
    padded = np.hstack([np.zeros((len(levels), 1)), below, np.ones((len(levels), 1))])
    return np.diff(padded, axis=1)


def quantised_unit_capacity(
    activation_bits: int, noise_deviation: float, gap_bits: float = 1e-6
) -> ChannelCapacity:
    """Return the capacity of one unit with ``activation_bits`` bits and noise before rounding.

    Activations lie in [0, 1]; 129 input levels stand for the continuum, so the lower end is a lower
    bound for it too.

    Raises:
        ArgumentError: outside 1 to 8 bits or without noise.
    """
    if not 1 <= activation_bits <= 8:
        raise ArgumentError(
            "quantised_unit_capacity", f"{activation_bits} bits", "1 to 8", "Choose one."
        )
    levels = np.linspace(0.0, 1.0, 129)
    matrix = quantised_unit_channel(levels, noise_deviation, 2**activation_bits)
    return discrete_capacity(matrix, gap_bits, most_iterations=20_000)


def layer_throughput_bits(shape: NetworkShape, unit_bits: float) -> tuple[float, ...]:
    """Return the most bits of one example that leave each layer, a unit carrying ``unit_bits``.

    No later layer carries more than an earlier one (data processing inequality); the last is at
    most log2 of the classes once the largest logit is taken.

    Raises:
        ArgumentError: unless ``unit_bits`` is finite and at least 0.
    """
    if not (math.isfinite(unit_bits) and unit_bits >= 0):
        raise ArgumentError("layer_throughput_bits", f"{unit_bits}", "a finite number >= 0", "Fix.")
    result: list[float] = []
    most = math.inf
    for layer in shape.layers:
        most = min(most, layer.outputs * unit_bits)
        result.append(most)
    return tuple(result)


def sequential_capacity(capacities: Sequence[float]) -> float:
    """Return an upper bound of channels one after another: the smallest of them.

    Raises:
        ArgumentError: if there is none, or one is negative.
    """
    if not capacities or min(capacities) < 0:
        raise ArgumentError("sequential_capacity", str(capacities), "capacities >= 0", "Add some.")
    return min(capacities)
