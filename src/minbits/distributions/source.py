"""What a source is, how a data set is drawn from it, and how its truth is stated."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from minbits.errors import ArgumentError
from minbits.types import Quantity

FloatArray = npt.NDArray[np.float64]
Drawn = tuple[npt.NDArray[Any], npt.NDArray[np.int64]]


class Source(Protocol):
    """A distribution of labelled examples with known information."""

    @property
    def name(self) -> str:
        """A short name with the parameters."""
        ...

    def draw(self, examples: int, generator: np.random.Generator) -> Drawn:
        """Return inputs of shape ``(examples, …)`` and labels of shape ``(examples,)``."""
        ...

    def truth(self) -> tuple[Quantity, ...]:
        """Return the exact figures of one example."""
        ...


def check_probabilities(where: str, probabilities: FloatArray) -> None:
    """Check that the last axis of ``probabilities`` holds distributions.

    Raises:
        ArgumentError: if it does not.
    """
    if probabilities.size == 0 or not (probabilities >= 0).all():
        raise ArgumentError(where, "none or negative ones", "probabilities", "Correct them.")
    if not np.allclose(probabilities.sum(axis=-1), 1, atol=1e-9):
        raise ArgumentError(where, "another sum", "probabilities that sum to 1", "Normalise them.")


def shannon_bits(probabilities: FloatArray) -> float:
    """Return the Shannon entropy of a distribution in bits."""
    p = probabilities[probabilities > 0]
    return float(-(p * np.log2(p)).sum())


def input_truth(entropy_bits: float, how: str) -> Quantity:
    """Return the exact Shannon entropy of one example's inputs."""
    return Quantity("true_input_entropy", entropy_bits, "bits", "X", "example", "exact", how)


def density_truth(entropy_bits: float, how: str) -> Quantity:
    """Return the exact differential entropy of one example's real-valued inputs."""
    return Quantity(
        "true_differential_entropy",
        entropy_bits,
        "bits (differential)",
        "X",
        "example",
        "exact",
        how,
    )


def label_truth(
    label_entropy_bits: float, mutual_information_bits: float, how: str
) -> tuple[Quantity, ...]:
    """Return the exact H(Y), I(X;Y) and H(Y|X) of one example."""
    unit = "bits/label"
    return (
        Quantity("true_label_entropy", label_entropy_bits, unit, "Y", "example", "exact", how),
        Quantity(
            "true_mutual_information",
            mutual_information_bits,
            unit,
            "X and Y",
            "example",
            "exact",
            how,
        ),
        Quantity(
            "true_conditional_label_entropy",
            label_entropy_bits - mutual_information_bits,
            unit,
            "Y given X",
            "example",
            "exact",
            how,
        ),
    )


def symmetric_channel(states: int, flip: float) -> FloatArray:
    """Return the channel that keeps a state, or with probability ``flip`` takes any other one.

    Returns:
        Shape ``(states, states)``: the distribution of the outcome given each state.

    Raises:
        ArgumentError: if ``flip`` is no probability or there are fewer than two states.
    """
    if states < 2 or not 0 <= flip <= 1:
        raise ArgumentError(
            "noisy label",
            f"{states} states, flip {flip}",
            "2 states or more, flip in [0, 1]",
            "Fix",
        )
    channel = np.full((states, states), flip / (states - 1))
    np.fill_diagonal(channel, 1 - flip)
    return channel


def channel_truth(marginal: FloatArray, channel: FloatArray, how: str) -> tuple[Quantity, ...]:
    """Return the truth of a label that is a noisy copy of a state with the given marginal."""
    label_entropy = shannon_bits(marginal @ channel)
    noise = float(sum(p * shannon_bits(row) for p, row in zip(marginal, channel, strict=True)))
    return label_truth(label_entropy, label_entropy - noise, how)


def draw_rows(
    distributions: FloatArray, states: npt.NDArray[np.int64], generator: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Draw one outcome for each state from that state's row of ``distributions``.

    Args:
        distributions: shape ``(states, outcomes)``.
        states: shape ``(examples,)``.
        generator: source of chance.
    """
    cumulative = np.cumsum(distributions, axis=1)
    uniform = generator.random(len(states)) * cumulative[states, -1]
    drawn = np.empty(len(states), np.int64)
    for state in np.unique(states):
        members = states == state
        found = np.searchsorted(cumulative[state], uniform[members], side="right")
        drawn[members] = np.minimum(found, distributions.shape[1] - 1)
    return drawn
