"""Channels that can be removed: where each is made, changed and used, and their removal."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import Architecture, activation_shapes, tensor_shapes
from minbits.layers.activations import ACTIVATIONS
from minbits.layers.base import WeightedLayer
from minbits.layers.convolution import Convolution
from minbits.layers.linear import Linear
from minbits.networks.parameters import flat_parameters, parameter_layout

Float = npt.NDArray[np.float32]
Integer = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ChannelGroup:
    """The channels between two layers that mix channels.

    Attributes:
        producer: number of the tensor whose outputs the channels are.
        changers: numbers of the depthwise tensors that they pass, in order.
        user: number of the tensor whose inputs they are.
        places: values of each channel that the user reads: 1, or places of the flattened image.
        is_normalised: whether the channels pass a layer in which each depends on all, so that even
            a channel of zeros cannot go without a change of the others.
    """

    producer: int
    changers: tuple[int, ...]
    user: int
    places: int
    is_normalised: bool = False


def channel_groups(architecture: Architecture) -> tuple[ChannelGroup, ...]:
    """Return the groups whose channels can be removed; none where layers repeat or add.

    Channels of a residual sum are tied to each other, and those of repeated layers to themselves.
    """
    if any(layer.channel_role == "tied" for layer in architecture.layers):
        return ()
    shapes = activation_shapes(architecture)
    groups: list[ChannelGroup] = []
    producer: int | None = None
    changers: list[int] = []
    is_normalised, tensor = False, -1
    for index, layer in enumerate(architecture.layers):
        if layer.channel_role in ("kept", "alike"):
            is_normalised |= layer.channel_role == "alike"
            continue
        tensor += 1
        if layer.channel_role == "each":
            changers.append(tensor)
            continue
        if producer is not None:
            places = math.prod(shapes[index][1:]) if isinstance(layer, Linear) else 1
            groups.append(ChannelGroup(producer, tuple(changers), tensor, places, is_normalised))
        producer, changers, is_normalised = tensor, [], False
    return tuple(groups)


def group_cost(architecture: Architecture, group: ChannelGroup) -> int:
    """Return how many parameters go with one channel of a group."""
    shapes = tensor_shapes(architecture)
    parts = [shapes[number] for number in (group.producer, *group.changers)]
    made = sum(math.prod(shape.weights[1:]) + (shape.bias is not None) for shape in parts)
    user = shapes[group.user].weights
    return made + user[0] * math.prod(user[1:]) // (user[1] // group.places)


def channel_positions(architecture: Architecture, group: ChannelGroup) -> list[Integer]:
    """Return, for each channel, where its producing weights and bias lie in the plain layout.

    Weights of the depthwise layers that the channel passes are not among them.
    """
    slot = parameter_layout(architecture, normalised=False).slots[group.producer]
    found: list[Integer] = []
    for channel in range(slot.outputs):
        start = slot.weights_at + channel * slot.taps
        positions = list(range(start, start + slot.taps))
        if slot.shift_at is not None:
            positions.append(slot.shift_at + channel)
        found.append(np.array(positions, np.int64))
    return found


def keep_channels(
    architecture: Architecture, values: Float, kept: dict[int, Mask]
) -> tuple[Architecture, Float]:
    """Return the network with only some channels of some groups.

    Args:
        architecture: the network.
        values: parameters in the plain layout.
        kept: for the producer of a group, which of its channels stay; at least one each.
    """
    layout = parameter_layout(architecture, normalised=False)
    pairs = [[weights, bias] for weights, bias in layout.tensors(values)]
    layers = list(architecture.layers)
    for group in channel_groups(architecture):
        mask = kept.get(group.producer)
        if mask is None or mask.all():
            continue
        if not mask.any():
            raise ValueError("a layer without channels")
        for number in (group.producer, *group.changers):
            weights, bias = pairs[number]
            assert weights is not None
            pairs[number] = [weights[mask], None if bias is None else bias[mask]]
            index = layout.slots[number].layer_index
            layer = layers[index]
            assert isinstance(layer, WeightedLayer)
            layers[index] = layer.with_outputs(int(mask.sum()))
        weights = pairs[group.user][0]
        assert weights is not None
        pairs[group.user][0] = weights[:, np.repeat(mask, group.places)]
    small = dataclasses.replace(architecture, layers=tuple(layers))
    return small, flat_parameters(small, [(w, b) for w, b in pairs if w is not None])


def _constants(architecture: Architecture, values: Float, group: ChannelGroup) -> Float:
    """Return what each channel holds at the user where it is the same at every place, else NaN."""
    layout = parameter_layout(architecture, normalised=False)
    tensors = layout.tensors(values)
    constant: Float | None = None
    for number in (group.producer, *group.changers):
        weights, bias = tensors[number]
        layer = architecture.layers[layout.slots[number].layer_index]
        assert isinstance(layer, WeightedLayer)
        rows = weights.reshape(len(weights), -1)
        shift = np.zeros(len(rows), np.float32) if bias is None else bias
        if constant is None:
            result = np.where(rows.any(1), np.float32(np.nan), shift)
        else:
            unpadded = isinstance(layer, Convolution) and layer.padding == 0
            # Zeros around the image are of another value than a constant that is not zero.
            inner = constant if unpadded else np.where(constant == 0, constant, np.nan)
            result = np.where(rows.any(1), rows.sum(1) * inner, 0) + shift
            if not layer.is_linear:  # zero stays zero; of other numbers nothing is said
                result = np.where(constant == 0, constant, np.nan)
        constant = ACTIVATIONS[layer.activation].numpy(result.astype(np.float32))
    assert constant is not None
    return constant


def shrink(
    architecture: Architecture, values: Float, fold_constants: bool = True
) -> tuple[Architecture, Float]:
    """Return the network without dead channels; it computes the same.

    A channel is dead where nothing reads it, or where it holds the same number for every input:
    zero, or another one that the reading layer's bias can take over (not where that layer pads
    images with zeros). Channels that are normalised together all stay.

    Args:
        architecture: the network.
        values: parameters in the plain layout.
        fold_constants: whether channels of constants other than zero go too; without it every
            value that stays is unchanged to the last bit.
    """
    values = values.copy()
    while True:
        before = architecture
        for group in channel_groups(architecture):
            if group.is_normalised:
                continue
            architecture, values = _without_dead(architecture, values, group, fold_constants)
            if architecture != before:
                break  # the groups are numbered anew
        if architecture == before:
            return architecture, values


def _without_dead(
    architecture: Architecture, values: Float, group: ChannelGroup, fold_constants: bool
) -> tuple[Architecture, Float]:
    layout = parameter_layout(architecture, normalised=False)
    weights, bias = layout.tensors(values)[group.user]
    channels = layout.slots[group.producer].outputs
    columns = weights.reshape(len(weights), channels, -1)
    layer = architecture.layers[layout.slots[group.user].layer_index]
    constants = _constants(architecture, values, group)
    unread = ~columns.any((0, 2))
    dead = unread | (constants == 0)
    padded = isinstance(layer, Convolution) and layer.padding > 0
    if fold_constants and bias is not None and not padded:
        dead |= ~np.isnan(constants)
    if dead.all():
        dead[0] = False
    if not dead.any():
        return architecture, values
    if bias is not None and not padded:
        gone = dead & ~unread & ~np.isnan(constants) & (constants != 0)
        bias += columns.sum(2)[:, gone] @ constants[gone]  # a view of ``values``
    return keep_channels(architecture, values, {group.producer: ~dead})
