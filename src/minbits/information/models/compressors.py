"""General-purpose compressors and lossless image formats on the same symbols."""

from __future__ import annotations

import bz2
import importlib.util
import io
import lzma
import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image

from minbits.information.rung import FittedModel
from minbits.information.symbols import SymbolArray, SymbolSet
from minbits.units import bytes_to_bits

_SECONDS_A_SYMBOL = 6e-7
# WebP holds no longer side.
_MAX_SIDE = 16_383

Pack = Callable[[bytes], bytes]
Draw = Callable[[Image.Image], bytes]


def _plain_bytes(symbols: SymbolArray, sizes: npt.NDArray[np.int64]) -> bytes:
    """Return symbols one after the other, in as few whole bytes as hold them all."""
    kind = "u1" if sizes.max() <= 256 else "<u2"
    return symbols.astype(kind).tobytes()


def _packed_bytes(symbols: SymbolArray) -> bytes:
    """Return binary symbols eight to a byte, each example from a new byte on."""
    return np.packbits(symbols.astype(np.uint8), axis=1).tobytes()


def _xz(data: bytes) -> bytes:
    return lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)


def _bz2(data: bytes) -> bytes:
    return bz2.compress(data, 9)


def _zstd(data: bytes) -> bytes:
    # An extra, imported only where it is used.
    import zstandard

    return zstandard.ZstdCompressor(level=19).compress(data)


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _webp(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "WEBP", lossless=True, quality=100, method=4)
    return buffer.getvalue()


class _Compressor:
    """What both kinds share: the code of all test examples in one file, nothing fitted before."""

    most_seconds = 30.0

    def __init__(self, key: str, title: str, source: str, module: str | None = None) -> None:
        self.key = key
        self.title = title
        self.source = source
        self._module = module

    def obstacle(self, symbols: SymbolSet) -> str | None:
        """Refuse without the package that it needs."""
        del symbols
        if self._module is not None and importlib.util.find_spec(self._module) is None:
            return f"it needs pip install 'minbits[{self._module}]'"
        return None

    def least_seconds(self, symbols: SymbolSet) -> float:
        """Return about how long it takes."""
        return (symbols.test.size + symbols.validation.size) * _SECONDS_A_SYMBOL

    @staticmethod
    def _result(sizes: tuple[int, int], symbols: SymbolSet, settings: str) -> FittedModel:
        validation, test = sizes
        each = bytes_to_bits(test) / len(symbols.test)
        mean = bytes_to_bits(validation) / len(symbols.validation)
        return FittedModel(
            test_bits=np.full(len(symbols.test), each),
            validation_bits=mean,
            train_bits=mean,
            surprise_bits=mean,
            parameter_bits=0,
            settings=settings,
            is_whole_set=True,
        )


class ByteCompressor(_Compressor):
    """A compressor of bytes; for binary symbols, one or eight to a byte, whichever is shorter."""

    def __init__(
        self, key: str, title: str, source: str, pack: Pack, module: str | None = None
    ) -> None:
        super().__init__(key, title, source, module)
        self._pack = pack

    def fit(self, symbols: SymbolSet, seconds: float) -> FittedModel:
        """Compress all test examples into one file."""
        del seconds
        layouts: list[tuple[str, Callable[[SymbolArray], bytes]]] = [
            ("whole bytes", lambda part: _plain_bytes(part, symbols.sizes))
        ]
        if symbols.is_binary:
            layouts.append(("eight to a byte", _packed_bytes))
        lengths = [len(self._pack(layout(symbols.validation))) for _, layout in layouts]
        best = int(np.argmin(lengths))
        name, layout = layouts[best]
        sizes = (lengths[best], len(self._pack(layout(symbols.test))))
        return self._result(
            sizes, symbols, f"all {len(symbols.test):,} test examples in one file, symbols {name}"
        )


class ImageCompressor(_Compressor):
    """A lossless image format, on one large picture of all images."""

    def __init__(self, key: str, title: str, source: str, draw: Draw) -> None:
        super().__init__(key, title, source)
        self._draw = draw

    def obstacle(self, symbols: SymbolSet) -> str | None:
        """Refuse what is no image of bytes."""
        if symbols.image_shape is None:
            return "it is for images"
        if symbols.image_shape[0] not in (1, 3):
            return "it is for grey and colour images"
        return None if symbols.sizes.max() <= 256 else "it is for at most 256 grey values"

    def fit(self, symbols: SymbolSet, seconds: float) -> FittedModel:
        """Draw all test images side by side and save the picture."""
        del seconds
        sizes = [
            sum(len(self._draw(sheet)) for sheet in _sheets(part, symbols))
            for part in (symbols.validation, symbols.test)
        ]
        settings = f"all {len(symbols.test):,} test images side by side in one picture"
        return self._result((sizes[0], sizes[1]), symbols, settings)


def _sheets(part: SymbolArray, symbols: SymbolSet) -> list[Image.Image]:
    """Return pictures that show all images side by side, as square as can be."""
    assert symbols.image_shape is not None
    channels, height, width = symbols.image_shape
    per_row = max(1, min(math.ceil(math.sqrt(len(part))), _MAX_SIDE // width))
    per_sheet = per_row * max(1, min(per_row, _MAX_SIDE // height))
    sheets = []
    for start in range(0, len(part), per_sheet):
        images = part[start : start + per_sheet].astype(np.uint8)
        rows = math.ceil(len(images) / per_row)
        # Places left over stay blank; they cost next to nothing.
        full = np.zeros((rows * per_row, channels, height, width), np.uint8)
        full[: len(images)] = images.reshape(-1, channels, height, width)
        grid = full.reshape(rows, per_row, channels, height, width).transpose(0, 3, 1, 4, 2)
        picture = grid.reshape(rows * height, per_row * width, channels)
        if channels == 3:
            sheets.append(Image.fromarray(picture, "RGB"))
        elif symbols.is_binary:
            sheets.append(Image.fromarray(picture[:, :, 0] * np.uint8(255)).convert("1"))
        else:
            sheets.append(Image.fromarray(picture[:, :, 0]))
    return sheets


COMPRESSORS: tuple[ByteCompressor | ImageCompressor, ...] = (
    ByteCompressor("bz2", "bzip2", "Burrows & Wheeler 1994; Python's bz2, level 9", _bz2),
    ByteCompressor("xz", "xz", "LZMA2; Python's lzma, preset 9 extreme", _xz),
    ByteCompressor("zstd", "Zstandard", "RFC 8878; python-zstandard, level 19", _zstd, "zstandard"),
    ImageCompressor("png", "PNG", "ISO/IEC 15948; Pillow, optimised", _png),
    ImageCompressor("webp", "WebP, lossless", "RFC 9649; Pillow, quality 100", _webp),
)
