"""Runs a decoded network on arrays with NumPy alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

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

# The unfolded input of the largest layer is kept near this size, whatever the batch.
_WORKSPACE_VALUES = 1 << 21

Weights = tuple[FloatArray, FloatArray | None]


def _activate(x: FloatArray, kind: ActivationKind) -> FloatArray:
    match kind:
        case "none":
            return x
        case "relu":
            return np.asarray(np.maximum(x, 0), np.float32)
        case "leaky_relu":
            return np.asarray(np.maximum(x, x * np.float32(LEAKY_RELU_SLOPE)), np.float32)
        case "hard_swish":
            return np.asarray(x * (np.clip(x + np.float32(3), 0, 6) / np.float32(6)), np.float32)


def _taps(x: FloatArray, layer: Convolution) -> list[FloatArray]:
    """Return, for each kernel position, the strided view of the padded input that it meets."""
    above, left = layer.paddings
    padded = np.pad(x, ((0, 0), (0, 0), (above, above), (left, left))) if above or left else x
    reach = layer.dilation
    down, across = layer.strides
    height, width = (
        (side - reach * (kernel - 1) - 1) // stride + 1
        for side, kernel, stride in zip(
            padded.shape[2:], layer.kernel_shape, layer.strides, strict=True
        )
    )
    rows, columns = layer.kernel_shape
    return [
        padded[:, :, row : row + down * height : down, column : column + across * width : across][
            :, :, :height, :width
        ]
        for row in range(0, reach * rows, reach)
        for column in range(0, reach * columns, reach)
    ]


def _convolve(x: FloatArray, layer: Convolution, weights: FloatArray) -> FloatArray:
    taps = _taps(x, layer)
    batch, channels, height, width = taps[0].shape
    kernels = weights.reshape(weights.shape[0], weights.shape[1], len(taps))
    if layer.depthwise:
        result = np.zeros((batch, channels, height, width), np.float32)
        for index, tap in enumerate(taps):
            result += tap * kernels[None, :, 0, index, None, None]
        return result
    columns = np.stack(taps, axis=2).reshape(batch, channels * len(taps), height * width)
    product = np.matmul(kernels.reshape(kernels.shape[0], -1), columns)
    return np.asarray(product.reshape(batch, -1, height, width), np.float32)


def _pool(x: FloatArray, layer: Pooling) -> FloatArray:
    batch, channels, height, width = x.shape
    rows, columns = layer.window(height, width)
    kept = x[:, :, : height // rows * rows, : width // columns * columns]
    windows = kept.reshape(batch, channels, height // rows, rows, width // columns, columns)
    result = windows.max((3, 5)) if layer.kind == "max" else windows.mean((3, 5))
    return np.asarray(result, np.float32)


def _run_weighted(x: FloatArray, layer: WeightedLayer, tensors: Weights) -> FloatArray:
    weights, bias = tensors
    if isinstance(layer, Convolution):
        result = _convolve(x, layer, weights)
    else:
        result = (x.reshape(len(x), -1) @ weights.T)[:, :, None, None]
    if bias is not None:
        result = result + bias[:, None, None]
    return _activate(result, layer.activation)


def _run(steps: Sequence[Step], tensors: Sequence[Weights], x: FloatArray) -> FloatArray:
    activations = [x]
    for step in steps:
        x = activations[-1]
        match step.layer:
            case Pooling():
                x = _pool(x, step.layer)
            case Addition():
                earlier = activations[-1 - step.layer.back]
                x = _activate(x + earlier, step.layer.activation)
            case Convolution() | Linear():
                assert step.tensor is not None
                x = _run_weighted(x, step.layer, tensors[step.tensor])
        activations.append(x)
    return x.reshape(len(x), -1)


def _shifted(x: FloatArray, down: int, across: int) -> FloatArray:
    """Return images moved by rows and columns, with zeros where nothing was."""
    if down == across == 0:
        return x
    result = np.zeros_like(x)
    height, width = x.shape[2:]
    rows = slice(max(down, 0), height + min(down, 0))
    columns = slice(max(across, 0), width + min(across, 0))
    from_rows = slice(max(-down, 0), height + min(-down, 0))
    from_columns = slice(max(-across, 0), width + min(-across, 0))
    result[:, :, rows, columns] = x[:, :, from_rows, from_columns]
    return result


def _batch_size(network: QuantizedNetwork) -> int:
    shapes = activation_shapes(network.architecture)
    largest = max(math.prod(shape) for shape in shapes)
    for index, step in enumerate(run_order(network.architecture)):
        if isinstance(step.layer, Convolution):
            _, height, width = shapes[index + 1]
            taps = math.prod(step.layer.kernel_shape)
            largest = max(largest, shapes[index][0] * taps * height * width)
    return max(1, min(1024, _WORKSPACE_VALUES // largest))


def _as_batches(network: QuantizedNetwork, inputs: npt.NDArray[np.generic]) -> FloatArray:
    shape = network.architecture.input_shape
    if inputs.ndim < 1 or math.prod(inputs.shape[1:]) != math.prod(shape):
        raise DataError(
            "inputs", f"shape {inputs.shape}", f"(examples, {shape})", "Reshape the inputs."
        )
    return inputs.reshape(len(inputs), *shape)  # type: ignore[return-value]


def predict_logits(network: QuantizedNetwork, inputs: npt.NDArray[np.generic]) -> FloatArray:
    """Return the logits, float32 of shape ``(examples, classes)``.

    Args:
        network: a decoded network.
        inputs: numbers of shape ``(examples, …)`` with as many values an example as the network's
            input shape holds: raw, as in the data set (bytes 0 to 255 for images).

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
    logits: list[FloatArray] = []
    for start in range(0, len(arrays), batch):
        x = arrays[start : start + batch].astype(np.float32) * scale
        views = [_run(steps, tensors, _shifted(x, *shift)) for shift in shifts]
        logits.append(np.asarray(sum(views) / np.float32(len(views)), np.float32))
    return np.concatenate(logits) if logits else np.zeros((0, 0), np.float32)


def predict(network: QuantizedNetwork, inputs: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    """Return the class of largest logit for every example, the first one where several tie.

    Raises:
        DataError: if the shape of ``inputs`` does not fit.
    """
    return np.asarray(predict_logits(network, inputs).argmax(axis=1), dtype=np.int64)
