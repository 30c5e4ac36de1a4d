"""Files written so that no crash leaves half of one."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from minbits.errors import OutputError


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Give a file under a temporary name; after the block it is on disk, then renamed into place.

    Raises:
        OutputError: if the file cannot be written; an existing file is then unchanged.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=temporary_prefix(path), dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise OutputError(
            str(path), error.strerror or str(error), "a writable path", "Choose another path."
        ) from error


def temporary_prefix(path: Path) -> str:
    """Return what the names of temporary files for ``path`` start with."""
    return f".{path.name}-"


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, force it to disk, then rename it into place.

    Raises:
        OutputError: if the file cannot be written; an existing file is then unchanged.
    """
    with atomic_file(path) as file:
        file.write(content)


def check_writable(path: Path) -> None:
    """Check that a file can be written at ``path``, and leave nothing behind but its folder.

    Raises:
        OutputError: if it cannot.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(prefix=temporary_prefix(path), dir=path.parent):
            pass
    except OSError as error:
        raise OutputError(
            str(path), error.strerror or str(error), "a writable path", "Choose another path."
        ) from error


def sync_folder(folder: Path) -> None:
    """Force a folder's list of names to disk."""
    if os.name != "posix":
        return  # a folder cannot be opened there
    # The rename itself is only on disk once the folder is.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_hex(content: bytes) -> str:
    """Return the SHA-256 of ``content`` as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
