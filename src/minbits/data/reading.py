"""One kind of error for whatever a decoder of others makes of bytes that are none of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from minbits.data.assemble import read_failure
from minbits.errors import DataError, MinbitsError

_LONGEST_REASON = 200


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
