"""How steps and levels are written: one description for encoder and decoder, all versions.

Version 1 codes every tensor alike. Version 2 leaves out bits that no prediction depends on. In
version 3 the weights of each layer are coded as in version 2 or with mixed contexts, whichever the
encoder found shorter, and may be dependent. Version 4 expects one step of all biases, and of small
tensors that they are coded as in version 2.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from minbits.codec.adaptive_bits import BitCoder
from minbits.codec.architecture import Architecture, TensorShapes
from minbits.codec.integers import (
    ModelBank,
    code_adaptive_bit,
    code_difference,
    code_exception,
    code_signed,
    code_weight,
    not_canonical,
)
from minbits.codec.layout import Layout, layout_of
from minbits.codec.quantized_network import (
    MAX_LEVEL,
    MAX_STEP_INDEX,
    MIN_STEP_INDEX,
    IntegerArray,
    QuantizedTensor,
)
from minbits.errors import NetworkFileError
from minbits.layers.convolution import Convolution

if TYPE_CHECKING:
    from minbits.codec.mixed_levels import MixingState

# Conventions of the format, fitted to no data set: the step relative to which the first step is
# coded, and how much of the statistics of one tensor is carried over to the next of its family.
USUAL_STEP_INDEX = -12
LEVEL_COUNTS_KEPT = 24
# Tensors of at least this many weights are coded by compiled loops, if numba is yet to be loaded
# and if it already is; the bytes are the same. It is loaded, too, for what follows so many bits.
LARGE_TENSOR = 16_384
SMALL_TENSOR = 64
MANY_BITS = 1 << 17
# Contexts have something to learn from in tensors of this many weights; others are left plain.
MIN_MIXED = 512
# Named layers are of version 15, which codes tensors as version 3 does.
LEAN_VERSION = 4

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
    _knows_bias_step: bool = False
    _mixing: MixingState | None = None

    def step(self, role: str, given: QuantizedTensor | None) -> int:
        """Code a step index by its difference to the last one of the same role."""
        change = given.step_index - self._steps[role] if given else 0
        context = ("step", role)
        if self.version == LEAN_VERSION and role == "bias" and self._knows_bias_step:
            # All biases mostly have one step.
            self._steps[role] += code_signed(self.coder, self.bank, (*context, "again"), change, 2)
        elif role == "weights":
            self._steps[role] += code_signed(self.coder, self.bank, context, change)
        else:
            self._steps[role] += code_difference(self.coder, self.bank, context, change, order=2)
            self._knows_bias_step = True
        if not MIN_STEP_INDEX <= self._steps[role] <= MAX_STEP_INDEX:
            raise NetworkFileError(
                f"payload, {role} step", f"index {self._steps[role]}",
                f"{MIN_STEP_INDEX} to {MAX_STEP_INDEX}", "The file is damaged: get another copy.",
            )  # fmt: skip
        return self._steps[role]

    def weights(
        self, architecture: Architecture, shapes: TensorShapes, given: QuantizedTensor | None
    ) -> tuple[IntegerArray, bool]:
        """Code the levels of a layer's weights; return them and whether they are dependent."""
        family = architecture.layers[shapes.layer_index].code_kind
        levels = given.levels if given else _NOTHING
        if self.version > 2 and self._codes_mixed(architecture, shapes, family, given):
            wanted = int(given is not None and given.is_dependent)
            is_dependent = bool(code_adaptive_bit(self.coder, self.bank, ("dependent",), wanted))
            layout = layout_of(architecture, len(self.used) - 1, shapes.weights, is_dependent)
            return self._mixed_weights(layout, shapes.weights, levels), is_dependent
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

    def _codes_mixed(
        self,
        architecture: Architecture,
        shapes: TensorShapes,
        family: str,
        given: QuantizedTensor | None,
    ) -> bool:
        """Code whether a tensor's contexts are mixed."""
        self.bank.shrink(family, LEVEL_COUNTS_KEPT)
        wanted = False
        if given is not None:
            layout = layout_of(architecture, len(self.used), shapes.weights, given.is_dependent)
            wanted = self._is_mixed(family, layout, given.levels)
        if self.version == LEAN_VERSION and math.prod(shapes.weights) < MIN_MIXED:
            found = code_exception(self.coder, self.bank, ("mixed", "small"), int(wanted))
        else:
            found = code_adaptive_bit(self.coder, self.bank, ("mixed",), int(wanted))
        self.used.append(bool(found))
        return self.used[-1]

    def _is_mixed(self, family: str, layout: Layout, levels: IntegerArray) -> bool:
        """Whether an encoder mixes contexts: where it must or where that is shorter."""
        if layout.is_dependent:
            return True
        if self.modes is not None:
            return self.modes[len(self.used)]
        if levels.size < MIN_MIXED:
            return False
        # Heavy, as above.
        from minbits.codec.compiled_levels import large_levels_cost
        from minbits.codec.mixed_levels import mixed_levels_cost

        mixed_cost = mixed_levels_cost(self._mixing_state(), layout, levels)
        return mixed_cost < large_levels_cost(self.bank, family, levels)

    def _mixed_weights(
        self, layout: Layout, shape: tuple[int, ...], levels: IntegerArray
    ) -> IntegerArray:
        # Heavy, as above.
        from minbits.codec.mixed_levels import code_mixed_levels

        return code_mixed_levels(self.coder, self._mixing_state(), layout, levels).reshape(shape)

    def _is_compiled(self, count: int) -> bool:
        """Whether ``count`` levels are coded by compiled loops."""
        if count < SMALL_TENSOR:
            return False
        is_loaded = sys.modules.get("numba") is not None
        return is_loaded or count >= LARGE_TENSOR or self.coder.count >= MANY_BITS

    def _levels(self, family: str, shape: tuple[int, ...], levels: IntegerArray) -> IntegerArray:
        """Code a tensor in row-major order; a decoder passes no levels."""
        self.bank.shrink(family, LEVEL_COUNTS_KEPT)
        if self._is_compiled(math.prod(shape)):
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
        is_turned = bool(levels.size) and _is_turned(levels.reshape(shape[0], -1))
        turned = bool(
            code_exception(self.coder, self.bank, (family, "orientation"), int(is_turned))
        )
        if turned:
            result = self._levels(family, shape, levels)
            if not _is_turned(result.reshape(shape[0], -1)):
                raise not_canonical()
            return result
        self.bank.shrink(family, LEVEL_COUNTS_KEPT)
        if self._is_compiled(math.prod(shape)):
            # Heavy, as above.
            from minbits.codec.compiled_levels import ORIENTED, code_large_levels

            return code_large_levels(self.coder, self.bank, family, shape, levels, ORIENTED)
        return self._kernels(family, shape, levels)

    def _kernels(self, family: str, shape: tuple[int, ...], levels: IntegerArray) -> IntegerArray:
        """Code kernels of which each begins with a positive weight."""
        source = levels.ravel().tolist() or [0] * math.prod(shape)
        count = math.prod(shape[1:])
        begun = False
        result: list[int] = []
        for place, value in enumerate(source):
            begun = begun and place % count != 0
            result.append(code_weight(self.coder, self.bank, family, value, not begun))
            begun = begun or result[-1] != 0
        return np.array(result, np.int32).reshape(shape)

    def _sorted_levels(
        self, family: str, shape: tuple[int, ...], levels: IntegerArray
    ) -> IntegerArray:
        """Code biases that mostly ascend: the order of channels is free in most layers.

        What ascends is coded as a first value and differences, which saves the bits of the order.
        """
        coder, bank = self.coder, self.bank
        is_unsorted = bool((levels[1:] < levels[:-1]).any())
        if code_exception(coder, bank, (family, "unsorted"), int(is_unsorted)):
            result = self._levels(family, shape, levels)
            if not (result[1:] < result[:-1]).any():
                raise not_canonical()
            return result
        differences = f"{family} difference"
        bank.shrink(differences, LEVEL_COUNTS_KEPT)
        given = int(levels[0]) if levels.size else 0
        first = code_difference(coder, bank, (differences, "first"), given, order=2)
        rises = self._rises(differences, shape[0] - 1, np.diff(levels))
        result = first + np.concatenate([np.zeros(1, np.int64), np.cumsum(rises, dtype=np.int64)])
        if max(-first, int(result[-1])) > MAX_LEVEL:
            raise NetworkFileError(
                "payload, bias",
                "a level beyond 2**20",
                "smaller levels",
                "The file is damaged: get another copy.",
            )
        return result.astype(np.int32)

    def _rises(self, family: str, count: int, rises: IntegerArray) -> IntegerArray:
        """Code numbers that are not negative; a decoder passes none."""
        if self._is_compiled(count):
            # Heavy, as above.
            from minbits.codec.compiled_levels import POSITIVE, code_large_levels

            return code_large_levels(self.coder, self.bank, family, (count,), rises, POSITIVE)
        source = rises.tolist() or [0] * count
        coded = [code_weight(self.coder, self.bank, family, rise, True) for rise in source]
        return np.array(coded, np.int32)


def _is_turned(kernels: IntegerArray) -> bool:
    """Whether the first weight that is not zero is negative in some kernel, a row each."""
    firsts = kernels[np.arange(len(kernels)), (kernels != 0).argmax(1)]
    return bool((firsts < 0).any())


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
