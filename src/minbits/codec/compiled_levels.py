"""Levels of large tensors, coded by compiled loops: byte for byte as `tensor_code` does it.

Imported only where a tensor is large: numba takes longer to load than a small network to decode.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.codec.adaptive_bits import (
    COUNT_LIMIT,
    HALF,
    MIN_PROBABILITY,
    BitCoder,
    BitEncoder,
    code_cost,
)
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
from minbits.codec.integers import (
    EXCESS_ORDER,
    MAX_EXPONENT,
    SHARED_FLAG,
    UNARY_FLAGS,
    Context,
    ModelBank,
    integer_too_long,
)
from minbits.codec.quantized_network import IntegerArray
from minbits.codec.range_decoder import PROBABILITY_BITS, BitDecoder
from minbits.compilation import compiled

Counts = npt.NDArray[np.int64]
Coded = npt.NDArray[np.integer[Any]]  # bits, or the probabilities of ones

# Which signs are coded (`code_large_levels`).
SIGNED, POSITIVE, ORIENTED = 0, 1, 2

_ONE = 1 << PROBABILITY_BITS
_EXCESS = 1 + SHARED_FLAG  # place of the first model of the excess code
_MODELS = _EXCESS + MAX_EXPONENT + 1
_LARGEST_CODED = (2 << MAX_EXPONENT) - 1 - (1 << EXCESS_ORDER) + UNARY_FLAGS + 1
# Levels written at a time, so that the bits of few are in memory.
_LEVELS_WRITTEN = 1 << 15


def _contexts(family: str) -> list[Context]:
    flags: list[Context] = [(family, "nonzero")]
    flags += [(family, "more", number) for number in range(1, SHARED_FLAG + 1)]
    return flags + [(family, "excess", exponent) for exponent in range(MAX_EXPONENT + 1)]


@compiled()
def _probability(counts: Counts, model: int) -> int:
    zeros, ones = counts[model]
    found: int = ((2 * ones + 1) << PROBABILITY_BITS) // (2 * (zeros + ones) + 2)
    return min(max(found, MIN_PROBABILITY), _ONE - MIN_PROBABILITY)


@compiled()
def _update(counts: Counts, model: int, bit: int) -> None:
    counts[model, bit] += 1
    total = counts[model, 0] + counts[model, 1]
    if total >= COUNT_LIMIT:
        limit = COUNT_LIMIT // 2
        counts[model, 1] = counts[model, 1] * limit // total
        counts[model, 0] = counts[model, 0] * limit // total


@compiled()
def _codes_sign(signs: int, begun: bool) -> bool:
    """Whether the sign of a level that is not zero is coded; ``begun``: its kernel has another."""
    return signs == SIGNED or (signs == ORIENTED and begun)


@compiled()
def _bit_count(levels: IntegerArray, signs: int, kernel: int) -> int:
    total = 0
    begun = False
    for index in range(len(levels)):
        begun = begun and index % kernel != 0
        magnitude = abs(int(levels[index]))
        total += 1
        if magnitude:
            total += _codes_sign(signs, begun) + min(magnitude, UNARY_FLAGS)
            begun = True
        if magnitude > UNARY_FLAGS:
            shifted = magnitude - UNARY_FLAGS - 1 + (1 << EXCESS_ORDER)
            width = 0
            while shifted >> (width + 1):
                width += 1
            total += width - EXCESS_ORDER + 1 + width
    return total


@compiled()
def _write_magnitude(
    magnitude: int, counts: Counts, bits: Coded, probabilities: Coded, at: int
) -> int:
    """Write the magnitude of a level that is not zero from place ``at``; return the next place."""
    for number in range(1, UNARY_FLAGS + 1):
        model = min(number, SHARED_FLAG)
        bits[at], probabilities[at] = magnitude > number, _probability(counts, model)
        _update(counts, model, bits[at])
        at += 1
        if magnitude <= number:
            return at
    shifted = magnitude - UNARY_FLAGS - 1 + (1 << EXCESS_ORDER)
    exponent = EXCESS_ORDER
    while True:
        longer = shifted >> (exponent + 1) != 0
        model = _EXCESS + exponent
        bits[at], probabilities[at] = longer, _probability(counts, model)
        _update(counts, model, bits[at])
        at += 1
        if not longer:
            break
        exponent += 1
    for shift in range(exponent - 1, -1, -1):
        bits[at], probabilities[at] = shifted >> shift & 1, HALF
        at += 1
    return at


@compiled()
def _write(
    levels: IntegerArray, signs: int, kernel: int, counts: Counts, bits: Coded,
    probabilities: Coded,
) -> None:  # fmt: skip
    at = 0
    begun = False
    for index in range(len(levels)):
        begun = begun and index % kernel != 0
        level = levels[index]
        bits[at], probabilities[at] = level != 0, _probability(counts, 0)
        _update(counts, 0, bits[at])
        at += 1
        if level == 0:
            continue
        if _codes_sign(signs, begun):
            bits[at], probabilities[at] = level < 0, HALF
            at += 1
        begun = True
        at = _write_magnitude(abs(int(level)), counts, bits, probabilities, at)


@compiled()
def _read_flag(words: Words, state: State, counts: Counts, model: int) -> int:
    """Read an adaptive bit and count it, or return -1."""
    bit = read_bit(words, state, _probability(counts, model))
    if bit >= 0:
        _update(counts, model, bit)
    return bit


@compiled()
def _read_excess(words: Words, state: State, counts: Counts) -> int:
    """Read what a magnitude has beyond the unary flags, or return minus the outcome."""
    exponent = EXCESS_ORDER
    while True:
        bit = _read_flag(words, state, counts, _EXCESS + exponent)
        if bit < 0:
            return -INVALID
        if bit == 0:
            break
        exponent += 1
        if exponent > MAX_EXPONENT:
            return -TOO_LONG
    shifted = 1
    for _ in range(exponent):
        bit = read_bit(words, state, HALF)
        if bit < 0:
            return -INVALID
        shifted = shifted << 1 | bit
    return shifted - (1 << EXCESS_ORDER)


@compiled()
def _read_magnitude(words: Words, state: State, counts: Counts) -> int:
    """Read the magnitude of a level that is not zero, or return minus the outcome."""
    for magnitude in range(1, UNARY_FLAGS + 1):
        bit = _read_flag(words, state, counts, min(magnitude, SHARED_FLAG))
        if bit <= 0:
            return magnitude if bit == 0 else -INVALID
    excess = _read_excess(words, state, counts)
    return UNARY_FLAGS + 1 + excess if excess >= 0 else excess


@compiled()
def _read(
    words: Words, state: State, signs: int, kernel: int, counts: Counts, levels: IntegerArray
) -> int:
    begun = False
    for index in range(len(levels)):
        begun = begun and index % kernel != 0
        bit = _read_flag(words, state, counts, 0)
        if bit < 0:
            return INVALID
        levels[index] = 0
        if bit == 0:
            continue
        negative = 0
        if _codes_sign(signs, begun):
            negative = read_bit(words, state, HALF)
            if negative < 0:
                return INVALID
        begun = True
        magnitude = _read_magnitude(words, state, counts)
        if magnitude < 0:
            return -magnitude
        levels[index] = -magnitude if negative else magnitude
    return DONE


def _decode(
    decoder: BitDecoder, counts: Counts, count: int, signs: int, kernel: int
) -> IntegerArray:
    state, levels = state_of(decoder), np.empty(count, np.int32)
    move_on(decoder, state, _read(decoder.words, state, signs, kernel, counts, levels))
    return levels


def _written(
    counts: Counts, levels: IntegerArray, signs: int, kernel: int
) -> Iterator[tuple[Coded, Coded]]:
    """Write some levels after the others; yield their bits and the probabilities of these."""
    # Signs depend on the levels before them in the kernel where these orient it.
    stride = max(_LEVELS_WRITTEN // kernel, 1) * kernel if signs == ORIENTED else _LEVELS_WRITTEN
    for start in range(0, len(levels), stride):
        chosen = levels[start : start + stride]
        size = _bit_count(chosen, signs, kernel)
        bits, probabilities = np.empty(size, np.uint8), np.empty(size, np.int32)
        _write(chosen, signs, kernel, counts, bits, probabilities)
        yield bits, probabilities


def large_levels_cost(bank: ModelBank, family: str, levels: IntegerArray) -> int:
    """Return the `code_cost` that ``levels`` would have now, without coding them."""
    counts = np.array([bank.counts(context) for context in _contexts(family)], np.int64)
    return sum(code_cost(*coded) for coded in _written(counts, levels.ravel(), SIGNED, 1))


def code_large_levels(
    coder: BitCoder,
    bank: ModelBank,
    family: str,
    shape: tuple[int, ...],
    levels: IntegerArray,
    signs: int = SIGNED,
) -> IntegerArray:
    """Code a tensor in row-major order with the models of ``family``; a decoder passes no levels.

    Args:
        coder: encoder or decoder.
        bank: the file's models.
        family: the kind of tensor.
        shape: of the tensor.
        levels: its levels; a decoder passes none.
        signs: `SIGNED`; `POSITIVE`: levels are not negative, no sign is coded; `ORIENTED`: nor is
            it for the first level that is not zero of each kernel, of all axes but the first.

    Raises:
        NetworkFileError: if no encoder can have written what is read.
    """
    models = [bank.model(context) for context in _contexts(family)]
    counts = np.array([(model.zeros, model.ones) for model in models], np.int64)
    assert len(counts) == _MODELS
    kernel = math.prod(shape[1:])
    if isinstance(coder, BitEncoder):
        largest = max(-int(levels.min()), int(levels.max())) if levels.size else 0
        if largest > _LARGEST_CODED:
            raise integer_too_long()
        result = levels.astype(np.int32, copy=False).ravel()
        for coded in _written(counts, result, signs, kernel):
            coder.code_many(*coded)
    else:
        assert isinstance(coder, BitDecoder)
        result = _decode(coder, counts, math.prod(shape), signs, kernel)
    for model, (zeros, ones) in zip(models, counts.tolist(), strict=True):
        model.zeros, model.ones = zeros, ones
    return result.reshape(shape)
