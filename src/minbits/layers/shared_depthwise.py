"""Depthwise convolutions that take their kernels from the network's first layer with weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from minbits.layers.base import FloatArray, Shape, WeightedLayer
from minbits.layers.convolution import Convolution
from minbits.layers.cost import Work
from minbits.layers.fields import FieldCoder
from minbits.layers.lanes_rows import ConvolutionRow, Obstacle
from minbits.layers.text import LayerText


@dataclass(frozen=True)
class SharedDepthwise(WeightedLayer):
    """A depthwise convolution whose channel c has kernel c mod K of K kernels that it shares.

    The kernels are those of the first layer with weights, a convolution of a single channel or of
    each channel alone. It has neither weights of its own, nor a bias, nor an activation.
    """

    key = "shared_depthwise"
    usages = ("shared",)
    code_kinds = ("shared",)
    borrows: ClassVar[bool] = True

    channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    flat: bool = False
    bias: ClassVar[bool] = False  # type: ignore[misc]
    activation: ClassVar[str] = "none"  # type: ignore[misc]

    @property
    def unshared(self) -> Convolution:
        """The convolution with a kernel of its own for each channel."""
        return Convolution(
            self.channels, self.kernel, self.stride, self.padding, True, False, "none",
            self.dilation, self.flat,
        )  # fmt: skip

    @classmethod
    def parse(cls, text: LayerText) -> Self:
        """Return the layer of a text; it gets its channels by `fitted_to`."""
        options = text.options()
        if options.activation != "none" or options.bias:
            raise text.error("an activation or a bias")
        k, s, p, d = options.numbers.values()
        return cls(1, k, s, p, d, options.flat)

    def text(self) -> str:
        """Return the text of the layer."""
        return self.usages[0] + self.unshared.text().removeprefix("depthwise")

    def limits(self) -> Mapping[str, tuple[int, int, int]]:
        """Return each number with the least and the largest allowed."""
        return self.unshared.limits()

    def fitted_to(self, channels: int) -> Self:
        """Return the layer with that many channels."""
        return dataclasses.replace(self, channels=channels)

    def output_shape(self, shapes: Sequence[Shape], where: str) -> Shape:
        """Return the shape of the output."""
        return self.unshared.output_shape(shapes, where)

    def weights_shape(self, shape: Shape) -> tuple[int, ...]:
        """Return the shape of the weights as they are used, a kernel for each channel."""
        return self.unshared.weights_shape(shape)

    def with_outputs(self, count: int) -> Self:
        """Return the layer with another number of channels."""
        return dataclasses.replace(self, channels=count)

    @classmethod
    def code(
        cls, fields: FieldCoder, given: Self | None, kind: str, shape: Shape, extended: bool
    ) -> Self:
        """Write the layer's fields, or read them: those of a kernel's geometry."""
        layer = (given or cls(1, 1)).unshared
        found = cls(shape[0], 1).unshared.coded_geometry(fields, layer, kind, shape, extended)
        return cls(shape[0], found.kernel, found.stride, found.padding, found.dilation, found.flat)

    def spread(self, kernels: Any) -> Any:
        """Return a kernel for each channel, NumPy's or PyTorch's, of ``(K, 1, row, column)``."""
        return kernels[[channel % len(kernels) for channel in range(self.channels)]]

    def sums(self, x: FloatArray, weights: FloatArray) -> FloatArray:
        """Return the convolution with NumPy, for all kernels that are shared."""
        return self.unshared.sums(x, self.spread(weights))

    def work(self, shape: Shape, output: Shape, batch: int) -> Work:
        """Return what one example costs with NumPy."""
        return self.unshared.work(shape, output, batch)

    def lanes_row(self) -> ConvolutionRow | Obstacle:
        """Return the pass by which lanes train the layer."""
        return self.unshared.lanes_row()

    def torch_sums(self, torch: Any, x: Any, weights: Any, bias: Any) -> Any:
        """Return the convolution with PyTorch, for all kernels that are shared."""
        return self.unshared.torch_sums(torch, x, self.spread(weights), None)

    def torch_module(self, torch: Any, weights: Any, bias: Any) -> Any:
        """Return a PyTorch module of the convolution, with kernels of its own."""
        return self.unshared.torch_module(torch, self.spread(weights), None)

    def call_module(self, torch: Any, module: Any, x: Any) -> Any:
        """Return the convolution of ``x`` with the kernels of the first layer's module."""
        return self.torch_sums(torch, x, module.weight, None)
