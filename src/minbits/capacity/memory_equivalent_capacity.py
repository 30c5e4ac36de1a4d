"""Friedland's maximum equivocation bits, also called memory-equivalent capacity.

Friedland, Krell & Metere 2018, "A Practical Approach to Sizing Neural Networks": a unit holds at
most as many bits as it has parameters, parallel units add up, and a layer that reads another one
cannot hold more than the bits that enter it, one from each unit before it.
"""

from __future__ import annotations

from minbits.capacity.network_shape import NetworkShape


def layer_capacities_bits(shape: NetworkShape) -> tuple[int, ...]:
    """Return the bits of each layer: parameters, limited by the outputs of the layer before it.

    The rules are stated for fully connected threshold units. A convolution counts with its
    parameters, shared ones once, which is our reading of them.
    """
    bits = [shape.layers[0].parameters]
    for before, layer in zip(shape.layers[:-1], shape.layers[1:], strict=True):
        bits.append(min(before.outputs, layer.parameters))
    return tuple(bits)


def memory_equivalent_capacity_bits(shape: NetworkShape) -> int:
    """Return the sum over the layers, such as 39 for 11-3-1."""
    return sum(layer_capacities_bits(shape))
