"""One kind of error for whatever a decoder of others makes of bytes that are none of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from minbits.data.assemble import read_failure
from minbits.errors import DataError, MinbitsError

_LONGEST_REASON = 200


def extra_module(module: str, package: str, extra: str, where: str) -> Any:
    """Return a module of a package that only one kind of data needs.

    Args:
        module: as it is imported.
        package: as pip calls it.
        extra: of minbits that installs it.
        where: what needs it.

    Raises:
        DataError: if the package is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise DataError(
            where, f"no package {package}", f"the extra '{extra}'",
            f"Install it: pip install 'minbits[{extra}]'.",
        ) from error  # fmt: skip


@contextmanager
def reading(path: Path, expected: str, remedy: str = "Save it anew.") -> Iterator[None]:
    """Turn what NumPy, zipfile, Pillow or Arrow raise on a damaged file into a `DataError`.

    They raise a dozen kinds, a lack of memory for what a header promises among them. Only calls of
    such libraries belong into the block: an error of our own code must stay what it is.

    Args:
        path: of the file.
        expected: what it should have been.
        remedy: what to do about it.

    Raises:
        DataError: in place of any other error.
    """
    try:
        yield
    except MinbitsError:
        raise
    except OSError as error:
        if error.strerror:
            raise read_failure(path, error) from error
        raise _unreadable(path, error, expected, remedy) from error
    except Exception as error:
        raise _unreadable(path, error, expected, remedy) from error


def _unreadable(path: Path, error: Exception, expected: str, remedy: str) -> DataError:
    lines = str(error).splitlines()
    reason = lines[0][:_LONGEST_REASON] if lines else type(error).__name__
    return DataError(str(path), f"an unreadable file ({reason})", expected, remedy)
