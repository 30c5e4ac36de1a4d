"""Mixed contexts and dependent levels of version 3, as docs/format.md tells them."""

from __future__ import annotations

import bisect
import functools
import math

from tests.codec.page_decoder.bits import PLAIN, Bits, exp_golomb

EDGES = (2, 4, 7, 10, 14, 18, 22, 28, 40, 60, 90, 140)
AFTER_EVEN = (0, 5, 1, 6, 2, 4, 3, 7)
AFTER_ODD = (2, 7, 3, 4, 0, 6, 1, 5)
NEGATIVE = 9  # the place of this flag; "more than 8" and all beyond are at 8
MAX_SLOT = 1 << 22


def squash(x: int) -> int:
    """Return the probability, of 65536, of a logit in units of 1/256."""
    return round(65_536 / (1 + math.exp(-x / 256)))


@functools.cache
def tables() -> tuple[list[int], list[int]]:
    """Return squash(-2047 … 2047) and stretch(0 … 4095)."""
    squashed = [squash(x) for x in range(-2047, 2048)]
    stretched = [bisect.bisect_left(squashed, 16 * i + 8) - 2047 for i in range(4096)]
    return squashed, [min(x, 2047) for x in stretched]


def rank(v: int, w: int) -> int:
    """Return how many edges, in twentieths of w, v reaches."""
    return sum(20 * v >= edge * w for edge in EDGES)


def sign(x: int) -> int:
    """Return 0, 1 or 2 for zero, a positive and a negative number."""
    return 0 if x == 0 else 1 if x > 0 else 2


class Mixing:
    """What was learned from the mixed tensors of a file."""

    def __init__(self, bits: Bits) -> None:
        self.bits = bits
        # Slots by flag, input and context: [probability, count]; weights by flag and selector.
        self.slots: dict[tuple[int, int, int], list[int]] = {}
        self.weights: dict[tuple[int, int], list[int]] = {}

    def start_tensor(self) -> None:
        """Trust what was learned from other tensors less."""
        for slot in self.slots.values():
            slot[1] = min(slot[1], 4)

    def flag(self, flag: int, contexts: tuple[int, ...], selector: int) -> int:
        """Read a flag and learn from it."""
        squashed, stretched = tables()
        is_sign = flag == NEGATIVE
        slots = [
            self.slots.setdefault((flag, place, context), [1 << 21, 2 if is_sign else 0])
            for place, context in enumerate(contexts)
        ]
        weights = self.weights.setdefault(
            (flag, selector), [32_768 if is_sign else 19_661 for _ in range(3)]
        )
        logits = [stretched[probability >> 10] for probability, _ in slots]
        total = sum(w * logit for w, logit in zip(weights, logits, strict=True)) // 65_536
        p = min(max(squashed[min(max(total, -2047), 2047) + 2047], 32), 65_504)
        bit = self.bits.bit(p)
        error = 65_536 * bit - p
        for place, slot in enumerate(slots):
            weights[place] += (logits[place] * error + (1 << 14)) // (1 << 15)
            moved = slot[0] + (MAX_SLOT * bit - slot[0]) // (slot[1] + 2)
            slot[0] = min(max(moved, 1 << 10), MAX_SLOT - (1 << 10))
            slot[1] = min(slot[1] + 1, 511)
        return bit

    def level(self, contexts: tuple[int, ...], signs: tuple[int, ...], selector: int) -> int:
        """Read a level."""
        magnitude, negative = 0, 0
        while magnitude < 19 and self.flag(min(magnitude, 8), contexts, selector):
            if magnitude == 0:
                negative = self.flag(NEGATIVE, signs, 0)
            magnitude += 1
        if magnitude == 19:
            magnitude += exp_golomb(lambda w: self.bits.bit(PLAIN), self._plain, 2)
        return -magnitude if negative else magnitude

    def _plain(self, width: int) -> int:
        return functools.reduce(lambda value, _: 2 * value + self.bits.bit(PLAIN), range(width), 0)

    def tensor(self, rows: int, columns: int, width: int, is_dependent: bool) -> list[int]:
        """Read a tensor row by row."""
        self.start_tensor()
        levels: list[int] = []
        column_sums, total, state = [0] * columns, 0, 0
        for row in range(rows):
            row_sum = 0
            for column in range(columns):
                n, place = len(levels), column % width

                def at(back: int, exists: bool, n: int = n) -> int:
                    return levels[n - back] if exists else 0

                has_above = column >= width
                left, second = at(1, place > 0), abs(at(2, place > 1))
                above = at(width, has_above)
                right = abs(at(width - 1, has_above and place < width - 1))
                corner = abs(at(width + 1, has_above and place > 0))
                before = at(columns, row > 0)
                mean = max(1, (65_536 * total + 19_661) // (n + 1))
                near = 9 * min(abs(left), 2) + 3 * min(second, 2) + min(abs(above), 2)
                grid = state & 1
                contexts = (
                    2 * near + grid,
                    2 * rank(65_536 * column_sums[column] + 2 * mean, (row + 2) * mean) + grid,
                    2 * rank(65_536 * row_sum + 8 * mean, (column + 8) * mean) + grid,
                )
                beside = 3 * sign(left) + sign(above)
                signs = (beside, sign(before), 3 * beside + sign(before))
                around = 2 * abs(left) + 2 * abs(above) + second + right + corner
                level = self.level(contexts, signs, rank(65_536 * around, 7 * mean))
                levels.append(level)
                if is_dependent:
                    state = (AFTER_ODD if level % 2 else AFTER_EVEN)[state]
                magnitude = min(abs(level), 1023)
                column_sums[column] += magnitude
                row_sum += magnitude
                total += magnitude
        return levels


def multiples(levels: list[int]) -> list[int]:
    """Return the multiples of the step that dependent levels stand for."""
    state, found = 0, []
    for level in levels:
        side = (level > 0) - (level < 0)
        found.append(2 * level - (side if state & 1 else 0))
        state = (AFTER_ODD if level % 2 else AFTER_EVEN)[state]
    return found
