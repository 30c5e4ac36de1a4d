"""Fully connected layers."""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from minbits.layers.base import MAX_CHANNELS, ChannelRole, FloatArray, Shape, WeightedLayer
from minbits.layers.cost import Work
from minbits.layers.fields import FieldCoder
from minbits.layers.lanes_rows import LinearRow
from minbits.layers.text import LayerText, option_words
from minbits.layers.torch_call import Converter, TorchCall, as_array, filled

# Of files of version 4.
_USUAL_FEATURES = 10


@dataclass(frozen=True)
class Linear(WeightedLayer):
    """A fully connected layer over the flattened input; weights ``(out_features, in_features)``."""

    key = "linear"
    usages = ("linear N",)
    code_kinds = ("linear",)
    torch_usage = "Linear"

    out_features: int
    bias: bool = True
    activation: str = "none"

    @property
    def is_extended(self) -> bool:
        """Whether version 1 of the format cannot say the layer."""
        return False

    @property
    def channel_role(self) -> ChannelRole:
        """What compression may do to the layer's channels."""
        return "mixed"

    @classmethod
    def parse(cls, text: LayerText) -> Self:
        """Return the layer of a text."""
        features, options = text.number(), text.options(1)
        bias = True if options.bias is None else options.bias
        return cls(features, bias, options.activation)

    def text(self) -> str:
        """Return the text of the layer."""
        options = option_words(self.activation, self.bias, usual_bias=True)
        return " ".join(["linear", str(self.out_features), *options])

    def limits(self) -> Mapping[str, tuple[int, int, int]]:
        """Return each number with the least and the largest allowed."""
        return {"out_features": (self.out_features, 1, MAX_CHANNELS)}

    def channels_after(self, channels: int) -> int:
        """Return the channels of the output."""
        return self.out_features

    def output_shape(self, shapes: Sequence[Shape], where: str) -> Shape:
        """Return the shape of the output."""
        return (self.out_features, 1, 1)

    def weights_shape(self, shape: Shape) -> tuple[int, ...]:
        """Return the shape of the weights."""
        return (self.out_features, math.prod(shape))

    def with_outputs(self, count: int) -> Self:
        """Return the layer with another number of outputs."""
        return dataclasses.replace(self, out_features=count)

    @classmethod
    def code(
        cls, fields: FieldCoder, given: Self | None, kind: str, shape: Shape, extended: bool
    ) -> Self:
        """Write the layer's fields, or read them."""
        layer = given or cls(1)
        features = _USUAL_FEATURES
        is_other = layer.out_features != _USUAL_FEATURES
        if not fields.is_lean or fields.exception(("other features",), int(is_other)):
            features = 1 + fields.unsigned(("out features",), layer.out_features - 1, order=3)
            fields.require(not fields.is_lean or features != _USUAL_FEATURES)
        bias = fields.exception(("linear", "bias"), int(not layer.bias)) == 0
        return cls(features, bias, fields.activation("linear", layer.activation))

    def sums(self, x: FloatArray, weights: FloatArray) -> FloatArray:
        """Return the product without its bias and activation, with NumPy."""
        return (weights @ x.reshape(-1, x.shape[-1]))[:, None, None]

    def work(self, shape: Shape, output: Shape, batch: int) -> Work:
        """Return what one example costs with NumPy."""
        return Work(self.multiply_accumulates(shape, output), 0, 3 * math.prod(output), 6 / batch)

    def lanes_row(self) -> LinearRow:
        """Return the pass by which lanes train the layer."""
        return LinearRow()

    def torch_sums(self, torch: Any, x: Any, weights: Any, bias: Any) -> Any:
        """Return the product with its bias, with PyTorch."""
        # Flattened channel by channel, whatever the memory format: as the decoder does.
        return torch.nn.functional.linear(x.flatten(1), weights, bias)[:, :, None, None]

    def torch_module(self, torch: Any, weights: Any, bias: Any) -> Any:
        """Return a PyTorch module of the product and its bias."""
        module = torch.nn.Linear(weights.shape[1], weights.shape[0], bias is not None)
        return filled(torch, module, weights, bias)

    def call_module(self, torch: Any, module: Any, x: Any) -> Any:
        """Return what `torch_module` makes of ``x``."""
        return module(x.flatten(1))[:, :, None, None]

    @classmethod
    def torch_converters(cls, torch: Any) -> Mapping[Any, Converter]:
        """Return how PyTorch's linear modules become this layer."""

        def append(call: TorchCall, weight: Any, bias: Any) -> Any:
            call.need_newest()
            shape = call.result_shape
            if shape is None or len(shape) != 2:
                raise call.unsupported(f"a result of shape {shape}", "a flattened input")
            if weight is None:
                raise call.unsupported("weights that depend on the input", "trained weights")
            values = None if bias is None else np.broadcast_to(as_array(bias).ravel(), shape[1:])
            layer = cls(shape[1], bias is not None)
            tensors = (as_array(weight), None if values is None else values.copy())
            return call.append(layer, tensors, call.key_of(weight, bias))

        def convert(call: TorchCall, module: Any) -> Any:
            return append(call, module.weight, module.bias)

        def convert_call(call: TorchCall, module: Any) -> Any:
            return append(call, call.constant(1, "weight"), call.constant(2, "bias"))

        def convert_product(call: TorchCall, module: Any) -> Any:
            matrix = call.constant(1, "other")
            if matrix is None or matrix.ndim != 2:
                raise call.unsupported("a product that is not with a trained matrix")
            return append(call, matrix.t(), None)

        products = (torch.matmul, operator.matmul, torch.mm, "matmul", "mm", "__matmul__")
        return {
            torch.nn.Linear: convert,
            torch.nn.functional.linear: convert_call,
            **dict.fromkeys(products, convert_product),
        }
