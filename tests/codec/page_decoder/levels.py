"""Steps and levels, as docs/format.md tells them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tests.codec.page_decoder.architecture import Layer, Network, check
from tests.codec.page_decoder.bits import Contexts
from tests.codec.page_decoder.mixing import Mixing, multiples

QUARTER_POWERS = (1.0, 1.189207115002721, 1.4142135623730951, 1.681792830507429)
MAX_LEVEL = 1 << 20
SMALL_TENSOR = 512  # weights, in version 4


@dataclass
class Tensor:
    """Levels of a tensor, row by row, and its step."""

    shape: tuple[int, ...]
    step_index: int
    levels: list[int]
    is_dependent: bool = False

    def values(self) -> list[float]:
        """Return level × step, in double precision."""
        octave, quarter = divmod(self.step_index, 4)
        step = math.ldexp(QUARTER_POWERS[quarter], octave)
        counts = multiples(self.levels) if self.is_dependent else self.levels
        return [count * step for count in counts]


class LevelReader:
    """Reads the tensors of a file."""

    def __init__(self, contexts: Contexts, network: Network, version: int) -> None:
        self.contexts, self.network = contexts, network
        # Version 4 is version 3 but for what is_lean changes.
        self.version, self.is_lean = version, version == 4
        self.steps = {"weights": -12, "biases": -12}
        self.has_bias_step = False
        self.mixing = Mixing(contexts.bits)

    def read(self) -> list[tuple[Tensor, Tensor | None]]:
        """Return weights and bias of each layer that has weights."""
        layers = self.network.weights
        check(sum(math.prod(shape) + (shape[0] if layer.get("bias") else 0)
                  for layer, shape in layers) <= 1 << 20, "parameters")  # fmt: skip
        return [self._layer(number) for number in range(len(layers))]

    def _layer(self, number: int) -> tuple[Tensor, Tensor | None]:
        layer, shape = self.network.weights[number]
        weights = Tensor(shape, self._step("weights"), [])
        weights.levels, weights.is_dependent = self._weights(number, layer, shape)
        bias = None
        if layer.get("bias"):
            bias = Tensor(shape[:1], self._step("biases"), [])
            bias.levels = self._bias(shape[0])
        for tensor in (weights, bias) if bias else (weights,):
            check(max(map(abs, tensor.levels)) <= MAX_LEVEL, "a level")
        return weights, bias

    def _step(self, role: str) -> int:
        code = self.contexts
        if role == "weights":
            self.steps[role] += code.signed("step", role)
        elif self.is_lean and self.has_bias_step:
            self.steps[role] += code.signed("step", "later biases", order=2)
        else:
            self.steps[role] += code.difference("step", role, order=2)
            self.has_bias_step = True
        check(-256 <= self.steps[role] <= 256, "a step")
        return self.steps[role]

    def _weights(self, number: int, layer: Layer, shape: tuple[int, ...]) -> tuple[list[int], bool]:
        code, family = self.contexts, layer["kind"]
        if self.version >= 3:
            code.scale_down(family)
            if self._is_mixed(math.prod(shape)):
                is_dependent = bool(code.adaptive("dependent"))
                return self._mixed(number, shape, is_dependent), is_dependent
        if self.version >= 2 and self._is_oriented(layer):
            return self._oriented(family, shape), False
        code.scale_down(family)
        return [code.weight(family) for _ in range(math.prod(shape))], False

    def _is_mixed(self, size: int) -> bool:
        if self.is_lean and size < SMALL_TENSOR:
            return bool(self.contexts.exception("mixed", "small"))
        return bool(self.contexts.adaptive("mixed"))

    def _mixed(self, number: int, shape: tuple[int, ...], is_dependent: bool) -> list[int]:
        width = shape[-1]
        if len(shape) == 2:
            first = [tensor for _, tensor in self.network.run].index(number)
            width = self.network.shapes[first][2]
        return self.mixing.tensor(shape[0], math.prod(shape[1:]), width, is_dependent)

    def _is_oriented(self, layer: Layer) -> bool:
        """Whether the signs of a layer's kernels are free."""
        layers = self.network.layers
        place = next(place for place, other in enumerate(layers) if other is layer)
        behind = [other["kind"] for other in layers[place + 1 : place + 2]]
        is_bare = not layer.get("bias") and layer.get("activation") == "none"
        is_mixed_behind = behind in (["convolution"], ["pointwise"])
        return layer["kind"] == "depthwise" and is_bare and is_mixed_behind

    def _oriented(self, family: str, shape: tuple[int, ...]) -> list[int]:
        code, size = self.contexts, math.prod(shape[1:])
        begins_negative = code.exception(family, "some kernel begins negative")
        code.scale_down(family)
        levels: list[int] = []
        for _ in range(shape[0]):
            kernel: list[int] = []
            for _ in range(size):
                kernel.append(code.weight(family, bool(begins_negative) or any(kernel)))
            levels += kernel
        if begins_negative:
            kernels = [levels[at : at + size] for at in range(0, len(levels), size)]
            firsts = [next((level for level in kernel if level), 0) for kernel in kernels]
            check(min(firsts) < 0, "'some kernel begins negative' where none does")
        return levels

    def _bias(self, size: int) -> list[int]:
        code = self.contexts
        if self.version == 1 or code.exception("bias", "not ascending"):
            code.scale_down("bias")
            levels = [code.weight("bias") for _ in range(size)]
            is_ascending = levels == sorted(levels)
            check(self.version == 1 or not is_ascending, "'not ascending' of what ascends")
            return levels
        code.scale_down("bias difference")
        levels = [code.difference("bias difference", "first", order=2)]
        for _ in range(size - 1):
            levels.append(levels[-1] + code.weight("bias difference", has_sign=False))
        return levels
