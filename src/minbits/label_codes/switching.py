"""A mixture of predictors whose weights follow whoever predicts best at present.

Fixed share (Herbster & Warmuth 1998) with a rate of switching that falls as 1 / t: after label t, a
share of 1 / (t + 1) of all weight is spread evenly. The code is never longer than that of the best
predictor by more than log2 of their number plus some bits for the switching, and follows another
one when it becomes the best, as the switch distribution does (van Erven, Grünwald & de Rooij 2012).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from minbits.units import nats_to_bits

Floats = npt.NDArray[np.float64]


class Switching:
    """Weights of predictors, updated after each label.

    Args:
        predictors: how many there are.

    Attributes:
        weights: shape ``(predictors,)``, with sum 1.
        seen: labels seen.
        bits: shape ``(predictors,)``, the code length of all labels seen under each predictor.
    """

    def __init__(self, predictors: int) -> None:
        self.weights: Floats = np.full(predictors, 1.0 / predictors)
        self.bits: Floats = np.zeros(predictors)
        self.seen = 0

    def mixed(self, table: Floats) -> Floats:
        """Return the mixture's probabilities of the next label, shape ``(classes,)``.

        Args:
            table: each predictor's probabilities, shape ``(predictors, classes)``.
        """
        # Sums in a fixed order: encoder and decoder get the same last bits.
        mixture: Floats = (self.weights[:, None] * table).sum(axis=0)
        total: Floats = mixture / mixture.sum()
        return total

    def learn(self, table: Floats, label: int) -> None:
        """Take in what the label was, for which each predictor had said ``table[:, label]``."""
        column = table[:, label]
        self.bits -= nats_to_bits(1.0) * np.log(column)
        posterior = self.weights * column
        posterior /= posterior.sum()
        self.seen += 1
        share = 1.0 / (self.seen + 1)
        self.weights = (1 - share) * posterior + share / len(posterior)
