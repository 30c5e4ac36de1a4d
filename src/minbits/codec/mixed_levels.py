"""Levels whose flags are predicted by three contexts, mixed: weights of large layers (version 3).

A flag's three predictions come from the levels around the weight, from those of the same input in
the rows before, and from those of the same output before it. Their logits are added with weights
that are learned as the flags go by (logistic mixing, Mahoney 2005), chosen by the size of the
levels around. Signs are predicted by the signs beside, above and in the row before. All on
integers (docs/format.md, to the bit); nothing is stored.

Imported only where a tensor is coded so: numba takes longer to load than a small file to decode.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from minbits.codec.adaptive_bits import HALF, MIN_PROBABILITY, BitCoder, BitEncoder, code_cost
from minbits.codec.compiled_bits import (
    DONE,
    INVALID,
    TOO_LONG,
    State,
    Words,
    move_on,
    read_bit,
    state_of,
)
from minbits.codec.dependent import TRANSITIONS
from minbits.codec.integers import EXCESS_ORDER, MAX_EXPONENT, UNARY_FLAGS
from minbits.codec.layout import Layout
from minbits.codec.mixing_tables import (
    LARGEST_LOGIT,
    TABLE_BITS,
    squash_table,
    stretch_table,
)
from minbits.codec.quantized_network import IntegerArray
from minbits.codec.range_decoder import PROBABILITY_BITS, BitDecoder
from minbits.compilation import compiled

Numbers = npt.NDArray[np.int64]
Rates = npt.NDArray[np.float32]

INPUTS = 3
# Flags: 0 "not zero", 1 to 8 "more" (8 for all magnitudes from there on), 9 the sign.
_LAST_MORE, _SIGN, _FLAGS = 8, 9, 10
# Twentieths of the mean magnitude so far at which a context changes.
_EDGES = (2, 4, 7, 10, 14, 18, 22, 28, 40, 60, 90, 140)
_SELECTORS = len(_EDGES) + 1
_SLOTS = 54
_SLOT_BITS = 22  # of a slot's probability
_MIN_SLOT = 1 << (_SLOT_BITS - TABLE_BITS)
_COUNT_LIMIT = 511
_COUNTS_KEPT = 4
_SIGN_COUNT = 2
_WEIGHT_BITS = 16
_FLAG_WEIGHT, _SIGN_WEIGHT = 19_661, 32_768  # 0.3 and 0.5
_RATE_SHIFT = 15
_ONE = 1 << PROBABILITY_BITS
# Larger magnitudes count as this one in sums, which so never overflow.
_LARGEST_SUMMED = 1023
# What stands for the magnitudes of a tensor before any is known: 0.3, of 2 ** 16 parts.
_MEAN_BITS, _FIRST_SUM = 16, 19_661
# Magnitudes of which `level_rates` tells the bits; each beyond costs as much as the last.
RATED_LEVELS = 7
_WRITING, _READING, _RATING = 0, 1, 2
# Levels written at a time, so that the bits of few are in memory.
_LEVELS_WRITTEN = 1 << 15


class MixingState:
    """What has been learned from the levels coded so far: one for a file."""

    def __init__(self) -> None:
        self.slots = np.full((_FLAGS, INPUTS, _SLOTS), 1 << (_SLOT_BITS - 1), np.int64)
        self.counts = np.zeros((_FLAGS, INPUTS, _SLOTS), np.int64)
        self.counts[_SIGN] = _SIGN_COUNT
        self.weights = np.full((_FLAGS, _SELECTORS, INPUTS), _FLAG_WEIGHT, np.int64)
        self.weights[_SIGN] = _SIGN_WEIGHT

    def copy(self) -> MixingState:
        """Return an independent copy."""
        result = MixingState()
        result.take(self)
        return result

    def take(self, other: MixingState) -> None:
        """Know what ``other`` has learned, and nothing else."""
        self.slots[:], self.counts[:], self.weights[:] = other.slots, other.counts, other.weights

    def start_tensor(self) -> None:
        """Trust what was learned from other tensors less than what will be from this one."""
        np.minimum(self.counts, _COUNTS_KEPT, out=self.counts)


@compiled()
def _probability(
    slots: Numbers, weights: Numbers, contexts: Numbers, logits: Numbers, tables: Numbers
) -> int:
    """Return P(one) of 2^16, from one flag's slots and one selector's weights; fill ``logits``."""
    total = 0
    for place in range(INPUTS):
        logits[place] = tables[1, slots[place, contexts[place]] >> (_SLOT_BITS - TABLE_BITS)]
        total += weights[place] * logits[place]
    logit = min(max(total >> _WEIGHT_BITS, -LARGEST_LOGIT), LARGEST_LOGIT)
    found: int = tables[0, logit + (1 << (TABLE_BITS - 1))]
    return min(max(found, MIN_PROBABILITY), _ONE - MIN_PROBABILITY)


@compiled()
def _learn(
    slots: Numbers, counts: Numbers, weights: Numbers, contexts: Numbers, logits: Numbers,
    bit: int, probability: int,
) -> None:  # fmt: skip
    """Move slots and weights towards the bit that came."""
    error = (bit << PROBABILITY_BITS) - probability
    for place in range(INPUTS):
        weights[place] += (logits[place] * error + (1 << (_RATE_SHIFT - 1))) >> _RATE_SHIFT
        slot = contexts[place]
        count = counts[place, slot]
        moved = slots[place, slot] + ((bit << _SLOT_BITS) - slots[place, slot]) // (count + 2)
        slots[place, slot] = min(max(moved, _MIN_SLOT), (1 << _SLOT_BITS) - _MIN_SLOT)
        counts[place, slot] = min(count + 1, _COUNT_LIMIT)


@compiled()
def _code_bit(
    mode: int, bit: int, probability: int, words: Words, state: State, place: Numbers,
    bits: Numbers, probabilities: Numbers,
) -> int:  # fmt: skip
    """Write a bit and return it; or read one, -1 where there is none."""
    if mode == _READING:
        return read_bit(words, state, probability)
    bits[place[0]], probabilities[place[0]] = bit, probability
    place[0] += 1
    return bit


@compiled()
def _ranked(value: int, mean: int, edges: Numbers) -> int:
    """Return how many edges, in twentieths of ``mean``, ``value`` reaches."""
    rank = 0
    while rank < len(edges) and 20 * value >= edges[rank] * mean:
        rank += 1
    return rank


@compiled()
def _sign_context(level: int) -> int:
    return 1 if level > 0 else (2 if level < 0 else 0)


@compiled()
def _look_around(
    levels: IntegerArray, row: int, column: int, columns: int, width: int, sums: Numbers,
    edges: Numbers, contexts: Numbers, signs: Numbers,
) -> int:  # fmt: skip
    """Fill the contexts of a weight's magnitude and sign; return the selector.

    ``sums`` holds magnitudes added up so far: of each column, of this row, of the tensor.
    """
    at, across = row * columns + column, column % width
    has_above = column >= width
    left = levels[at - 1] if across > 0 else 0
    second = abs(levels[at - 2]) if across > 1 else 0
    above = levels[at - width] if has_above else 0
    right = abs(levels[at - width + 1]) if has_above and across < width - 1 else 0
    corner = abs(levels[at - width - 1]) if has_above and across > 0 else 0
    before = levels[at - columns] if row > 0 else 0
    beside, over = abs(left), abs(above)
    mean = max(((sums[columns + 1] << _MEAN_BITS) + _FIRST_SUM) // (at + 1), 1)
    contexts[0] = ((min(beside, 2) * 3 + min(second, 2)) * 3 + min(over, 2)) * 2
    contexts[1] = 2 * _ranked((sums[column] << _MEAN_BITS) + 2 * mean, (row + 2) * mean, edges)
    contexts[2] = 2 * _ranked((sums[columns] << _MEAN_BITS) + 8 * mean, (column + 8) * mean, edges)
    signs[0] = _sign_context(left) * 3 + _sign_context(above)
    signs[1] = _sign_context(before)
    signs[2] = signs[0] * 3 + signs[1]
    near = 2 * beside + 2 * over + second + right + corner
    return _ranked(near << _MEAN_BITS, 7 * mean, edges)


@compiled()
def _code_excess(
    mode: int, excess: int, words: Words, state: State, place: Numbers, bits: Numbers,
    probabilities: Numbers,
) -> int:  # fmt: skip
    """Code what a magnitude has beyond the unary flags in plain Exp-Golomb code."""
    shifted, exponent = excess + (1 << EXCESS_ORDER), EXCESS_ORDER
    while True:
        longer = int(shifted >> (exponent + 1) != 0)
        bit = _code_bit(mode, longer, HALF, words, state, place, bits, probabilities)
        if bit < 0:
            return -INVALID
        if bit == 0:
            break
        exponent += 1
        if exponent > MAX_EXPONENT:
            return -TOO_LONG
    result = 1
    for shift in range(exponent - 1, -1, -1):
        bit = _code_bit(mode, shifted >> shift & 1, HALF, words, state, place, bits, probabilities)
        if bit < 0:
            return -INVALID
        result = result << 1 | bit
    return result - (1 << EXCESS_ORDER)


@compiled()
def _rate(
    slots: Numbers, weights: Numbers, selector: int, contexts: Numbers, logits: Numbers,
    tables: Numbers, grid_count: int, rates: Rates,
) -> None:  # fmt: skip
    """Fill the bits of magnitudes 0, 1, … of one weight on each grid; a sign costs one."""
    for grid in range(grid_count):
        contexts += grid
        prefix = 1.0
        for flag in range(RATED_LEVELS - 1):
            probability = _probability(
                slots[flag], weights[flag, selector], contexts, logits, tables
            )
            stop = PROBABILITY_BITS - np.log2(_ONE - probability)
            rates[grid, flag] = stop if flag == 0 else prefix + stop
            prefix += PROBABILITY_BITS - np.log2(probability)
        rates[grid, RATED_LEVELS - 1] = prefix
        contexts -= grid


@compiled()
def _code_level(
    mode: int, level: int, slots: Numbers, counts: Numbers, weights: Numbers, selector: int,
    contexts: Numbers, signs: Numbers, logits: Numbers, tables: Numbers, words: Words,
    state: State, place: Numbers, bits: Numbers, probabilities: Numbers, outcome: Numbers,
) -> int:  # fmt: skip
    """Code one level and return it; ``outcome`` tells of what no encoder writes."""
    wanted, magnitude, negative = abs(level), 0, 0
    while magnitude <= UNARY_FLAGS:
        flag = min(magnitude, _LAST_MORE)
        probability = _probability(slots[flag], weights[flag, selector], contexts, logits, tables)
        more = int(wanted > magnitude)
        bit = _code_bit(mode, more, probability, words, state, place, bits, probabilities)
        if bit < 0:
            outcome[0] = INVALID
            return 0
        _learn(slots[flag], counts[flag], weights[flag, selector], contexts, logits, bit,
               probability)  # fmt: skip
        if bit == 0:
            return -magnitude if negative else magnitude
        if magnitude == 0:
            probability = _probability(slots[_SIGN], weights[_SIGN, 0], signs, logits, tables)
            negative = _code_bit(
                mode, int(level < 0), probability, words, state, place, bits, probabilities
            )
            if negative < 0:
                outcome[0] = INVALID
                return 0
            _learn(slots[_SIGN], counts[_SIGN], weights[_SIGN, 0], signs, logits, negative,
                   probability)  # fmt: skip
        magnitude += 1
    excess = _code_excess(mode, wanted - magnitude, words, state, place, bits, probabilities)
    if excess < 0:
        outcome[0] = -excess
        return 0
    magnitude += excess
    return -magnitude if negative else magnitude


@compiled()
def _run(
    mode: int, levels: IntegerArray, start: int, stop: int, columns: int, width: int,
    is_dependent: bool, sums: Numbers, slots: Numbers, counts: Numbers, weights: Numbers,
    tables: Numbers, edges: Numbers, transitions: Numbers, words: Words, state: State,
    bits: Numbers, probabilities: Numbers, rates: Rates,
) -> tuple[int, int]:  # fmt: skip
    """Write, read or rate some levels of a tensor; return the outcome and the bits written.

    ``sums`` is as `_look_around` takes it, its last the state that tells the grid; it goes on from
    one call to the next.
    """
    contexts, signs, logits = (
        np.zeros(INPUTS, np.int64), np.zeros(INPUTS, np.int64), np.zeros(INPUTS, np.int64),
    )  # fmt: skip
    place, outcome = np.zeros(1, np.int64), np.zeros(1, np.int64)
    for at in range(start, stop):
        row, column = at // columns, at % columns
        if column == 0:
            sums[columns] = 0
        selector = _look_around(levels, row, column, columns, width, sums, edges, contexts, signs)
        if mode == _RATING:
            place[0] = 0
            _rate(slots, weights, selector, contexts, logits, tables, rates.shape[1], rates[at])
        contexts += sums[columns + 2] & 1
        level = _code_level(
            mode, levels[at], slots, counts, weights, selector, contexts, signs, logits,
            tables, words, state, place, bits, probabilities, outcome,
        )  # fmt: skip
        if outcome[0] != DONE:
            return outcome[0], 0
        levels[at] = level
        if is_dependent:
            sums[columns + 2] = transitions[sums[columns + 2], level & 1]
        magnitude = min(abs(level), _LARGEST_SUMMED)
        sums[column] += magnitude
        sums[columns] += magnitude
        sums[columns + 1] += magnitude
    return DONE, place[0]


def _tables() -> tuple[Numbers, Numbers, Numbers]:
    return (
        np.stack([squash_table(), stretch_table()]),
        np.array(_EDGES, np.int64),
        np.array(TRANSITIONS, np.int64),
    )


class _Call:
    """One pass over a tensor's levels, some after the others."""

    def __init__(
        self, mode: int, mixing: MixingState, layout: Layout, levels: IntegerArray
    ) -> None:
        self.mode = mode
        self.mixing = mixing
        self.layout = layout
        self.levels = levels
        self._sums = np.zeros(layout.columns + 3, np.int64)

    def run(
        self, start: int, stop: int, words: Words, state: State, space: int, rates: Rates
    ) -> tuple[int, Numbers, Numbers]:
        """Return the outcome, and the bits written with their probabilities."""
        layout, mixing = self.layout, self.mixing
        bits, probabilities = np.empty(space, np.int64), np.empty(space, np.int64)
        outcome, count = _run(
            self.mode, self.levels, start, stop, layout.columns, layout.width, layout.is_dependent,
            self._sums, mixing.slots, mixing.counts, mixing.weights, *_tables(), words, state,
            bits, probabilities, rates,
        )  # fmt: skip
        return outcome, bits[:count], probabilities[:count]


def _space(levels: IntegerArray) -> int:
    """Return how many bits coding ``levels`` takes at most."""
    magnitudes = np.abs(levels.astype(np.int64))
    beyond = int(np.count_nonzero(magnitudes > UNARY_FLAGS))
    flags = np.minimum(magnitudes, UNARY_FLAGS) + 2
    return int(flags.sum()) + 2 * (MAX_EXPONENT + 1) * beyond


_NO_WORDS, _NO_STATE = np.zeros(0, np.uint32), np.zeros(5, np.uint64)
_NO_RATES = np.zeros((1, 1, RATED_LEVELS), np.float32)


def _written(
    mixing: MixingState, layout: Layout, levels: IntegerArray
) -> Iterator[tuple[Numbers, Numbers]]:
    """Write some levels after the others; yield their bits and the probabilities of these."""
    flat = levels.astype(np.int32).ravel()
    call = _Call(_WRITING, mixing, layout, flat)
    for start in range(0, len(flat), _LEVELS_WRITTEN):
        stop = min(start + _LEVELS_WRITTEN, len(flat))
        space = _space(flat[start:stop])
        _, bits, probabilities = call.run(start, stop, _NO_WORDS, _NO_STATE, space, _NO_RATES)
        yield bits, probabilities


def code_mixed_levels(
    coder: BitCoder, mixing: MixingState, layout: Layout, levels: IntegerArray
) -> IntegerArray:
    """Code a tensor in row-major order and return it flat; a decoder passes no levels.

    Raises:
        NetworkFileError: if no encoder can have written what is read.
    """
    mixing.start_tensor()
    if isinstance(coder, BitEncoder):
        for coded in _written(mixing, layout, levels):
            coder.code_many(*coded)
        return levels.ravel()
    assert isinstance(coder, BitDecoder)
    result, state = np.zeros(layout.rows * layout.columns, np.int32), state_of(coder)
    call = _Call(_READING, mixing, layout, result)
    outcome, _, _ = call.run(0, len(result), coder.words, state, 0, _NO_RATES)
    move_on(coder, state, outcome)
    return result


def mixed_levels_cost(mixing: MixingState, layout: Layout, levels: IntegerArray) -> int:
    """Return the `code_cost` that ``levels`` would have now, without coding them."""
    copy = mixing.copy()
    copy.start_tensor()
    return sum(code_cost(*coded) for coded in _written(copy, layout, levels))


def level_rates(mixing: MixingState, layout: Layout, levels: IntegerArray) -> Rates:
    """Return the bits of magnitudes 0, 1, … of each weight if all before are ``levels``.

    Args:
        mixing: what was learned before the tensor; it learns the tensor.
        layout: the tensor's.
        levels: of each weight.

    Returns:
        Bits of shape ``(weights, grids, RATED_LEVELS)``.
    """
    mixing.start_tensor()
    flat = levels.astype(np.int32).ravel()
    rates = np.zeros((len(flat), 1 + layout.is_dependent, RATED_LEVELS), np.float32)
    most = int(np.abs(flat).max(initial=0)) + 64
    call = _Call(_RATING, mixing, layout, flat)
    call.run(0, len(flat), _NO_WORDS, _NO_STATE, most, rates)
    return rates
