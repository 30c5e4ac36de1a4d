"""Counts of pixels in their causal neighbourhood, backed off from large to small ones."""

from __future__ import annotations

import lzma

import numpy as np
import numpy.typing as npt

from minbits.information.models.context_kernels import (
    REACH,
    backed_off_bits,
    causal_neighbours,
    count_orders,
)
from minbits.information.rung import FittedModel, FloatArray
from minbits.information.symbols import SymbolArray, SymbolSet
from minbits.units import bytes_to_bits

# Sizes of the nested neighbourhoods; a table of 2^22 contexts is the largest one kept.
ORDERS = (2, 4, 6, 8, 11, 14, 18, 22)
_STRENGTHS = (1.0, 4.0, 12.0, 36.0)
# Keeps a pixel that never varied in a neighbourhood from costing infinitely much when it does.
_MIN_CHANCE = 1e-7
_SECONDS_A_PIXEL = 1e-7
_CHUNK = 4096
_CHOSEN_BY = 2000


def padded_images(codes: SymbolArray, shape: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
    """Return binary images with a blank margin; channels stand one below another.

    Returns:
        Shape ``(examples, REACH + channels * height, width + 2 * REACH)``.
    """
    channels, height, width = shape
    images = codes.reshape(len(codes), channels * height, width).astype(np.uint8)
    return np.pad(images, ((0, 0), (REACH, 0), (REACH, REACH)))


class ContextTables:
    """How often a pixel was off and on in each context of each order.

    A context without a single on pixel says little but its place: it has one cell for each place.

    Attributes:
        counts: shape ``(cells, 2)``, int64.
    """

    def __init__(self, shape: tuple[int, int, int], orders: tuple[int, ...] = ORDERS) -> None:
        channels, height, width = shape
        self._shape = shape
        self._height, self._width = channels * height, width
        self.orders = np.array(orders, np.int64)
        self._neighbours = causal_neighbours(max(orders))
        sizes = (1 << self.orders) + self._height * self._width
        self._starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self.counts = np.zeros((int(sizes.sum()), 2), np.int64)

    def count(self, codes: SymbolArray) -> None:
        """Count pixels of examples of shape ``(examples, pixels)``."""
        for start in range(0, len(codes), _CHUNK):
            padded = padded_images(codes[start : start + _CHUNK], self._shape)
            count_orders(
                padded,
                self._neighbours,
                self.orders,
                self._starts,
                self._height,
                self._width,
                self.counts,
            )

    def bits(self, codes: SymbolArray, strength: float) -> FloatArray:
        """Return each example's code length when orders end at each one of them.

        Args:
            codes: shape ``(examples, pixels)``.
            strength: pseudo-counts that the order below is worth.

        Returns:
            Shape ``(examples, orders)``.
        """
        bits = np.zeros((len(codes), len(self.orders)))
        for start in range(0, len(codes), _CHUNK):
            rows = slice(start, start + _CHUNK)
            backed_off_bits(
                padded_images(codes[rows], self._shape),
                self._neighbours,
                self.orders,
                self._starts,
                self._height,
                self._width,
                self.counts,
                strength,
                _MIN_CHANCE,
                bits[rows],
            )
        return bits

    def file_bits(self, index: int) -> int:
        """Return 8 times the length of the file of counts up to an order.

        They are 32-bit integers under xz; small orders are kept plain beside large ones.
        """
        size = (1 << int(self.orders[index])) + self._height * self._width
        counts = self.counts[: int(self._starts[index]) + size].astype("<u4")
        return bytes_to_bits(len(lzma.compress(counts.tobytes(), preset=1)))


class ContextCounts:
    """A table of pixel counts for each causal neighbourhood, as bi-level image coders have it."""

    key = "context_counts"
    title = "counts in causal neighbourhoods"
    source = "contexts: Langdon & Rissanen 1981; back-off with pseudo-counts: MacKay & Peto 1995"
    most_seconds = 60.0

    def obstacle(self, symbols: SymbolSet) -> str | None:
        """Refuse what is no binary image."""
        if symbols.image_shape is None:
            return "it is for images"
        return None if symbols.is_binary else "it is for binary images"

    def least_seconds(self, symbols: SymbolSet) -> float:
        """Return about how long all orders take, a second of compilation included."""
        held_out = _CHOSEN_BY * symbols.variables * len(_STRENGTHS) + symbols.test.size
        return 1.0 + (symbols.train.size + held_out) * _SECONDS_A_PIXEL

    def fit(self, symbols: SymbolSet, seconds: float) -> FittedModel:
        """Count every order; choose order and strength on validation."""
        del seconds
        assert symbols.image_shape is not None
        tables = ContextTables(symbols.image_shape)
        tables.count(symbols.train)
        # Enough to choose two settings by, and a fifth of the time.
        some = symbols.validation[:_CHOSEN_BY]
        coded = [tables.bits(some, strength) for strength in _STRENGTHS]
        means = np.array([bits.mean(axis=0) for bits in coded])
        row, index = divmod(int(means.argmin()), means.shape[1])
        strength = _STRENGTHS[row]
        train_bits = tables.bits(symbols.train[:_CHOSEN_BY], strength)[:, index]
        return FittedModel(
            test_bits=tables.bits(symbols.test, strength)[:, index],
            validation_bits=float(means[row, index]),
            train_bits=float(train_bits.mean()),
            surprise_bits=float(max(train_bits.max(), coded[row][:, index].max())),
            parameter_bits=tables.file_bits(index),
            settings=f"up to {ORDERS[index]} causal neighbours, order by order; {strength:g} "
            "pseudo-counts for the order below; blank contexts by their place",
        )
