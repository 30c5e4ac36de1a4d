"""The layers of a network, one after the other, with NumPy alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minbits.codec.architecture import Step
from minbits.codec.quantized_network import FloatArray
from minbits.layers.activations import ACTIVATIONS
from minbits.layers.base import PlainLayer, WeightedLayer
from minbits.layers.pooling import Pooling

Weights = tuple[FloatArray, FloatArray | None]


def _run_weighted(
    x: FloatArray, layer: WeightedLayer, tensors: Weights, pooling: Pooling | None
) -> FloatArray:
    """Apply a layer, and a pooling behind it before its bias and activation."""
    weights, bias = tensors
    result = layer.sums(x, weights)
    if pooling is not None:
        result = pooling.run(result, ())
    if bias is not None and layer.bias:
        result += bias[:, None, None, None]
    return ACTIVATIONS[layer.activation].numpy(result)


def _pooling_behind(steps: Sequence[Step], index: int) -> Pooling | None:
    """Return the maximum pooling behind a step that may come before its bias and activation.

    What never falls can be taken after the maximum, to the same bit, of a quarter of the values.
    """
    behind = steps[index + 1].layer if index + 1 < len(steps) else None
    layer = steps[index].layer
    if not isinstance(layer, WeightedLayer) or not ACTIVATIONS[layer.activation].never_falls:
        return None
    return behind if isinstance(behind, Pooling) and behind.kind == "max" else None


def last_uses(steps: Sequence[Step]) -> list[int]:
    """Return, of the input and of each step's activation, the last step that reads it."""
    found = [*range(len(steps)), len(steps)]
    for index, step in enumerate(steps):
        for back in step.layer.reads:
            found[index - back] = max(found[index - back], index)
    return found


def run_steps(steps: Sequence[Step], tensors: Sequence[Weights], x: FloatArray) -> FloatArray:
    """Return logits ``(examples, classes)`` of inputs ``(channels, rows, columns, examples)``."""
    uses = last_uses(steps)
    kept: dict[int, FloatArray] = {}
    is_chain = not any(step.layer.reads for step in steps)
    pooled: Pooling | None = None
    for index, step in enumerate(steps):
        kept[index] = x
        layer = step.layer
        if isinstance(layer, WeightedLayer):
            assert step.tensor is not None
            pooled = _pooling_behind(steps, index) if is_chain else None
            x = _run_weighted(x, layer, tensors[step.tensor], pooled)
        elif pooled is not None:
            pooled = None  # the layer before has done it
        elif isinstance(layer, PlainLayer):
            x = layer.run(x, [kept[index - back] for back in layer.reads])
        for number in [number for number in kept if uses[number] <= index]:
            del kept[number]
    return np.ascontiguousarray(x.reshape(-1, x.shape[-1]).T)
