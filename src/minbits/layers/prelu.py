"""PReLU: a leaky ReLU whose slope is a weight of each channel."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from minbits.layers.base import (
    MAX_CHANNELS,
    ChannelRole,
    FloatArray,
    Shape,
    WeightedLayer,
    architecture_error,
)
from minbits.layers.cost import Work
from minbits.layers.fields import FieldCoder
from minbits.layers.text import LayerText
from minbits.layers.torch_call import Converter, TorchCall, as_array, filled


@dataclass(frozen=True)
class Prelu(WeightedLayer):
    """Multiplies what is negative by a slope of its channel (He et al. 2015).

    Weights have shape ``(channels, 1, 1, 1)``; slopes may have any sign.
    """

    key = "prelu"
    usages = ("prelu",)
    code_kinds = ("prelu",)
    torch_usage = "PReLU"
    is_linear: ClassVar[bool] = False

    channels: int
    bias: ClassVar[bool] = False  # type: ignore[misc]
    activation: ClassVar[str] = "none"  # type: ignore[misc]

    @property
    def channel_role(self) -> ChannelRole:
        """What compression may do to the layer's channels."""
        return "each"

    @classmethod
    def parse(cls, text: LayerText) -> Self:
        """Return the layer of a text; it gets its channels by `fitted_to`."""
        if text.words:
            raise text.error(f"'{' '.join(text.words)}'")
        return cls(1)

    def text(self) -> str:
        """Return the text of the layer."""
        return "prelu"

    def limits(self) -> Mapping[str, tuple[int, int, int]]:
        """Return each number with the least and the largest allowed."""
        return {"channels": (self.channels, 1, MAX_CHANNELS)}

    def fitted_to(self, channels: int) -> Self:
        """Return the layer with that many channels."""
        return dataclasses.replace(self, channels=channels)

    def output_shape(self, shapes: Sequence[Shape], where: str) -> Shape:
        """Return the shape of the output."""
        if shapes[-1][0] != self.channels:
            raise architecture_error(where, f"{self.channels} slopes", f"{shapes[-1][0]}")
        return shapes[-1]

    def weights_shape(self, shape: Shape) -> tuple[int, ...]:
        """Return the shape of the weights."""
        return (self.channels, 1, 1, 1)

    def with_outputs(self, count: int) -> Self:
        """Return the layer with another number of outputs."""
        return dataclasses.replace(self, channels=count)

    @classmethod
    def code(
        cls, fields: FieldCoder, given: Self | None, kind: str, shape: Shape, extended: bool
    ) -> Self:
        """Write the layer's fields, or read them: it has none but its channels."""
        return cls(shape[0])

    def sums(self, x: FloatArray, weights: FloatArray) -> FloatArray:
        """Return the output with NumPy."""
        return np.asarray(np.where(x > 0, x, x * weights), np.float32)

    def work(self, shape: Shape, output: Shape, batch: int) -> Work:
        """Return what one example costs with NumPy."""
        return Work(passed=3 * math.prod(output), calls=3 / batch)

    def torch_sums(self, torch: Any, x: Any, weights: Any, bias: Any) -> Any:
        """Return the output with PyTorch."""
        return torch.where(x > 0, x, x * weights.reshape(-1, 1, 1))

    def torch_module(self, torch: Any, weights: Any, bias: Any) -> Any:
        """Return a PyTorch module of the slopes."""
        return filled(torch, torch.nn.PReLU(len(weights)), weights.reshape(-1), None)

    @classmethod
    def torch_converters(cls, torch: Any) -> Mapping[Any, Converter]:
        """Return how PyTorch's parametric ReLUs become this layer."""

        def convert(call: TorchCall, module: Any) -> Any:
            call.need_newest()
            slopes = call.constant(1, "weight") if module is None else module.weight
            if slopes is None:
                raise call.unsupported("slopes that depend on the input", "trained slopes")
            channels = call.shape[0]
            values = as_array(slopes).reshape(-1)
            if len(values) not in (1, channels):
                raise call.unsupported(f"{len(values)} slopes", f"1 or {channels}, one a channel")
            spread = np.broadcast_to(values, (channels,)).reshape(-1, 1, 1, 1).copy()
            return call.append(cls(channels), (spread, None), call.key_of(slopes))

        return dict.fromkeys((torch.nn.PReLU, torch.nn.functional.prelu, torch.prelu), convert)
