"""The mixed code of levels, written for reading: one flag at a time, from docs/format.md."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from minbits.codec.adaptive_bits import HALF, BitCoder
from minbits.codec.dependent import TRANSITIONS

EDGES = (2, 4, 7, 10, 14, 18, 22, 28, 40, 60, 90, 140)


def squash(logit: int) -> int:
    return math.floor(65536 / (1 + math.exp(-logit / 256)) + 0.5)


STRETCH = {
    part: next(
        (logit for logit in range(-2047, 2047) if squash(logit) >= 16 * part + 8), 2047
    )
    for part in range(4096)
}  # fmt: skip


@dataclass
class Slot:
    probability: int = 1 << 21
    count: int = 0

    def learn(self, bit: int) -> None:
        moved = self.probability + ((bit << 22) - self.probability) // (self.count + 2)
        self.probability = min(max(moved, 1024), (1 << 22) - 1024)
        self.count = min(self.count + 1, 511)


@dataclass
class Flag:
    """Three slots a context and three weights a selector."""

    first_count: int = 0
    first_weight: int = 19661
    slots: list[dict[int, Slot]] = field(default_factory=lambda: [{}, {}, {}])
    weights: dict[int, list[int]] = field(default_factory=dict)

    def code(self, coder: BitCoder, bit: int, contexts: list[int], selector: int) -> int:
        chosen = [
            slots.setdefault(context, Slot(count=self.first_count))
            for slots, context in zip(self.slots, contexts, strict=True)
        ]
        weights = self.weights.setdefault(selector, [self.first_weight] * 3)
        logits = [STRETCH[slot.probability >> 10] for slot in chosen]
        total = sum(w * x for w, x in zip(weights, logits, strict=True)) >> 16
        probability = min(max(squash(min(max(total, -2047), 2047)), 32), 65504)
        bit = coder.code(bit, probability)
        error = (bit << 16) - probability
        for place, (slot, logit) in enumerate(zip(chosen, logits, strict=True)):
            weights[place] += (logit * error + (1 << 14)) >> 15
            slot.learn(bit)
        return bit


def rank(value: int, mean: int) -> int:
    return sum(20 * value >= edge * mean for edge in EDGES)


class Mixing:
    def __init__(self) -> None:
        self.flags: dict[str, Flag] = defaultdict(Flag)
        self.flags["sign"] = Flag(2, 32768)
        self.tensors = 0

    def code_excess(self, coder: BitCoder, excess: int) -> int:
        exponent = 2
        while coder.code(int((excess + 4) >> (exponent + 1) > 0), HALF):
            exponent += 1
        value = 1
        for shift in reversed(range(exponent)):
            value = value << 1 | coder.code((excess + 4) >> shift & 1, HALF)
        return value - 4

    def code_level(
        self, coder: BitCoder, level: int, contexts: list[int], signs: list[int], selector: int
    ) -> int:
        sign, magnitude = 1, 0
        while magnitude < 19:
            flag = self.flags[f"more than {min(magnitude, 8)}"]
            if not flag.code(coder, int(abs(level) > magnitude), contexts, selector):
                return sign * magnitude
            if magnitude == 0:
                sign = -1 if self.flags["sign"].code(coder, int(level < 0), signs, 0) else 1
            magnitude += 1
        return sign * (magnitude + self.code_excess(coder, abs(level) - magnitude))

    def code_tensor(
        self, coder: BitCoder, levels: npt.NDArray[np.int32], width: int, is_dependent: bool
    ) -> npt.NDArray[np.int32]:
        for flag in self.flags.values():
            for slots in flag.slots:
                for slot in slots.values():
                    slot.count = min(slot.count, 4)
        rows, columns = levels.shape
        result = np.zeros(levels.shape, np.int32)
        state = 0

        def at(row: int, column: int, is_there: bool) -> int:
            return int(result[row, column]) if is_there else 0

        def summed(part: npt.NDArray[np.int32]) -> int:
            return int(np.minimum(np.abs(part), 1023).sum())

        for row, column in np.ndindex(rows, columns):
            across, below = column % width, column >= width
            left = at(row, column - 1, across > 0)
            second = abs(at(row, column - 2, across > 1))
            above = at(row, column - width, below)
            right = abs(at(row, column - width + 1, below and across < width - 1))
            corner = abs(at(row, column - width - 1, below and across > 0))
            before = at(row - 1, column, row > 0)
            seen = row * columns + column
            total = summed(result)  # what is not yet coded is zero
            mean = max(((total << 16) + 19661) // (seen + 1), 1)
            grid = (state & 1) if is_dependent else 0
            near = 2 * abs(left) + 2 * abs(above) + second + right + corner
            of_column = (summed(result[:row, column]) << 16) + 2 * mean
            of_row = (summed(result[row, :column]) << 16) + 8 * mean
            around = (min(abs(left), 2) * 3 + min(second, 2)) * 3 + min(abs(above), 2)
            contexts = [
                2 * around + grid,
                2 * rank(of_column, (row + 2) * mean) + grid,
                2 * rank(of_row, (column + 8) * mean) + grid,
            ]
            kinds = [[0, 1, 2][(x > 0) - (x < 0)] for x in (left, above, before)]
            signs = [kinds[0] * 3 + kinds[1], kinds[2], kinds[0] * 9 + kinds[1] * 3 + kinds[2]]
            level = self.code_level(
                coder, int(levels[row, column]), contexts, signs, rank(near << 16, 7 * mean)
            )
            result[row, column] = level
            state = TRANSITIONS[state][level & 1]
        return result
