"""The temperature at which logits are read as probabilities: exact, whatever the logits' scale.

The logits of a network file are defined up to a positive factor, so that no range of temperatures
suits them all. The code length of the labels is a convex function of the inverse temperature, and
its derivative is a difference of means, so the best one is a root that can be bracketed at any
scale. Both limits are temperatures too: infinity makes all classes equally likely, and 0 leaves
those of the largest logit alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize

from minbits.errors import ArgumentError

FloatArray = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
_LARGEST_INVERSE = 2.0**1000  # in units of the largest logit
_BRACKET = 4.0


@dataclass(frozen=True, eq=False)
class ScaledLogits:
    """Logits below the largest of their row, in a unit of their own.

    Attributes:
        below: shape ``(examples, classes)``, in ``[-2, 0]`` with a 0 in each row; minus infinity
            for a class that the network rules out.
        exponent: the unit is ``2 ** exponent``, so that scaling rounds nothing.
    """

    below: FloatArray
    exponent: int

    @property
    def centred_rms(self) -> float:
        """The root mean square of the logits less their row's mean, in the unit; 0 if all equal."""
        possible = np.isfinite(self.below)
        finite = np.where(possible, self.below, 0.0)
        means = finite.sum(1) / possible.sum(1)
        centred = np.where(possible, finite - means[:, None], 0.0)
        return math.sqrt(float((centred**2).sum()) / int(possible.sum()))

    def log_probabilities(self, inverse: float) -> FloatArray:
        """Return natural logarithms of the softmax at an inverse temperature in the unit."""
        if math.isinf(inverse):
            largest = self.below == 0.0
            return np.where(largest, -np.log(largest.sum(1))[:, None], -np.inf)
        if inverse == 0:
            return np.full(self.below.shape, -math.log(self.below.shape[1]))
        powers = inverse * self.below
        logarithms: FloatArray = powers - np.log(np.exp(powers).sum(1))[:, None]
        return logarithms

    def code_nats(self, labels: Labels, inverse: float) -> float:
        """Return the code length of labels at an inverse temperature in the unit."""
        chosen = self.log_probabilities(inverse)[np.arange(len(labels)), labels]
        return -float(chosen.sum()) + 0.0

    def best_inverse(self, labels: Labels, doubt: float = 0.0) -> float:
        """Return the inverse temperature, in the unit, at which labels have the shortest code.

        Args:
            labels: shape ``(examples,)``.
            doubt: how many examples are added whose label is drawn uniformly, their inputs being
                all of these; with any, the temperature is above 0 however few labels there are.
        """
        rows = np.arange(len(labels))
        wanted = self.below[rows, labels]
        if not np.isfinite(wanted).all():
            return 0.0  # a label that was ruled out has no other finite code
        possible = np.isfinite(self.below)
        finite = np.where(possible, self.below, 0.0)
        means = finite.sum(1) / possible.sum(1)
        weight = 1.0 + doubt / len(labels)
        target = float(wanted.sum()) + (weight - 1.0) * float(means.sum())

        def slope(inverse: float) -> float:
            powers = np.exp(inverse * self.below)
            expected = (powers * finite).sum(1) / powers.sum(1)
            return weight * float(expected.sum()) - target

        if weight * float(means.sum()) - target >= 0:
            return 0.0
        if target == 0.0:  # every label has the largest logit: the colder the better
            return math.inf
        low = high = 1.0
        while high < _LARGEST_INVERSE and slope(high) < 0:
            low, high = high, high * _BRACKET
        while low > 0 and slope(low) >= 0:
            low, high = low / _BRACKET, low
        if low == 0.0 or high >= _LARGEST_INVERSE:
            return low
        return float(optimize.brentq(slope, low, high, xtol=max(1e-14 * low, 5e-324), rtol=1e-14))


def scaled_logits(logits: npt.NDArray[np.floating]) -> ScaledLogits:
    """Return logits of shape ``(examples, classes)`` in a unit of their own.

    Raises:
        ArgumentError: if they are not two-dimensional, or one is no number or plus infinity, or
            a whole row is minus infinity.
    """
    values = np.asarray(logits, dtype=np.float64)
    if values.ndim != 2 or not values.size or not (values.max(axis=1) > -np.inf).all():
        raise ArgumentError(
            "logits", f"an array of shape {values.shape}", "a finite logit in every row", "Check."
        )
    if np.isnan(values).any() or (values == np.inf).any():
        raise ArgumentError(
            "logits", "NaN or infinity", "finite numbers", "Look for a division by 0 in the model."
        )
    largest = float(np.abs(values[np.isfinite(values)]).max())
    exponent = math.frexp(largest)[1]
    unit = np.ldexp(values, -exponent)
    return ScaledLogits(unit - unit.max(axis=1, keepdims=True), exponent)


def check_labels(logits: npt.NDArray[np.floating], labels: Labels) -> None:
    """Refuse labels that do not fit logits.

    Raises:
        ArgumentError: unless there is one row of logits a label, and one logit a class.
    """
    if (
        logits.ndim != 2
        or labels.shape != (len(logits),)
        or not len(labels)
        or not 0 <= labels.min() <= labels.max() < logits.shape[1]
    ):
        raise ArgumentError(
            "labels", f"logits {logits.shape}, labels {labels.shape}",
            "one row of logits a label, and one logit a class", "Match the arrays.",
        )  # fmt: skip


def scaled_for(logits: npt.NDArray[np.floating], labels: Labels) -> ScaledLogits:
    """Return the logits in a unit of their own, once labels are known to fit them.

    Raises:
        ArgumentError: as `scaled_logits`, or if labels are not one a row, each below ``classes``.
    """
    check_labels(logits, labels)
    return scaled_logits(logits)


def best_temperature(logits: npt.NDArray[np.floating], labels: Labels, doubt: float = 0.0) -> float:
    """Return the temperature under which labels have the shortest code, in ``[0, infinity]``.

    Logits times a factor give the temperature times that factor: no scale is preferred. It is 0
    where every label has the largest logit of its row, and infinity where logits tell no more about
    the labels than none at all.

    Args:
        logits: shape ``(examples, classes)``; minus infinity rules a class out.
        labels: shape ``(examples,)``, int64 below ``classes``.
        doubt: examples to add whose label is drawn uniformly: 1 keeps the temperature of few
            examples that are all right away from 0, as Laplace's rule of succession does.

    Raises:
        ArgumentError: if shapes do not match, or a logit is no number or plus infinity.
    """
    scaled = scaled_for(logits, labels)
    inverse = scaled.best_inverse(labels, doubt)
    if inverse == 0:
        return math.inf
    return 0.0 if math.isinf(inverse) else math.ldexp(1.0 / inverse, scaled.exponent)


def tempered_log_probabilities(logits: npt.NDArray[np.floating], temperature: float) -> FloatArray:
    """Return natural logarithms of the softmax of ``logits / temperature``, of their shape.

    Args:
        logits: shape ``(examples, classes)``.
        temperature: in ``[0, infinity]``; at 0 the largest logits of a row share its probability.

    Raises:
        ArgumentError: if the temperature is negative or no number, or a logit is not valid.
    """
    if not temperature >= 0:
        raise ArgumentError("temperature", str(temperature), "0 or more", "Give another one.")
    scaled = scaled_logits(logits)
    return scaled.log_probabilities(_inverse_in_unit(temperature, scaled.exponent))


def _inverse_in_unit(temperature: float, exponent: int) -> float:
    if temperature == 0:
        return math.inf
    if math.isinf(temperature):
        return 0.0
    fraction, power = math.frexp(temperature)
    return math.ldexp(1.0 / fraction, min(exponent - power, 1023))
