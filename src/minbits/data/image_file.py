"""One image file as bytes: grey or RGB, at its own size or another one."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from minbits.data.limits import MAX_PIXELS
from minbits.data.options import LoadOptions
from minbits.data.reading import reading
from minbits.errors import DataError
from minbits.files import open_regular

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
FORMAT_NAMES = "PNG, JPEG, WebP, BMP or GIF"
_SUFFIXES = frozenset([".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"])
_PLAIN = frozenset(["L", "RGB"])
_WITH_ALPHA = frozenset(["RGBA", "LA"])
# Modes whose numbers are no bytes: nobody knows how bright their largest one is.
_DEEP = ("I", "F")
_MODES = {"grey": "L", "rgb": "RGB"}

Bytes = npt.NDArray[np.uint8]


def is_image(path: Path) -> bool:
    """Return whether a file is called as images are, and is not hidden."""
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")


def read_image(path: Path, options: LoadOptions) -> Bytes:
    """Return an image's bytes, shape ``(channels, height, width)`` with one channel or three.

    Of an animation, the first frame is taken.

    Raises:
        DataError: if the file is broken, too large, 16 bits deep or truly transparent.
    """
    where = str(path)
    with (
        reading(path, f"a whole {FORMAT_NAMES}", "Replace or remove it."),
        _quiet(where),
        open_regular(path) as file,
        Image.open(file, formats=FORMATS) as image,
    ):
        _check_pixels(image.width * image.height, f"{image.width:,} x {image.height:,}", where)
        image.load()
        return _to_bytes(image, where, options)


@contextlib.contextmanager
def _quiet(where: str) -> Iterator[None]:
    """Hold back Pillow's warnings, and name what is no image, or too large."""
    with warnings.catch_warnings():
        # It warns of what is refused, and of blocks of text that nobody reads.
        warnings.simplefilter("ignore")
        try:
            yield
        except UnidentifiedImageError as error:
            raise DataError(where, f"no {FORMAT_NAMES} inside", "an image", "Remove it.") from error
        except Image.DecompressionBombError as error:
            expected = f"at most {MAX_PIXELS:,} pixels"
            raise DataError(where, str(error), expected, "Make it smaller first.") from error


def _check_pixels(pixels: int, shape: str, where: str) -> None:
    if pixels > MAX_PIXELS:
        raise DataError(
            where, f"{shape} pixels", f"at most {MAX_PIXELS:,} pixels", "Make it smaller first."
        )


def _opaque(image: Image.Image, where: str, background: str | None) -> Image.Image:
    """Return an image without transparency, laid on a background where there is some."""
    if image.mode not in _WITH_ALPHA:
        image = image.convert("RGBA")
    plain = image.mode[:-1]
    alpha = image.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return image.convert(plain)
    if background is None:
        raise DataError(
            where, "transparent pixels", "opaque images",
            "Lay them on a colour with `background`.",
        )  # fmt: skip
    below = Image.new(plain, image.size, background)
    below.paste(image.convert(plain), mask=alpha)
    return below


def _to_bytes(image: Image.Image, where: str, options: LoadOptions) -> Bytes:
    if image.mode in _WITH_ALPHA or "transparency" in image.info:
        image = _opaque(image, where, options.background)
    elif image.mode == "P":
        image = image.convert("RGB")
    elif image.mode == "1":
        image = image.convert("L")
    if image.mode.startswith(_DEEP) or (image.mode not in _PLAIN and options.colour is None):
        remedy = "Convert it." if image.mode.startswith(_DEEP) else "Convert all with `colour`."
        raise DataError(where, f"pixels of mode {image.mode}", "8-bit grey or RGB", remedy)
    if options.colour is not None:
        image = image.convert(_MODES[options.colour])
    if options.resize is not None:
        height, width = options.resize
        image = image.resize((width, height), Image.Resampling.BOX)
    array = np.asarray(image, np.uint8)
    return array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1))
