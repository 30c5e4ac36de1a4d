"""Which pixels to train on: the certain ones rarely, each kept one weighted up in return."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from minbits.information.models.context_kernels import REACH, causal_neighbours

# Neighbours of the context, and codes of a grey value.
_ORDER = 10
_CODES = 8
_COUNTED_IMAGES = 10_000

Floats32 = npt.NDArray[np.float32]


class PixelSampler:
    """Keeps each pixel with a chance that grows with how uncertain its context leaves it.

    The gradient of a pixel's code length has a second moment of about ``sum p (1 - p)``, so that
    chances in proportion to its root waste least (importance sampling, Kahn & Marshall 1953). A
    kept pixel counts ``1 / chance``, hence the sum over an image stays unbiased.

    Attributes:
        chances: of each context, shape ``(contexts,)``.
        shares: distribution of the codes of a pixel in each context, ``(contexts, codes)``.
    """

    def __init__(
        self, images: npt.NDArray[np.integer], symbols: int, full_spread: float, least: float
    ) -> None:
        """Count contexts.

        Args:
            images: training symbols, shape ``(examples, height, columns)``.
            symbols: how many symbols a pixel has.
            full_spread: root of ``sum p (1 - p) / 2`` from which on every pixel is kept.
            least: chance of the most certain pixel.
        """
        self._symbols = symbols
        codes = min(_CODES, symbols)
        size = (1 << _ORDER) + images.shape[1] * images.shape[2]
        counts = np.full(size * codes, 0.05)
        for start in range(0, min(len(images), _COUNTED_IMAGES), 1000):
            chunk = images[start : start + 1000]
            cells = self.contexts(chunk) * codes + self._codes(chunk, codes)
            counts += np.bincount(cells.ravel(), minlength=size * codes)
        shares = counts.reshape(size, codes)
        shares /= shares.sum(axis=1, keepdims=True)
        self.shares = shares
        spread = np.sqrt((shares * (1 - shares)).sum(axis=1) / 2)
        self.chances: Floats32 = np.minimum(1, spread / full_spread + least).astype(np.float32)

    def _codes(self, images: npt.NDArray[np.integer], codes: int) -> npt.NDArray[np.int64]:
        if self._symbols <= codes:
            return images.astype(np.int64)
        # Blank pixels by themselves, the others by size.
        scaled = (images.astype(np.int64) - 1) * (codes - 1) // (self._symbols - 1) + 1
        return np.where(images == 0, 0, scaled)

    @staticmethod
    def contexts(images: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Return the context of each pixel, from which neighbours are on."""
        on = (images > 0).astype(np.int64)
        _, height, width = on.shape
        padded = np.pad(on, ((0, 0), (REACH, 0), (REACH, REACH)))
        found = np.zeros(on.shape, np.int64)
        for bit, (row, column) in enumerate(causal_neighbours(_ORDER)):
            top, left = REACH + row, REACH + column
            found |= padded[:, top : top + height, left : left + width] << bit
        # A blank neighbourhood says little but its place.
        places = np.arange(height * width).reshape(height, width)
        return np.where(found == 0, (1 << _ORDER) + places, found)

    def keep(
        self, images: npt.NDArray[np.integer], generator: np.random.Generator
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats32]:
        """Draw pixels of a batch.

        Args:
            images: shape ``(examples, height, columns)``.
            generator: source of chance.

        Returns:
            Places in the flattened batch, their contexts, and the weight of each.
        """
        found = self.contexts(images).ravel()
        chances = self.chances[found]
        kept = np.flatnonzero(generator.random(len(chances), np.float32) < chances).astype(np.int64)
        return kept, found[kept], (1 / chances[kept]).astype(np.float32)
