"""A network's logits to the last bit, the same on every machine.

A decoder of labels needs the very probabilities that the encoder had. Sums in floating point depend
on their order, which BLAS libraries choose. Here they are exact, whatever the order: weights are
taken as their integer multiples of the step, and every activation is rounded to a grid of powers of
two so coarse that no partial sum needs more than the 24 bits of a float32. All else (step, bias,
activation, rounding) is done value by value in IEEE 754, which leaves no choice.

The grid before a sum follows from its weights and from the largest activation that it may meet;
that one number for each sum, a power of two, is chosen by the encoder and told. Larger activations
are cut off there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import (
    Step,
    activation_shapes,
    class_count,
    run_order,
)
from minbits.codec.dependent import multiples
from minbits.codec.forward import last_uses
from minbits.codec.inference import as_batches, views_of
from minbits.codec.quantized_network import QuantizedNetwork, QuantizedTensor, step_size
from minbits.codec.run_cost import batch_size
from minbits.errors import LabelCodeError
from minbits.layers.activations import ACTIVATIONS, CODED_ACTIVATIONS
from minbits.layers.addition import Addition
from minbits.layers.base import FloatArray, PlainLayer, WeightedLayer
from minbits.layers.convolution import Convolution
from minbits.layers.linear import Linear
from minbits.layers.pooling import Pooling
from minbits.layers.rms_normalisation import RmsNormalisation
from minbits.layers.shared_depthwise import SharedDepthwise

EXACT_BITS = 24
_EXACT = (Convolution, Linear, SharedDepthwise)
SMALLEST_RANGE, LARGEST_RANGE = -40, 40


@dataclass(frozen=True, eq=False)
class _Tensor:
    counts: FloatArray
    step: np.float32
    bias: FloatArray | None
    most_units: int  # the largest sum of absolute counts of one output


def _bits_for(units: int) -> int:
    """Return the bits that inputs keep where so many units of them are added up exactly."""
    return EXACT_BITS - max(units, 1).bit_length() - 1


def _tensor(weights: QuantizedTensor, bias: QuantizedTensor | None) -> _Tensor:
    levels = multiples(weights.levels) if weights.is_dependent else weights.levels.astype(np.int64)
    return _Tensor(
        levels.astype(np.float32),
        np.float32(step_size(weights.step_index)),
        None if bias is None else bias.values(),
        int(np.abs(levels).reshape(len(levels), -1).sum(1).max(initial=1)),
    )


def _on_grid(x: FloatArray, range_exponent: int, grid_bits: int) -> FloatArray:
    """Return values rounded to multiples of a power of two, within ± 2 ** range_exponent."""
    exponent = grid_bits - range_exponent
    whole = np.rint(np.ldexp(x, exponent))
    largest = np.float32(2.0**grid_bits)
    return np.asarray(np.ldexp(np.clip(whole, -largest, largest), -exponent), np.float32)


class ExactNetwork:
    """A network that gives the same logits everywhere.

    Args:
        network: decoded from its file.
        ranges: for each sum in the order of the run (layers with weights, average poolings), the
            exponent of the power of two that its inputs stay below; None measures them, and rounds
            nothing.

    Attributes:
        ranges: as given, or as measured so far.

    Raises:
        LabelCodeError: if a layer is of a kind that is not known to be exact, or has so many
            weights that its inputs would keep no bits.
    """

    def __init__(self, network: QuantizedNetwork, ranges: Sequence[int] | None = None) -> None:
        self._architecture = network.architecture
        self._steps: Sequence[Step] = run_order(network.architecture)
        self._tensors = [_tensor(layer.weights, layer.bias) for layer in network.layers]
        self._bits = self._bits_of_sums()
        self._measures = ranges is None
        self.ranges = [SMALLEST_RANGE] * len(self._bits) if ranges is None else list(ranges)
        if len(self.ranges) != len(self._bits):
            raise LabelCodeError(
                "ranges", f"{len(self.ranges)}", f"{len(self._bits)}, one a sum", "Count again."
            )

    def _bits_of_sums(self) -> dict[int, int]:
        """Return, by the number of each step that adds up, the bits that its inputs keep."""
        shapes, found = activation_shapes(self._architecture), {}
        for index, step in enumerate(self._steps):
            layer = step.layer
            if isinstance(layer, _EXACT) and layer.activation in CODED_ACTIVATIONS:
                assert step.tensor is not None
                found[index] = _bits_for(self._tensors[step.tensor].most_units)
            elif isinstance(layer, Pooling):
                if layer.kind == "average":
                    found[index] = _bits_for(math.prod(layer.window(*shapes[index][1:])))
            elif isinstance(layer, RmsNormalisation):
                continue  # single operations of IEEE 754 in one order: nothing is to be rounded
            elif not isinstance(layer, Addition) or layer.activation not in CODED_ACTIVATIONS:
                raise LabelCodeError(
                    f"layer {index}", str(layer), "a layer whose arithmetic is known to be exact",
                    "Take another network.",
                )  # fmt: skip
        if min(found.values(), default=1) < 1:
            raise LabelCodeError(
                "network", "sums of more than 24 bits", "fewer weights a sum, or smaller levels",
                "Take another network.",
            )  # fmt: skip
        return found

    @property
    def sums(self) -> int:
        """How many ranges there are."""
        return len(self._bits)

    def logits(self, inputs: npt.NDArray[np.generic]) -> FloatArray:
        """Return logits, float32 ``(examples, classes)``, of raw inputs ``(examples, …)``.

        Raises:
            DataError: if the shape of the inputs does not fit.
        """
        arrays = as_batches(self._architecture, inputs)
        result = np.empty((len(arrays), class_count(self._architecture)), np.float32)
        batch = batch_size(self._architecture)
        for start in range(0, len(arrays), batch):
            chosen = slice(start, start + batch)
            views = [self._run(x) for x in views_of(self._architecture, arrays[chosen])]
            total = views[0]
            for view in views[1:]:
                total = total + view
            result[chosen] = total
        return result

    def _run(self, x: FloatArray) -> FloatArray:
        uses = last_uses(self._steps)
        numbers = {index: number for number, index in enumerate(self._bits)}
        kept: dict[int, FloatArray] = {}
        for index, step in enumerate(self._steps):
            kept[index] = x
            layer = step.layer
            if index in numbers:
                x = self._rounded(x, index, numbers[index])
            if isinstance(layer, WeightedLayer):
                assert step.tensor is not None
                x = _weighted(x, layer, self._tensors[step.tensor])
            elif isinstance(layer, PlainLayer):
                x = layer.run(x, [kept[index - back] for back in layer.reads])
            for number in [number for number in kept if uses[number] <= index]:
                del kept[number]
        return np.ascontiguousarray(x.reshape(-1, x.shape[-1]).T)

    def _rounded(self, x: FloatArray, index: int, number: int) -> FloatArray:
        """Return the inputs of a sum on its grid; while measuring, take in how large they are."""
        if not self._measures:
            return _on_grid(x, self.ranges[number], self._bits[index])
        largest = float(np.abs(x).max(initial=0.0))
        needed = math.frexp(largest)[1] if largest > 0 else SMALLEST_RANGE
        bounded = min(max(needed, SMALLEST_RANGE), LARGEST_RANGE)
        self.ranges[number] = max(self.ranges[number], bounded)
        return x


def _weighted(x: FloatArray, layer: WeightedLayer, tensor: _Tensor) -> FloatArray:
    result = np.asarray(layer.sums(x, tensor.counts), np.float32) * tensor.step
    if tensor.bias is not None and layer.bias:
        result = result + tensor.bias[:, None, None, None]
    return ACTIVATIONS[layer.activation].numpy(result)


def measured_ranges(network: QuantizedNetwork, inputs: npt.NDArray[np.generic]) -> list[int]:
    """Return the range exponents that cut nothing off on some inputs."""
    exact = ExactNetwork(network)
    exact.logits(inputs)
    return exact.ranges
