"""Residual additions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from minbits.layers.activations import ACTIVATIONS
from minbits.layers.base import MAX_LAYERS, FloatArray, PlainLayer, Shape, architecture_error
from minbits.layers.cost import Work
from minbits.layers.fields import FieldCoder
from minbits.layers.lanes_rows import Obstacle, SumRow
from minbits.layers.text import LayerText, option_words


@dataclass(frozen=True)
class Addition(PlainLayer):
    """Adds an earlier activation to the present one: a residual connection (He et al. 2015).

    ``back`` counts layers as they are run: 1 stands for the input of the layer before.
    """

    key = "addition"
    usages = ("add N",)
    code_kinds = ("addition",)
    torch_usage = "residual sums"

    back: int
    activation: str = "none"

    @classmethod
    def parse(cls, text: LayerText) -> Self:
        """Return the layer of a text."""
        options = text.options(1)
        return cls(text.number(), options.activation)

    def text(self) -> str:
        """Return the text of the layer."""
        return " ".join(["add", str(self.back), *option_words(self.activation, True, True)])

    def limits(self) -> Mapping[str, tuple[int, int, int]]:
        """Return each number with the least and the largest allowed."""
        return {"back": (self.back, 1, MAX_LAYERS)}

    @property
    def reads(self) -> tuple[int, ...]:
        """The earlier activation that is added."""
        return (self.back,)

    def output_shape(self, shapes: Sequence[Shape], where: str) -> Shape:
        """Return the shape of the output."""
        shape = shapes[-1]
        earlier = shapes[-1 - self.back] if self.back < len(shapes) else "nothing"
        if earlier != shape:
            raise architecture_error(
                where, f"shape {shape} plus {earlier}", "two activations of one shape"
            )
        return shape

    @classmethod
    def code(
        cls, fields: FieldCoder, given: Self | None, kind: str, shape: Shape, extended: bool
    ) -> Self:
        """Write the layer's fields, or read them."""
        layer = given or cls(1)
        back = 1 + fields.unsigned(("addition", "back"), layer.back - 1, order=1)
        return cls(back, fields.activation("addition", layer.activation))

    def run(self, x: FloatArray, earlier: Sequence[FloatArray]) -> FloatArray:
        """Return the output with NumPy."""
        return ACTIVATIONS[self.activation].numpy(x + earlier[0])

    def work(self, shape: Shape, output: Shape, batch: int) -> Work:
        """Return what one example costs with NumPy."""
        return Work(passed=4 * math.prod(output), calls=4 / batch)

    def lanes_row(self) -> SumRow | Obstacle:
        """Return the pass by which lanes train the layer."""
        if ACTIVATIONS[self.activation].slope is None:
            return Obstacle(f"an addition with {self.activation.replace('_', ' ')}")
        return SumRow(self.back)

    def run_torch(self, torch: Any, x: Any, earlier: Sequence[Any], shape: Shape) -> Any:
        """Return the output with PyTorch."""
        return ACTIVATIONS[self.activation].torch(torch, x + earlier[0])
