"""Bits that no prediction depends on: the order of channels and the signs of kernels.

Channels of a hidden layer can be put in any order if the next layer's inputs follow, which leaves
log2(n!) bits to be saved a layer of n; a linear depthwise kernel and the weights that read it can
change sign together, which leaves one bit a kernel. Both are symmetries of the function, so that
removing them costs nothing; format version 2 codes what is left.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import Architecture, activation_shapes
from minbits.codec.quantized_network import QuantizedLayer, QuantizedNetwork, QuantizedTensor
from minbits.codec.tensor_code import is_oriented
from minbits.layers.base import WeightedLayer, shares_kernels
from minbits.layers.repetition import Repetition

_Order = npt.NDArray[np.int64]


def _tensor_of(architecture: Architecture) -> dict[int, int]:
    """Return the number of the weights of each layer that has some."""
    weighted = [
        index for index, layer in enumerate(architecture.layers) if isinstance(layer, WeightedLayer)
    ]
    return {index: number for number, index in enumerate(weighted)}


def _with_levels(tensor: QuantizedTensor, levels: npt.NDArray[np.int32]) -> QuantizedTensor:
    return QuantizedTensor(np.ascontiguousarray(levels), tensor.step_index)


def _permute_outputs(layer: QuantizedLayer, order: _Order) -> QuantizedLayer:
    bias = layer.bias
    if bias is not None:
        bias = _with_levels(bias, bias.levels[order])
    return QuantizedLayer(_with_levels(layer.weights, layer.weights.levels[order]), bias)


def _permute_inputs(layer: QuantizedLayer, order: _Order, positions: int) -> QuantizedLayer:
    levels = layer.weights.levels
    if levels.ndim == 2:
        by_channel = levels.reshape(len(levels), len(order), positions)
        levels = by_channel[:, order].reshape(len(levels), -1)
    else:
        levels = levels[:, order]
    return dataclasses.replace(layer, weights=_with_levels(layer.weights, levels))


def sort_channels(network: QuantizedNetwork) -> QuantizedNetwork:
    """Return a network of the same function whose hidden layers' biases ascend.

    The last layer keeps its order, which is that of the classes; networks in which activations
    meet again (residual additions, repeated layers) are returned as they are.
    """
    architecture = network.architecture
    if any(layer.channel_role == "tied" for layer in architecture.layers):
        return network
    shapes = activation_shapes(architecture)
    tensors, layers = _tensor_of(architecture), list(network.layers)
    for index, number in tensors.items():
        layer, stored = architecture.layers[index], layers[number]
        if stored.bias is None or layer.channel_role == "each":
            continue
        # What reads these channels: depthwise layers carry the order on, the first other one ends.
        followers: list[int] = []
        reader = None
        for behind in range(index + 1, len(architecture.layers)):
            found = architecture.layers[behind]
            if found.channel_role in ("kept", "alike"):
                continue
            if found.channel_role == "each":
                followers.append(behind)
                continue
            reader = behind
            break
        if reader is None:
            continue
        order = np.argsort(stored.bias.levels, kind="stable")
        layers[number] = _permute_outputs(stored, order)
        for follower in followers:
            layers[tensors[follower]] = _permute_outputs(layers[tensors[follower]], order)
        positions = shapes[reader][1] * shapes[reader][2]
        layers[tensors[reader]] = _permute_inputs(layers[tensors[reader]], order, positions)
    return QuantizedNetwork(architecture, tuple(layers))


def orient_kernels(network: QuantizedNetwork) -> QuantizedNetwork:
    """Return a network of the same function whose linear depthwise kernels begin positive."""
    architecture = network.architecture
    if any(isinstance(layer, Repetition) or shares_kernels(layer) for layer in architecture.layers):
        return network
    tensors, layers = _tensor_of(architecture), list(network.layers)
    for index, number in tensors.items():
        if not is_oriented(architecture, index):
            continue
        stored, behind = layers[number], layers[tensors[index + 1]]
        rows = stored.weights.levels.reshape(len(stored.weights.levels), -1)
        first = np.array([next((w for w in row if w), 1) for row in rows])
        signs = np.where(first < 0, -1, 1).astype(np.int32)
        weights = stored.weights.levels * signs[:, None, None, None]
        layers[number] = dataclasses.replace(stored, weights=_with_levels(stored.weights, weights))
        readers = behind.weights.levels * signs[None, :, None, None]
        layers[tensors[index + 1]] = dataclasses.replace(
            behind, weights=_with_levels(behind.weights, readers)
        )
    return QuantizedNetwork(architecture, tuple(layers))


def remove_symmetries(network: QuantizedNetwork) -> QuantizedNetwork:
    """Return a network of the same function in the form that takes the fewest bits.

    Dependent levels have their values from their order, so that networks of such are left as they
    are; `round_network` puts channels in order before it makes them.
    """
    if network.has_dependent_levels:
        return network
    return orient_kernels(sort_channels(network))
