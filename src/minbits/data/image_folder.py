"""Folders of images, one folder a class; with or without ``train`` and ``test`` above them."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from minbits.data.assemble import Pair, assemble
from minbits.data.large_arrays import IN_MEMORY_BYTES, allocate
from minbits.data.limits import MAX_PIXELS, check_ratio
from minbits.data.options import LoadOptions
from minbits.data.reading import reading
from minbits.errors import DataError
from minbits.files import open_regular
from minbits.types import DataSet

_SUFFIXES = frozenset([".png", ".jpg", ".jpeg"])
_GREY = frozenset(["1", "L"])
_COLOUR = frozenset(["RGB", "P"])
_WITH_ALPHA = frozenset(["RGBA", "LA"])

Bytes = npt.NDArray[np.uint8]
Example = tuple[Path, str]


def is_image(path: Path) -> bool:
    """Whether a file is called as images are that can be read."""
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")


def is_image_folder(path: Path) -> bool:
    """Return whether a folder has folders with PNG or JPEG files, at most two levels down."""
    return any(
        is_image(file)
        for pattern in ("*/*", "*/*/*")
        for file in path.glob(pattern)
        if file.is_file()
    )


def _examples(folder: Path) -> list[Example]:
    """Return image paths with the name of their class folder, in the order of names."""
    found: list[Example] = []
    for group in sorted(item for item in folder.iterdir() if item.is_dir()):
        _check_class_name(group)
        files = sorted(file for file in group.iterdir() if is_image(file))
        if not files and not group.name.startswith("."):
            raise DataError(str(group), "no PNG or JPEG", "images of one class", "Remove it.")
        found.extend((file, group.name) for file in files)
    if not found:
        raise DataError(str(folder), "no images", "one folder a class", "Check the folder.")
    return found


def _check_class_name(group: Path) -> None:
    """Refuse a class whose name is no text."""
    try:
        group.name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(
            str(group), "a name that is not UTF-8", "the name of a class, in UTF-8", "Rename it."
        ) from error


def read_image(path: Path, resize: tuple[int, int] | None) -> Bytes:
    """Return an image's bytes, shape ``(channels, height, width)`` with one channel or three.

    Raises:
        DataError: if the file is broken, too large, 16 bits deep or truly transparent.
    """
    where = str(path)
    with reading(path, "a whole PNG or JPEG", "Replace or remove it."), warnings.catch_warnings():
        # Pillow warns of what is refused below, and of blocks of text that nobody reads.
        warnings.simplefilter("ignore")
        try:
            with open_regular(path) as file, Image.open(file, formats=("PNG", "JPEG")) as image:
                _check_pixels(
                    image.width * image.height, f"{image.width:,} x {image.height:,}", where
                )
                image.load()
                return _to_bytes(image, where, resize)
        except UnidentifiedImageError as error:
            raise DataError(where, "no PNG or JPEG inside", "an image", "Remove it.") from error
        except Image.DecompressionBombError as error:
            expected = f"at most {MAX_PIXELS:,} pixels"
            raise DataError(where, str(error), expected, "Make it smaller first.") from error


def _check_pixels(pixels: int, shape: str, where: str) -> None:
    if pixels > MAX_PIXELS:
        raise DataError(
            where, f"{shape} pixels", f"at most {MAX_PIXELS:,} pixels", "Make it smaller first."
        )


def _to_bytes(image: Image.Image, where: str, resize: tuple[int, int] | None) -> Bytes:
    mode = image.mode
    if mode in _WITH_ALPHA:
        alpha = image.getchannel("A").getextrema()
        if alpha != (255, 255):
            raise DataError(where, "transparent pixels", "opaque images", "Flatten it first.")
        image = image.convert(mode[:-1])
    elif mode == "P":
        image = image.convert("RGB")
    elif mode == "1":
        image = image.convert("L")
    elif mode not in _GREY | _COLOUR:
        raise DataError(where, f"pixels of mode {mode}", "8-bit grey or RGB", "Convert it.")
    if resize is not None:
        height, width = resize
        image = image.resize((width, height), Image.Resampling.BOX)
    array = np.asarray(image, np.uint8)
    return array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1))


def _read_all(examples: list[Example], resize: tuple[int, int] | None) -> Pair:
    """Return all images in one array, and their class names."""
    first = read_image(examples[0][0], resize)
    channels, height, width = first.shape
    packed = sum(path.stat().st_size for path, _ in examples)
    check_ratio(
        f"the folder of {examples[0][0]}", packed, len(examples) * first.size,
        "Bring the images to a smaller size with `resize`.", IN_MEMORY_BYTES,
    )  # fmt: skip
    images = allocate((len(examples), channels, height, width), np.uint8)
    for index, (path, _) in enumerate(examples):
        image = read_image(path, resize)
        if image.shape[1:] != (height, width):
            raise DataError(
                str(path),
                f"{image.shape[1]} x {image.shape[2]} pixels",
                f"{height} x {width}, as {examples[0][0].name} has",
                f"Bring all to one size with `resize` {height}x{width}.",
            )
        if image.shape[0] != channels:
            kinds = {1: "grey", 3: "colour"}
            raise DataError(
                str(path),
                f"a {kinds[image.shape[0]]} image",
                f"{kinds[channels]} images, as {examples[0][0].name} is",
                "Convert them to one kind.",
            )
        images[index] = image
    return images, np.array([label for _, label in examples])


def load_image_folder(path: Path, options: LoadOptions) -> DataSet:
    """Load a folder with one folder of images a class.

    Folders ``train`` and ``test`` that hold the class folders give the split; otherwise a fifth of
    every class becomes the test set. Images keep their size unless ``resize`` is given, and must
    then all be of the same one; resizing averages over boxes.

    Raises:
        DataError: if an image is broken, too large or of another size or kind than the first.
    """
    options.refuse("a folder of images", "label", "categorical")
    name = path.resolve().name
    origin = f"image folder {name}"
    if options.resize is not None:
        origin += f", resized to {options.resize[0]}x{options.resize[1]}"
    if (path / "train").is_dir() and (path / "test").is_dir():
        train = _read_all(_examples(path / "train"), options.resize)
        test: Pair | None = _read_all(_examples(path / "test"), options.resize)
    else:
        train, test = _read_all(_examples(path), options.resize), None
    found = assemble(name, train, test, where=str(path), origin=origin)
    return dataclasses.replace(found, resized=options.resize)
