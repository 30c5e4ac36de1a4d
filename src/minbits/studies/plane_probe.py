"""What a probe reads of the label from a layer: a lower bound of I(T;Y)."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from minbits.information.discrete import entropy_bits

_ITERATIONS = 300


def probe_information(
    values: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], training: int
) -> float:
    """Return H(Y) less the cross-entropy of a logistic regression on held-out examples, in bits.

    The mean over all examples that might be drawn is at most I(T;Y), whatever the probe is; among
    few held-out examples a figure may be above it by chance. It is at least 0, the figure of a
    probe that does not look at T.

    Args:
        values: of the layer, shape ``(examples, units)``.
        labels: shape ``(examples,)``.
        training: how many examples, the first ones, the probe learns from.
    """
    # Imported here since scikit-learn takes a second that other measures do not need.
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(labels[:training])) < 2:
        return 0.0
    scale = np.maximum(values[:training].std(axis=0), 1e-6)
    scaled = (values - values[:training].mean(axis=0)) / scale
    probe = LogisticRegression(max_iter=_ITERATIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a probe that has not converged is a probe, too
        probe.fit(scaled[:training], labels[:training])
    held_out = labels[training:]
    place = np.searchsorted(probe.classes_, held_out)
    known = np.isin(held_out, probe.classes_)
    shares = probe.predict_proba(scaled[training:][known])
    chosen = shares[np.arange(int(known.sum())), place[known]]
    cost = float(-np.log2(np.maximum(chosen, 1e-12)).mean())
    return max(entropy_bits(np.bincount(labels)) - cost, 0.0)
