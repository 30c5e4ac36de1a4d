"""Files written so that no crash leaves half of one, and opened so that none is waited for."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from minbits.errors import OutputError

# What `tempfile` appends to a prefix, and the longest name that file systems take.
_RANDOM_LETTERS = 8
_LONGEST_NAME_BYTES = 255
# Where a name is tried; hidden, as temporary files are.
_TRIAL_FOLDER = ".minbits-"
# SQLite, NumPy and other processes say that writing failed, but not why: this much is written then.
_PROBE_BYTES = 1 << 18


def storage_trouble(error: OSError, place: Path | None = None) -> str | None:
    """Return in words why a disk takes no more, None where that is not what an error says.

    Args:
        error: what the system said.
        place: what was written; None takes what the error names.
    """
    where = place or error.filename
    holder = "the disk that is written to" if where is None else f"the disk that holds {where}"
    return {
        errno.ENOSPC: f"no space left on {holder}",
        errno.EDQUOT: f"no space left for this user on {holder} (disk quota)",
        errno.EFBIG: f"a file on {holder} grew beyond what is allowed (see `ulimit -f`)",
    }.get(error.errno or 0)


def refusal(folder: Path) -> str | None:
    """Return in words why a folder's disk takes no more, found by writing some; None if it does."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_PROBE_BYTES))
            file.flush()
    except OSError as error:
        return storage_trouble(error, folder)
    return None


def file_limit_bytes() -> int | None:
    """Return how long a file of this process may become, None where there is no limit."""
    try:
        import resource  # POSIX alone has it
    except ImportError:
        return None
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def _output_error(path: Path, error: OSError) -> OutputError:
    trouble = storage_trouble(error, path.parent)
    remedy = "Choose another path." if trouble is None else "Free some, or choose another path."
    return OutputError(
        str(path), trouble or error.strerror or str(error), "a path that can be written", remedy
    )


_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading; a pipe, a socket or a device is refused without waiting.

    Raises:
        OSError: if it cannot be opened, or is no regular file; ``strerror`` says which.
    """
    # Without O_NONBLOCK, opening a pipe waits until somebody writes to it.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except ValueError as error:  # a NUL in the path
        raise OSError(errno.EINVAL, str(error), str(path)) from error
    try:
        kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
        if kind == stat.S_IFDIR:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if kind != stat.S_IFREG:
            what = _KINDS.get(kind, "something else")
            raise OSError(errno.EINVAL, f"{what} and no regular file", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def regular_size(path: Path) -> int:
    """Return the bytes of a regular file that another library is to open by its path.

    Raises:
        OSError: as `open_regular`.
    """
    with open_regular(path) as file:
        return os.fstat(file.fileno()).st_size


def read_text_file(path: Path, most_bytes: int) -> str:
    """Return a file of UTF-8 text of at most ``most_bytes``.

    Raises:
        OSError: as `open_regular`, or if the file is larger.
        UnicodeDecodeError: if it is not UTF-8.
    """
    with open_regular(path) as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise OSError(errno.EFBIG, f"more than {most_bytes:,} bytes", str(path))
    return content.decode("utf-8")


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
        raise _output_error(path, error) from error


def temporary_prefix(path: Path) -> str:
    """Return what the names of temporary files for ``path`` start with.

    A long name is cut, so that every name that a file can have, its temporary file can have too.
    """
    name, most = os.fsencode(path.name), _LONGEST_NAME_BYTES - _RANDOM_LETTERS - len(".-")
    if len(name) > most:
        name = os.fsencode(os.fsdecode(name[: most - 16]) + sha256_hex(name)[:8])
    return f".{os.fsdecode(name)}-"


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
        OutputError: if it cannot: the name is too long or means something else here, the folder
            is read-only, or what is there is no file.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(prefix=temporary_prefix(path), dir=path.parent):
            pass
        if not _is_regular(path):
            # The name itself: the system alone knows which names it takes. In a folder of its own:
            # a kill at this moment would leave an empty file, which the next job would refuse.
            with tempfile.TemporaryDirectory(prefix=_TRIAL_FOLDER, dir=path.parent) as folder:
                (Path(folder) / path.name).touch(exist_ok=False)
    except OSError as error:
        raise _output_error(path, error) from error
    except ValueError as error:  # a character that no name may have
        raise OutputError(str(path), str(error), "a path", "Choose another path.") from error


def _is_regular(path: Path) -> bool:
    """Return whether there is a file, which would be replaced.

    Raises:
        OutputError: if what is there is no file.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if path.is_symlink():
            path.resolve().parent.stat()  # to nowhere yet, but to a place that must be there
            return True
        return False
    if stat.S_ISREG(mode):
        return True
    kind = "a folder" if stat.S_ISDIR(mode) else "no regular file, such as a device or a pipe"
    raise OutputError(str(path), kind, "a file's name", "Choose another path.")


def check_outputs(outputs: Mapping[str, Path], inputs: Mapping[str, Path] | None = None) -> None:
    """Check, before any work is done, that every output can be written and none takes another's.

    Args:
        outputs: where each goes, by what it is called in messages.
        inputs: files that are read or appended to, and must stay.

    Raises:
        OutputError: if one cannot be written, or two of them have one place.
    """
    taken = {os.path.realpath(path): role for role, path in (inputs or {}).items()}
    for role, path in outputs.items():
        place = os.path.realpath(path)
        if place in taken:
            raise OutputError(
                str(path), f"the place of {taken[place]} as well as of {role}",
                "a place of its own for each", "Choose another path.",
            )  # fmt: skip
        taken[place] = role
        check_writable(path)


@contextmanager
def scratch_folder(prefix: str) -> Iterator[Path]:
    """Give a folder for a moment, in the system's place for temporary files.

    Raises:
        OutputError: if that place cannot take what is written.
    """
    with (
        storage_of(Path(tempfile.gettempdir())),
        tempfile.TemporaryDirectory(prefix=prefix) as name,
    ):
        yield Path(name)


@contextmanager
def storage_of(folder: Path) -> Iterator[None]:
    """Say plainly that a folder, of temporary files mostly, cannot take what is written there.

    Raises:
        OutputError: if the system refuses to write.
    """
    try:
        yield
    except OSError as error:
        trouble = storage_trouble(error, folder)
        if trouble is None and error.errno is None:
            trouble = _short_write(folder)
        if trouble is None:
            raise
        raise no_room(folder, trouble) from error


def _short_write(folder: Path) -> str:
    """Return why an array was written in part, which is all that NumPy says of it."""
    limit = file_limit_bytes()
    if limit is None:
        return f"no space left on the disk that holds {folder}"
    return f"a file in {folder} may not grow beyond {limit:,} bytes (see `ulimit -f`)"


def no_room(folder: Path, trouble: str) -> OutputError:
    """Return the error that a folder of temporary files takes no more."""
    return OutputError(
        str(folder), trouble, "room for temporary files",
        "Free some, or name another folder with the variable TMPDIR.",
    )  # fmt: skip


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
