"""A network laid out for the lanes engine: loss and gradient of one batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from minbits.codec.architecture import (
    ACTIVATION_KINDS,
    LEAKY_RELU_SLOPE,
    ActivationKind,
    Architecture,
    Convolution,
    Layer,
    Linear,
    Pooling,
    Shape,
    activation_shapes,
)
from minbits.errors import NetworkError
from minbits.training.lanes import channels as ch
from minbits.training.lanes.linear_maps import (
    Float,
    Integer,
    Sweep,
    dense_weight_gradient,
    depthwise_weight_gradient,
    pack_groups,
    sweep_blocks,
)
from minbits.training.lanes.vector_code import LANES

# What a negative sum is multiplied by; None where the activation is no such function.
_SLOPES: dict[ActivationKind, float | None] = {
    "none": 1.0,
    "relu": 0.0,
    "leaky_relu": LEAKY_RELU_SLOPE,
    "hard_swish": None,
}
_NO_GATE = np.float32(1)

BATCH_NORM_EPSILON = np.float32(1e-5)  # as PyTorch's default


@dataclass(frozen=True)
class LayerParameters:
    """One layer's parameters, or their gradients.

    Attributes:
        weights: flat, ``[output, tap]``.
        scale: the normalisation's factor a channel; None where the layer is not normalised.
        shift: the normalisation's summand or the bias; None where there is neither.
    """

    weights: Float
    scale: Float | None
    shift: Float | None


@dataclass(frozen=True)
class Place:
    """Where a ``[block, channel, row, column, lane]`` array lies in a flat one; steps in floats."""

    array: Float
    at: int
    block: int
    channel: int
    row: int
    column: int = LANES


def _place(blocks: int, channels: int, rows: int, columns: int, border: int = 0) -> Place:
    """Allocate an array with a border of zeros around each image."""
    wide = columns + 2 * border
    row, channel = wide * LANES, (rows + 2 * border) * wide * LANES
    array = np.zeros(blocks * channels * channel, np.float32)
    return Place(array, border * row + border * LANES, channels * channel, channel, row)


class _WeightedStage:
    """A convolution or linear layer with what it needs for both passes."""

    def __init__(
        self,
        layer: Convolution | Linear,
        behind: Layer | None,
        shapes: Sequence[Shape],
        index: int,
        blocks: int,
        normalised: bool,
    ) -> None:
        (self.channels, self.high, self.wide) = shapes[index]
        (self.outputs, self.rows, self.columns) = shapes[index + 1]
        self.blocks = blocks
        self.kind = ACTIVATION_KINDS.index(layer.activation)
        self.normalised = normalised
        self.depthwise = isinstance(layer, Convolution) and layer.depthwise
        self.is_linear = isinstance(layer, Linear)
        self.kernel = layer.kernel if isinstance(layer, Convolution) else 1
        self.stride = layer.stride if isinstance(layer, Convolution) else 1
        self.padding = layer.padding if isinstance(layer, Convolution) else 0
        if self.padding > self.kernel - 1:
            raise NetworkError(
                f"layer {index}", f"padding {self.padding} of a {self.kernel}x{self.kernel} kernel",
                "less padding than kernel", "Use the torch engine.",
            )  # fmt: skip
        # Sums that need no normalisation are activated in registers and written where the next
        # layer reads them; the sign of an output tells the slope on the way back.
        slope = None if normalised else _SLOPES[layer.activation]
        self.slope = np.float32(1 if slope is None else slope)
        self.is_fused = slope is not None
        # Errors come back directly where nothing gates them and a border can be written.
        takes_border = self.is_linear if behind is None else isinstance(behind, Convolution)
        self.is_direct = self.is_fused and slope == 1 and self.stride == 1 and takes_border
        self.inputs = _place(blocks, self.channels, self.high, self.wide, self.padding)
        self.size = self.rows * self.columns * LANES
        self.sums = np.zeros(0 if self.is_fused else blocks * self.outputs * self.size, np.float32)
        self.written = self.inputs  # set by every forward pass
        dense = 0 if self.is_direct else blocks * self.outputs * self.size
        self.errors = np.zeros(dense, np.float32)
        self._prepare_taps()
        self._prepare_errors()
        zeros = np.zeros(self.outputs, np.float32)
        self.mean, self.variance = zeros.copy(), zeros.copy()
        self.scale, self.shift = np.ones(self.outputs, np.float32), zeros.copy()
        self.no_bias = np.zeros(
            max(self.outputs, self.channels * self.high * self.wide), np.float32
        )

    def _prepare_taps(self) -> None:
        k, place = self.kernel, self.inputs
        if self.is_linear:
            self.taps = self.channels * self.high * self.wide
            self.offsets: Integer = np.arange(self.taps, dtype=np.int64) * LANES
        else:
            sources = 1 if self.depthwise else self.channels
            self.taps = sources * k * k
            grid = np.arange(k) * place.row
            inside = (grid[:, None] + np.arange(k) * LANES).ravel()
            self.offsets = (np.arange(sources)[:, None] * place.channel + inside).ravel()
        self.packed = np.zeros(self.outputs * self.taps, np.float32)

    def _prepare_errors(self) -> None:
        """Errors of the sums, spread out and bordered so that a plain sweep gives the inputs'."""
        if self.is_linear:
            self.spread = _place(self.blocks, self.outputs, 1, 1)
            self.back_taps = self.outputs
            self.back_offsets: Integer = np.arange(self.outputs, dtype=np.int64) * LANES
        else:
            k, border = self.kernel, self.kernel - 1 - self.padding
            high, wide = self.high + k - 1, self.wide + k - 1
            row, channel = wide * LANES, high * wide * LANES
            array = np.zeros(self.blocks * self.outputs * channel, np.float32)
            self.spread = Place(
                array, border * row + border * LANES, self.outputs * channel, channel,
                self.stride * row, self.stride * LANES,
            )  # fmt: skip
            self.spread_row = row
            inside = (np.arange(k)[:, None] * row + np.arange(k) * LANES).ravel()
            sources = 1 if self.depthwise else self.outputs
            self.back_taps = sources * k * k
            self.back_offsets = (np.arange(sources)[:, None] * channel + inside).ravel()
        self.back_packed = np.zeros(
            self.channels * self.high * self.wide * self.back_taps
            if self.is_linear
            else self.channels * self.back_taps,
            np.float32,
        )

    @property
    def error_target(self) -> Place:
        """Where the layer behind writes the gradient of this layer's outputs."""
        if self.is_direct:
            return self.spread
        return Place(self.errors, 0, self.outputs * self.size, self.size, self.columns * LANES)

    def forward(self, parameters: LayerParameters, to: Place) -> None:
        source, first = self.inputs, self._first
        sweep = Sweep(
            self.rows, self.columns, self.size, self.columns * LANES,
            source.channel if self.depthwise else 0,
            self.stride * source.row, self.stride * LANES, self.slope,
        )  # fmt: skip
        self.written = to
        weights = parameters.weights
        if not self.depthwise:
            pack_groups(weights, self.outputs, self.taps, self.packed)
            weights = self.packed
        bias = self.no_bias if parameters.shift is None else parameters.shift
        if self.is_fused:
            sweep = sweep._replace(out_channel=to.channel, out_row=to.row)
            sweep_blocks(
                to.array, to.at, to.block, source.array, first, source.block, self.blocks,
                self.offsets, self.taps, weights, bias, self.outputs, sweep,
            )  # fmt: skip
            return
        sweep_blocks(
            self.sums, 0, self.outputs * self.size, source.array, first, source.block,
            self.blocks, self.offsets, self.taps, weights, self.no_bias, self.outputs, sweep,
        )  # fmt: skip
        self._set_scale(parameters, bias)
        for block in range(self.blocks):
            ch.scale_and_activate(
                self.sums, block * self.outputs * self.size, self.scale, self.shift,
                self.outputs, self.rows, self.columns, self.kind,
                to.array, to.at + block * to.block, to.channel, to.row,
            )  # fmt: skip

    def _set_scale(self, parameters: LayerParameters, bias: Float) -> None:
        if not self.normalised:
            self.shift = bias
            return
        assert parameters.scale is not None
        assert parameters.shift is not None
        ch.channel_moments(
            self.sums, self.blocks, self.outputs, self.size, self.mean, self.variance
        )
        self.inverse = 1 / np.sqrt(self.variance + BATCH_NORM_EPSILON)
        self.scale = parameters.scale * self.inverse
        self.shift = parameters.shift - self.mean * self.scale

    def backward(self, parameters: LayerParameters, to: Place | None) -> LayerParameters:
        """Return the gradients; ``to`` takes the errors of the inputs, None for the first layer.

        Block by block, so that the errors of one are still in the cache when they are used.
        """
        factors, scale_gradient, shift_gradient = self._error_factors(parameters)
        gradient = np.zeros(self.outputs * self.taps, np.float32)
        turned = None if to is None else self._turn(parameters.weights)
        for block in range(self.blocks):
            if factors is not None:
                self._spread_block(block, factors)
            if not self.is_linear:
                self._weight_gradient_block(block, gradient)
            if to is not None and turned is not None:
                self._input_errors_block(block, turned, to)
        if self.is_linear:
            self._linear_weight_gradient(gradient)
        return LayerParameters(gradient, scale_gradient, shift_gradient)

    def _error_factors(
        self, parameters: LayerParameters
    ) -> tuple[tuple[Float, Float, Float] | None, Float | None, Float | None]:
        """Return a, b, c of the sums' errors ``a * error + b * sum + c``, and the gradients."""
        count = self.outputs
        if self.is_direct:
            if parameters.shift is None:
                return None, None, None
            # Borders are zero and add nothing.
            by_channel = self.spread.array.reshape(self.blocks, count, -1)
            return None, None, by_channel.sum(axis=(0, 2))
        total, product = np.zeros(count, np.float32), np.zeros(count, np.float32)
        if self.is_fused:
            # The sum comes with the gating, block by block.
            return (total, total, total), None, None if parameters.shift is None else total
        ch.activation_gradient(
            self.errors, self.sums, self.scale, self.shift, self.blocks, count,
            self.size, self.kind, total, product,
        )  # fmt: skip
        shift_gradient = None if parameters.shift is None else total
        zeros = np.zeros(count, np.float32)
        if not self.normalised:
            return (np.ones(count, np.float32), zeros, zeros), None, shift_gradient
        n = np.float32(self.blocks * self.size)
        scale_gradient = self.inverse * (product - self.mean * total)
        b = -self.scale * self.inverse * scale_gradient / n
        c = -self.scale * total / n - b * self.mean
        return (self.scale, b, c), scale_gradient, shift_gradient

    def _spread_block(self, block: int, factors: tuple[Float, Float, Float]) -> None:
        spread, at = self.spread, block * self.outputs * self.size
        spread_at = spread.at + block * spread.block
        if self.is_fused:
            written = self.written
            ch.gate_errors(
                self.errors, at, self.slope, written.array, written.at + block * written.block,
                written.channel, written.row, self.outputs, self.rows, self.columns,
                spread.array, spread_at, spread.channel, spread.row, spread.column, factors[0],
            )  # fmt: skip
        else:
            ch.spread_errors(
                self.errors, at, self.sums, *factors, self.outputs, self.rows, self.columns,
                spread.array, spread_at, spread.channel, spread.row, spread.column,
            )  # fmt: skip

    @property
    def _first(self) -> int:
        """Where the first tap of the first position lies in the inputs, border included."""
        return self.inputs.at - self.padding * (self.inputs.row + LANES)

    def _linear_weight_gradient(self, gradient: Float) -> None:
        source, spread = self.inputs, self.spread
        # Blocks take the place of rows: more terms to each sum in registers.
        dense_weight_gradient(
            gradient, spread.array, 0, spread.channel, source.array, self._first, self.offsets,
            self.taps, self.outputs, self.blocks, 1, spread.block, 0, source.block, 0,
        )  # fmt: skip

    def _weight_gradient_block(self, block: int, gradient: Float) -> None:
        source, spread = self.inputs, self.spread
        at, start = spread.at + block * spread.block, self._first + block * source.block
        in_row, in_column = self.stride * source.row, self.stride * LANES
        if self.depthwise:
            depthwise_weight_gradient(
                gradient, spread.array, at, spread.channel, source.array, start,
                source.channel, self.offsets, self.taps, self.outputs, self.rows,
                self.columns, spread.row, spread.column, in_row, in_column,
            )  # fmt: skip
        else:
            dense_weight_gradient(
                gradient, spread.array, at, spread.channel, source.array, start,
                self.offsets, self.taps, self.outputs, self.rows, self.columns,
                spread.row, spread.column, in_row, in_column,
            )  # fmt: skip

    def _turn(self, weights: Float) -> Float:
        """Return the weights as the gradient of the inputs needs them."""
        if self.is_linear:
            turned = np.ascontiguousarray(weights.reshape(self.outputs, self.taps).T).ravel()
            outputs = self.taps
        else:
            k, outputs = self.kernel, self.channels
            shaped = weights.reshape(self.outputs, -1, k, k)[:, :, ::-1, ::-1]
            if not self.depthwise:
                shaped = shaped.transpose(1, 0, 2, 3)
            turned = np.ascontiguousarray(shaped).ravel()
        if not self.depthwise:
            pack_groups(turned, outputs, self.back_taps, self.back_packed)
            return self.back_packed
        return turned

    def _input_errors_block(self, block: int, turned: Float, to: Place) -> None:
        if self.is_linear:
            outputs, sweep = self.taps, Sweep(1, 1, LANES, LANES, 0, 0, 0, _NO_GATE)
        else:
            outputs = self.channels
            sweep = Sweep(
                self.high, self.wide, to.channel, to.row,
                self.spread.channel if self.depthwise else 0, self.spread_row, LANES, _NO_GATE,
            )  # fmt: skip
        sweep_blocks(
            to.array, to.at + block * to.block, to.block, self.spread.array,
            block * self.spread.block, self.spread.block, 1,
            self.back_offsets, self.back_taps, turned, self.no_bias, outputs, sweep,
        )  # fmt: skip


class _PoolingStage:
    """A pooling layer; it has no parameters."""

    def __init__(self, layer: Pooling, shapes: Sequence[Shape], index: int, blocks: int) -> None:
        channels, high, wide = shapes[index]
        _, rows, columns = shapes[index + 1]
        window = (layer.size, layer.size) if layer.size else (high, wide)
        self.windows = ch.Windows(channels, rows, columns, high, wide, *window)
        self.blocks = blocks
        self.is_max = layer.kind == "max"
        self.inputs = _place(blocks, channels, high, wide)
        self.size = channels * rows * columns * LANES
        self.errors = np.zeros(blocks * self.size, np.float32)
        self.chosen = np.zeros(blocks * self.size if self.is_max else 0, np.float32)

    @property
    def error_target(self) -> Place:
        row = self.windows.columns * LANES
        return Place(self.errors, 0, self.size, self.windows.rows * row, row)

    def forward(self, to: Place) -> None:
        for block in range(self.blocks):
            source, in_at = self.inputs.array, block * self.inputs.block
            out_at = to.at + block * to.block
            if self.is_max:
                ch.max_pool(
                    source, in_at, self.windows, to.array, out_at, to.channel, to.row,
                    self.chosen, block * self.size,
                )  # fmt: skip
            else:
                ch.average_pool(source, in_at, self.windows, to.array, out_at, to.channel, to.row)

    def backward(self, to: Place) -> None:
        for block in range(self.blocks):
            at, out_at = block * self.size, to.at + block * to.block
            if self.is_max:
                ch.max_pool_gradient(
                    self.errors, at, self.windows, to.array, out_at, self.chosen, at
                )
            else:
                ch.average_pool_gradient(self.errors, at, self.windows, to.array, out_at)


class LanesNetwork:
    """Buffers and plan for one architecture and batch size.

    Args:
        architecture: the network.
        batch_size: examples a batch, a multiple of `LANES`.
        batch_normalisation: whether convolutions with a bias are normalised in its place.

    Raises:
        NetworkError: if the engine does not cover the architecture or the batch size.
    """

    def __init__(
        self, architecture: Architecture, batch_size: int, batch_normalisation: bool
    ) -> None:
        if batch_size < LANES or batch_size % LANES:
            raise NetworkError(
                "lanes engine", f"batches of {batch_size}", f"a multiple of {LANES}",
                "Change the batch size, or use the torch engine.",
            )  # fmt: skip
        self.architecture = architecture
        self.batch_size = batch_size
        blocks = batch_size // LANES
        shapes = activation_shapes(architecture)
        self.stages: list[_WeightedStage | _PoolingStage] = []
        for index, layer in enumerate(architecture.layers):
            if isinstance(layer, Pooling):
                self.stages.append(_PoolingStage(layer, shapes, index, blocks))
            else:
                normalised = batch_normalisation and isinstance(layer, Convolution) and layer.bias
                behind = (*architecture.layers, None)[index + 1]
                self.stages.append(_WeightedStage(layer, behind, shapes, index, blocks, normalised))
        self._blocks, self._classes = blocks, math.prod(shapes[-1])
        self._logits = _place(blocks, *shapes[-1])
        self._outputs = [*(stage.inputs for stage in self.stages[1:]), self._logits]
        self._targets = [None, *(stage.error_target for stage in self.stages[:-1])]

    def loss_and_gradients(
        self, parameters: Sequence[LayerParameters], images: Float, labels: Integer
    ) -> tuple[float, list[LayerParameters]]:
        """Return the mean cross-entropy of a batch in nats, and its gradients.

        Args:
            parameters: of every layer that has weights, in order.
            images: float32 of shape ``(batch, channels, rows, columns)``, scaled.
            labels: int64 of shape ``(batch,)``.
        """
        self.forward(parameters, images)
        last = self.stages[-1].error_target
        loss = ch.cross_entropy(self._logits.array, labels, self._blocks, self._classes, last.array)
        gradients: list[LayerParameters] = []
        remaining = list(parameters)
        for stage, target in zip(reversed(self.stages), reversed(self._targets), strict=True):
            if isinstance(stage, _PoolingStage):
                if target is not None:
                    stage.backward(target)
            else:
                gradients.append(stage.backward(remaining.pop(), target))
        return float(loss), gradients[::-1]

    def forward(self, parameters: Sequence[LayerParameters], images: Float) -> Float:
        """Return the logits ``[block, class, lane]``, flat, and keep what the gradients need."""
        first = self.stages[0].inputs
        _, channels, high, wide = images.shape
        ch.to_lanes(
            images.ravel(), channels, high, wide, first.array, first.channel, first.row,
            first.block, first.at,
        )  # fmt: skip
        stored = iter(parameters)
        for stage, to in zip(self.stages, self._outputs, strict=True):
            if isinstance(stage, _PoolingStage):
                stage.forward(to)
            else:
                stage.forward(next(stored), to)
        return self._logits.array

    def moments(self) -> list[tuple[Float, Float, int] | None]:
        """Return mean, biased variance and count of the last batch, None where not normalised."""
        return [
            (stage.mean, stage.variance, stage.blocks * stage.size) if stage.normalised else None
            for stage in self.stages
            if isinstance(stage, _WeightedStage)
        ]
