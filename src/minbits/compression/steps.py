"""Removing the freedom of scale between layers, so that steps cost almost no bits."""

from __future__ import annotations

import dataclasses

from minbits.codec.architecture import Addition, Convolution, Linear, run_order, tensor_shapes
from minbits.codec.quantized_network import QuantizedLayer, QuantizedNetwork, QuantizedTensor
from minbits.codec.tensor_code import USUAL_STEP_INDEX

# f(c x) = c f(x) for every c > 0.
_HOMOGENEOUS = ("none", "relu", "leaky_relu")


def share_steps(network: QuantizedNetwork) -> QuantizedNetwork:
    """Return a network of the same predictions in which weights share one step where they can.

    Between two layers whose activation is positively homogeneous, a factor can be moved from one
    to the other: the first layer's weights and bias are scaled by c, and everything behind it just
    sees inputs c times as large. So each such layer can take the usual step; biases take up the
    accumulated factor. The logits are then scaled by a positive factor, which no prediction sees.
    """
    order = run_order(network.architecture)
    repeats = len({step.tensor for step in order if step.tensor is not None}) < sum(
        step.tensor is not None for step in order
    )
    if repeats or any(isinstance(step.layer, Addition) for step in order):
        # Sums of branches and weights met twice would need equal factors: left as they are.
        return network
    exponent = 0  # the factor on the current activations, in steps of the grid
    layers: list[QuantizedLayer] = []
    for shape, layer in zip(tensor_shapes(network.architecture), network.layers, strict=True):
        architecture_layer = network.architecture.layers[shape.layer_index]
        assert isinstance(architecture_layer, Convolution | Linear)
        if architecture_layer.activation in _HOMOGENEOUS:
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
    return QuantizedNetwork(network.architecture, tuple(layers))
