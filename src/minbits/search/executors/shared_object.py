"""One read-only object in a memory-mapped file, for many processes: arrays are not copied.

The object is pickled with its arrays out of band (PEP 574). The file has no name, so that it is
gone with the last process that holds it, however that process ends.
"""

from __future__ import annotations

import mmap
import os
import pickle
import tempfile
from multiprocessing import reduction
from typing import Any, Protocol

_ALIGNMENT = 64
_Places = tuple[tuple[int, int], ...]


class _Descriptor(Protocol):
    def detach(self) -> int: ...


class SharedObject:
    """An object written to a nameless file; a child process that is given it can `open` it.

    Raises:
        OSError: if the temporary folder cannot hold it.
    """

    def __init__(self, value: Any) -> None:
        buffers: list[pickle.PickleBuffer] = []
        self._pickled = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
        self._file = tempfile.TemporaryFile(prefix="minbits-shared-")  # noqa: SIM115 - see close
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
        self._places = tuple(places)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to a child process that is just being started, as an open file."""
        descriptor: _Descriptor = reduction.DupFd(self._file.fileno())
        return (_ReceivedObject, (descriptor, self._pickled, self._places))

    def close(self) -> None:
        """Let go of the file; processes that opened it keep it."""
        self._file.close()


class _ReceivedObject:
    """What a child process gets in place of a `SharedObject`."""

    def __init__(self, descriptor: _Descriptor, pickled: bytes, places: _Places) -> None:
        self._descriptor = descriptor
        self._pickled = pickled
        self._places = places

    def open(self) -> Any:
        """Return the object; its arrays are read-only views of the file."""
        descriptor = self._descriptor.detach()
        try:
            size = os.fstat(descriptor).st_size
            mapped = memoryview(mmap.mmap(descriptor, size, access=mmap.ACCESS_READ))
        finally:
            os.close(descriptor)
        buffers = [mapped[start:end] for start, end in self._places]
        return pickle.loads(self._pickled, buffers=buffers)


def open_shared(value: Any) -> Any:
    """Return the object behind what a child process was given."""
    return value.open() if isinstance(value, _ReceivedObject) else value
