"""Pooling: the maximum or the mean of windows side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import numpy as np

from minbits.layers.base import ChannelRole, FloatArray, PlainLayer, Shape, architecture_error
from minbits.layers.cost import Work
from minbits.layers.fields import FieldCoder
from minbits.layers.geometry import pooling_window
from minbits.layers.lanes_rows import PoolingRow
from minbits.layers.text import LayerText
from minbits.layers.torch_call import Converter

PoolingKind = Literal["max", "average"]
POOLING_KINDS: tuple[PoolingKind, ...] = get_args(PoolingKind)
_MAX_WINDOW = 31
# Up to so many are mostly averaged, in files of version 4.
_FEW_PIXELS = 49


@dataclass(frozen=True)
class Pooling(PlainLayer):
    """Pooling over non-overlapping ``size`` x ``size`` windows; ``size`` 0 means the whole image.

    Rows and columns that do not fill a window are dropped. Over a sequence, an image of one row,
    windows are ``1 x size``.
    """

    key = "pooling"
    usages = ("maxpool N", "avgpool N")
    code_kinds = ("pooling",)
    torch_usage = (
        "MaxPool and AvgPool whose windows do not overlap; AdaptiveAvgPool and AdaptiveMaxPool"
    )

    kind: PoolingKind
    size: int

    @property
    def is_extended(self) -> bool:
        """Whether version 1 of the format cannot say the layer."""
        return False

    @property
    def channel_role(self) -> ChannelRole:
        """What compression may do to the layer's channels."""
        return "kept"

    def window(self, height: int, width: int) -> tuple[int, int]:
        """Return rows and columns of a window on an image of ``height`` x ``width``."""
        return pooling_window(self.size, height, width)

    @classmethod
    def parse(cls, text: LayerText) -> Self:
        """Return the layer of a text."""
        size = 0 if text.words == ("all",) else text.number()
        return cls("max" if text.name == "maxpool" else "average", size)

    def text(self) -> str:
        """Return the text of the layer."""
        return f"{'maxpool' if self.kind == 'max' else 'avgpool'} {self.size or 'all'}"

    def limits(self) -> Mapping[str, tuple[int, int, int]]:
        """Return each number with the least and the largest allowed."""
        return {"size": (self.size, 0, _MAX_WINDOW)}

    def check(self, where: str) -> None:
        """Check what can be checked without the layer's input."""
        if self.kind not in POOLING_KINDS:
            raise architecture_error(where, repr(self.kind), f"one of {POOLING_KINDS}")
        super().check(where)

    def output_shape(self, shapes: Sequence[Shape], where: str) -> Shape:
        """Return the shape of the output."""
        channels, height, width = shape = shapes[-1]
        rows, columns = self.window(height, width)
        result = (channels, height // rows, width // columns)
        if min(result) < 1:
            got = f"an input of shape {shape}, too small for {self}"
            raise architecture_error(where, got, "a larger input")
        return result

    @classmethod
    def code(
        cls, fields: FieldCoder, given: Self | None, kind: str, shape: Shape, extended: bool
    ) -> Self:
        """Write the layer's fields, or read them."""
        layer = given or cls("max", 2)
        if fields.is_lean:
            usual_average = int(shape[1] * shape[2] <= _FEW_PIXELS)
            is_average = int(layer.kind == "average")
            average = usual_average ^ fields.exception(("pooling",), is_average ^ usual_average)
        else:
            average = fields.flag(("average",), int(layer.kind == "average"))
        usual = 0 if average else 2
        size = usual + fields.signed(("pooling size", average), layer.size - usual)
        return cls("average" if average else "max", size)

    def run(self, x: FloatArray, earlier: Sequence[FloatArray]) -> FloatArray:
        """Return the output with NumPy."""
        channels, height, width, batch = x.shape
        rows, columns = self.window(height, width)
        kept = x[:, : height // rows * rows, : width // columns * columns]
        if rows * columns > height * width // 2:
            values = kept.reshape(channels, 1, 1, rows * columns, batch)
            result = values.max(3) if self.kind == "max" else values.mean(3)
            return np.asarray(result, np.float32)
        # A pass per place in the window: much faster than a reduction over two short axes.
        places = [
            kept[:, row::rows, column::columns] for row in range(rows) for column in range(columns)
        ]
        result = places[0].copy()
        for place in places[1:]:
            if self.kind == "max":
                np.maximum(result, place, out=result)
            else:
                result += place
        return result if self.kind == "max" else result * np.float32(1 / len(places))

    def work(self, shape: Shape, output: Shape, batch: int) -> Work:
        """Return what one example costs with NumPy."""
        window = math.prod(self.window(*shape[1:]))
        calls = 3 if window > math.prod(shape[1:]) // 2 else 3 + window
        return Work(0, math.prod(shape), math.prod(output), calls / batch)

    def lanes_row(self) -> PoolingRow:
        """Return the pass by which lanes train the layer."""
        return PoolingRow(self.kind, self.size)

    def run_torch(self, torch: Any, x: Any, earlier: Sequence[Any], shape: Shape) -> Any:
        """Return the output with PyTorch."""
        if self.size == 0:
            return x.amax((2, 3), True) if self.kind == "max" else x.mean((2, 3), True)
        functional = torch.nn.functional
        apply = functional.max_pool2d if self.kind == "max" else functional.avg_pool2d
        return apply(x, self.window(*shape[1:]))

    @classmethod
    def torch_converters(cls, torch: Any) -> Mapping[Any, Converter]:
        """Return how PyTorch's poolings become this layer."""
        # The decoder does without.
        from minbits.layers.pooling_torch import pooling_converters

        return pooling_converters(torch, cls)
