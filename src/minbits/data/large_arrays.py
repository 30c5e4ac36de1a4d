"""Arrays that move to a temporary file where they would fill the memory."""

from __future__ import annotations

import math
import tempfile
from typing import Any

import numpy as np
import numpy.typing as npt

IN_MEMORY_BYTES = 2**30
_CHUNK = 4096


def allocate(shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return an array of zeros, on disk beyond 1 GiB.

    The file has no name, so that it vanishes with the process.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size <= IN_MEMORY_BYTES:
        return np.zeros(shape, dtype)
    file = tempfile.TemporaryFile(prefix="minbits-")  # noqa: SIM115 - the map keeps it open
    return np.memmap(file, dtype, "w+", shape=shape)


def take(array: npt.NDArray[Any], indices: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Return the rows at ``indices``, copied chunk by chunk."""
    out = allocate((len(indices), *array.shape[1:]), array.dtype)
    for start in range(0, len(indices), _CHUNK):
        out[start : start + _CHUNK] = array[indices[start : start + _CHUNK]]
    return out


def take_columns(array: npt.NDArray[Any], columns: list[int]) -> npt.NDArray[Any]:
    """Return some columns of a matrix, copied chunk by chunk."""
    out = allocate((len(array), len(columns)), array.dtype)
    for start in range(0, len(array), _CHUNK):
        out[start : start + _CHUNK] = array[start : start + _CHUNK][:, columns]
    return out


class BlockStore:
    """Rows of float64 that arrive block by block; they move to a file when they get many."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._blocks: list[npt.NDArray[np.float64]] = []
        self._file: Any = None
        self.rows = 0

    def append(self, block: npt.NDArray[np.float64]) -> None:
        """Add rows of shape ``(rows, columns)``."""
        self._blocks.append(block)
        self.rows += len(block)
        if sum(item.nbytes for item in self._blocks) > IN_MEMORY_BYTES:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="minbits-")  # noqa: SIM115
            self._flush()

    def _flush(self) -> None:
        for block in self._blocks:
            self._file.write(np.ascontiguousarray(block).data)
        self._blocks = []

    def finish(self) -> npt.NDArray[np.float64]:
        """Return all rows as one array, which may lie on disk; it may be written to."""
        if self._file is None:
            if not self._blocks:
                return np.zeros((0, self._columns))
            return np.concatenate(self._blocks)
        self._flush()
        self._file.flush()
        return np.memmap(self._file, np.float64, "r+", shape=(self.rows, self._columns))
