"""Runs a decoded network on arrays with NumPy alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import VIEW_SHIFTS, Architecture, class_count, run_order
from minbits.codec.forward import Weights, run_steps
from minbits.codec.quantized_network import FloatArray, QuantizedNetwork
from minbits.codec.run_cost import batch_size, check_cost, thread_count
from minbits.errors import DataError
from minbits.front_ends.base import seen_images


def shifted(x: FloatArray, down: int, across: int) -> FloatArray:
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


def as_batches(architecture: Architecture, inputs: npt.NDArray[np.generic]) -> FloatArray:
    """Return raw inputs in the network's own shape, ``(examples, channels, rows, columns)``.

    Raises:
        DataError: if an example has another number of values.
    """
    shape = architecture.input_shape
    if inputs.ndim < 1 or math.prod(inputs.shape[1:]) != math.prod(shape):
        raise DataError(
            "inputs", f"shape {inputs.shape}", f"(examples, {shape})", "Reshape the inputs."
        )
    return inputs.reshape(len(inputs), *shape)  # type: ignore[return-value]


def _examples_last(images: npt.NDArray[np.generic]) -> FloatArray:
    return np.ascontiguousarray(images.transpose(1, 2, 3, 0), np.float32)


def views_of(architecture: Architecture, examples: npt.NDArray[np.generic]) -> list[FloatArray]:
    """Return what the first layer sees of raw inputs ``(examples, channels, rows, columns)``.

    That is an array ``(channels, rows, columns, examples)`` for each view.
    """
    scale = np.float32(2.0**-architecture.input_exponent)
    shifts = VIEW_SHIFTS[: architecture.views]
    if architecture.front_end is not None:
        scaled = examples.astype(np.float32) * scale
        views = seen_images(architecture.front_end, scaled, shifts)
        return [_examples_last(view) for view in views]
    x = _examples_last(examples) * scale
    return [shifted(x, *shift) for shift in shifts]


class _Runner:
    """A network ready to run on one batch after the other."""

    def __init__(self, architecture: Architecture, tensors: Sequence[Weights]) -> None:
        self.architecture = architecture
        self._tensors = tensors
        self._steps = run_order(architecture)

    def logits(self, examples: npt.NDArray[np.generic]) -> FloatArray:
        """Return logits ``(examples, classes)``, averaged over views."""
        # What overflows is infinite, as everywhere in IEEE 754: nothing to warn of.
        with np.errstate(over="ignore", invalid="ignore"):
            seen = views_of(self.architecture, examples)
            views = [run_steps(self._steps, self._tensors, x) for x in seen]
            return np.asarray(sum(views) / np.float32(len(views)), np.float32)


def _runner(network: QuantizedNetwork) -> _Runner:
    tensors = [
        (layer.weights.values(), layer.bias.values() if layer.bias else None)
        for layer in network.layers
    ]
    return _Runner(network.architecture, tensors)


def _run_batches(
    runner: _Runner,
    arrays: FloatArray,
    threads: int,
    take: Callable[[slice, FloatArray], None],
) -> None:
    """Run all examples and hand each batch's logits to ``take``, in any order."""
    batch = batch_size(runner.architecture)

    def run_from(start: int) -> None:
        chosen = slice(start, start + batch)
        take(chosen, runner.logits(arrays[chosen]))

    starts = range(0, len(arrays), batch)
    threads = thread_count(runner.architecture, threads)
    if threads == 1:
        for start in starts:
            run_from(start)
        return
    # Batches are independent, and NumPy works on several at a time.
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(run_from, starts):
            pass


def predict_logits(
    network: QuantizedNetwork,
    inputs: npt.NDArray[np.generic],
    threads: int = 1,
    allow_slow: bool = False,
) -> FloatArray:
    """Return the logits, float32 of shape ``(examples, classes)``.

    Args:
        network: a decoded network.
        inputs: numbers of shape ``(examples, …)`` with as many values an example as the network's
            input shape holds: raw, as in the data set (bytes 0 to 255 for images).
        threads: batches worked on at a time; more than one pays only where BLAS has one thread
            each, or they fight for the cores. The logits are the same. Large networks take fewer,
            for their memory.
        allow_slow: whether to run however long it takes (`minbits.codec.run_cost`).

    Raises:
        DataError: if the shape of ``inputs`` does not fit.
        CostError: if it would take too long, or the logits too much memory.
    """
    arrays = as_batches(network.architecture, inputs)
    if not allow_slow:
        check_cost(network.architecture, len(arrays), with_logits=True)
    result = np.empty((len(arrays), class_count(network.architecture)), np.float32)

    def take(chosen: slice, logits: FloatArray) -> None:
        result[chosen] = logits

    _run_batches(_runner(network), arrays, threads, take)
    return result


def predict(
    network: QuantizedNetwork,
    inputs: npt.NDArray[np.generic],
    threads: int = 1,
    allow_slow: bool = False,
) -> npt.NDArray[np.int64]:
    """Return the class of largest logit for every example, the first one where several tie.

    Raises:
        DataError: if the shape of ``inputs`` does not fit.
        CostError: if it would take too long.
    """
    arrays = as_batches(network.architecture, inputs)
    if not allow_slow:
        check_cost(network.architecture, len(arrays))
    return _classes(_runner(network), arrays, threads)


def predict_with(
    architecture: Architecture, tensors: Sequence[Weights], inputs: npt.NDArray[np.generic]
) -> npt.NDArray[np.int64]:
    """Return the class of largest logit for every example, with weights that come as arrays.

    Args:
        architecture: the network.
        tensors: weights and bias (or None) of each layer that has some, in file order.
        inputs: as for `predict_logits`.

    Raises:
        DataError: if the shape of ``inputs`` does not fit.
        CostError: if it would take too long.
    """
    arrays = as_batches(architecture, inputs)
    check_cost(architecture, len(arrays))
    return _classes(_Runner(architecture, tensors), arrays, threads=1)


def _classes(runner: _Runner, arrays: FloatArray, threads: int) -> npt.NDArray[np.int64]:
    result = np.empty(len(arrays), np.int64)

    def take(chosen: slice, logits: FloatArray) -> None:
        result[chosen] = logits.argmax(axis=1)

    _run_batches(runner, arrays, threads, take)
    return result
