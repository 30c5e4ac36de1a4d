"""Runs a decoded network on arrays with NumPy alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import (
    LEAKY_RELU_SLOPE,
    VIEW_SHIFTS,
    ActivationKind,
    Addition,
    Convolution,
    Linear,
    Pooling,
    Step,
    WeightedLayer,
    activation_shapes,
    run_order,
)
from minbits.codec.quantized_network import FloatArray, QuantizedNetwork
from minbits.errors import DataError

# Batches are small enough that the largest array of one fits into a processor's cache.
_WORKSPACE_VALUES = 1 << 18
_LARGEST_BATCH = 512

Weights = tuple[FloatArray, FloatArray | None]


def _activate(x: FloatArray, kind: ActivationKind) -> FloatArray:
    """Apply an activation, in place where that saves memory."""
    match kind:
        case "none":
            return x
        case "relu":
            return np.asarray(np.maximum(x, np.float32(0), out=x), np.float32)
        case "leaky_relu":
            return np.asarray(np.maximum(x, x * np.float32(LEAKY_RELU_SLOPE), out=x), np.float32)
        case "hard_swish":
            return np.asarray(x * (np.clip(x + np.float32(3), 0, 6) / np.float32(6)), np.float32)


def _padded(x: FloatArray, layer: Convolution) -> FloatArray:
    above, left = layer.paddings
    if not above and not left:
        return x
    channels, height, width, batch = x.shape
    result = np.zeros((channels, height + 2 * above, width + 2 * left, batch), np.float32)
    result[:, above : above + height, left : left + width] = x
    return result


def _taps(x: FloatArray, layer: Convolution) -> list[FloatArray]:
    """Return, for each kernel position, the strided view of the padded input that it meets."""
    padded = _padded(x, layer)
    reach = layer.dilation
    down, across = layer.strides
    height, width = (
        (side - reach * (kernel - 1) - 1) // stride + 1
        for side, kernel, stride in zip(
            padded.shape[1:3], layer.kernel_shape, layer.strides, strict=True
        )
    )
    rows, columns = layer.kernel_shape
    return [
        padded[:, row : row + down * height : down, column : column + across * width : across][
            :, :height, :width
        ]
        for row in range(0, reach * rows, reach)
        for column in range(0, reach * columns, reach)
    ]


def _convolve(x: FloatArray, layer: Convolution, weights: FloatArray) -> FloatArray:
    taps = _taps(x, layer)
    channels, height, width, batch = taps[0].shape
    kernels = weights.reshape(weights.shape[0], weights.shape[1], len(taps))
    if layer.depthwise:
        factors = kernels[:, 0, :, None, None, None]
        result = taps[0] * factors[:, 0]
        product = np.empty_like(result)
        for index, tap in enumerate(taps[1:], 1):
            np.multiply(tap, factors[:, index], out=product)
            result += product
        return result
    if len(taps) == 1:
        columns = np.ascontiguousarray(taps[0]).reshape(channels, -1)
    else:
        unfolded = np.empty((channels, len(taps), height, width, batch), np.float32)
        for index, tap in enumerate(taps):
            unfolded[:, index] = tap
        columns = unfolded.reshape(channels * len(taps), -1)
    product = kernels.reshape(kernels.shape[0], -1) @ columns
    return np.asarray(product.reshape(-1, height, width, batch), np.float32)


def _pool(x: FloatArray, layer: Pooling) -> FloatArray:
    channels, height, width, batch = x.shape
    rows, columns = layer.window(height, width)
    kept = x[:, : height // rows * rows, : width // columns * columns]
    if rows * columns > height * width // 2:
        values = kept.reshape(channels, 1, 1, rows * columns, batch)
        result = values.max(3) if layer.kind == "max" else values.mean(3)
        return np.asarray(result, np.float32)
    # A pass per place in the window: much faster than a reduction over two short axes.
    places = [
        kept[:, row::rows, column::columns] for row in range(rows) for column in range(columns)
    ]
    result = places[0].copy()
    for place in places[1:]:
        if layer.kind == "max":
            np.maximum(result, place, out=result)
        else:
            result += place
    return result if layer.kind == "max" else result * np.float32(1 / len(places))


def _run_weighted(
    x: FloatArray, layer: WeightedLayer, tensors: Weights, pooling: Pooling | None
) -> FloatArray:
    """Apply a layer, and a pooling behind it before its bias and activation."""
    weights, bias = tensors
    if isinstance(layer, Convolution):
        result = _convolve(x, layer, weights)
    else:
        result = (weights @ x.reshape(-1, x.shape[-1]))[:, None, None]
    if pooling is not None:
        result = _pool(result, pooling)
    if bias is not None:
        result += bias[:, None, None, None]
    return _activate(result, layer.activation)


def _pooling_behind(steps: Sequence[Step], index: int) -> Pooling | None:
    """Return the maximum pooling behind a step that may come before its bias and activation.

    What never falls can be taken after the maximum, to the same bit, of a quarter of the values.
    """
    behind = steps[index + 1].layer if index + 1 < len(steps) else None
    layer = steps[index].layer
    never_falls = isinstance(layer, WeightedLayer) and layer.activation != "hard_swish"
    return behind if never_falls and isinstance(behind, Pooling) and behind.kind == "max" else None


def _run(steps: Sequence[Step], tensors: Sequence[Weights], x: FloatArray) -> FloatArray:
    """Return logits ``(examples, classes)`` of inputs ``(channels, rows, columns, examples)``.

    With the examples innermost every operation runs along memory, however small the images.
    """
    activations = [x]
    is_chain = not any(isinstance(step.layer, Addition) for step in steps)
    pooled: Pooling | None = None
    for index, step in enumerate(steps):
        x = activations[-1]
        match step.layer:
            case Pooling():
                x = x if pooled is not None else _pool(x, step.layer)
                pooled = None
            case Addition():
                earlier = activations[-1 - step.layer.back]
                x = _activate(x + earlier, step.layer.activation)
            case Convolution() | Linear():
                assert step.tensor is not None
                pooled = _pooling_behind(steps, index) if is_chain else None
                x = _run_weighted(x, step.layer, tensors[step.tensor], pooled)
        activations.append(x)
    return np.ascontiguousarray(activations[-1].reshape(-1, activations[-1].shape[-1]).T)


def _shifted(x: FloatArray, down: int, across: int) -> FloatArray:
    """Return images moved by rows and columns, with zeros where nothing was."""
    if down == across == 0:
        return x
    result = np.zeros_like(x)
    height, width = x.shape[1:3]
    rows = slice(max(down, 0), height + min(down, 0))
    columns = slice(max(across, 0), width + min(across, 0))
    from_rows = slice(max(-down, 0), height + min(-down, 0))
    from_columns = slice(max(-across, 0), width + min(-across, 0))
    result[:, rows, columns] = x[:, from_rows, from_columns]
    return result


def _batch_size(network: QuantizedNetwork) -> int:
    shapes = activation_shapes(network.architecture)
    largest = max(math.prod(shape) for shape in shapes)
    for index, step in enumerate(run_order(network.architecture)):
        if isinstance(step.layer, Convolution) and not step.layer.depthwise:
            _, height, width = shapes[index + 1]
            taps = math.prod(step.layer.kernel_shape)
            largest = max(largest, shapes[index][0] * taps * height * width)
    return max(1, min(_LARGEST_BATCH, _WORKSPACE_VALUES // largest))


def _as_batches(network: QuantizedNetwork, inputs: npt.NDArray[np.generic]) -> FloatArray:
    shape = network.architecture.input_shape
    if inputs.ndim < 1 or math.prod(inputs.shape[1:]) != math.prod(shape):
        raise DataError(
            "inputs", f"shape {inputs.shape}", f"(examples, {shape})", "Reshape the inputs."
        )
    return inputs.reshape(len(inputs), *shape)  # type: ignore[return-value]


def _examples_last(images: npt.NDArray[np.generic]) -> FloatArray:
    return np.ascontiguousarray(images.transpose(1, 2, 3, 0), np.float32)


def predict_logits(
    network: QuantizedNetwork, inputs: npt.NDArray[np.generic], threads: int = 1
) -> FloatArray:
    """Return the logits, float32 of shape ``(examples, classes)``.

    Args:
        network: a decoded network.
        inputs: numbers of shape ``(examples, …)`` with as many values an example as the network's
            input shape holds: raw, as in the data set (bytes 0 to 255 for images).
        threads: batches worked on at a time; more than one pays only where BLAS has one thread
            each, or they fight for the cores. The logits are the same.

    Raises:
        DataError: if the shape of ``inputs`` does not fit.
    """
    arrays = _as_batches(network, inputs)
    tensors = [
        (layer.weights.values(), layer.bias.values() if layer.bias else None)
        for layer in network.layers
    ]
    steps = run_order(network.architecture)
    scale = np.float32(2.0**-network.architecture.input_exponent)
    batch = _batch_size(network)
    shifts = VIEW_SHIFTS[: network.architecture.views]

    def logits_from(start: int) -> FloatArray:
        x = _examples_last(arrays[start : start + batch]) * scale
        views = [_run(steps, tensors, _shifted(x, *shift)) for shift in shifts]
        return np.asarray(sum(views) / np.float32(len(views)), np.float32)

    starts = range(0, len(arrays), batch)
    if threads > 1:
        # Batches are independent, and NumPy works on several at a time.
        with ThreadPoolExecutor(threads) as pool:
            logits = list(pool.map(logits_from, starts))
    else:
        logits = [logits_from(start) for start in starts]
    return np.concatenate(logits) if logits else np.zeros((0, 0), np.float32)


def predict(
    network: QuantizedNetwork, inputs: npt.NDArray[np.generic], threads: int = 1
) -> npt.NDArray[np.int64]:
    """Return the class of largest logit for every example, the first one where several tie.

    Raises:
        DataError: if the shape of ``inputs`` does not fit.
    """
    return np.asarray(predict_logits(network, inputs, threads).argmax(axis=1), dtype=np.int64)
