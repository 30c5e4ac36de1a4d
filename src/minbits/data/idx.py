"""The IDX format of the MNIST family: reading one file, and a folder of four."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

from minbits.data.assemble import assemble, read_failure
from minbits.data.large_arrays import IN_MEMORY_BYTES
from minbits.data.limits import read_gzip
from minbits.errors import DataError
from minbits.files import open_regular
from minbits.types import DataSet

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_LARGEST_ARRAY_BYTES = 2**62
MAX_DIMENSIONS = 32  # NumPy's own limit differs between its versions
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
    # NumPy multiplies the other sides even where one is 0.
    if math.prod(max(1, side) for side in shape) * dtype.itemsize > _LARGEST_ARRAY_BYTES:
        raise DataError(where, f"the shape {shape}", "a shape that fits a file", _REMEDY)
    if dimensions > MAX_DIMENSIONS:
        raise DataError(where, f"{dimensions} dimensions", f"at most {MAX_DIMENSIONS}", _REMEDY)
    values = np.frombuffer(content, dtype, offset=start_of_values).reshape(shape)
    return values.astype(dtype.newbyteorder("="))


def read_idx(path: Path) -> npt.NDArray[np.generic]:
    """Return the array in an IDX file, gzipped where its name ends in ``.gz``.

    Raises:
        DataError: if the file is missing, truncated or not IDX.
    """
    if path.suffix == ".gz":
        return parse_idx(read_gzip(path), str(path))
    try:
        with open_regular(path) as file:
            content = file.read()
    except OSError as error:
        raise read_failure(path, error) from error
    return parse_idx(content, str(path))


def map_idx(path: Path) -> npt.NDArray[np.generic]:
    """Return the array in an IDX file; a plain file of bytes beyond 1 GiB stays on disk.

    Raises:
        DataError: as `read_idx` does.
    """
    try:
        if path.suffix == ".gz" or path.stat().st_size <= IN_MEMORY_BYTES:
            return read_idx(path)
        with open_regular(path) as file:
            start = file.read(4)
            if start[:3] != b"\0\0\x08" or not 1 <= start[3] <= MAX_DIMENSIONS:
                return read_idx(path)
            shape = tuple(int(n) for n in np.frombuffer(file.read(4 * start[3]), ">u4"))
    except OSError as error:
        raise read_failure(path, error) from error
    offset = 4 + 4 * start[3]
    if path.stat().st_size != offset + math.prod(shape):
        got, wanted = path.stat().st_size, offset + math.prod(shape)
        raise DataError(str(path), f"{got} bytes", f"{wanted} for shape {shape}", _REMEDY)
    return np.memmap(path, np.uint8, "r", offset=offset, shape=shape)


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
    arrays = {part: map_idx(_find(folder, stem)) for part, stem in _STEMS.items()}
    return assemble(
        name,
        train=(arrays["train inputs"], arrays["train labels"]),
        test=(arrays["test inputs"], arrays["test labels"]),
        where=str(folder),
        origin=origin,
    )
