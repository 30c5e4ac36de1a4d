"""Convolutions of groups of channels: each group of outputs reads its own group of inputs."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from minbits.layers.base import (
    MAX_CHANNELS,
    FloatArray,
    Shape,
    WeightedLayer,
    architecture_error,
)
from minbits.layers.convolution import Convolution
from minbits.layers.cost import Work
from minbits.layers.fields import FieldCoder
from minbits.layers.text import LayerText
from minbits.layers.torch_call import Converter, filled


@dataclass(frozen=True)
class GroupedConvolution(WeightedLayer):
    """A convolution whose channels are split into groups of which none reads another's.

    Weights have shape ``(out_channels, in_channels / groups, kernel, kernel)``.
    """

    key = "grouped_convolution"
    usages = ("grouped N by G",)
    code_kinds = ("grouped",)

    out_channels: int
    groups: int
    kernel: int
    stride: int = 1
    padding: int = 0
    bias: bool = True
    activation: str = "none"
    dilation: int = 1
    flat: bool = False

    @property
    def part(self) -> Convolution:
        """The convolution of one group."""
        return Convolution(
            self.out_channels // self.groups, self.kernel, self.stride, self.padding, False,
            self.bias, self.activation, self.dilation, self.flat,
        )  # fmt: skip

    @classmethod
    def parse(cls, text: LayerText) -> Self:
        """Return the layer of a text."""
        if text.words[1:2] != ("by",):
            raise text.error("no 'by'")
        options = text.options(3)
        k, s, p, d = options.numbers.values()
        bias = True if options.bias is None else options.bias
        return cls(
            text.number(), text.number(2), k, s, p, bias, options.activation, d, options.flat
        )

    def text(self) -> str:
        """Return the text of the layer."""
        _, _, *options = self.part.text().split()
        return " ".join(["grouped", str(self.out_channels), "by", str(self.groups), *options])

    def limits(self) -> Mapping[str, tuple[int, int, int]]:
        """Return each number with the least and the largest allowed."""
        return {
            **self.part.limits(),
            "out_channels": (self.out_channels, 1, MAX_CHANNELS),
            "groups": (self.groups, 1, self.out_channels),
        }

    def check(self, where: str) -> None:
        """Check what can be checked without the layer's input."""
        if self.groups < 1 or self.out_channels % self.groups:
            got = f"{self.out_channels} output channels in {self.groups} groups"
            raise architecture_error(where, got, "groups of as many channels each")
        super().check(where)

    def channels_after(self, channels: int) -> int:
        """Return the channels of the output."""
        return self.out_channels

    def output_shape(self, shapes: Sequence[Shape], where: str) -> Shape:
        """Return the shape of the output."""
        channels, height, width = shapes[-1]
        if channels % self.groups:
            got = f"{channels} input channels in {self.groups} groups"
            raise architecture_error(where, got, "groups of as many channels each")
        part = (channels // self.groups, height, width)
        _, rows, columns = self.part.output_shape([part], where)
        return (self.out_channels, rows, columns)

    def weights_shape(self, shape: Shape) -> tuple[int, ...]:
        """Return the shape of the weights."""
        return (self.out_channels, shape[0] // self.groups, *self.part.geometry.kernel)

    def with_outputs(self, count: int) -> Self:
        """Return the layer with another number of outputs."""
        return dataclasses.replace(self, out_channels=count)

    @classmethod
    def code(
        cls, fields: FieldCoder, given: Self | None, kind: str, shape: Shape, extended: bool
    ) -> Self:
        """Write the layer's fields, or read them: the groups, then the convolution of one."""
        layer = given or cls(1, 1, 1)
        groups = 1 + fields.unsigned(("groups of channels",), layer.groups - 1, order=1)
        inside = (max(1, shape[0] // groups), *shape[1:])
        one = None if given is None else layer.part
        part = Convolution.code(fields, one, "convolution", inside, True)
        return cls(
            part.out_channels * groups, groups, part.kernel, part.stride, part.padding, part.bias,
            part.activation, part.dilation, part.flat,
        )  # fmt: skip

    def sums(self, x: FloatArray, weights: FloatArray) -> FloatArray:
        """Return the convolution without its bias and activation, with NumPy."""
        pairs = zip(np.split(x, self.groups), np.split(weights, self.groups), strict=True)
        return np.concatenate([self.part.sums(inside, own) for inside, own in pairs])

    def _of_part(self, shape: Shape, output: Shape) -> tuple[Shape, Shape]:
        groups = self.groups
        return (shape[0] // groups, *shape[1:]), (output[0] // groups, *output[1:])

    def work(self, shape: Shape, output: Shape, batch: int) -> Work:
        """Return what one example costs with NumPy."""
        one = self.part.work(*self._of_part(shape, output), batch)
        copied = one.copied * self.groups + math.prod(output)
        return Work(one.products * self.groups, copied, one.passed * self.groups,
                    one.calls * self.groups)  # fmt: skip

    def workspace(self, shape: Shape, output: Shape, batch: int | None = None) -> int:
        """Return the values an example of one group's unfolded input, and of the groups' sums."""
        return self.part.workspace(*self._of_part(shape, output), batch) + math.prod(output)

    def torch_sums(self, torch: Any, x: Any, weights: Any, bias: Any) -> Any:
        """Return the convolution with its bias, with PyTorch."""
        geometry = self.part.geometry
        return torch.nn.functional.conv2d(
            x, weights, bias, geometry.strides, geometry.paddings, geometry.dilation, self.groups
        )

    def torch_module(self, torch: Any, weights: Any, bias: Any) -> Any:
        """Return a PyTorch module of the convolution and its bias."""
        geometry = self.part.geometry
        module = torch.nn.Conv2d(
            weights.shape[1] * self.groups, len(weights), geometry.kernel, geometry.strides,
            geometry.paddings, geometry.dilation, self.groups, bias is not None,
        )  # fmt: skip
        return filled(torch, module, weights, bias)

    @classmethod
    def torch_converters(cls, torch: Any) -> Mapping[Any, Converter]:
        """Return how PyTorch's convolutions become this layer, or one without groups."""
        # The decoder does without.
        from minbits.layers.convolution_torch import conv_converters

        return conv_converters(torch, Convolution, cls)
