"""Repetitions: layers that run once more with the same weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from minbits.layers.base import MAX_LAYERS, Layer, Shape
from minbits.layers.fields import FieldCoder
from minbits.layers.text import LayerText


@dataclass(frozen=True)
class Again(Layer):
    """Runs ``count`` layers once more, with the same weights, from the one ``back`` layers before.

    ``back`` and ``count`` are of layers as written; none of the repeated ones may be an `Again`.
    It is written out where a network is built (`minbits.codec.architecture`), and never run itself.
    """

    key = "again"
    usages = ("again N",)
    code_kinds = ("again",)

    count: int
    back: int

    @classmethod
    def parse(cls, text: LayerText) -> Self:
        """Return the layer of a text."""
        count = text.number()
        if len(text.words) == 1:
            return cls(count, count)
        if len(text.words) != 3 or text.words[1] != "from":
            raise text.error(f"'{' '.join(text.words)}'")
        return cls(count, text.number(2))

    def text(self) -> str:
        """Return the text of the layer."""
        origin = f" from {self.back}" if self.back != self.count else ""
        return f"again {self.count}{origin}"

    def limits(self) -> Mapping[str, tuple[int, int, int]]:
        """Return each number with the least and the largest allowed."""
        return {"count": (self.count, 1, self.back), "back": (self.back, 1, MAX_LAYERS)}

    @classmethod
    def code(
        cls, fields: FieldCoder, given: Self | None, kind: str, shape: Shape, extended: bool
    ) -> Self:
        """Write the layer's fields, or read them."""
        layer = given or cls(1, 1)
        count = 1 + fields.unsigned(("again", "count"), layer.count - 1, order=1)
        between = layer.back - layer.count
        return cls(count, count + fields.unsigned(("again", "between"), between, order=0))
