"""Normalisation of each example by its own mean and deviation: group, layer, instance norm."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from minbits.layers.base import MAX_CHANNELS, FloatArray, PlainLayer, Shape, architecture_error
from minbits.layers.cost import Work
from minbits.layers.fields import FieldCoder
from minbits.layers.text import LayerText
from minbits.layers.torch_call import Converter

USUAL_DIGITS = 5
_MAX_DIGITS = 12


@dataclass(frozen=True)
class Normalisation(PlainLayer):
    """Makes the mean 0 and the variance 1 of each group of channels of each example.

    The mean and the variance are over all places and channels of a group (Wu & He 2018). One group
    is layer normalisation, a group for each channel is instance normalisation, ``groups`` 0. The
    variance has ``10 ** -digits`` added. Factors and summands of channels are a layer of their own.
    """

    key = "normalisation"
    usages = ("normalise N",)
    code_kinds = ("normalise",)
    torch_usage = "GroupNorm, LayerNorm and InstanceNorm"

    groups: int
    digits: int = USUAL_DIGITS

    @classmethod
    def parse(cls, text: LayerText) -> Self:
        """Return the layer of a text."""
        groups = 0 if text.words[:1] == ("each",) else text.number()
        if len(text.words) == 1:
            return cls(groups)
        word = text.words[1]
        if len(text.words) > 2 or word[:1] != "e" or not word[1:].isdigit():
            raise text.error(f"'{' '.join(text.words[1:])}'")
        return cls(groups, int(word[1:]))

    def text(self) -> str:
        """Return the text of the layer."""
        digits = "" if self.digits == USUAL_DIGITS else f" e{self.digits}"
        return f"normalise {self.groups or 'each'}{digits}"

    def limits(self) -> Mapping[str, tuple[int, int, int]]:
        """Return each number with the least and the largest allowed."""
        return {
            "groups": (self.groups, 0, MAX_CHANNELS),
            "digits": (self.digits, 1, _MAX_DIGITS),
        }

    def output_shape(self, shapes: Sequence[Shape], where: str) -> Shape:
        """Return the shape of the output."""
        if shapes[-1][0] % (self.groups or 1):
            got = f"{shapes[-1][0]} channels in {self.groups} groups"
            raise architecture_error(where, got, "groups of as many channels each")
        return shapes[-1]

    @classmethod
    def code(
        cls, fields: FieldCoder, given: Self | None, kind: str, shape: Shape, extended: bool
    ) -> Self:
        """Write the layer's fields, or read them."""
        layer = given or cls(1)
        groups = 1 + fields.signed(("groups",), layer.groups - 1)
        digits = USUAL_DIGITS + fields.signed(("digits",), layer.digits - USUAL_DIGITS)
        return cls(groups, digits)

    def run(self, x: FloatArray, earlier: Sequence[FloatArray]) -> FloatArray:
        """Return the output with NumPy."""
        grouped = x.reshape(self.groups or len(x), -1, x.shape[-1])
        centred = grouped - grouped.mean(1, keepdims=True)
        variance = np.square(centred).mean(1, keepdims=True)
        result = centred / np.sqrt(variance + np.float32(10.0**-self.digits))
        return np.asarray(result, np.float32).reshape(x.shape)

    def work(self, shape: Shape, output: Shape, batch: int) -> Work:
        """Return what one example costs with NumPy."""
        return Work(passed=6 * math.prod(output), calls=8 / batch)

    def run_torch(self, torch: Any, x: Any, earlier: Sequence[Any], shape: Shape) -> Any:
        """Return the output with PyTorch."""
        # `group_norm` of PyTorch refuses a single value a channel, and this is the same.
        grouped = x.reshape(len(x), self.groups or shape[0], -1)
        variance, mean = torch.var_mean(grouped, 2, correction=0, keepdim=True)
        return ((grouped - mean) / torch.sqrt(variance + 10.0**-self.digits)).reshape(x.shape)

    @classmethod
    def torch_converters(cls, torch: Any) -> Mapping[Any, Converter]:
        """Return how PyTorch's normalisations become this layer and one of factors."""
        # The decoder does without.
        from minbits.layers.normalisation_torch import normalisation_converters

        return normalisation_converters(torch, cls)
