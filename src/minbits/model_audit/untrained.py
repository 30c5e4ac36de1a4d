"""Whether a model's weights are still as PyTorch draws them."""

from __future__ import annotations

import math

import numpy as np

from minbits.model_audit.subject import StoredTensor, Subject

# Fewer weights may lie anywhere by chance.
_MIN_WEIGHTS = 64
_DEVIATIONS = 5.0
# Of the square of a uniform variable: its deviation over its mean.
_SPREAD_OF_SQUARE = math.sqrt(4 / 5)


def untrained_warning(subject: Subject) -> str | None:
    """Return that a model looks untrained, None where it does not.

    PyTorch draws the weights of linear layers and convolutions uniformly from ``±1/sqrt(inputs of a
    unit)``. Training leaves that interval or changes the spread in some layer.
    """
    matrices = [
        tensor
        for tensor in subject.tensors
        if tensor.is_parameter and tensor.rounding == "step" and len(tensor.dimensions) > 1
    ]
    if sum(tensor.values for tensor in matrices) < _MIN_WEIGHTS:
        return None
    if all(_is_as_drawn(tensor) for tensor in matrices):
        return "untrained? All weights lie as PyTorch draws them; were the trained ones loaded?"
    if all(not tensor.load().any() for tensor in matrices):
        return "untrained? All weights are zero"
    return None


def _is_as_drawn(tensor: StoredTensor) -> bool:
    values = tensor.load()
    if values.size == 0:
        return False
    bound = 1 / math.sqrt(values[0].size)
    # Float16 and bfloat16 round to 8 bits and more.
    if float(np.abs(values).max()) > bound * (1 + 2.0**-7):
        return False
    part = 3 * float(np.mean(np.square(values, dtype=np.float64))) / bound**2
    return abs(part - 1) <= 2.0**-6 + _DEVIATIONS * _SPREAD_OF_SQUARE / math.sqrt(values.size)
