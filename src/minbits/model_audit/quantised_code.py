"""A model's tensors as one byte string: quantised, entropy-coded, and decoded again.

Layout: a 4-byte length of the tables, the tables (steps and level counts, adaptive Exp-Golomb codes
of the network file), a 4-byte length of the levels in words, the levels of all quantised tensors
(range coded with the counts as their distribution), and the remaining tensors as they are. Names
and shapes are not in it: they belong to the program that the model is, as in a checkpoint of it.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import constriction
import numpy as np
import numpy.typing as npt

from minbits.codec.adaptive_bits import BitCoder, BitEncoder
from minbits.codec.integers import ModelBank, code_plain_bits, code_signed, code_unsigned
from minbits.codec.range_decoder import BitDecoder
from minbits.errors import ArgumentError
from minbits.model_audit.subject import FloatArray

IntArray = npt.NDArray[np.int32]
MAX_LEVELS = 1 << 20


@dataclass(frozen=True, eq=False)
class QuantisedValues:
    """A tensor as integer multiples of a float32 step; ``levels`` is flat."""

    levels: IntArray
    step: np.float32

    @property
    def values(self) -> FloatArray:
        """The values that the levels stand for, flat."""
        return (self.levels * self.step).astype(np.float32)


def quantise(values: FloatArray, step: float) -> QuantisedValues:
    """Round values to multiples of a step.

    Raises:
        ArgumentError: if the step is not positive, or levels would be too many.
    """
    largest = float(np.abs(values).max(initial=0.0))
    if not step > 0 or largest / step > MAX_LEVELS:
        raise ArgumentError(
            "quantise", f"step {step:g} for values up to {largest:g}", "a larger step", "Raise it."
        )
    rounded = np.float32(step)
    return QuantisedValues(np.rint(values.ravel() / rounded).astype(np.int32), rounded)


@dataclass(frozen=True, eq=False)
class _Table:
    """Which levels occur in a tensor, and how often."""

    levels: IntArray
    counts: npt.NDArray[np.int64]
    step: np.float32

    def model(self) -> constriction.stream.model.Categorical:
        probabilities = self.counts / self.counts.sum()
        return constriction.stream.model.Categorical(probabilities, perfect=False)


def _code_table(coder: BitCoder, bank: ModelBank, table: _Table | None) -> _Table:
    """Write a table, or read one where ``table`` is None."""
    step_bits = 0 if table is None else int(np.float32(table.step).view(np.uint32))
    step = np.uint32(code_plain_bits(coder, step_bits, 32)).view(np.float32)
    first = 0 if table is None else int(table.levels[0])
    first = code_signed(coder, bank, ("first",), first, order=3)
    size = 0 if table is None else int(table.levels[-1]) - first + 1
    size = 1 + code_unsigned(coder, bank, ("size",), size - 1, order=3)
    dense = np.zeros(size, np.int64)
    if table is not None:
        dense[table.levels - first] = table.counts
    before = 0
    for index in range(size):
        # Neighbouring counts are alike: the length of the one before is the context.
        width = before.bit_length()
        before = code_unsigned(coder, bank, ("count", width), int(dense[index]), max(0, width - 2))
        dense[index] = before
    present = np.flatnonzero(dense)
    return _Table((present + first).astype(np.int32), dense[present], step)


def _table_of(tensor: QuantisedValues) -> _Table:
    levels, counts = np.unique(tensor.levels, return_counts=True)
    return _Table(levels, counts.astype(np.int64), tensor.step)


def encode_tensors(quantised: Sequence[QuantisedValues], exact: Sequence[bytes]) -> bytes:
    """Return one byte string of quantised tensors and of others as their stored bytes."""
    encoder, bank = BitEncoder(), ModelBank()
    tables = []
    for tensor in quantised:
        table = _table_of(tensor)
        _code_table(encoder, bank, table)
        tables.append(table)
    coder = constriction.stream.stack.AnsCoder()
    # A stack: what goes in last comes out first.
    for tensor, table in reversed(list(zip(quantised, tables, strict=True))):
        symbols = np.searchsorted(table.levels, tensor.levels).astype(np.int32)
        if len(table.levels) > 1:
            coder.encode_reverse(symbols, table.model())
    words = coder.get_compressed().astype("<u4").tobytes()
    head = encoder.payload()
    return b"".join(
        [struct.pack("<I", len(head)), head, struct.pack("<I", len(words)), words, *exact]
    )


def decode_tensors(
    packed: bytes, quantised_sizes: Sequence[int], exact_sizes: Sequence[int]
) -> tuple[list[QuantisedValues], list[bytes]]:
    """Return what `encode_tensors` wrote.

    Args:
        packed: the byte string.
        quantised_sizes: values of each quantised tensor.
        exact_sizes: bytes of each other tensor.

    Raises:
        NetworkFileError: if the tables are not valid.
    """
    (length,) = struct.unpack_from("<I", packed)
    decoder, bank = BitDecoder(packed[4 : 4 + length]), ModelBank()
    tables = [_code_table(decoder, bank, None) for _ in quantised_sizes]
    place = 4 + length
    (length,) = struct.unpack_from("<I", packed, place)
    place += 4
    words = np.frombuffer(packed[place : place + length], "<u4").astype(np.uint32)
    place += length
    coder = constriction.stream.stack.AnsCoder(words)
    tensors = []
    for table, size in zip(tables, quantised_sizes, strict=True):
        if len(table.levels) > 1:
            symbols = coder.decode(table.model(), size)
        else:
            symbols = np.zeros(size, np.int32)
        tensors.append(QuantisedValues(table.levels[symbols], table.step))
    exact = []
    for size in exact_sizes:
        exact.append(packed[place : place + size])
        place += size
    return tensors, exact
