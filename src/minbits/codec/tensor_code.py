"""How steps and levels are written: one description for encoder and decoder, all versions.

Version 1 codes every tensor alike. Version 2 leaves out bits that no prediction depends on. In
version 3 the weights of each layer are coded as in version 2 or with mixed contexts, whichever the
encoder found shorter, and may be dependent.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from minbits.codec.adaptive_bits import BitCoder
from minbits.codec.architecture import (
    Architecture,
    Convolution,
    TensorShapes,
)
from minbits.codec.architecture_code import kind_of
from minbits.codec.integers import (
    ModelBank,
    code_adaptive_bit,
    code_difference,
    code_exception,
    code_signed,
    code_weight,
)
from minbits.codec.layout import Layout, layout_of
from minbits.codec.quantized_network import IntegerArray, QuantizedTensor

if TYPE_CHECKING:
    from minbits.codec.mixed_levels import MixingState

# Conventions of the format, fitted to no data set: the step relative to which the first step is
# coded, and how much of the statistics of one tensor is carried over to the next of its family.
USUAL_STEP_INDEX = -12
LEVEL_COUNTS_KEPT = 24
# Tensors of at least this many weights are coded by compiled loops, if numba is yet to be loaded
# and if it already is; the bytes are the same.
LARGE_TENSOR = 16_384
SMALL_TENSOR = 64
# Contexts have something to learn from in tensors of this many weights; others are left plain.
LEAST_MIXED = 512

_NOTHING: IntegerArray = np.zeros(0, np.int32)


@dataclass
class TensorCode:
    """The state of the coding of one file's tensors.

    Attributes:
        coder: encoder or decoder.
        bank: the file's adaptive models.
        version: of the format.
        modes: for each tensor of weights whether its contexts are mixed, as an earlier reading of
            the same file found it; None: an encoder chooses.
        used: those modes as they were written or read.
    """

    coder: BitCoder
    bank: ModelBank
    version: int
    modes: Sequence[bool] | None = None
    used: list[bool] = field(default_factory=list)
    _steps: dict[str, int] = field(
        default_factory=lambda: {"weights": USUAL_STEP_INDEX, "bias": USUAL_STEP_INDEX}
    )
    _mixing: MixingState | None = None

    def step(self, role: str, given: QuantizedTensor | None) -> int:
        """Code a step index by its difference to the last one of the same role."""
        change = given.step_index - self._steps[role] if given else 0
        context = ("step", role)
        if role == "weights":
            self._steps[role] += code_signed(self.coder, self.bank, context, change)
        else:
            self._steps[role] += code_difference(self.coder, self.bank, context, change, order=2)
        return self._steps[role]

    def weights(
        self, architecture: Architecture, shapes: TensorShapes, given: QuantizedTensor | None
    ) -> tuple[IntegerArray, bool]:
        """Code the levels of a layer's weights; return them and whether they are dependent."""
        family = kind_of(architecture.layers[shapes.layer_index])
        levels = given.levels if given else _NOTHING
        if self.version > 2:
            is_dependent = given is not None and given.is_dependent
            layout = layout_of(architecture, len(self.used), shapes.weights, is_dependent)
            self.bank.shrink(family, LEVEL_COUNTS_KEPT)
            wanted = given is not None and self._is_mixed(family, layout, levels)
            mixed = bool(code_adaptive_bit(self.coder, self.bank, ("mixed",), int(wanted)))
            self.used.append(mixed)
            if mixed:
                return self._mixed_weights(layout, shapes.weights, levels)
        if self.version > 1 and is_oriented(architecture, shapes.layer_index):
            return self._oriented_levels(family, shapes.weights, levels), False
        return self._levels(family, shapes.weights, levels), False

    def bias(self, size: int, given: QuantizedTensor | None) -> IntegerArray:
        """Code the levels of a layer's bias."""
        levels = given.levels if given else _NOTHING
        if self.version == 1:
            return self._levels("bias", (size,), levels)
        return self._sorted_levels("bias", (size,), levels)

    def _mixing_state(self) -> MixingState:
        if self._mixing is None:
            # Numba is heavy, and small networks, for which the decoder must be light, do without.
            from minbits.codec.mixed_levels import MixingState

            self._mixing = MixingState()
        return self._mixing

    def _is_mixed(self, family: str, layout: Layout, levels: IntegerArray) -> bool:
        """Whether an encoder mixes contexts: where it must or where that is shorter."""
        if layout.is_dependent:
            return True
        if self.modes is not None:
            return self.modes[len(self.used)]
        if levels.size < LEAST_MIXED:
            return False
        # Heavy, as above.
        from minbits.codec.compiled_levels import large_levels_cost
        from minbits.codec.mixed_levels import mixed_levels_cost

        mixed_cost = mixed_levels_cost(self._mixing_state(), layout, levels)
        return mixed_cost < large_levels_cost(self.bank, family, levels)

    def _mixed_weights(
        self, layout: Layout, shape: tuple[int, ...], levels: IntegerArray
    ) -> tuple[IntegerArray, bool]:
        # Heavy, as above.
        from minbits.codec.mixed_levels import code_mixed_levels

        wanted = int(layout.is_dependent)
        is_dependent = bool(code_adaptive_bit(self.coder, self.bank, ("dependent",), wanted))
        layout = dataclasses.replace(layout, is_dependent=is_dependent)
        found = code_mixed_levels(self.coder, self._mixing_state(), layout, levels)
        return found.reshape(shape), is_dependent

    def _levels(self, family: str, shape: tuple[int, ...], levels: IntegerArray) -> IntegerArray:
        """Code a tensor in row-major order; a decoder passes no levels."""
        self.bank.shrink(family, LEVEL_COUNTS_KEPT)
        if math.prod(shape) >= (SMALL_TENSOR if "numba" in sys.modules else LARGE_TENSOR):
            # Heavy, as above.
            from minbits.codec.compiled_levels import code_large_levels

            return code_large_levels(self.coder, self.bank, family, shape, levels)
        source = levels.ravel().tolist() or [0] * math.prod(shape)
        result = [code_weight(self.coder, self.bank, family, value) for value in source]
        return np.array(result, np.int32).reshape(shape)

    def _oriented_levels(
        self, family: str, shape: tuple[int, ...], levels: IntegerArray
    ) -> IntegerArray:
        """Code a tensor whose kernels mostly begin with a positive weight.

        Where a linear depthwise layer is followed by one that mixes channels, a kernel's sign can
        be moved to the next layer. If the first weight that is not zero is positive in every
        kernel, its sign is not coded.
        """
        coder, bank = self.coder, self.bank
        source = levels.reshape(shape[0], -1) if levels.size else np.zeros((shape[0], 1), np.int32)
        turned = any(int(row[np.flatnonzero(row)[0]]) < 0 for row in source if row.any())
        turned = bool(code_exception(coder, bank, (family, "orientation"), int(turned)))
        bank.shrink(family, LEVEL_COUNTS_KEPT)
        count = math.prod(shape[1:])
        result: list[int] = []
        for kernel in range(shape[0]):
            begun = turned
            for index in range(count):
                value = int(source[kernel, index]) if levels.size else 0
                coded = code_weight(coder, bank, family, value, not begun)
                begun = begun or coded != 0
                result.append(coded)
        return np.array(result, np.int32).reshape(shape)

    def _sorted_levels(
        self, family: str, shape: tuple[int, ...], levels: IntegerArray
    ) -> IntegerArray:
        """Code biases that mostly ascend: the order of channels is free in most layers.

        What ascends is coded as a first value and differences, which saves the bits of the order.
        """
        coder, bank = self.coder, self.bank
        source = [int(level) for level in levels.ravel()] or [0] * math.prod(shape)
        unsorted = int(any(a > b for a, b in itertools.pairwise(source)))
        if code_exception(coder, bank, (family, "unsorted"), unsorted):
            return self._levels(family, shape, levels)
        bank.shrink(f"{family} difference", LEVEL_COUNTS_KEPT)
        value = code_difference(coder, bank, (f"{family} difference", "first"), source[0], order=2)
        result = [value]
        for before, after in itertools.pairwise(source):
            value += code_weight(coder, bank, f"{family} difference", max(after - before, 0), True)
            result.append(value)
        return np.array(result, np.int32).reshape(shape)


def is_oriented(architecture: Architecture, layer_index: int) -> bool:
    """Whether a kernel's sign can be moved from a layer to the next.

    So it is in a linear depthwise layer without a bias, directly before one that mixes channels.
    """
    layers = architecture.layers
    first, behind = layers[layer_index], layers[layer_index + 1 : layer_index + 2]
    return (
        isinstance(first, Convolution)
        and first.depthwise
        and not first.bias
        and first.activation == "none"
        and bool(behind)
        and isinstance(behind[0], Convolution)
        and not behind[0].depthwise
    )
