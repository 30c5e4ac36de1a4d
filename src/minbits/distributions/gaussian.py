"""Gaussian sources: pairs with known mutual information, and mixtures of classes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from minbits.distributions.source import (
    Drawn,
    FloatArray,
    channel_truth,
    check_probabilities,
    density_truth,
    draw_rows,
    label_truth,
    shannon_bits,
    symmetric_channel,
)
from minbits.errors import ArgumentError
from minbits.types import Quantity

_GAUSSIAN_BITS = 0.5 * math.log2(2 * math.pi * math.e)
_GRID = 200_001


@dataclass(frozen=True)
class GaussianPair:
    """Two standard normal vectors, correlated coordinate by coordinate.

    As a data set, the inputs are both vectors side by side, and the label is a noisy copy of the
    sign of the first coordinate.

    Attributes:
        correlation: of each pair of coordinates, in (-1, 1).
        dimensions: of each vector.
        flip: probability that the label differs from the sign.
    """

    correlation: float = 0.8
    dimensions: int = 1
    flip: float = 0.1

    def __post_init__(self) -> None:
        if not -1 < self.correlation < 1 or self.dimensions < 1:
            raise ArgumentError(
                "GaussianPair",
                f"correlation {self.correlation}, {self.dimensions} dimensions",
                "a correlation in (-1, 1) and at least one dimension",
                "Correct it.",
            )

    @property
    def name(self) -> str:
        """A short name."""
        return f"gaussian-pair-{self.dimensions}"

    @property
    def pair_information_bits(self) -> float:
        """The mutual information of the two vectors (Gelfand & Yaglom 1957)."""
        return -0.5 * self.dimensions * math.log2(1 - self.correlation**2)

    def draw_pair(
        self, examples: int, generator: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Return the two vectors, each of shape ``(examples, dimensions)``."""
        first = generator.standard_normal((examples, self.dimensions))
        noise = generator.standard_normal((examples, self.dimensions))
        return first, self.correlation * first + math.sqrt(1 - self.correlation**2) * noise

    def draw(self, examples: int, generator: np.random.Generator) -> Drawn:
        """Return inputs of shape ``(examples, 2 * dimensions)`` and labels."""
        first, second = self.draw_pair(examples, generator)
        signs = (first[:, 0] > 0).astype(np.int64)
        labels = draw_rows(symmetric_channel(2, self.flip), signs, generator)
        return np.concatenate([first, second], axis=1), labels

    def truth(self) -> tuple[Quantity, ...]:
        """Return the exact figures; the pair's mutual information among them."""
        density = 2 * self.dimensions * _GAUSSIAN_BITS - self.pair_information_bits
        return (
            density_truth(density, "closed form"),
            Quantity(
                "true_pair_information",
                self.pair_information_bits,
                "bits",
                "X",
                "example",
                "exact",
                "of the first and the second half of the inputs: -d/2 log2(1 - rho^2)",
            ),
            *channel_truth(np.array([0.5, 0.5]), symmetric_channel(2, self.flip), "sign's channel"),
        )


@dataclass(frozen=True)
class GaussianMixture:
    """Classes whose inputs are normal around means on a line, and coordinates of pure noise.

    Attributes:
        means: of the first coordinate, one a class; every coordinate has variance 1.
        weights: probabilities of the classes.
        dimensions: of the inputs; all but the first are standard normal for every class.
    """

    means: tuple[float, ...] = (-1.0, 1.0)
    weights: tuple[float, ...] = (0.5, 0.5)
    dimensions: int = 1

    def __post_init__(self) -> None:
        check_probabilities("GaussianMixture.weights", np.array(self.weights))
        if len(self.means) != len(self.weights) or len(self.means) < 2 or self.dimensions < 1:
            raise ArgumentError(
                "GaussianMixture",
                f"{len(self.means)} means, {len(self.weights)} weights",
                "as many, at least two, and one dimension or more",
                "Correct it.",
            )

    @property
    def name(self) -> str:
        """A short name."""
        return f"gaussian-mixture-{len(self.means)}"

    def draw(self, examples: int, generator: np.random.Generator) -> Drawn:
        """Return inputs of shape ``(examples, dimensions)`` and labels."""
        labels = draw_rows(np.array([self.weights]), np.zeros(examples, np.int64), generator)
        inputs = generator.standard_normal((examples, self.dimensions))
        inputs[:, 0] += np.array(self.means)[labels]
        return inputs, labels

    def _first_coordinate_bits(self) -> float:
        """Return the differential entropy of the first coordinate by the trapezoidal rule.

        The integrand is smooth and vanishes at both ends, where that rule converges faster than
        any power of the step.
        """
        means = np.array(self.means)
        grid = np.linspace(means.min() - 12, means.max() + 12, _GRID)
        logarithms = -0.5 * (grid[:, None] - means) ** 2 - 0.5 * math.log(2 * math.pi)
        density = np.exp(logarithms) @ np.array(self.weights)
        terms = -density * np.log2(density, out=np.zeros_like(density), where=density > 0)
        return float(terms.sum() * (grid[1] - grid[0]))

    def truth(self) -> tuple[Quantity, ...]:
        """Return the exact figures, by quadrature in one dimension."""
        first = self._first_coordinate_bits()
        how = "quadrature of the mixture's density along the line of means"
        return (
            density_truth(first + (self.dimensions - 1) * _GAUSSIAN_BITS, how),
            *label_truth(shannon_bits(np.array(self.weights)), first - _GAUSSIAN_BITS, how),
        )
