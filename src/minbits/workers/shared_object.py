"""One read-only object in a memory-mapped file, for many processes: arrays are not copied.

The object is pickled with its arrays out of band (PEP 574). The file has no name, so that it is
gone with the last process that holds it, however that process ends.
"""

from __future__ import annotations

import mmap
import os
import pickle
import tempfile
from pathlib import Path
from typing import Any

from minbits.files import storage_of

_ALIGNMENT = 64
_Places = tuple[tuple[int, int], ...]


class SharedObject:
    """An object written to a nameless file, which a child process can be given to open.

    Raises:
        OutputError: if the temporary folder cannot hold it.
    """

    def __init__(self, value: Any) -> None:
        buffers: list[pickle.PickleBuffer] = []
        self._pickled = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
        with storage_of(Path(tempfile.gettempdir())):
            self._file = tempfile.TemporaryFile(prefix="minbits-shared-")  # noqa: SIM115 - see close
            self._places = self._written(buffers)

    def _written(self, buffers: list[pickle.PickleBuffer]) -> _Places:
        places: list[tuple[int, int]] = []
        at = 0
        for buffer in buffers:
            raw = buffer.raw()
            self._file.seek(at)
            self._file.write(raw)
            places.append((at, at + raw.nbytes))
            at += -(-raw.nbytes // _ALIGNMENT) * _ALIGNMENT
        self._file.truncate(max(at, 1))  # an empty file cannot be mapped
        self._file.flush()
        return tuple(places)

    def fileno(self) -> int:
        """Return the number of the open file, which the child process must inherit."""
        return self._file.fileno()

    def received(self) -> ReceivedObject:
        """Return what the child process is sent."""
        return ReceivedObject(self.fileno(), self._pickled, self._places)

    def close(self) -> None:
        """Let go of the file; processes that opened it keep it."""
        self._file.close()


class ReceivedObject:
    """What a child process gets in place of a `SharedObject`; it opens it once."""

    def __init__(self, descriptor: int, pickled: bytes, places: _Places) -> None:
        self._descriptor = descriptor
        self._pickled = pickled
        self._places = places

    def open(self) -> Any:
        """Return the object; its arrays are read-only views of the file."""
        try:
            size = os.fstat(self._descriptor).st_size
            mapped = memoryview(mmap.mmap(self._descriptor, size, access=mmap.ACCESS_READ))
        finally:
            os.close(self._descriptor)
        buffers = [mapped[start:end] for start, end in self._places]
        return pickle.loads(self._pickled, buffers=buffers)


def open_shared(value: Any) -> Any:
    """Return the object behind what a child process was given."""
    return value.open() if isinstance(value, ReceivedObject) else value
