"""Removing the freedom of scale between layers, so that steps cost almost no bits."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import Architecture, TensorShapes, run_order, tensor_shapes
from minbits.codec.quantized_network import QuantizedLayer, QuantizedNetwork, QuantizedTensor
from minbits.codec.tensor_code import USUAL_STEP_INDEX
from minbits.layers.activations import ACTIVATIONS
from minbits.layers.base import RunLayer, WeightedLayer, shares_kernels

Steps = npt.NDArray[np.float32]


def scales_are_free(architecture: Architecture) -> bool:
    """Return whether a factor on a layer's outputs meets every layer behind it just once.

    Sums of branches and weights met twice would need equal factors. Kernels that are shared are
    met several times, but by one factor, which the layers behind can undo.
    """
    order = [step for step in run_order(architecture) if not shares_kernels(step.layer)]
    tensors = [step.tensor for step in order if step.tensor is not None]
    is_sum = any(step.layer.channel_role == "tied" for step in order)
    return not is_sum and len(set(tensors)) == len(tensors)


def is_homogeneous(architecture: Architecture, shape: TensorShapes) -> bool:
    """Return whether the activation behind a layer with weights lets positive factors through."""
    layer = architecture.layers[shape.layer_index]
    assert isinstance(layer, WeightedLayer)
    return _lets_factors_through(layer)


def _lets_factors_through(layer: WeightedLayer) -> bool:
    return layer.is_linear and ACTIVATIONS[layer.activation].is_homogeneous


def keeps_factors(architecture: Architecture, shape: TensorShapes) -> bool:
    """Return whether a factor on a layer's outputs is one on the inputs of the next weights."""
    behind = architecture.layers[shape.layer_index + 1 :]
    plain = itertools.takewhile(lambda layer: not isinstance(layer, WeightedLayer), behind)
    is_erased = any(isinstance(layer, RunLayer) and layer.erases_factors for layer in plain)
    return is_homogeneous(architecture, shape) and not is_erased


def _moved_steps(architecture: Architecture, indices: Sequence[int]) -> list[tuple[int, int]]:
    """Return the step index of each tensor of weights in the file, and how far its bias's moves.

    Args:
        architecture: a network whose scales are free.
        indices: of all tensors of weights, in file order, before scale is moved.
    """
    result: list[tuple[int, int]] = []
    # The factors on the present activations and on kernels that are shared, in steps of the grid.
    exponent = of_kernels = 0
    for step in run_order(architecture):
        layer = step.layer
        if not isinstance(layer, WeightedLayer):
            exponent = 0 if layer.erases_factors else exponent
        elif layer.borrows:
            exponent += of_kernels
        elif not layer.is_linear:  # which hands the factor on
            result.append((indices[len(result)], 0))
        else:
            own = indices[len(result)]
            is_free = _lets_factors_through(layer)
            moved = USUAL_STEP_INDEX if is_free else own - exponent
            exponent = exponent + moved - own if is_free else 0
            of_kernels = of_kernels if result else moved - own
            result.append((moved, exponent))
    return result


def with_one_bias_step(architecture: Architecture, indices: Steps) -> Steps:
    """Return step indices, one a tensor in file order, whose biases have one step in the file.

    `share_steps` moves scale between layers, and the steps of biases with it. Here they become such
    that they are all alike afterwards, at the median of what they would have been: a file then has
    one step for all of them. Networks whose scales are not free keep their indices.
    """
    if not scales_are_free(architecture):
        return indices
    shapes = tensor_shapes(architecture)
    starts = np.cumsum([0, *(1 + (shape.bias is not None) for shape in shapes)])[:-1]
    changes = _moved_steps(architecture, [int(indices[place]) for place in starts])
    has_bias = [shape.bias is not None for shape in shapes]
    places = starts[has_bias] + 1
    moved = np.array([change for _, change in changes], np.int64)[has_bias]
    result = indices.copy()
    if len(places):
        in_file = indices[places] + moved
        result[places] = np.sort(in_file)[len(in_file) // 2] - moved
    return result


def share_steps(network: QuantizedNetwork) -> QuantizedNetwork:
    """Return a network of the same predictions in which weights share one step where they can.

    Between two layers whose activation is positively homogeneous, a factor can be moved from one
    to the other: the first layer's weights and bias are scaled by c, and everything behind it just
    sees inputs c times as large. So each such layer can take the usual step; biases take up the
    accumulated factor. A normalisation of examples by their root mean square ends it. The logits
    are then scaled by a positive factor, which no prediction sees.
    """
    if not scales_are_free(network.architecture):
        return network
    indices = [layer.weights.step_index for layer in network.layers]
    layers: list[QuantizedLayer] = []
    for layer, (step_index, change) in zip(
        network.layers, _moved_steps(network.architecture, indices), strict=True
    ):
        weights = dataclasses.replace(layer.weights, step_index=step_index)
        bias = layer.bias
        if bias is not None:
            bias = QuantizedTensor(bias.levels, bias.step_index + change)
        layers.append(QuantizedLayer(weights, bias))
    return QuantizedNetwork(network.architecture, tuple(layers))
