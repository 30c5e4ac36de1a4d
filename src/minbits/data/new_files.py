"""Files of examples that a network never saw, with or without labels."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.data.assemble import read_failure
from minbits.data.companion import Companion
from minbits.data.csv_file import csv_cells
from minbits.data.idx import read_idx
from minbits.data.image_file import is_image, read_image
from minbits.data.new_rows import array_examples, new_examples
from minbits.data.numpy_files import map_npy, read_npz
from minbits.data.options import LoadOptions
from minbits.data.parquet import parquet_cells
from minbits.data.series_file import read_series
from minbits.data.stored_encoding import NewExamples, TableCells, encode_rows, known_labels
from minbits.errors import DataError

_TABLES = "a .csv, .parquet, .npy or .npz file"
_ARRAYS = "an .npy, .npz, .ts or IDX file, an image, or a folder of images"
_INPUTS = ("x", "x_test")
_TRUTH = {"x": "y", "x_test": "y_test"}

Read = Callable[[Path], TableCells]
_CELLS: dict[str, Read] = {
    **dict.fromkeys((".csv", ".tsv", ".tab", ".txt", ".data", ".dat"), csv_cells),
    ".parquet": parquet_cells, ".pq": parquet_cells,
}  # fmt: skip


def read_new_examples(
    companion: Companion, path: Path, resize: tuple[int, int] | None = None
) -> NewExamples:
    """Return the examples of a file or a folder as the inputs of a network.

    Args:
        companion: of the network file.
        path: of the examples.
        resize: height and width that images are brought to; None takes those of training, where
            they were brought to a size there.

    Raises:
        DataError: if the file cannot be read, or holds no examples for this network; row and
            column, or the image, are named.
    """
    try:
        if not path.exists():
            raise DataError(str(path), "no such file", _expected(companion), "Check the path.")
        if path.is_dir():
            return _image_folder(companion, path, resize)
    except OSError as error:
        raise read_failure(path, error) from error
    suffix = path.suffix.lower()
    unzipped = path.with_suffix("").suffix.lower() if suffix == ".gz" else suffix
    if _CELLS.get(unzipped) is csv_cells and companion.columns is not None:
        return encode_rows(companion, csv_cells(path))
    if suffix in _CELLS and companion.columns is not None:
        return encode_rows(companion, _CELLS[suffix](path))
    if suffix in (".npy", ".npz"):
        array, labels = _read_arrays(path, suffix)
        return _with_labels(new_examples(companion, array, str(path)), labels, companion, path)
    found = None if companion.columns is not None else _arrays(companion, path, resize)
    if found is not None:
        return found
    got = f"a file of type '{path.suffix}'"
    raise DataError(str(path), got, _expected(companion), "Give the kind that it was trained on.")


def _arrays(companion: Companion, path: Path, resize: tuple[int, int] | None) -> NewExamples | None:
    """Return the examples of a file that no table is in; None for one of no known kind."""
    where = str(path)
    if path.suffix.lower() == ".ts":
        array, labels = read_series(path)
        found = array_examples(companion, array, where, channels_first=True)
        return _with_labels(found, labels, companion, path)
    if is_image(path):
        return _images(companion, [path], resize)
    return array_examples(companion, read_idx(path), where) if _is_idx(path) else None


def _expected(companion: Companion) -> str:
    return _ARRAYS if companion.columns is None else _TABLES


def _is_idx(path: Path) -> bool:
    return any(part.startswith(("idx", "ubyte")) for part in path.name.replace("-", ".").split("."))


def _read_arrays(path: Path, suffix: str) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    """Return inputs, and labels where the file has some."""
    if suffix == ".npy":
        return map_npy(path), None
    arrays = read_npz(path)
    name = next((name for name in _INPUTS if name in arrays), None)
    if name is None and len(arrays) == 1:
        name = next(iter(arrays))
    if name is None:
        raise DataError(
            str(path), f"arrays {', '.join(sorted(arrays)) or 'none'}",
            "one array, or the inputs as x", "Rename the array.",
        )  # fmt: skip
    return arrays[name], arrays.get(_TRUTH.get(name, ""))


def _with_labels(
    found: NewExamples, labels: npt.NDArray[Any] | None, companion: Companion, path: Path
) -> NewExamples:
    if labels is None:
        return found
    if labels.shape != (len(found.inputs),):
        raise DataError(
            str(path), f"labels of shape {labels.shape}", f"({len(found.inputs)},), one an example",
            "Match the arrays, or leave the labels out.",
        )  # fmt: skip
    texts = known_labels([str(label) for label in labels.tolist()], companion.class_names)
    return NewExamples(found.inputs, found.names, texts, found.remarks)


# --- images


def _image_folder(companion: Companion, path: Path, resize: tuple[int, int] | None) -> NewExamples:
    if companion.columns is not None:
        raise DataError(str(path), "a folder", _TABLES, "Give the kind that it was trained on.")
    files = sorted(
        Path(folder) / name
        for folder, _, names in os.walk(path)
        for name in names
        if is_image(Path(name))
    )
    if not files:
        raise DataError(str(path), "no images in the folder", _ARRAYS, "Check the folder.")
    return _images(companion, files, resize)


def _images(companion: Companion, files: list[Path], resize: tuple[int, int] | None) -> NewExamples:
    options = LoadOptions(resize=resize or companion.resize)
    channels, height, width = companion.input_shape
    inputs = np.empty((len(files), channels, height, width), np.uint8)
    for index, file in enumerate(files):
        image = read_image(file, options)
        if image.shape[1:] != (height, width):
            raise DataError(
                str(file), f"{image.shape[1]} x {image.shape[2]} pixels",
                f"{height} x {width}, as in training",
                f"Bring it to that size with `resize` {height}x{width}.",
            )  # fmt: skip
        if image.shape[0] != channels:
            kinds = {1: "a grey image", 3: "a colour image"}
            raise DataError(
                str(file), kinds[image.shape[0]],
                f"{kinds.get(channels, f'{channels} channels')}, as in training", "Convert it.",
            )  # fmt: skip
        inputs[index] = image
    # The folder of an image is its label only where it is called as a class is.
    known = set(companion.class_names)
    labels = [file.parent.name if file.parent.name in known else None for file in files]
    return NewExamples(inputs, [str(file) for file in files], labels)
