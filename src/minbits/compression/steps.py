"""Removing the freedom of scale between layers, so that steps cost almost no bits."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import Architecture, TensorShapes, run_order, tensor_shapes
from minbits.codec.quantized_network import QuantizedLayer, QuantizedNetwork, QuantizedTensor
from minbits.codec.tensor_code import USUAL_STEP_INDEX
from minbits.layers.activations import ACTIVATIONS
from minbits.layers.base import RunLayer, WeightedLayer

Steps = npt.NDArray[np.float32]


def scales_are_free(architecture: Architecture) -> bool:
    """Return whether a factor on a layer's outputs meets every layer behind it just once.

    Sums of branches and weights met twice would need equal factors.
    """
    order = run_order(architecture)
    tensors = [step.tensor for step in order if step.tensor is not None]
    is_sum = any(step.layer.channel_role == "tied" for step in order)
    return not is_sum and len(set(tensors)) == len(tensors)


def is_homogeneous(architecture: Architecture, shape: TensorShapes) -> bool:
    """Return whether the activation behind a layer with weights lets positive factors through."""
    layer = architecture.layers[shape.layer_index]
    assert isinstance(layer, WeightedLayer)
    return layer.is_linear and ACTIVATIONS[layer.activation].is_homogeneous


def keeps_factors(architecture: Architecture, shape: TensorShapes) -> bool:
    """Return whether a factor on a layer's outputs is one on the inputs of the next weights."""
    return is_homogeneous(architecture, shape) and not erases_factors(architecture, shape)


def erases_factors(architecture: Architecture, shape: TensorShapes) -> bool:
    """Return whether examples are normalised before the next weights, whatever factor they have."""
    for layer in architecture.layers[shape.layer_index + 1 :]:
        if not isinstance(layer, RunLayer) or isinstance(layer, WeightedLayer):
            return False
        if layer.erases_factors:
            return True
    return False


def with_one_bias_step(architecture: Architecture, indices: Steps) -> Steps:
    """Return step indices, one a tensor in file order, whose biases have one step in the file.

    `share_steps` moves scale between layers, and the steps of biases with it. Here they become such
    that they are all alike afterwards, at the median of what they would have been: a file then has
    one step for all of them. Networks whose scales are not free keep their indices.
    """
    if not scales_are_free(architecture):
        return indices
    places: list[int] = []
    moved: list[int] = []
    exponent = place = 0
    for shape in tensor_shapes(architecture):
        kind = architecture.layers[shape.layer_index]
        assert isinstance(kind, WeightedLayer)
        if kind.is_linear:
            is_free = is_homogeneous(architecture, shape)
            exponent = exponent + USUAL_STEP_INDEX - int(indices[place]) if is_free else 0
        place += 1
        if shape.bias is not None:
            places.append(place)
            moved.append(exponent)
            place += 1
        if erases_factors(architecture, shape):
            exponent = 0
    result = indices.copy()
    if places:
        in_file = indices[places] + np.array(moved)
        result[places] = np.sort(in_file)[len(in_file) // 2] - np.array(moved)
    return result


def share_steps(network: QuantizedNetwork) -> QuantizedNetwork:
    """Return a network of the same predictions in which weights share one step where they can.

    Between two layers whose activation is positively homogeneous, a factor can be moved from one
    to the other: the first layer's weights and bias are scaled by c, and everything behind it just
    sees inputs c times as large. So each such layer can take the usual step; biases take up the
    accumulated factor. A normalisation of examples by their root mean square ends it. The logits are
    then scaled by a positive factor, which no prediction sees.
    """
    if not scales_are_free(network.architecture):
        return network
    exponent = 0  # the factor on the current activations, in steps of the grid
    layers: list[QuantizedLayer] = []
    for shape, layer in zip(tensor_shapes(network.architecture), network.layers, strict=True):
        kind = network.architecture.layers[shape.layer_index]
        is_erased = erases_factors(network.architecture, shape)
        if isinstance(kind, WeightedLayer) and not kind.is_linear:
            layers.append(layer)  # which hands the factor on
            exponent = 0 if is_erased else exponent
            continue
        if is_homogeneous(network.architecture, shape):
            exponent += USUAL_STEP_INDEX - layer.weights.step_index
            step_index = USUAL_STEP_INDEX
        else:
            step_index = layer.weights.step_index - exponent
            exponent = 0
        weights = dataclasses.replace(layer.weights, step_index=step_index)
        bias = layer.bias
        if bias is not None:
            bias = QuantizedTensor(bias.levels, bias.step_index + exponent)
        layers.append(QuantizedLayer(weights, bias))
        exponent = 0 if is_erased else exponent
    return QuantizedNetwork(network.architecture, tuple(layers))
