"""Normalisation of each example by its root mean square: no mean, no parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from minbits.layers.base import ChannelRole, FloatArray, PlainLayer, Shape
from minbits.layers.cost import Work
from minbits.layers.fields import FieldCoder
from minbits.layers.lanes_rows import RootMeanSquareRow
from minbits.layers.text import LayerText
from minbits.layers.torch_call import Converter

# An example of a smaller mean square stays as it is: nothing is in it that could be normalised. So
# nothing is added to the mean square, and a factor on the input changes nothing of the output.
SMALLEST_MEAN_SQUARE = 2.0**-40


def sum_of_squares(x: FloatArray) -> FloatArray:
    """Return the sum of squares of each example of ``(values, examples)``, float32.

    The second half of the values is added to the first, again and again; of an odd number the
    middle one waits. This order is the same for any number of examples, so that every machine gets
    the same sum.
    """
    squares = np.square(x)
    while len(squares) > 1:
        half = len(squares) // 2
        squares[:half] += squares[-half:]
        squares = squares[: len(squares) - half]
    result: FloatArray = squares[0]
    return result


@dataclass(frozen=True)
class RmsNormalisation(PlainLayer):
    """Divides each example by the root of the mean square of its values (Zhang & Sennrich 2019).

    Places and channels are one group. An example whose mean square is less than
    `SMALLEST_MEAN_SQUARE` is left as it is.
    """

    key = "rms_normalisation"
    torch_usage = "RMSNorm"
    usages = ("rmsnorm",)
    code_kinds = ("rmsnorm",)

    @property
    def channel_role(self) -> ChannelRole:
        """What compression may do to the layer's channels."""
        return "alike"

    @property
    def erases_factors(self) -> bool:
        """Whether the output is the same for any positive factor on the input."""
        return True

    @classmethod
    def parse(cls, text: LayerText) -> Self:
        """Return the layer of a text."""
        if text.words:
            raise text.error(f"'{' '.join(text.words)}'")
        return cls()

    def text(self) -> str:
        """Return the text of the layer."""
        return "rmsnorm"

    def limits(self) -> Mapping[str, tuple[int, int, int]]:
        """Return each number with the least and the largest allowed: there is none."""
        return {}

    def output_shape(self, shapes: Sequence[Shape], where: str) -> Shape:
        """Return the shape of the output."""
        return shapes[-1]

    @classmethod
    def code(
        cls, fields: FieldCoder, given: Self | None, kind: str, shape: Shape, extended: bool
    ) -> Self:
        """Write the layer's fields, or read them: it has none."""
        return cls()

    def run(self, x: FloatArray, earlier: Sequence[FloatArray]) -> FloatArray:
        """Return the output with NumPy: in single precision, in one order of sums."""
        values = x.reshape(-1, x.shape[-1])
        mean = sum_of_squares(values) / np.float32(len(values))
        root = np.sqrt(np.where(mean < np.float32(SMALLEST_MEAN_SQUARE), np.float32(1), mean))
        return np.asarray(x / root, np.float32)

    def work(self, shape: Shape, output: Shape, batch: int) -> Work:
        """Return what one example costs with NumPy."""
        halvings = math.ceil(math.log2(max(math.prod(shape), 2)))
        return Work(passed=3 * math.prod(output), calls=(6 + 2 * halvings) / batch)

    def workspace(self, shape: Shape, output: Shape, batch: int | None = None) -> int:
        """Return the values an example that are made beside input and output: the squares."""
        return math.prod(shape)

    def lanes_row(self) -> RootMeanSquareRow:
        """Return the pass by which lanes train the layer."""
        return RootMeanSquareRow()

    def run_torch(self, torch: Any, x: Any, earlier: Sequence[Any], shape: Shape) -> Any:
        """Return the output with PyTorch."""
        mean = x.square().mean((1, 2, 3), keepdim=True)
        return x / torch.where(mean < SMALLEST_MEAN_SQUARE, torch.ones_like(mean), mean).sqrt()

    @classmethod
    def torch_converters(cls, torch: Any) -> Mapping[Any, Converter]:
        """Return how PyTorch's normalisation becomes this layer and one of factors."""
        # The decoder does without.
        from minbits.layers.normalisation_torch import rms_converters

        return rms_converters(torch, cls)
