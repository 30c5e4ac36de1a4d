"""Counts of pixels in their causal neighbourhood, backed off from large to small ones."""

from __future__ import annotations

import lzma
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.information.rung import FittedModel, FloatArray
from minbits.information.symbols import SymbolArray, SymbolSet
from minbits.units import bytes_to_bits

# Sizes of the nested neighbourhoods; a table of 2^22 contexts is the largest one kept.
ORDERS = (2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22)
_REACH = 4
_STRENGTHS = (1.0, 4.0, 12.0, 36.0)
# Keeps a pixel that never varied in a neighbourhood from costing infinitely much when it does.
_LEAST_CHANCE = 1e-7
_SECONDS_A_PIXEL = 2e-8
_CHUNK = 4096

Contexts = npt.NDArray[np.int32]


def causal_neighbours(count: int) -> list[tuple[int, int]]:
    """Return the ``count`` nearest ``(row, column)`` offsets that come before a pixel, by rows."""
    offsets = [
        (row, column)
        for row in range(-_REACH, 1)
        for column in range(-_REACH, _REACH + 1)
        if row < 0 or column < 0
    ]
    offsets.sort(key=lambda offset: (offset[0] ** 2 + offset[1] ** 2, -offset[0], offset[1]))
    return offsets[:count]


def contexts(images: npt.NDArray[np.uint8], order: int) -> Contexts:
    """Return each pixel's context as a number below ``2 ** order``, or beyond it where it is blank.

    A context without a single on pixel says little but its place: it becomes ``2 ** order + place``.

    Args:
        images: shape ``(examples, height, width)``, 0 and 1; beyond the edge all is 0.
        order: how many neighbours.

    Returns:
        Shape ``(examples, height, width)``.
    """
    _, height, width = images.shape
    padded = np.pad(images, ((0, 0), (_REACH, 0), (_REACH, _REACH)))
    found = np.zeros(images.shape, np.int32)
    for bit, (row, column) in enumerate(causal_neighbours(order)):
        top, left = _REACH + row, _REACH + column
        found |= padded[:, top : top + height, left : left + width].astype(np.int32) << bit
    places = np.arange(height * width, dtype=np.int32).reshape(height, width)
    return np.where(found == 0, (1 << order) + places, found)


@dataclass(frozen=True, eq=False)
class ContextTable:
    """How often a pixel was off and on in each context, shape ``(2, 2 ** order + pixels)``."""

    order: int
    counts: npt.NDArray[np.int64]


def count_contexts(images: npt.NDArray[np.uint8], order: int) -> ContextTable:
    """Count training pixels by context."""
    pixels = images.shape[1] * images.shape[2]
    size = (1 << order) + pixels
    counts = np.zeros(2 * size, np.int64)
    for start in range(0, len(images), _CHUNK):
        chunk = images[start : start + _CHUNK]
        cells = contexts(chunk, order) + chunk.astype(np.int32) * np.int32(size)
        counts += np.bincount(cells.ravel(), minlength=2 * size)
    return ContextTable(order, counts.reshape(2, size))


class BackedOff:
    """Probabilities of an on pixel, order by order: few counts lean on the order before."""

    def __init__(self, images: npt.NDArray[np.uint8], strength: float) -> None:
        self._images = images
        self._strength = strength
        self.on: FloatArray = np.full(images.shape, 0.5)

    def refine(self, table: ContextTable) -> None:
        """Take the next order into account: ``(n1 + s p) / (n0 + n1 + s)``."""
        where = contexts(self._images, table.order)
        off, on = table.counts[0][where], table.counts[1][where]
        found = (on + self._strength * self.on) / (off + on + self._strength)
        self.on = np.clip(found, _LEAST_CHANCE, 1 - _LEAST_CHANCE)

    def bits(self) -> FloatArray:
        """Return the code length of each image."""
        chances = np.where(self._images == 1, self.on, 1 - self.on)
        result: FloatArray = -np.log2(chances).reshape(len(self._images), -1).sum(axis=1)
        return result


def _images(codes: SymbolArray, shape: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
    """Return binary images of shape ``(examples, height, width)``; channels one below another."""
    channels, height, width = shape
    return codes.reshape(len(codes), channels * height, width).astype(np.uint8)


class ContextCounts:
    """A table of pixel counts for each causal neighbourhood, as bi-level image coders have it."""

    key = "context_counts"
    title = "counts in causal neighbourhoods"
    source = (
        "contexts: Langdon & Rissanen 1981; back-off with pseudo-counts: MacKay & Peto 1995"
    )
    most_seconds = 60.0

    def obstacle(self, symbols: SymbolSet) -> str | None:
        """Refuse what is no binary image."""
        if symbols.image_shape is None:
            return "it is for images"
        return None if symbols.is_binary else "it is for binary images"

    def least_seconds(self, symbols: SymbolSet) -> float:
        """Return about how long all orders take."""
        held_out = symbols.validation.size * len(_STRENGTHS) + symbols.test.size
        return (symbols.train.size + held_out) * len(ORDERS) * _SECONDS_A_PIXEL

    def fit(self, symbols: SymbolSet, seconds: float) -> FittedModel:
        """Count every order; choose order and strength on validation."""
        assert symbols.image_shape is not None
        end = time.monotonic() + seconds
        train, validation, test = (
            _images(part, symbols.image_shape) for part in symbols.parts()
        )
        # Enough to choose two settings by, and a fifth of the time.
        validation = validation[:2000]
        ways = [BackedOff(validation, strength) for strength in _STRENGTHS]
        tables: list[ContextTable] = []
        best = (np.inf, 0, _STRENGTHS[0])
        for order in ORDERS:
            tables.append(count_contexts(train, order))
            for way, strength in zip(ways, _STRENGTHS, strict=True):
                way.refine(tables[-1])
                best = min(best, (float(way.bits().mean()), order, strength))
            if best[1] < order or time.monotonic() > end:
                break
        bits, order, strength = best
        used = [table for table in tables if table.order <= order]
        return FittedModel(
            test_bits=_coded(test, used, strength),
            validation_bits=bits,
            train_bits=float(_coded(train[:2000], used, strength).mean()),
            parameter_bits=_table_bits(used),
            settings=f"up to {order} causal neighbours, order by order; {strength:g} pseudo-counts "
            "for the order below; blank contexts by their place",
        )


def _coded(
    images: npt.NDArray[np.uint8], tables: list[ContextTable], strength: float
) -> FloatArray:
    parts = []
    for start in range(0, len(images), _CHUNK):
        way = BackedOff(images[start : start + _CHUNK], strength)
        for table in tables:
            way.refine(table)
        parts.append(way.bits())
    return np.concatenate(parts)


def _table_bits(tables: list[ContextTable]) -> int:
    """Return 8 times the length of the file of all counts, as 32-bit integers under xz."""
    packer = lzma.LZMACompressor(preset=1)
    length = 0
    for table in tables:
        # Small orders follow from the largest but for blank contexts; kept plain all the same.
        length += len(packer.compress(table.counts.astype("<u4").tobytes()))
    return bytes_to_bits(length + len(packer.flush()))
