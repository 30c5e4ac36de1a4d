"""Logits of a file as probabilities: their scale is fitted on validation examples."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from minbits.codec.inference import predict_logits
from minbits.codec.quantized_network import QuantizedNetwork
from minbits.data.companion import Companion, companion_of, usable_inverse
from minbits.data.splits import validation_split
from minbits.information.temperature import best_temperature
from minbits.types import DataSet

# One example of which nothing is known is added, so that a file which gets all of them right does
# not claim to be certain.
_DOUBT = 1.0


def calibrated_companion(network: QuantizedNetwork, sha256: str, data: DataSet) -> Companion:
    """Return the companion of a network file, with the scale of its probabilities.

    A file defines its logits up to a positive factor. The temperature is that of the shortest code
    of the labels of the validation examples (Guo et al. 2017, "On Calibration of Modern Neural
    Networks"); the test set is not looked at.

    Args:
        network: the decoded file.
        sha256: of the file.
        data: that it was made for.
    """
    _, held_out = validation_split(data)
    logits = predict_logits(network, data.train_inputs[held_out], allow_slow=True)
    inverse = fitted_inverse(logits, data.train_labels[held_out])
    return companion_of(data, sha256, inverse, len(held_out))


def fitted_inverse(logits: npt.NDArray[np.floating], labels: npt.NDArray[np.int64]) -> float:
    """Return the inverse temperature of logits, 0 where they are no numbers."""
    if not np.isfinite(logits).all():
        return 0.0
    return usable_inverse(best_temperature(logits, labels, _DOUBT))
