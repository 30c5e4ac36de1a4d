"""The IDX format of the MNIST family: reading one file, and a folder of four."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from minbits.data.assemble import assemble, read_failure
from minbits.errors import DataError
from minbits.records import DataSet

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_STEMS = {
    "train inputs": "train-images-idx3-ubyte",
    "train labels": "train-labels-idx1-ubyte",
    "test inputs": "t10k-images-idx3-ubyte",
    "test labels": "t10k-labels-idx1-ubyte",
}
_REMEDY = "Get the file again from its origin."


def parse_idx(content: bytes, where: str) -> npt.NDArray[np.generic]:
    """Return the array in the bytes of an uncompressed IDX file.

    Raises:
        DataError: if ``content`` is not exactly one IDX array.
    """
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES or content[3] < 1:
        start = content[:4].hex(" ") or "an empty file"
        raise DataError(where, start, "an IDX header 00 00 TYPE DIMENSIONS", _REMEDY)
    dimensions = content[3]
    start_of_values = 4 + 4 * dimensions
    if len(content) < start_of_values:
        raise DataError(
            where, f"{len(content)} bytes", f"a header of {start_of_values} bytes", _REMEDY
        )
    shape = [
        int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big", signed=False)
        for i in range(dimensions)
    ]
    dtype = np.dtype(_TYPES[content[2]])
    wanted = start_of_values + math.prod(shape) * dtype.itemsize
    if len(content) != wanted:
        raise DataError(
            where, f"{len(content)} bytes", f"{wanted} bytes for an array of shape {shape}", _REMEDY
        )
    values = np.frombuffer(content, dtype, offset=start_of_values).reshape(shape)
    return values.astype(dtype.newbyteorder("="))


def read_idx(path: Path) -> npt.NDArray[np.generic]:
    """Return the array in an IDX file, gzipped where its name ends in ``.gz``.

    Raises:
        DataError: if the file is missing, truncated or not IDX.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise read_failure(path, error) from error
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(str(path), f"broken gzip ({error})", "a whole file", _REMEDY) from error
    return parse_idx(content, str(path))


def _find(folder: Path, stem: str) -> Path:
    for name in (stem, f"{stem}.gz"):
        if (folder / name).is_file():
            return folder / name
    raise DataError(
        str(folder), f"no file {stem} or {stem}.gz", "the four IDX files", "Add the file."
    )


def load_idx_folder(folder: Path, name: str, origin: str) -> DataSet:
    """Load a folder with the four files of the MNIST family.

    Raises:
        DataError: if a file is missing or broken, or the arrays do not fit together.
    """
    arrays = {part: read_idx(_find(folder, stem)) for part, stem in _STEMS.items()}
    return assemble(
        name,
        train=(arrays["train inputs"], arrays["train labels"]),
        test=(arrays["test inputs"], arrays["test labels"]),
        where=str(folder),
        origin=origin,
    )
