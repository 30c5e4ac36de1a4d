"""Levels of large tensors, coded by compiled loops: byte for byte what `integers.code_weight` does.

Imported only where a tensor is large: numba takes longer to load than a small network to decode.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from numba import njit

from minbits.codec.adaptive_bits import (
    COUNT_LIMIT,
    HALF,
    LEAST_PROBABILITY,
    BitCoder,
    BitDecoder,
    BitEncoder,
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
from minbits.codec.range_decoder import PRECISION, PROBABILITY_BITS, invalid_code_word

Function = TypeVar("Function", bound=Callable[..., Any])
Counts = npt.NDArray[np.int64]
State = npt.NDArray[np.uint64]

_ONE = 1 << PROBABILITY_BITS
_FREE_PARTS = (1 << PRECISION) - 2
_EXCESS = 1 + SHARED_FLAG  # place of the first model of the excess code
_MODELS = _EXCESS + MAX_EXPONENT + 1
# What a compiled reader returns: done, a word that no encoder writes, an integer too long.
_DONE, _INVALID, _TOO_LONG = 0, 1, 2


def _contexts(family: str) -> list[Context]:
    flags: list[Context] = [(family, "nonzero")]
    flags += [(family, "more", number) for number in range(1, SHARED_FLAG + 1)]
    return flags + [(family, "excess", exponent) for exponent in range(MAX_EXPONENT + 1)]


def _compiled(function: Function) -> Function:
    """Compile, with the result kept on disk where that can be written."""
    compiled: Any
    try:
        compiled = njit(cache=True)(function)
    except RuntimeError:  # numba finds no folder for it
        compiled = njit(function)
    found: Function = compiled
    return found


@_compiled
def _probability(counts: Counts, model: int) -> int:
    zeros, ones = counts[model]
    found: int = ((2 * ones + 1) << PROBABILITY_BITS) // (2 * (zeros + ones) + 2)
    return min(max(found, LEAST_PROBABILITY), _ONE - LEAST_PROBABILITY)


@_compiled
def _update(counts: Counts, model: int, bit: int) -> None:
    counts[model, bit] += 1
    total = counts[model, 0] + counts[model, 1]
    if total >= COUNT_LIMIT:
        limit = COUNT_LIMIT // 2
        counts[model, 1] = counts[model, 1] * limit // total
        counts[model, 0] = counts[model, 0] * limit // total


@_compiled
def _bit_count(levels: IntegerArray) -> int:
    total = 0
    for level in levels:
        magnitude = abs(int(level))
        total += 1
        if magnitude:
            total += 1 + min(magnitude, UNARY_FLAGS)
        if magnitude > UNARY_FLAGS:
            shifted = magnitude - UNARY_FLAGS - 1 + (1 << EXCESS_ORDER)
            width = 0
            while shifted >> (width + 1):
                width += 1
            total += width - EXCESS_ORDER + 1 + width
    return total


@_compiled
def _write(levels: IntegerArray, counts: Counts, bits: Counts, probabilities: Counts) -> None:
    at = 0
    for level in levels:
        magnitude = abs(int(level))
        bits[at], probabilities[at] = magnitude != 0, _probability(counts, 0)
        _update(counts, 0, bits[at])
        at += 1
        if magnitude == 0:
            continue
        bits[at], probabilities[at] = level < 0, HALF
        at += 1
        for number in range(1, UNARY_FLAGS + 1):
            model = min(number, SHARED_FLAG)
            bits[at], probabilities[at] = magnitude > number, _probability(counts, model)
            _update(counts, model, bits[at])
            at += 1
            if magnitude <= number:
                break
        if magnitude > UNARY_FLAGS:
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


@_compiled
def _read_bit(words: npt.NDArray[np.uint32], state: State, probability: int) -> int:
    """Read a bit, or return -1; ``state`` holds lower, range, point and the words read."""
    one = np.uint64(1)
    scale = state[1] >> np.uint64(PRECISION)
    zeros = np.uint64(1 + ((_ONE - probability) * _FREE_PARTS >> PROBABILITY_BITS))
    part = (state[2] - state[0]) // scale
    if part < zeros:
        bit = 0
        state[1] = scale * zeros
    elif part >> np.uint64(PRECISION):
        return -1
    else:
        bit = 1
        state[0] = state[0] + scale * zeros
        state[1] = scale * ((one << np.uint64(PRECISION)) - zeros)
    if state[1] < one << np.uint64(32):
        word = np.uint64(0)
        if state[3] < np.uint64(len(words)):
            word = np.uint64(words[state[3]])
        state[3] = state[3] + one
        state[0] = state[0] << np.uint64(32)
        state[1] = state[1] << np.uint64(32)
        state[2] = state[2] << np.uint64(32) | word
    return bit


@_compiled
def _read_flag(words: npt.NDArray[np.uint32], state: State, counts: Counts, model: int) -> int:
    """Read an adaptive bit and count it, or return -1."""
    bit = _read_bit(words, state, _probability(counts, model))
    if bit >= 0:
        _update(counts, model, bit)
    return bit


@_compiled
def _read_excess(words: npt.NDArray[np.uint32], state: State, counts: Counts) -> int:
    """Read what a magnitude has beyond the unary flags, or return minus the outcome."""
    exponent = EXCESS_ORDER
    while True:
        bit = _read_flag(words, state, counts, _EXCESS + exponent)
        if bit < 0:
            return -_INVALID
        if bit == 0:
            break
        exponent += 1
        if exponent > MAX_EXPONENT:
            return -_TOO_LONG
    shifted = 1
    for _ in range(exponent):
        bit = _read_bit(words, state, HALF)
        if bit < 0:
            return -_INVALID
        shifted = shifted << 1 | bit
    return shifted - (1 << EXCESS_ORDER)


@_compiled
def _read_magnitude(words: npt.NDArray[np.uint32], state: State, counts: Counts) -> int:
    """Read the magnitude of a level that is not zero, or return minus the outcome."""
    for magnitude in range(1, UNARY_FLAGS + 1):
        bit = _read_flag(words, state, counts, min(magnitude, SHARED_FLAG))
        if bit <= 0:
            return magnitude if bit == 0 else -_INVALID
    excess = _read_excess(words, state, counts)
    return UNARY_FLAGS + 1 + excess if excess >= 0 else excess


@_compiled
def _read(words: npt.NDArray[np.uint32], state: State, counts: Counts, levels: IntegerArray) -> int:
    for index in range(len(levels)):
        bit = _read_flag(words, state, counts, 0)
        if bit < 0:
            return _INVALID
        levels[index] = 0
        if bit == 0:
            continue
        negative = _read_bit(words, state, HALF)
        if negative < 0:
            return _INVALID
        magnitude = _read_magnitude(words, state, counts)
        if magnitude < 0:
            return -magnitude
        levels[index] = -magnitude if negative else magnitude
    return _DONE


def _decode(decoder: BitDecoder, counts: Counts, count: int) -> IntegerArray:
    source = decoder.source
    state = np.array([source.lower, source.range, source.point, source.place], np.uint64)
    levels = np.empty(count, np.int32)
    outcome = _read(source.words, state, counts, levels)
    if outcome == _INVALID:
        raise invalid_code_word()
    if outcome == _TOO_LONG:
        raise integer_too_long()
    source.lower, source.range, source.point, source.place = (int(part) for part in state)
    return levels


def code_large_levels(
    coder: BitCoder, bank: ModelBank, family: str, shape: tuple[int, ...], levels: IntegerArray
) -> IntegerArray:
    """Code a tensor in row-major order with the models of ``family``; a decoder passes no levels.

    Raises:
        NetworkFileError: if no encoder can have written what is read.
    """
    models = [bank.model(context) for context in _contexts(family)]
    counts = np.array([(model.zeros, model.ones) for model in models], np.int64)
    assert len(counts) == _MODELS
    if isinstance(coder, BitEncoder):
        result = levels.astype(np.int32, copy=False).ravel()
        size = _bit_count(result)
        bits, probabilities = np.empty(size, np.int64), np.empty(size, np.int64)
        _write(result, counts, bits, probabilities)
        coder.code_many(bits, probabilities)
    else:
        assert isinstance(coder, BitDecoder)
        result = _decode(coder, counts, math.prod(shape))
    for model, (zeros, ones) in zip(models, counts.tolist(), strict=True):
        model.zeros, model.ones = zeros, ones
    return result.reshape(shape)
