"""Convolutions: of all channels, of each channel alone, and of one place."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from minbits.layers.base import (
    MAX_CHANNELS,
    ChannelRole,
    FloatArray,
    Shape,
    WeightedLayer,
    architecture_error,
)
from minbits.layers.convolution_numpy import convolve, convolve_depthwise, met_lines, tile_places
from minbits.layers.cost import Work
from minbits.layers.fields import FieldCoder
from minbits.layers.geometry import Geometry
from minbits.layers.lanes_rows import ConvolutionRow, Obstacle
from minbits.layers.text import LayerText, option_words
from minbits.layers.torch_call import Converter, filled

USUAL_KERNEL = 3
_MAX_KERNEL = 31
# The start of a line costs as much as so many values of it.
_LINE = 20


@dataclass(frozen=True)
class Convolution(WeightedLayer):
    """A square convolution, zero padded, followed by bias and activation.

    Weights have shape ``(out_channels, in_channels, kernel, kernel)``; a depthwise convolution
    keeps the number of channels and has weights ``(channels, 1, kernel, kernel)``. A ``flat``
    convolution is one over a sequence: its kernel is ``1 x kernel``, and stride, padding and
    dilation act along the row alone.
    """

    key = "convolution"
    usages = ("conv N", "pointwise N", "depthwise")
    code_kinds = ("convolution", "depthwise", "pointwise")
    torch_usage = "Conv1d and Conv2d padded with zeros"
    can_be_normalised = True
    lends_kernels = True

    out_channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    depthwise: bool = False
    bias: bool = True
    activation: str = "relu"
    dilation: int = 1
    flat: bool = False

    @property
    def geometry(self) -> Geometry:
        """How the kernel slides over the image."""
        if self.flat:
            return Geometry((1, self.kernel), (1, self.stride), (0, self.padding), self.dilation)
        k, s, p = self.kernel, self.stride, self.padding
        return Geometry((k, k), (s, s), (p, p), self.dilation)

    @property
    def code_kind(self) -> str:
        """The kind under which the layer is coded."""
        if self.depthwise:
            return "depthwise"
        is_plain = (self.stride, self.padding, self.dilation, self.flat) == (1, 0, 1, False)
        return "pointwise" if self.kernel == 1 and is_plain else "convolution"

    @property
    def is_extended(self) -> bool:
        """Whether version 1 of the format cannot say the layer."""
        return self.flat or self.dilation > 1

    @property
    def channel_role(self) -> ChannelRole:
        """What compression may do to the layer's channels."""
        return "each" if self.depthwise else "mixed"

    @classmethod
    def parse(cls, text: LayerText) -> Self:
        """Return the layer of a text; depthwise ones get their channels by `fitted_to`."""
        depthwise = text.name == "depthwise"
        channels = 1 if depthwise else text.number()
        options = text.options(0 if depthwise else 1)
        k, s, p, d = options.numbers.values()
        bias = not depthwise if options.bias is None else options.bias
        return cls(channels, k, s, p, depthwise, bias, options.activation, d, options.flat)

    def text(self) -> str:
        """Return the text of the layer."""
        geometry = [f"k{self.kernel}"] if self.kernel != 1 else []
        geometry += [f"s{self.stride}"] if self.stride != 1 else []
        geometry += [f"p{self.padding}"] if self.padding else []
        geometry += [f"d{self.dilation}"] if self.dilation != 1 else []
        geometry += ["flat"] if self.flat else []
        options = option_words(self.activation, self.bias, not self.depthwise)
        if self.depthwise:
            return " ".join(["depthwise", *geometry, *options])
        name = "conv" if geometry else "pointwise"
        return " ".join([name, str(self.out_channels), *geometry, *options])

    def limits(self) -> Mapping[str, tuple[int, int, int]]:
        """Return each number with the least and the largest allowed."""
        return {
            "out_channels": (self.out_channels, 1, MAX_CHANNELS),
            "kernel": (self.kernel, 1, _MAX_KERNEL),
            "stride": (self.stride, 1, _MAX_KERNEL),
            "padding": (self.padding, 0, _MAX_KERNEL),
            "dilation": (self.dilation, 1, _MAX_KERNEL),
        }

    def fitted_to(self, channels: int) -> Self:
        """Return the layer; a depthwise one with that many channels."""
        return dataclasses.replace(self, out_channels=channels) if self.depthwise else self

    def channels_after(self, channels: int) -> int:
        """Return the channels of the output."""
        return self.out_channels

    def output_shape(self, shapes: Sequence[Shape], where: str) -> Shape:
        """Return the shape of the output."""
        channels, height, width = shape = shapes[-1]
        if self.depthwise and self.out_channels != channels:
            raise architecture_error(
                where, f"{self.out_channels} depthwise channels", f"{channels}"
            )
        geometry = self.geometry
        result = (
            self.out_channels, geometry.output_side(height, 0), geometry.output_side(width, 1),
        )  # fmt: skip
        if min(result) < 1:
            got = f"an input of shape {shape}, too small for {self}"
            raise architecture_error(where, got, "a larger input")
        return result

    def weights_shape(self, shape: Shape) -> tuple[int, ...]:
        """Return the shape of the weights."""
        return (self.out_channels, 1 if self.depthwise else shape[0], *self.geometry.kernel)

    def with_outputs(self, count: int) -> Self:
        """Return the layer with another number of outputs."""
        return dataclasses.replace(self, out_channels=count)

    @classmethod
    def code(
        cls, fields: FieldCoder, given: Self | None, kind: str, shape: Shape, extended: bool
    ) -> Self:
        """Write the layer's fields, or read them."""
        layer = given or cls(1, 1)
        family = "depthwise" if kind == "depthwise" else "convolution"
        channels = out_channels = shape[0]
        if kind != "depthwise":
            out_channels = _coded_width(fields, layer.out_channels, kind, channels)
        found = cls(out_channels, 1, depthwise=kind == "depthwise")
        if kind != "pointwise":
            found = found.coded_geometry(fields, layer, kind, shape, extended)
        # A depthwise half is linear: its bias would add nothing to that of the pointwise half.
        usual_bias = kind != "depthwise"
        unusual = fields.exception((family, "bias"), int(layer.bias != usual_bias))
        # Hidden layers mostly have an activation, depthwise halves mostly none.
        activation = fields.activation(family, layer.activation, kind != "depthwise")
        return dataclasses.replace(found, bias=usual_bias != bool(unusual), activation=activation)

    def coded_geometry(
        self, fields: FieldCoder, layer: Self, kind: str, shape: Shape, extended: bool
    ) -> Self:
        """Return this layer with the geometry of ``layer``, which is written, or as it is read."""
        kernel = USUAL_KERNEL + fields.signed((kind, "kernel"), layer.kernel - USUAL_KERNEL)
        stride, dilation, flat = 1, 1, False
        if fields.exception((kind, "strided"), int(layer.stride > 1)):
            stride = 2 + fields.unsigned((kind, "stride"), max(layer.stride - 2, 0))
        if extended:
            if fields.exception((kind, "dilated"), int(layer.dilation > 1)):
                dilation = 2 + fields.unsigned((kind, "dilation"), max(layer.dilation - 2, 0))
            # Kernels are flat where the image is: over sequences.
            usual = shape[1] == 1
            flat = usual != bool(fields.exception((kind, "flat"), int(layer.flat != usual)))
        same = dilation * (kernel // 2)
        padding = _coded_padding(fields, layer.padding, kind, same)
        return dataclasses.replace(
            self, kernel=kernel, stride=stride, padding=padding, dilation=dilation, flat=flat
        )

    def sums(self, x: FloatArray, weights: FloatArray) -> FloatArray:
        """Return the convolution without its bias and activation, with NumPy."""
        apply = convolve_depthwise if self.depthwise else convolve
        return apply(x, self.geometry, weights)

    def work(self, shape: Shape, output: Shape, batch: int) -> Work:
        """Return what one example costs with NumPy."""
        products, values = self.multiply_accumulates(shape, output), math.prod(output)
        if self.kernel == 1 and shape[1:] == output[1:] and not self.depthwise:
            return Work(products, 0, 3 * values, 6 / batch)
        (rows, row_meetings), (columns, column_meetings) = (
            met_lines(self.geometry, axis, shape[1 + axis], output[1 + axis]) for axis in (0, 1)
        )
        # What is not beside each other in memory takes longer, and so does each start of a line.
        met = shape[0] * row_meetings * (column_meetings * min(self.stride, 2) + _LINE * columns)
        if self.depthwise:
            return Work(0, 2 * met, 3 * values, (4 + 3 * rows * columns) / batch)
        places = math.prod(output[1:])
        tile_count = math.ceil(places / self._tile_places(shape, places, batch))
        calls = 4 + tile_count * (4 + 2 * rows * columns)
        return Work(products, self.workspace(shape, output) + met, 4 * values, calls / batch)

    def _tile_places(self, shape: Shape, places: int, batch: int) -> int:
        return min(places, tile_places(self.geometry, shape[0], batch))

    def workspace(self, shape: Shape, output: Shape, batch: int | None = None) -> int:
        """Return the values an example of the unfolded input, or of the largest tile of it."""
        if self.depthwise:
            return 0
        places = math.prod(output[1:])
        if batch is not None:
            places = self._tile_places(shape, places, batch)
        return shape[0] * math.prod(self.geometry.kernel) * places

    def lanes_row(self) -> ConvolutionRow | Obstacle:
        """Return the pass by which lanes train the layer."""
        geometry = self.geometry
        for padding, reach in zip(geometry.paddings, geometry.reach, strict=True):
            if padding > reach:
                return Obstacle(f"with padding {padding} beyond its kernel")
        return ConvolutionRow(geometry, self.depthwise)

    def torch_sums(self, torch: Any, x: Any, weights: Any, bias: Any) -> Any:
        """Return the convolution with its bias, with PyTorch."""
        geometry, last = self.geometry, torch.channels_last
        if x.is_contiguous(memory_format=last) and weights.shape[1] > 1:
            # As the images: mixed memory formats cost a third of the speed.
            weights = weights.contiguous(memory_format=last)
        return torch.nn.functional.conv2d(
            x, weights, bias, geometry.strides, geometry.paddings, geometry.dilation,
            x.shape[1] if self.depthwise else 1,
        )  # fmt: skip

    def torch_module(self, torch: Any, weights: Any, bias: Any) -> Any:
        """Return a PyTorch module of the convolution and its bias."""
        groups, geometry = len(weights) if self.depthwise else 1, self.geometry
        module = torch.nn.Conv2d(
            weights.shape[1] * groups, len(weights), geometry.kernel, geometry.strides,
            geometry.paddings, geometry.dilation, groups, bias is not None,
        )  # fmt: skip
        return filled(torch, module, weights, bias)

    @classmethod
    def torch_converters(cls, torch: Any) -> Mapping[Any, Converter]:
        """Return how PyTorch's convolutions become this layer."""
        # The decoder does without.
        from minbits.layers.convolution_torch import conv_converters

        return conv_converters(torch, cls, None)


def _coded_width(fields: FieldCoder, width: int, kind: str, channels: int) -> int:
    """Write or read the channels of the output, for those of the input."""
    if not fields.is_lean:
        return channels + fields.difference(("more channels",), width - channels, order=1)
    if kind == "convolution":
        return 1 + fields.unsigned(("channels",), width - 1, order=3)
    change = width - channels
    if not fields.flag(("more channels",), int(change != 0)):
        return channels
    # Networks mostly grow wider from layer to layer.
    less = fields.exception(("fewer channels",), int(change < 0))
    step = 1 + fields.unsigned(("more channels", less), abs(change) - 1, order=1)
    return channels - step if less else channels + step


def _coded_padding(fields: FieldCoder, padding: int, kind: str, same: int) -> int:
    """Write or read the padding, where ``same`` lines keep the sides of an image."""
    if not fields.is_lean:
        return same + fields.signed((kind, "padding"), padding - same)
    # None, or such that sides stay, or another: all layers of a network mostly do alike.
    rule = 0 if padding == 0 else 1 if padding == same else 2
    rule = fields.habit(("padding",), rule, 3)
    if rule < 2:
        fields.require(rule == 0 or same > 0)
        return rule * same
    found = 1 + fields.unsigned(("padding", "other"), padding - 1)
    fields.require(found != same)
    return found
