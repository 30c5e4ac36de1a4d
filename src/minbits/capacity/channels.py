"""Capacities of noisy channels, in bits a use (Shannon 1948; MacKay 2003, chapters 9 to 11)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.errors import ArgumentError
from minbits.information.discrete import binary_entropy_bits

FloatArray = npt.NDArray[np.float64]


def check_probability(where: str, name: str, value: float) -> None:
    """Refuse what is no probability.

    Raises:
        ArgumentError: naming the domain.
    """
    if not 0 <= value <= 1:
        raise ArgumentError(where, f"{name} = {value}", f"0 <= {name} <= 1", "Give a probability.")


def binary_symmetric_capacity(flip_probability: float) -> float:
    """Return 1 - H_b(f): each bit is flipped with probability f.

    Raises:
        ArgumentError: unless 0 <= f <= 1.
    """
    check_probability("binary symmetric channel", "flip probability", flip_probability)
    return 1.0 - float(binary_entropy_bits(np.array(flip_probability)))


def binary_erasure_capacity(erasure_probability: float) -> float:
    """Return 1 - e: each bit is lost, and known to be lost, with probability e.

    Raises:
        ArgumentError: unless 0 <= e <= 1.
    """
    check_probability("binary erasure channel", "erasure probability", erasure_probability)
    return 1.0 - erasure_probability


def gaussian_capacity(signal_to_noise: float) -> float:
    """Return ½ log2(1 + S/N): real inputs of bounded mean power, Gaussian noise.

    Raises:
        ArgumentError: unless the ratio is finite and at least 0.
    """
    if not (math.isfinite(signal_to_noise) and signal_to_noise >= 0):
        raise ArgumentError(
            "Gaussian channel", f"S/N = {signal_to_noise}", "a finite S/N >= 0", "Correct it."
        )
    return 0.5 * math.log2(1.0 + signal_to_noise)


@dataclass(frozen=True, eq=False)
class ChannelCapacity:
    """A capacity with a certificate: it lies in ``[lower_bits, upper_bits]``.

    Attributes:
        lower_bits: mutual information of ``input_distribution`` and the output.
        upper_bits: the largest divergence of a row from the output distribution.
        input_distribution: shape ``(inputs,)``.
        iterations: steps of the algorithm.
    """

    lower_bits: float
    upper_bits: float
    input_distribution: FloatArray
    iterations: int

    @property
    def gap_bits(self) -> float:
        """The width of the certificate."""
        return self.upper_bits - self.lower_bits


def check_transitions(transitions: FloatArray) -> FloatArray:
    """Return a channel matrix as float64.

    Raises:
        ArgumentError: unless rows are distributions.
    """
    rows = np.asarray(transitions, dtype=np.float64)
    good = (
        rows.ndim == 2
        and rows.size > 0
        and bool(np.isfinite(rows).all())
        and bool((rows >= 0).all())
        and np.allclose(rows.sum(1), 1.0, atol=1e-9)
    )
    if not good:
        raise ArgumentError(
            "channel matrix",
            f"an array of shape {rows.shape}",
            "P(output | input), a distribution in each row",
            "Normalise the rows.",
        )
    normalised: FloatArray = rows / rows.sum(1, keepdims=True)
    return normalised


def discrete_capacity(
    transitions: FloatArray, gap_bits: float = 1e-9, most_iterations: int = 200_000
) -> ChannelCapacity:
    """Return the capacity of a discrete memoryless channel by Blahut and Arimoto's algorithm.

    At every step the mutual information of the present inputs is a lower bound, and the largest
    divergence ``D(P(·|x) || P(·))`` an upper bound of the capacity (Blahut 1972, Arimoto 1972), so
    the answer is certified however slowly the algorithm converges.

    Args:
        transitions: P(output | input), shape ``(inputs, outputs)``.
        gap_bits: wanted width of the certificate, above 0.
        most_iterations: end, whatever the gap; the certificate then says how wide it is.

    Raises:
        ArgumentError: if a row is no distribution, or the gap is not positive.
    """
    rows = check_transitions(transitions)
    if gap_bits <= 0 or most_iterations < 1:
        raise ArgumentError(
            "discrete_capacity", f"gap {gap_bits}, {most_iterations} iterations", "both above 0",
            "Raise them.",
        )  # fmt: skip
    rows = rows[:, rows.any(0)]
    entropies = np.where(rows > 0, rows * np.log2(np.where(rows > 0, rows, 1.0)), 0.0).sum(1)
    inputs = np.full(len(rows), 1.0 / len(rows))
    iterations = 0
    for iterations in range(1, most_iterations + 1):  # noqa: B007, it is returned
        outputs = inputs @ rows
        divergences = entropies - rows @ np.log2(np.maximum(outputs, 1e-300))
        lower, upper = float(inputs @ divergences), float(divergences.max())
        if upper - lower <= gap_bits:
            break
        inputs = inputs * np.exp2(divergences - upper)
        inputs /= inputs.sum()
    return ChannelCapacity(max(0.0, lower), max(0.0, upper), inputs, iterations)
