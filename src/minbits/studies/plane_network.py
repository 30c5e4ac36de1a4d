"""Training one small fully connected network, and what its layers say at chosen epochs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]

ACTIVATIONS = ("linear", "relu", "tanh", "softsign")  # at the places that the compiled code knows
BOUNDED = ("tanh", "softsign")  # values between -1 and 1, whatever the weights are
SMALLEST_RANGE = 1e-6
_TRUNCATION = 2.0  # standard deviations


@dataclass(frozen=True)
class PlaneNetwork:
    """A fully connected network with one activation and a softmax over the classes.

    Attributes:
        sizes: inputs, units of each hidden layer, classes.
        activation: of hidden layers, one of `ACTIVATIONS`.
        bits: of quantised activations; 0 for none.
    """

    sizes: tuple[int, ...]
    activation: str
    bits: int = 0

    @property
    def levels(self) -> int:
        """How many values a quantised activation has; 0 where it is not quantised."""
        return 2**self.bits if self.bits else 0

    def initial(self, generator: np.random.Generator) -> Float:
        """Return weights from a normal distribution, cut off at two deviations, and zero biases.

        The deviation is 1 over the root of the inputs of the unit, before the cut.
        """
        edge = ndtr(_TRUNCATION)
        parts = []
        for fan_in, width in zip(self.sizes[:-1], self.sizes[1:], strict=True):
            drawn = ndtri(generator.uniform(1 - edge, edge, fan_in * width))
            parts += [drawn / math.sqrt(fan_in), np.zeros(width)]
        return np.concatenate(parts).astype(np.float32)

    def layers(self, values: Float, ranges: Float, inputs: Float) -> list[Float]:
        """Return the values of all hidden layers, and the class probabilities.

        Probabilities of a quantised network are rounded to as many values in [0, 1].

        Args:
            values: weights and biases, layer by layer.
            ranges: the largest magnitude of each quantised hidden layer.
            inputs: shape ``(examples, inputs)``.
        """
        at, found, last = 0, [], len(self.sizes) - 2
        current = inputs
        for layer, (fan_in, width) in enumerate(zip(self.sizes[:-1], self.sizes[1:], strict=True)):
            end = at + fan_in * width
            weights = values[at:end].reshape(width, fan_in)
            sums = current @ weights.T + values[end : end + width]
            at = end + width
            if layer == last:
                shares = np.exp(sums - sums.max(axis=1, keepdims=True))
                shares /= shares.sum(axis=1, keepdims=True)
                current = self._rounded(shares, 0.0, 1.0)
            else:
                active = self._activated(sums)
                # Before the first batch a range is not known yet.
                high = float(ranges[layer]) or max(float(np.abs(active).max()), SMALLEST_RANGE)
                low = 0.0 if self.activation == "relu" else -high
                current = self._rounded(active, low, high)
            found.append(current)
        return found

    def _activated(self, sums: Float) -> Float:
        if self.activation == "relu":
            return np.maximum(sums, np.float32(0))
        if self.activation == "tanh":
            return np.asarray(np.tanh(sums), np.float32)
        if self.activation == "softsign":
            return np.asarray(sums / (1 + np.abs(sums)), np.float32)
        return sums

    def _rounded(self, values: Float, low: float, high: float) -> Float:
        if not self.levels:
            return values
        step = np.float32((high - low) / (self.levels - 1))
        places = np.floor((np.clip(values, low, high) - np.float32(low)) / step + np.float32(0.5))
        return np.asarray(places * step + np.float32(low), np.float32)


@dataclass(frozen=True, eq=False)
class TrainedState:
    """A network after some epochs.

    Attributes:
        epoch: epochs done.
        loss: mean cross-entropy of the last epoch's steps in nats; None before the first.
        values: weights and biases.
        ranges: the largest magnitude of each quantised hidden layer.
    """

    epoch: int
    loss: float | None
    values: Float
    ranges: Float


def log_spaced(epochs: int, count: int) -> tuple[int, ...]:
    """Return about ``count`` epochs from 1 to ``epochs`` by equal factors, and 0 before them."""
    return (0, *np.unique(np.geomspace(1, epochs, count).round().astype(int)).tolist())


@dataclass(frozen=True, eq=False)
class PlaneTraining:
    """How networks are trained: by Adam, at one rate, on batches of a new order every epoch.

    Attributes:
        inputs: shape ``(examples, inputs)``.
        labels: shape ``(examples,)``.
        batch_size: examples a step.
        learning_rate: of all steps.
    """

    inputs: Float
    labels: Int
    batch_size: int
    learning_rate: float

    def states(
        self,
        network: PlaneNetwork,
        seed: int,
        epochs: tuple[int, ...],
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Iterator[TrainedState]:
        """Train from a seed, and yield the network at some epochs.

        Raises:
            StoppedError: if asked to stop, once an epoch.
            FloatingPointError: if the training diverges.
        """
        # Compiled code takes a second to load, which the parent of a study does not need.
        from minbits.studies.plane_kernels import train_epoch
        from minbits.training.loop import StoppedError

        generator = np.random.default_rng(seed)
        values = network.initial(generator)
        first, second, gradient = (np.zeros_like(values) for _ in range(3))
        factors, sizes = np.ones_like(values), np.array(network.sizes, np.int64)
        ranges = np.full(len(sizes) - 2, 1.0 if network.activation in BOUNDED else 0.0, np.float32)
        steps = -(-len(self.labels) // self.batch_size)
        wanted, loss = set(epochs), None
        for epoch in range(max(epochs) + 1):
            if should_stop():
                raise StoppedError
            if epoch:
                loss = train_epoch(
                    values, first, second, gradient, factors, sizes,
                    ACTIVATIONS.index(network.activation), network.levels, ranges, self.inputs,
                    self.labels, generator.permutation(len(self.labels)), self.batch_size,
                    self.learning_rate, (epoch - 1) * steps,
                )  # fmt: skip
                if not math.isfinite(loss):
                    raise FloatingPointError(f"the loss is {loss} after epoch {epoch}")
            if epoch in wanted:
                yield TrainedState(epoch, loss, values.copy(), ranges.copy())
