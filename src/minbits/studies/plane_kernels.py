"""One epoch of a small fully connected network as one call of compiled code.

A step of a network of a few hundred weights takes some tens of microseconds, less than the calls
around it would. Activations lie as ``[unit, example]``, so that the innermost loops run over the
examples of a batch.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from minbits.compilation import compiled
from minbits.training.optimizers import adamw_step

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]

LINEAR, RELU, TANH, SOFTSIGN = range(4)
RANGE_MEMORY = np.float32(0.99)  # of the running range of quantised activations, a step
SMALLEST_RANGE = np.float32(1e-6)
_FAST = {"contract", "reassoc", "nsz"}


@compiled(fastmath=_FAST)
def tanh_row(row: Float, count: int) -> None:
    """Replace ``count`` values by their hyperbolic tangents, to about 1e-6.

    Lambert's continued fraction at a quarter of the argument, then twice the formula of the double
    angle; beyond 9 the tangent is 1 in single precision.
    """
    for j in range(count):
        x = min(max(row[j], np.float32(-9)), np.float32(9)) * np.float32(0.25)
        s = x * x
        over = x * (np.float32(10395) + s * (np.float32(1260) + s * np.float32(21)))
        under = np.float32(10395) + s * (np.float32(4725) + s * (np.float32(210) + s))
        t = over / under
        t = np.float32(2) * t / (np.float32(1) + t * t)
        row[j] = np.float32(2) * t / (np.float32(1) + t * t)


@compiled(fastmath=_FAST)
def _activate(kind: int, row: Float, count: int) -> None:
    if kind == TANH:
        tanh_row(row, count)
    elif kind == RELU:
        for j in range(count):
            row[j] = max(row[j], np.float32(0))
    elif kind == SOFTSIGN:
        for j in range(count):
            row[j] = row[j] / (np.float32(1) + abs(row[j]))


@compiled(fastmath=_FAST)
def _times_slope(kind: int, error: Float, row: Float, count: int) -> None:
    """Multiply errors by the slope of an activation, given its outputs."""
    if kind == TANH:
        for j in range(count):
            error[j] *= np.float32(1) - row[j] * row[j]
    elif kind == RELU:
        for j in range(count):
            error[j] *= np.float32(1) if row[j] > 0 else np.float32(0)
    elif kind == SOFTSIGN:
        for j in range(count):
            left = np.float32(1) - abs(row[j])
            error[j] *= left * left


@compiled(fastmath=_FAST)
def _quantise(
    row: Float, out: Float, count: int, levels: int, low: np.float32, high: np.float32
) -> None:
    """Write the nearest of equally spaced levels from ``low`` to ``high``."""
    step = np.float32((high - low) / (levels - 1))
    unit = np.float32(1) / step
    for j in range(count):
        inside = min(max(row[j], low), high)
        out[j] = np.floor((inside - low) * unit + np.float32(0.5)) * step + low


@compiled(fastmath=_FAST)
def _sums(weights: Float, biases: Float, inputs: Float, outputs: Float, count: int) -> None:
    """Write the weighted sums of each unit; rows are units, columns examples."""
    fan_in = len(inputs)
    for o in range(len(outputs)):
        row, bias = outputs[o], biases[o]
        for j in range(count):
            row[j] = bias
        for c in range(fan_in):
            weight, source = weights[o * fan_in + c], inputs[c]
            for j in range(count):
                row[j] += weight * source[j]


@compiled(fastmath=_FAST)
def _followed(known: np.float32, rows: Float, count: int) -> np.float32:
    """Return the range of an activation without bounds after one more batch."""
    largest = np.float32(0)
    for o in range(len(rows)):
        row = rows[o]
        for j in range(count):
            largest = max(largest, abs(row[j]))
    before = known if known > 0 else largest
    moved = RANGE_MEMORY * before + (np.float32(1) - RANGE_MEMORY) * largest
    return max(moved, SMALLEST_RANGE)


@compiled(fastmath=_FAST)
def _activate_layer(
    kind: int, levels: int, ranges: Float, layer: int, raw: Float, out: Float, count: int
) -> None:
    """Turn sums into activations in place, and write them to ``out``, perhaps quantised."""
    for o in range(len(raw)):
        _activate(kind, raw[o], count)
    if levels and kind in (LINEAR, RELU):
        ranges[layer] = _followed(ranges[layer], raw, count)
    for o in range(len(raw)):
        if levels:
            low = np.float32(0) if kind == RELU else -ranges[layer]
            _quantise(raw[o], out[o], count, levels, low, ranges[layer])
        else:
            row, target = raw[o], out[o]
            for j in range(count):
                target[j] = row[j]


@compiled(fastmath=_FAST)
def _losses(logits: Float, labels: Int, chosen: Int, errors: Float) -> float:
    """Return the sum of cross-entropies in nats, and write the errors of the logits' mean."""
    count, total = len(chosen), 0.0
    scale = np.float32(1) / np.float32(count)
    for j in range(count):
        most = logits[0, j]
        for k in range(len(logits)):
            most = max(most, logits[k, j])
        over = np.float32(0)
        for k in range(len(logits)):
            over += np.exp(logits[k, j] - most)
        label = labels[chosen[j]]
        total += np.log(over) + most - logits[label, j]
        for k in range(len(logits)):
            share = np.exp(logits[k, j] - most) / over
            errors[k, j] = (share - (np.float32(1) if k == label else np.float32(0))) * scale
    return total


@compiled(fastmath=_FAST)
def _weight_gradients(errors: Float, inputs: Float, gradient: Float, count: int) -> None:
    """Write the gradients of a layer's weights, and after them those of its biases."""
    fan_in, width = len(inputs), len(errors)
    for o in range(width):
        error = errors[o]
        for c in range(fan_in):
            source, found = inputs[c], np.float32(0)
            for j in range(count):
                found += error[j] * source[j]
            gradient[o * fan_in + c] = found
        found = np.float32(0)
        for j in range(count):
            found += error[j]
        gradient[fan_in * width + o] = found


@compiled(fastmath=_FAST)
def _back(
    kind: int, weights: Float, errors: Float, raw: Float, back: Float, high: np.float32, count: int
) -> None:
    """Write the errors of the sums below; ``high`` is the range of quantised values, 0 for none."""
    fan_in = len(raw)
    for c in range(fan_in):
        error, row = back[c], raw[c]
        for j in range(count):
            error[j] = 0
        for o in range(len(errors)):
            weight, source = weights[o * fan_in + c], errors[o]
            for j in range(count):
                error[j] += weight * source[j]
        if high > 0:
            for j in range(count):
                error[j] *= np.float32(1) if abs(row[j]) <= high else np.float32(0)
        _times_slope(kind, error, row, count)


@compiled(fastmath=_FAST)
def train_epoch(
    values: Float, first: Float, second: Float, gradient: Float, factors: Float, sizes: Int,
    kind: int, levels: int, ranges: Float, inputs: Float, labels: Int, order: Int, batch: int,
    rate: float, taken: int,
) -> float:  # fmt: skip
    """Take the steps of one epoch by Adam (Kingma & Ba 2015) and return its mean loss in nats.

    Quantised activations pass the gradient straight through inside their range (Bengio et al.
    2013). The range of an activation without bounds follows the largest magnitude of the batches.

    Args:
        values: weights ``(units, inputs)`` and biases of each layer, one after the other; updated.
        first, second: running moments of the gradient, updated.
        gradient: room for it.
        factors: of the learning rate, one a parameter.
        sizes: inputs, units of each hidden layer, classes.
        kind: the activation of hidden layers.
        levels: of quantised activations; 0 for none.
        ranges: the largest magnitude of each hidden layer: 1 where the activation has bounds, else
            updated, and 0 before the first batch.
        inputs: shape ``(examples, inputs)``.
        labels: shape ``(examples,)``.
        order: of the examples.
        batch: examples a step; the last step takes what is left.
        rate: learning rate.
        taken: steps taken before.
    """
    layers, units = len(sizes) - 1, 0
    for size in sizes:
        units += size
    raw = np.empty((units, batch), np.float32)  # activations before they are quantised
    out = np.empty((units, batch), np.float32)
    errors = np.empty((units, batch), np.float32)
    total = 0.0
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        count = len(chosen)
        for j in range(count):
            for c in range(sizes[0]):
                out[c, j] = inputs[chosen[j], c]
        at, below, above = 0, 0, sizes[0]
        for layer in range(layers):
            fan_in, width = sizes[layer], sizes[layer + 1]
            bias_at, end = at + fan_in * width, at + (fan_in + 1) * width
            is_last = layer == layers - 1
            rows, target = raw[above : above + width], out[above : above + width]
            _sums(
                values[at:bias_at],
                values[bias_at:end],
                out[below:above],
                target if is_last else rows,
                count,
            )
            if not is_last:
                _activate_layer(kind, levels, ranges, layer, rows, target, count)
            at, below, above = end, above, above + width
        total += _losses(out[below:above], labels, chosen, errors[below:above])
        for layer in range(layers - 1, -1, -1):
            width, fan_in = sizes[layer + 1], sizes[layer]
            at -= (fan_in + 1) * width
            lower = below - fan_in
            mine = errors[below:above]
            _weight_gradients(mine, out[lower:below], gradient[at:], count)
            if layer:
                high = ranges[layer - 1] if levels else np.float32(0)
                weights = values[at : at + fan_in * width]
                _back(kind, weights, mine, raw[lower:below], errors[lower:below], high, count)
            below, above = lower, below
        taken += 1
        adamw_step(values, gradient, first, second, factors, np.float32(rate), 0.0, taken)
    return total / len(order)
