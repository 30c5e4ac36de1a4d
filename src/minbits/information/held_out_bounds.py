"""Bounds of the information between inputs and label, from a classifier's held-out losses."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from minbits.errors import ArgumentError
from minbits.information.entropy_estimators import CONFIDENCE, Estimate
from minbits.units import BITS_PER_NAT

FloatArray = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
_FEW_EXAMPLES = 50
_UPPER = 0.5 + CONFIDENCE / 2  # quantile of the upper end of an interval
INFONCE_BATCH = 64
_NEAR_CEILING = 0.8


@dataclass(frozen=True)
class HeldOutBounds:
    """Bounds of one label's information, in bits; intervals are those of the test examples' chance.

    Attributes:
        information: lower bound of I(X;Y): H(Y) minus the cross-entropy.
        remaining: upper bound of H(Y|X): the cross-entropy itself.
        infonce: the InfoNCE lower bound of I(X;Y), never above log2 of its batch.
    """

    information: Estimate
    remaining: Estimate
    infonce: Estimate


def _interval(values: FloatArray, worst: float) -> tuple[float, float, float]:
    """Return mean, low and high, by Student's t with one worst case added to the spread.

    Held-out gains are heavy to one side: few examples may all look good by luck. One more example
    with the worst value that the classifier could have shown widens the spread as if the next had
    gone wrong (in the spirit of Agresti & Coull 1998).
    """
    n = len(values)
    widened = np.append(values, worst)
    half = float(stdtrit(n, _UPPER)) * float(widened.std(ddof=1)) / math.sqrt(n)
    mean = float(values.mean())
    return mean, mean - half, mean + half


def _infonce_gains(scores: FloatArray, labels: Labels, batch: int) -> FloatArray:
    """Return one gain in nats a batch of test examples, each compared with the batch's labels."""
    n = len(labels) // batch * batch
    order = np.random.Generator(np.random.PCG64(0)).permutation(len(labels))[:n]
    gains = []
    for start in range(0, n, batch):
        rows = order[start : start + batch]
        pairs = scores[rows][:, labels[rows]]  # critic of each input with each label of the batch
        peak = pairs.max(axis=1, keepdims=True)
        partition = np.log(np.exp(pairs - peak).mean(axis=1)) + peak[:, 0]
        gains.append(float((np.diagonal(pairs) - partition).mean()))
    return np.array(gains)


def held_out_bounds(
    probabilities: FloatArray, prior: FloatArray, labels: Labels, train_examples: int
) -> HeldOutBounds:
    """Return the bounds that a classifier proves on test examples it has not seen.

    I(X;Y) >= H(Y) - E[-log2 q(Y|X)] for any q (Barber & Agakov 2003). The mean gain over the class
    frequencies r, E[log2 q(Y|X) / r(Y)], exceeds that by the divergence of r from the truth, whose
    expectation (K - 1) / 2N nats is taken off.

    Args:
        probabilities: q, shape ``(test examples, classes)``, positive.
        prior: r, the class frequencies in training, shape ``(classes,)``, positive.
        labels: of the test examples.
        train_examples: N, which the frequencies come from.

    Raises:
        ArgumentError: if shapes differ, a probability is not positive, or there is one example.
    """
    n, classes = probabilities.shape
    if len(labels) != n or n < 2 or prior.shape != (classes,) or not (probabilities > 0).all():
        raise ArgumentError(
            "held_out_bounds",
            f"probabilities {probabilities.shape}, {len(labels)} labels",
            "positive probabilities of at least two test examples",
            "Correct them.",
        )
    scores = np.log(probabilities / prior)
    rows = np.arange(n)
    losses = -np.log(probabilities[rows, labels])
    gains = scores[rows, labels]
    divergence = (classes - 1) / (2 * train_examples)
    warning = None
    if n < _FEW_EXAMPLES:
        warning = f"{n} test examples: the interval is rough"
    # What the next error would cost: the typical loss of the second choice.
    second = np.sort(probabilities, axis=1)[:, -2]
    typical_error = float(np.median(-np.log(second)))
    mean, low, high = _interval(losses, typical_error)
    remaining = Estimate(
        mean * BITS_PER_NAT, max(0.0, low) * BITS_PER_NAT, high * BITS_PER_NAT, warning
    )
    mean, low, high = _interval(gains, float(np.median(-typical_error - np.log(prior[labels]))))
    # The frequencies' own chance, a chi-squared variable of K - 1 degrees of freedom.
    chance = math.sqrt((classes - 1) / 2) / train_examples
    information = Estimate(
        (mean - divergence) * BITS_PER_NAT,
        max(0.0, low - divergence - chance) * BITS_PER_NAT,
        # No label tells more than ln K.
        min(math.log(classes), max(0.0, high - divergence + chance)) * BITS_PER_NAT,
        warning,
    )
    return HeldOutBounds(information, remaining, _infonce(scores, labels, warning))


def _infonce(scores: FloatArray, labels: Labels, warning: str | None) -> Estimate:
    """Return the InfoNCE bound (van den Oord, Li & Vinyals 2018) with the classifier as critic."""
    # Eight batches or more give the interval; a batch below eight examples could say too little.
    batch = min(INFONCE_BATCH, max(8, len(labels) // 8), len(labels) // 2)
    batches = _infonce_gains(scores, labels, batch)
    value = float(batches.mean())
    deviation = float(batches.std(ddof=1))
    half = float(stdtrit(len(batches) - 1, _UPPER)) * deviation / math.sqrt(len(batches))
    ceiling = math.log(batch)
    if value > _NEAR_CEILING * ceiling:
        warning = f"near its ceiling log2({batch}): the information may be far more"
    low, high = max(0.0, value - half), min(ceiling, max(0.0, value + half))
    return Estimate(value * BITS_PER_NAT, low * BITS_PER_NAT, high * BITS_PER_NAT, warning)
