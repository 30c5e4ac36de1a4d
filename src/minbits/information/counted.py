"""Mutual information by counting, where the inputs take few values for the examples there are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.data.inspection import row_hashes
from minbits.information.contingency import InformationTables
from minbits.information.entropy_estimators import (
    CONFIDENCE,
    Estimate,
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
    """Return I(X;Y) of two discrete variables by counting, with an interval.

    See `minbits.information.contingency` for the bias that is taken off the plug-in estimate, and
    for the limits.

    Args:
        codes: of X, shape ``(examples,)``, from 0 up.
        labels: of Y, the same.
    """
    classes = int(labels.max()) + 1
    joint = np.bincount(codes * classes + labels, minlength=(int(codes.max()) + 1) * classes)
    joint = joint.reshape(-1, classes)
    tail = (1 - CONFIDENCE) / 2
    found = InformationTables(joint.sum(axis=0)).limits(joint, tail, tail)
    return Estimate(
        found.value_nats * BITS_PER_NAT,
        found.low_nats * BITS_PER_NAT,
        found.high_nats * BITS_PER_NAT,
        undersampling_warning(fingerprint(joint[joint > 0])),
    )
