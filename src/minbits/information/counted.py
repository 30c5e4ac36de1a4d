"""Mutual information by counting, where the inputs take few values for the examples there are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.data.inspection import row_hashes
from minbits.information.entropy_estimators import (
    Estimate,
    Z,
    fingerprint,
    undersampling_warning,
)
from minbits.units import BITS_PER_NAT

Codes = npt.NDArray[np.int64]


def distinct_codes(inputs: npt.NDArray[Any]) -> Codes:
    """Return one number for each distinct example of shape ``(examples, …)``."""
    _, codes = np.unique(row_hashes(inputs).view("S16"), return_inverse=True)
    return codes.astype(np.int64)


def counted_information(codes: Codes, labels: Codes) -> Estimate:
    """Return I(X;Y) of two discrete variables, plug-in less Miller's bias, with an interval.

    The spread is that of log2 p(x,y) / p(x)p(y) over the examples (the delta method), plus the
    chi-squared term that is left where there is no information, plus half the bias taken off.

    Args:
        codes: of X, shape ``(examples,)``, from 0 up.
        labels: of Y, the same.
    """
    classes = int(labels.max()) + 1
    pairs, counts = np.unique(codes * classes + labels, return_counts=True)
    n = len(labels)
    rows = np.bincount(codes).astype(np.float64)
    columns = np.bincount(labels).astype(np.float64)
    ratios = np.log(counts * n / (rows[pairs // classes] * columns[pairs % classes]))
    mean = float(counts @ ratios) / n
    degrees = len(pairs) - (rows > 0).sum() - (columns > 0).sum() + 1
    bias = float(degrees) / (2 * n)
    variance = float(counts @ (ratios - mean) ** 2) / n / n + max(0.0, float(degrees)) / (2 * n * n)
    value = mean - bias
    half = Z * math.sqrt(variance) + abs(bias) / 2
    return Estimate(
        value * BITS_PER_NAT,
        max(0.0, value - half) * BITS_PER_NAT,
        max(0.0, value + half) * BITS_PER_NAT,
        undersampling_warning(fingerprint(counts)),
    )
