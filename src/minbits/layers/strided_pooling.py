"""Pooling over windows that overlap, reach over the border, or leave places out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np

from minbits.layers.base import ChannelRole, FloatArray, PlainLayer, Shape, architecture_error
from minbits.layers.cost import Work
from minbits.layers.fields import FieldCoder
from minbits.layers.text import LayerText

_MAX_WINDOW = 31


@dataclass(frozen=True)
class StridedPooling(PlainLayer):
    """The maximum or the mean of ``size`` x ``size`` windows, ``stride`` places apart.

    A maximum may reach ``padding`` places beyond the image, which count for nothing. With
    ``is_ceiled`` there is a last window for rows and columns that fill none, as long as it begins
    on the image. Over a sequence, an image of one row, windows are ``1 x size``.
    """

    key = "strided_pooling"
    usages = ("maxwindow N", "avgwindow N")
    code_kinds = ("window",)
    torch_usage = "MaxPool with any stride, padding and ceil_mode, AvgPool with any stride"

    kind: Literal["max", "average"]
    size: int
    stride: int
    padding: int = 0
    is_ceiled: bool = False

    @property
    def channel_role(self) -> ChannelRole:
        """What compression may do to the layer's channels."""
        return "kept"

    @classmethod
    def parse(cls, text: LayerText) -> Self:
        """Return the layer of a text."""
        numbers, is_ceiled = {"s": 1, "p": 0}, False
        for word in text.words[1:]:
            if word == "ceil":
                is_ceiled = True
            elif word[:1] in numbers and word[1:].isdigit():
                numbers[word[0]] = int(word[1:])
            else:
                raise text.error(f"'{word}'")
        kind: Literal["max", "average"] = "max" if text.name == "maxwindow" else "average"
        return cls(kind, text.number(), numbers["s"], numbers["p"], is_ceiled)

    def text(self) -> str:
        """Return the text of the layer."""
        words = ["maxwindow" if self.kind == "max" else "avgwindow", str(self.size)]
        words += [f"s{self.stride}"] if self.stride != 1 else []
        words += [f"p{self.padding}"] if self.padding else []
        return " ".join([*words, *(["ceil"] if self.is_ceiled else [])])

    def limits(self) -> Mapping[str, tuple[int, int, int]]:
        """Return each number with the least and the largest allowed."""
        reach = self.size // 2 if self.kind == "max" else 0
        return {
            "size": (self.size, 1, _MAX_WINDOW),
            "stride": (self.stride, 1, _MAX_WINDOW),
            "padding": (self.padding, 0, reach),
            "is_ceiled": (int(self.is_ceiled), 0, int(self.kind == "max")),
        }

    def check(self, where: str) -> None:
        """Check what can be checked without the layer's input."""
        if self.kind not in ("max", "average"):
            raise architecture_error(where, repr(self.kind), "max or average")
        super().check(where)

    def _along(self, side: int, is_row_of_sequence: bool) -> tuple[int, int, int, int]:
        """Return window, stride, padding and outputs along an axis."""
        if is_row_of_sequence:
            return (1, 1, 0, 1)
        inside = side + 2 * self.padding - self.size
        outputs = inside // self.stride + 1
        if self.is_ceiled:
            outputs = -(-inside // self.stride) + 1
            if (outputs - 1) * self.stride >= side + self.padding:
                outputs -= 1
        return (self.size, self.stride, self.padding, outputs if inside >= 0 else 0)

    def _axes(self, height: int, width: int) -> tuple[tuple[int, int, int, int], ...]:
        return self._along(height, height == 1), self._along(width, False)

    def output_shape(self, shapes: Sequence[Shape], where: str) -> Shape:
        """Return the shape of the output."""
        channels, height, width = shape = shapes[-1]
        rows, columns = self._axes(height, width)
        result = (channels, rows[3], columns[3])
        if min(result) < 1:
            got = f"an input of shape {shape}, too small for {self}"
            raise architecture_error(where, got, "a larger input")
        return result

    def fits(self, shape: Shape, output: tuple[int, int]) -> bool:
        """Return whether the layer is within its limits and gives an output of these sides."""
        is_within = all(low <= value <= high for value, low, high in self.limits().values())
        return is_within and tuple(axis[3] for axis in self._axes(*shape[1:])) == output

    @classmethod
    def code(
        cls, fields: FieldCoder, given: Self | None, kind: str, shape: Shape, extended: bool
    ) -> Self:
        """Write the layer's fields, or read them."""
        layer = given or cls("max", 3, 2)
        average = fields.flag(("window", "average"), int(layer.kind == "average"))
        size = 3 + fields.signed(("window", "size"), layer.size - 3)
        stride = 2 + fields.signed(("window", "stride"), layer.stride - 2)
        padding = fields.unsigned(("window", "padding"), layer.padding)
        is_ceiled = bool(fields.exception(("window", "ceil"), int(layer.is_ceiled)))
        return cls("average" if average else "max", size, stride, padding, is_ceiled)

    def run(self, x: FloatArray, earlier: Sequence[FloatArray]) -> FloatArray:
        """Return the output with NumPy: a pass for each place of the window."""
        axes = self._axes(*x.shape[1:3])
        is_max = self.kind == "max"
        # Windows that begin on the image may end far beyond it.
        paddings = [
            (padding, max(0, (count - 1) * stride + size - side - padding))
            for (size, stride, padding, count), side in zip(axes, x.shape[1:3], strict=True)
        ]
        value = -np.inf if is_max else 0.0
        if any(map(any, paddings)):
            x = np.pad(x, [(0, 0), *paddings, (0, 0)], constant_values=value)
        (rows, down, _, height), (columns, across, _, width) = axes
        places = [
            x[:, row : row + (height - 1) * down + 1 : down,
              column : column + (width - 1) * across + 1 : across]
            for row in range(rows) for column in range(columns)
        ]  # fmt: skip
        result = places[0].copy()
        for place in places[1:]:
            if is_max:
                np.maximum(result, place, out=result)
            else:
                result += place
        return result if is_max else np.asarray(result / np.float32(rows * columns), np.float32)

    def work(self, shape: Shape, output: Shape, batch: int) -> Work:
        """Return what one example costs with NumPy."""
        window = self.size * (1 if shape[1] == 1 else self.size)
        return Work(copied=window * math.prod(output), calls=(3 + window) / batch)

    def workspace(self, shape: Shape, output: Shape, batch: int | None = None) -> int:
        """Return the values an example of the image with its border."""
        border = 2 * self.padding + self.stride
        return shape[0] * (shape[1] + border) * (shape[2] + border)

    def run_torch(self, torch: Any, x: Any, earlier: Sequence[Any], shape: Shape) -> Any:
        """Return the output with PyTorch."""
        sizes, strides, paddings, _ = zip(*self._axes(*shape[1:]), strict=True)
        functional = torch.nn.functional
        if self.kind == "average":
            return functional.avg_pool2d(x, sizes, strides)
        return functional.max_pool2d(x, sizes, strides, paddings, 1, self.is_ceiled)
