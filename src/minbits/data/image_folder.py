"""Folders of images, one folder a class; with or without ``train`` and ``test`` above them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from minbits.data.array_pairs import ArraySource, pair_data_set
from minbits.data.assemble import Pair
from minbits.data.image_file import read_image
from minbits.data.image_layout import Example, find_images, has_images
from minbits.data.large_arrays import IN_MEMORY_BYTES, allocate
from minbits.data.limits import check_ratio
from minbits.data.options import IMAGES, LoadOptions
from minbits.errors import DataError
from minbits.types import DataSet


def is_image_folder(path: Path) -> bool:
    """Return whether a folder holds images, or folders with some, and no IDX files."""
    return path.is_dir() and not any(path.glob("*ubyte*")) and has_images(path)


def _read_all(examples: list[Example], options: LoadOptions) -> Pair:
    """Return all images in one array, and their class names."""
    first = read_image(examples[0][0], options)
    channels, height, width = first.shape
    packed = sum(path.stat().st_size for path, _ in examples)
    check_ratio(
        f"the folder of {examples[0][0]}", packed, len(examples) * first.size,
        "Bring the images to a smaller size with `resize`.", IN_MEMORY_BYTES,
    )  # fmt: skip
    images = allocate((len(examples), channels, height, width), np.uint8)
    for index, (path, _) in enumerate(examples):
        image = read_image(path, options)
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
                "Bring all to one kind with `colour`, grey or rgb.",
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
    options.only("a folder of images", *IMAGES)
    name = path.resolve().name
    origin = f"image folder {name}"
    if options.resize is not None:
        origin += f", resized to {options.resize[0]}x{options.resize[1]}"
    layout = find_images(path, options)
    train = _read_all(layout.train, options)
    test = None if layout.test is None else _read_all(layout.test, options)
    found = pair_data_set(ArraySource(name, str(path), origin), train, test, options)
    resized = None if options.resize is None else (options.resize[0], options.resize[1])
    remarks = (*layout.remarks, *found.remarks)
    return dataclasses.replace(found, remarks=remarks, resized=resized)
