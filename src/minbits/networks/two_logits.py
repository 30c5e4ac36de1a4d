"""Networks of one logit, for two classes, as networks of two logits."""

from __future__ import annotations

import dataclasses

import numpy as np

from minbits.codec.architecture import tensor_shapes
from minbits.layers.linear import Linear
from minbits.layers.repetition import Repetition
from minbits.networks.from_torch import Extracted
from minbits.networks.parameters import flat_parameters, parameter_layout


def with_two_logits(given: Extracted) -> Extracted:
    """Return a network of the logits 0 and z for one of the logit z, of the second class.

    The last layer gets a second row of zeros where it is fully connected and runs once; else a
    layer follows.
    """
    architecture = given.architecture
    layers, last = list(architecture.layers), architecture.layers[-1]
    pairs = list(parameter_layout(architecture, normalised=False).tensors(given.values))
    is_repeated = any(isinstance(layer, Repetition) for layer in layers)
    if isinstance(last, Linear) and last.activation == "none" and not is_repeated:
        layers[-1] = dataclasses.replace(last, out_features=2)
        weights, bias = pairs[-1]
        both = None if bias is None else np.concatenate([np.zeros_like(bias), bias])
        pairs[-1] = (np.concatenate([np.zeros_like(weights), weights]), both)
    else:
        layers.append(Linear(2, bias=False))
        pairs.append((np.array([[0], [1]], np.float32), None))
    wider = dataclasses.replace(architecture, layers=tuple(layers))
    tensor_shapes(wider)
    return Extracted(wider, flat_parameters(wider, pairs))
